/*
 * Ten bugs that the simulator must find: one build each, with -DCORE_BUG=n.  In
 * a real build every one of these conditions is a constant false.
 */
#ifndef PROC_RAFT_CORE_BUG_H
#define PROC_RAFT_CORE_BUG_H

#ifndef CORE_BUG
#define CORE_BUG 0
#endif

enum core_bug {
	BUG_COMMIT_OLD_TERM = 1,
	BUG_VOTE_TWICE = 2,	  /* a restarted node has forgotten its vote */
	BUG_ACK_BEFORE_FSYNC = 3,
	BUG_NO_LEASE_CHECK = 4,	  /* a leader without a quorum stays, its lease never ends */
	BUG_DROP_LEDGER = 5,	  /* the simulated storage has this one */
	BUG_LEARNER_COUNTS = 6,
	BUG_APPLY_EARLY = 7,
	BUG_SNAPSHOT_NO_TERM = 8, /* what follows a snapshot's index is kept whatever its term */
	BUG_READ_NO_ROUND = 9,
	BUG_TWO_CHANGES = 10
};

#endif
