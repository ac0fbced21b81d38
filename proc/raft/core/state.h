/*
 * What the files of the core share: its one state struct (parts.h has the functions).
 * README.md follows one write through them.
 *
 * Invariants: base <= applied <= persisted <= last; applied <= commit <= last;
 * the window holds [first, last]; handed is what the log was given to write,
 * persisted <= handed <= last.  commit may be above persisted: others have the
 * entry, this disk has not.
 */
#ifndef PROC_RAFT_CORE_STATE_H
#define PROC_RAFT_CORE_STATE_H

#include "proc/raft/core/bug.h"
#include "proc/raft/core/core.h"
#include "proc/raft/core/mark.h"

#define OUT_MESSAGES_MAX 512
#define OUT_ENTRIES_MAX 4096
#define INFLIGHT_MAX 32		/* unanswered appends to a peer */
#define INFLIGHT_BYTES_MAX (8 * MIB)
#define OUT_BYTES_MAX (8 * MIB)	/* of entries' data handed out at a time */
#define ROUNDS_KEPT 64
#define CHAINS_KEPT 64
#define WINDOW_RESERVE 16	/* slots that only no-ops and configurations may take */
#define PEERS_MAX (PEER_MEMBERS_MAX + 1) /* one may be leaving */
#define NEVER UINT64_MAX

enum peer_state {
	PEER_PROBE,    /* where its log matches is not known: one message at a time */
	PEER_PIPELINE, /* `next` runs ahead of what is answered */
	PEER_OFFERED   /* what it needs is no longer in the log: a snapshot goes first */
};

enum peer_ballot { BALLOT_NONE, BALLOT_GRANTED, BALLOT_REFUSED };

struct inflight {
	uint64_t last; /* index of the append's last entry */
	size_t bytes;
};

struct peer {
	uint64_t id;
	uint8_t suffrage; /* 0: leaving, counts nowhere */
	enum peer_ballot ballot;
	/* The rest is the leader's. */
	enum peer_state state;
	uint64_t match; /* durable there and equal to our log */
	uint64_t next;	/* to send */
	uint64_t heard;	/* time of the last answer */
	uint64_t round; /* newest round it answered */
	uint64_t round_sent; /* when that round began: what leases count from */
	uint64_t applied;
	struct inflight inflight[INFLIGHT_MAX];
	uint32_t inflight_first, inflight_count;
	size_t inflight_bytes;
	bool paused;	/* PROBE: the probe is on its way */
	bool due;	/* this round's message is not yet made */
	bool last_word; /* it is removed, and hears so once */
	uint64_t offer, offer_term; /* snapshot offered, 0: wanted only */
	uint64_t catch_up_end, catch_up_start; /* a JOINING one's round (4.2.1) */
	bool caught_up;
};

struct pending_read {
	uint64_t token;
	uint64_t index;
	uint64_t round; /* 0: none has begun since it came */
};

struct chain_point {
	uint64_t index;
	uint64_t chain;
};

struct core {
	struct core_config config;
	uint64_t now;
	uint64_t random;

	uint64_t term, vote;
	enum core_role role;
	uint64_t leader;
	uint64_t contact;	/* when it was heard */
	uint64_t deadline;	/* of a follower's or candidate's patience */
	uint64_t campaign_start;
	uint32_t eager;		/* elections in haste so far, since the leader's connection closed */
	bool transfer_vote;	/* this candidacy was ordered by the leader */

	/* The log. */
	struct peer_entry *ring; /* of config.window; slot index & mask */
	uint64_t first, last, base, base_term;
	uint64_t last_term;
	uint64_t edge_term; /* of the entry before the window */
	uint64_t handed, persisted, cut;
	uint64_t commit, applied;
	size_t window_bytes;
	struct chain_point chains[CHAINS_KEPT];
	uint32_t chain_next;

	/* Follower. */
	uint64_t verified;	/* equal to the leader's log up to here */
	uint64_t leader_round;	/* to repeat in the answer */
	bool answer_owed;	/* to the leader, when the disk is done */
	bool installing;
	struct peer_configuration install; /* index is the configuration's */
	uint64_t install_index, install_term;

	/* Leader. */
	uint64_t term_start;	/* its no-op */
	uint64_t heartbeat;	/* when the next round is due */
	uint64_t round;
	uint64_t round_begun[ROUNDS_KEPT];
	struct pending_read reads[CORE_READS_MAX];
	uint32_t reads_first, reads_count, reads_waiting; /* waiting: the newest, without a round */
	uint64_t transfer, transfer_deadline;
	uint64_t transfer_sent; /* round in which TIMEOUT_NOW was sent last */

	/* Members. */
	struct peer_configuration latest, before;
	struct peer_configuration oldest; /* in force at base */
	struct peer_configuration found;  /* read from the log: in force at found_at */
	uint64_t found_at;
	bool latest_committed;
	bool retiring;		/* a leader that removed itself, with a last word to say */
	uint32_t joining;	/* members that wait to be promoted */
	bool voter;		/* this node, by latest */
	uint32_t voters;	/* by latest, with this node */
	struct peer peers[PEERS_MAX];
	uint32_t npeers;

	/* Outputs. */
	bool taken;		/* by core_ready(): the next output starts afresh */
	bool hard;
	uint64_t commit_told, apply_told;
	struct peer_message out[OUT_MESSAGES_MAX];
	uint32_t nout;
	struct peer_entry *out_entries; /* OUT_ENTRIES_MAX */
	uint32_t nout_entries;
	size_t out_bytes; /* of their data */
	struct core_read reads_out[CORE_READS_MAX];
	uint32_t nreads_out;
	struct core_event events[CORE_EVENTS_MAX];
	uint32_t nevents;
	uint64_t scratch_index;	/* of the configuration that scratch holds for offers; 0: none */
	uint8_t scratch[PEER_CONFIGURATION_MAX];
};

#endif
