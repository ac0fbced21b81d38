/*
 * The raft worker: takes requests of http into the log, decides what is
 * committed, hands it to sql, and says so on the board.  It holds the log and
 * the inter-node port, no client's password and no key.
 *
 *	main.c	  life cycle, the loop turn: append, flush, commit, apply
 *	start.c	  recovery: the log judged by what the database has
 *	serve.c	  requests of http
 *	feed.c	  committed entries to sql, and what waits for them
 *	log*.c	  the durable log; vote.c, identity.c
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
#include "proc/raft/identity.h"
#include "proc/raft/log.h"
#include "proc/raft/vote.h"
#include "proto/board.h"
#include "proto/ticket.h"

/* Types of log entries, on disk for good. */
enum entry_kind { ENTRY_KIND_COMMAND = 1, ENTRY_KIND_NOOP = 2, ENTRY_KIND_CONFIGURATION = 3 };

/* Whom an entry or a read is answered to. */
struct origin {
	uint8_t worker; /* of http */
	bool known;	/* false: nobody waits */
	uint32_t incarnation;
	uint64_t request;
};

/* Answered when the database has applied `index`. */
struct waiter {
	struct origin origin;
	uint64_t index;
	bool logged;
};

struct raft_settings {
	char *node_id;
	char *raft_adv_addr;
	char *log_level;
	bool bootstrap;
	bool auth;
	int64_t heartbeat_ns;
	int64_t election_ns;
	int64_t lease_ns;
	int64_t commit_ns;
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
	int board_fd;
	int listener;
	struct ticket_key key;
	struct ticket last_ticket; /* the last good one: most requests bring it again */
	uint8_t last_sealed[TICKET_SIZE];
	struct file_dir *dir;
	struct identity identity;
	struct log *log;
	struct vote vote;
	bool leader;
	uint64_t noop; /* index of this term's no-op: applied means ready */
	uint64_t commit;
	uint64_t applied;
	uint64_t chain;
	uint64_t fed; /* last index handed to sql */
	bool sql_open;
	bool stalled;
	char stall_cause[512];
	struct origin *origins; /* of the batch being built, in order */
	uint64_t batch_first;	/* index of its first entry */
	size_t batch_count;
	struct waiter *waiters; /* in order of index */
	size_t nwaiters, waiters_cap;
	int64_t space; /* free bytes by the last look, less what was written since */
	int64_t space_ns;
	bool prepare; /* the spare segment is not complete */
	unsigned turns;
	bool changed; /* the board is behind */
};

int64_t raft_now_ns(void);

/* start.c */
void start_init(struct raft *);
void start_on_picked(void *, struct chan *, const union msg *, int);
void start_on_opened(void *, struct chan *, const union msg *, int);

/* serve.c */
void serve_on_execute(void *, struct chan *, const union msg *, int);
void serve_on_barrier(void *, struct chan *, const union msg *, int);
void serve_on_read_index(void *, struct chan *, const union msg *, int);
void serve_on_status_ask(void *, struct chan *, const union msg *, int);
void serve_refuse(struct raft *, const struct origin *, enum ipc_refused, const char *text);

/* feed.c */
void feed_sql(struct raft *);
void feed_on_applied(void *, struct chan *, const union msg *, int);
void feed_on_stalled(void *, struct chan *, const union msg *, int);
void feed_on_base(void *, struct chan *, const union msg *, int);
void feed_wait(struct raft *, const struct origin *, uint64_t index, bool logged);

/* main.c */
void raft_append(struct raft *, enum entry_kind, const struct iovec *, int, const struct origin *);
void raft_flush(struct raft *);
void raft_publish(struct raft *);

#endif
