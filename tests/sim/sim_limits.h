/*
 * Numbers that the parts of the simulator share.
 */
#ifndef TESTS_SIM_SIM_LIMITS_H
#define TESTS_SIM_SIM_LIMITS_H

/* Streams of chance: one for each part, see rng.h. */
enum stream {
	STREAM_NET,
	STREAM_DISK,
	STREAM_NEMESIS,
	STREAM_CLIENT,
	STREAM_PLAN,
	STREAM_SALT,
	STREAM_REAL
};

#define SIM_NODES 9 /* 7 of a cluster, and 2 that come and go */
#define SIM_SLOT_BITS 4 /* a node's id: generation, then slot + 1 in the low bits */
#define SIM_OPS 4096 /* operations of clients remembered at a time */
#define SIM_WAITING 256 /* confirmed reads that wait on a node */
#define SIM_REGISTERS 16 /* of the model state machine */
#define SIM_APPLY_MAX 32 /* entries in a batch of the model state machine */

#define MS 1000LL /* in microseconds */
#define SECOND (1000 * MS)

#endif
