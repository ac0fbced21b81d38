/*
 * The raft worker: takes requests of http into the log, learns from the consensus
 * core what is committed, hands it to sql, and says so on the board.  It holds the
 * log and the inter-node port, no client's password and no key.
 *
 *	main.c	     life cycle, the loop turn, the board
 *	start.c	     recovery: the log judged by what the database has; the core's birth
 *	serve.c	     requests of http become proposals and reads of the core
 *	upload.c     commands too long for one message
 *	consensus.c  what the core says is to be done: vote, log, answers
 *	feed.c	     committed entries to sql, and what waits for them
 *	core/	     consensus itself, without I/O
 *	entries.c    entries in memory; log*.c, vote.c, members.c, identity.c: on disk
 */
#ifndef PROC_RAFT_RAFT_H
#define PROC_RAFT_RAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/counters.h"
#include "common/limits.h"
#include "common/pulse.h"
#include "proc/frame/frame.h"
#include "proc/raft/core/core.h"
#include "proc/raft/entries.h"
#include "proc/raft/identity.h"
#include "proc/raft/log.h"
#include "proc/raft/origin.h"
#include "proc/raft/upload.h"
#include "proc/raft/vote.h"
#include "proto/board.h"
#include "proto/ticket.h"

#define RAFT_WINDOW 8192 /* entries in memory, see core.h */

struct raft_settings {
	char *node_id;
	char *raft_adv_addr;
	bool bootstrap;
	bool auth;
	int64_t heartbeat_ns;
	int64_t lease_ns;
	int64_t snap;
	int64_t vm_steps_max;
	int64_t disk_scale;
};

struct raft {
	struct proc proc;
	struct raft_settings settings;
	struct counters *counters;
	struct pulse *pulse;
	struct board *board;
	struct board_state state;
	int listener;
	struct ticket_key key;
	struct ticket last_ticket; /* the last good one: most requests bring it again */
	uint8_t last_sealed[TICKET_SIZE];
	struct file_dir *dir;
	struct identity identity;
	struct log *log;
	struct vote vote;
	struct entries entries;
	struct core *core; /* NULL until log and database are open */
	bool ticked; /* the core knows this turn's time */
	uint64_t alarm; /* when the timer is set to go off, UINT64_MAX: never */
	struct event *timer;
	uint64_t cut; /* not 0: the log is to be cut from here on */
	uint64_t handed; /* the log is to have entries up to here */
	size_t proposed; /* bytes of entries that wait for this turn's flush */
	int log_error; /* errno: the log can't be written, and is tried again */
	uint64_t retry; /* when */
	uint64_t commit;
	uint64_t apply; /* committed and on this disk */
	uint64_t applied;
	uint64_t chain;
	uint64_t wanted; /* sql is to say at once when this is applied */
	uint64_t asked; /* what it was asked for */
	uint64_t fed; /* last index handed to sql */
	size_t unfed; /* bytes proposed, not yet handed to sql */
	uint64_t newest; /* index proposed last */
	bool sql_open;
	bool stalled;
	char stall_cause[512];
	struct sender *senders; /* of RAFT_WINDOW; slot index % RAFT_WINDOW */
	struct reader *readers; /* in order of token */
	size_t nreaders, readers_cap;
	uint64_t token; /* of the readers of this turn */
	struct waiter *waiters;
	size_t nwaiters, waiters_cap;
	struct upload_list uploads; /* in order of arrival */
	size_t uploading; /* bytes of those that have their memory */
	int64_t space; /* free bytes by the last look, less what was written since */
	int64_t space_ns;
	unsigned turns;
	uint64_t reported; /* when the replay's progress was */
	bool changed; /* the board is behind */
};

uint64_t raft_now_ns(void);

/* start.c */
void start_init(struct raft *);
void start_on_picked(void *, struct chan *, const union msg *, int);
void start_on_opened(void *, struct chan *, const union msg *, int);

/* serve.c */
void serve_on_execute(void *, struct chan *, const union msg *, int);
void serve_on_barrier(void *, struct chan *, const union msg *, int);
void serve_on_read_index(void *, struct chan *, const union msg *, int);
void serve_on_status_ask(void *, struct chan *, const union msg *, int);
struct origin serve_origin(const struct chan *, uint64_t request);
void serve_refuse(struct raft *, const struct origin *, enum ipc_refused, const char *text);
/* Whether a write of so many bytes could be taken now; else it is refused with the reason. */
bool serve_admits(struct raft *, const struct origin *, const struct ipc_bytes *ticket, size_t);
/* Memory for a command that http sends: `size` bytes behind room for the entry's head. */
void serve_hold(struct raft *, struct serve_held *, size_t size);
/* Takes the command that is held, and proposes or refuses it. */
void serve_command(
    struct raft *, const struct origin *, const struct ipc_bytes *ticket, struct serve_held *);

/* upload.c */
void upload_on_begin(void *, struct chan *, const union msg *, int);
void upload_on_part(void *, struct chan *, const union msg *, int);
/* Forgets what a channel had begun. */
void upload_peer_gone(void *, struct chan *);

/* consensus.c */
/* Tells the core the time, once a turn, before its first input. */
void consensus_tick(struct raft *);
/* Does all that the core wants done. */
void consensus_run(struct raft *);

/* feed.c */
void feed_sql(struct raft *);
/* Reads http no more if too much waits; and again once little does, which may call serve.c. */
void feed_pause(struct raft *);
void feed_resume(struct raft *);
void feed_on_applied(void *, struct chan *, const union msg *, int);
void feed_on_stalled(void *, struct chan *, const union msg *, int);
void feed_on_base(void *, struct chan *, const union msg *, int);
/* Answers an origin when `index` is applied. */
void feed_wait(struct raft *, const struct origin *, uint64_t index, bool logged);

#endif
