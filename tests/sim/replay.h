/*
 * The replay that real executors are judged by: one that never dies, on a disk that
 * never fails, and takes every committed entry by itself before any node does.
 *
 * So a node's chain hash is known at each index, whatever batches, deaths,
 * recoveries and snapshots brought it there; what its tables hold at each 64th.
 */
#ifndef TESTS_SIM_REPLAY_H
#define TESTS_SIM_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "tests/sim/disk.h"
#include "tests/sim/executor.h"

#define REPLAY_EVERY 64 /* at multiples of it tables are compared */

struct sim;
struct node;
struct machine_entry;

struct replay {
	struct disk *disk; /* NULL: this run has none */
	struct disk_faults faults; /* none */
	struct executor executor;
	uint64_t index;
	uint64_t *dumps; /* of the tables, at each REPLAY_EVERYth index */
	size_t dumps_cap;
	uint64_t batches, recoveries, checkpoints, partial, installs; /* of all nodes */
};

void replay_init(struct sim *);
void replay_fini(struct sim *);
/* Takes the entry, if it is the next. */
void replay_follow(struct sim *, const struct machine_entry *);
/* The node is at an index: its chain hash is the replay's. */
void replay_check(struct sim *, struct node *);
/* Likewise what its tables hold, at a multiple of REPLAY_EVERY. */
void replay_check_tables(struct sim *, struct node *);
/* In the end: files are whole, each operation has its row, nodes that are as far as the replay hold the same. */
void replay_check_all(struct sim *);

#endif
