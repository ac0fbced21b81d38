/*
 * What a run is like: its size, its faults and their pace, all from its seed.
 */
#ifndef TESTS_SIM_PLAN_H
#define TESTS_SIM_PLAN_H

#include <stdbool.h>
#include <stdint.h>

/* What may go wrong in a run; a failing run is tried again without each. */
enum fault {
	FAULT_CHAOS = 1 << 0, /* the network loses, doubles, delays, reorders */
	FAULT_PARTITION = 1 << 1, /* also in one direction */
	FAULT_CLOSE = 1 << 2, /* connections end while both ends live */
	FAULT_KILL = 1 << 3,
	FAULT_POWER = 1 << 4,
	FAULT_FUSE = 1 << 5, /* death in the middle of a change on disk */
	FAULT_DISK = 1 << 6, /* full, EIO, failed sync */
	FAULT_SLOW = 1 << 7, /* slow disks, stopped processes */
	FAULT_CLOCK = 1 << 8,
	FAULT_MEMBERS = 1 << 9,
	FAULT_TRANSFER = 1 << 10,
	FAULT_SNAPSHOT = 1 << 11, /* checkpoints at odd times */
	FAULT_OLD_DISK = 1 << 12,
	FAULT_ALL = (1 << 13) - 1
};

struct plan {
	unsigned voters;
	unsigned clients;
	uint32_t faults; /* enum fault */
	int64_t election_ms;
	int64_t nemesis_us; /* mean time between faults */
	int64_t client_us; /* mean time between a client's operations */
	uint32_t read_ppm;
	uint32_t window; /* of the core, entries */
	uint32_t segment; /* bytes of a log segment */
	uint32_t checkpoint_every; /* entries */
	uint32_t keep; /* entries kept in the log behind a checkpoint */
	uint32_t payload; /* bytes of a command, at most */
	bool real; /* the real executor is the state machine */
	bool readers; /* who hold its checkpoints up */
	uint32_t scale; /* that its disk constants are divided by */
};

#endif
