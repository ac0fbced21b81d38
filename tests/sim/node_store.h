/*
 * What the raft worker of a simulated node keeps on its disk.
 */
#ifndef TESTS_SIM_NODE_STORE_H
#define TESTS_SIM_NODE_STORE_H

#include <stdint.h>

#include "proc/raft/core/core.h"
#include "tests/sim/sched.h"

struct node;
struct sim;

/* Opens log, vote and members, and fills in what the core starts from; -1 with node->why. */
int node_recover(struct sim *, struct node *, struct core_start *);
/* The state machine is durable up to the index: the log may drop what the plan does not keep. */
void node_compact(struct sim *, struct node *, uint64_t index);
/* A snapshot has arrived: replaces log and state by it, and tells the core. */
void node_install(struct sim *, struct node *, const struct packet *image);

#endif
