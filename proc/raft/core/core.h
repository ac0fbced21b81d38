/*
 * The consensus core: Raft as a state machine without I/O, clock, thread or
 * random source.  Ongaro's dissertation ("the thesis") is its specification;
 * the files cite its sections.
 *
 * A turn of the caller's loop: core_tick(now) FIRST (messages are judged by the
 * time the core knows), then inputs, any number; then take what there is to do
 * with core_ready(), until it returns false, and each time do it IN THIS ORDER:
 *	1. ready.hard: write term and vote, flushed, before anything else
 *	2. send ready.messages (they may get lost; the core repeats what matters)
 *	3. ready.cut, ready.first..last: replace and append to the log, flush,
 *	   then core_persisted()
 *	4. apply entries up to ready.apply, in order, then core_applied(); what
 *	   core_entry() has no more is in the log
 *	5. answer ready.reads, act on ready.events
 * Step 2 before 3 is what lets followers and leader flush at the same time.
 * Pointers in a struct core_ready are good until the next call of the core.
 *
 * Time is monotonic nanoseconds.  Ids are not 0.  Memory is bounded by
 * struct core_config; nothing is allocated after core_new().
 */
#ifndef PROC_RAFT_CORE_CORE_H
#define PROC_RAFT_CORE_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/peer.h"

#define CORE_READS_MAX 1024
#define CORE_EVENTS_MAX 96

enum core_role { CORE_FOLLOWER, CORE_PRECANDIDATE, CORE_CANDIDATE, CORE_LEADER };

enum core_error {
	CORE_OK,
	CORE_NOT_LEADER,
	CORE_BUSY,	     /* the window is full of what is not yet applied; or too many reads */
	CORE_TRANSFERRING,   /* leadership is being handed over */
	CORE_TERM_OPEN,	     /* no entry of this term is committed yet */
	CORE_CHANGE_PENDING, /* the last change of members is not committed yet */
	CORE_NO_MEMBER,
	CORE_DUPLICATE,	     /* id or address is a member's */
	CORE_LAST_VOTER,
	CORE_NO_PEER,	     /* nobody to hand leadership to */
	CORE_IS_LEADER,	     /* the target of a transfer leads already */
	CORE_NOT_VOTER,
	CORE_NOT_EMPTY,	     /* bootstrap of a node that has a log or a term */
	CORE_FULL	     /* PEER_MEMBERS_MAX */
};

/* What the core needs from the log's keeper.  None may call the core. */
struct core_ops {
	void *arg;
	/* Makes entry->data outlive the call (copy or count a reference); may change data and owner. */
	void (*hold)(void *arg, struct peer_entry *);
	/* The core needs an entry's data no more: once for each entry held or proposed. */
	void (*release)(void *arg, struct peer_entry *);
	/* Term of an entry in the log, or of its base; 0 if it was dropped or is not there. */
	uint64_t (*term)(void *arg, uint64_t index);
	/*
	 * Reads entries from `first` on, at most `cap` and no more once `size` bytes
	 * are exceeded; returns how many (0: not there).  Views, good until the ready
	 * they went out with is done.  Called for what has left the core's window.
	 */
	uint32_t (*read)(void *arg, uint64_t first, uint32_t cap, size_t size, struct peer_entry *);
};

struct core_config {
	uint64_t id;
	uint64_t seed;		/* of the random timeouts */
	uint64_t election_ns;	/* T: timeouts are random in [T, 2T); 0: 1 s */
	uint64_t heartbeat_ns;	/* between heartbeats; 0: T / 10 */
	uint64_t lease_ns;	/* without a quorum's answers for so long a leader steps down, <= T; 0: T / 2 */
	uint32_t window;	/* entries kept in memory, a power of two; 0: 8192 */
	size_t window_bytes;	/* of their data, unless one is larger; 0: 64 MiB */
	struct core_ops ops;
};

/* What a node remembers when it starts: zero it, fill it, note the log's entries. */
struct core_start {
	uint64_t now;
	uint64_t term, vote;	     /* hard state */
	uint64_t base, base_term;    /* the entry before the log's first, 0 if the log begins at 1 */
	uint64_t last;		     /* last entry in the log, all durable; >= base */
	uint64_t applied, chain;     /* where the state machine is: base <= applied <= last */
	struct peer_configuration latest; /* fill in the one in force at base, if any; then note */
	struct peer_configuration before; /* set by noting, as is the next */
	struct peer_configuration oldest; /* the one in force at base */
};

/* Tells of a log entry, in order of index; only CONFIGURATION matters. -1: it does not decode. */
int core_start_note(struct core_start *, uint64_t index, uint8_t type, const uint8_t *, size_t len);

struct core_read {
	uint64_t token;
	uint64_t index; /* answer when applied >= index; 0: leadership was lost, nothing is known */
};

enum core_event_type {
	CORE_EVENT_ROLE,	  /* role, term or leader changed: see core_status() */
	CORE_EVENT_MEMBERS,	  /* the latest configuration changed, or was committed */
	CORE_EVENT_SNAPSHOT_WANTED, /* peer needs one: core_snapshot_offer() when it is pinned */
	CORE_EVENT_INSTALL,	  /* fetch (index, term) from peer and install: core_snapshot_installed() */
	CORE_EVENT_TRANSFERRED,	  /* leadership is gone as asked */
	CORE_EVENT_TRANSFER_FAILED,
	CORE_EVENT_REMOVED,	  /* this node is no member any more */
	CORE_EVENT_DIVERGED	  /* peer's chain hash at `index` is not ours */
};

struct core_event {
	enum core_event_type type;
	uint64_t peer;
	uint64_t index;
	uint64_t term;
};

struct core_ready {
	bool hard;	      /* term and vote must be made durable first */
	uint64_t term, vote;  /* vote 0: nobody */
	uint32_t nmessages, nreads, nevents;
	const struct peer_message *messages; /* each names its receiver in `to` */
	uint64_t cut;	      /* not 0: entries from here on are void, cut them before appending */
	uint64_t first, last; /* to append: core_entry() has them; none if first > last */
	uint64_t commit;
	uint64_t apply;	      /* <= commit and <= what is durable here */
	const struct core_read *reads;
	const struct core_event *events;
};

struct core_status {
	enum core_role role;
	bool voter;	      /* by the latest configuration */
	uint64_t term, vote, leader; /* leader 0: none known */
	uint64_t first, last, persisted, commit, applied; /* first: the lowest in the window */
	uint64_t lease_until; /* leader: of weak reads; UINT64_MAX: a sole voter's; else 0 */
	uint64_t contact;     /* when the leader was last heard, 0: never */
	uint64_t term_start;  /* leader: index of its no-op */
	bool transferring;
};

/* Copies both; NULL only without memory.  core_free() releases all entries. */
struct core *core_new(const struct core_config *, const struct core_start *);
void core_free(struct core *);

#include "proc/raft/core/input.h"

#endif
