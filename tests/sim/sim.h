/*
 * The cluster simulator: up to seven nodes (and two that come and go) in one
 * process, under one seed.  One struct sim is one run; it is torn down whole.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "tests/sim/check.h"
#include "tests/sim/client.h"
#include "tests/sim/net.h"
#include "tests/sim/node.h"
#include "tests/sim/plan.h"
#include "tests/sim/replay.h"
#include "tests/sim/rng.h"
#include "tests/sim/sched.h"
#include "tests/sim/sim_limits.h"
#include "tests/sim/trace.h"

/* In which runs the real executor is the state machine. */
enum sim_real { SIM_REAL_SOME, SIM_REAL_ALL, SIM_REAL_NONE };

extern enum sim_real sim_real;

struct sim {
	uint64_t seed;
	struct plan plan;
	struct sched sched;
	struct net net;
	struct rng nemesis;
	struct node nodes[SIM_NODES];
	struct clients clients;
	struct check check;
	struct replay replay;
	uint64_t steps;
	bool healing; /* the last part: nothing breaks any more */
	const struct peer_configuration *bootstrap; /* while a new cluster's node starts */
	jmp_buf out; /* a failed check leaves by it */
	char failure[512];
	bool tracing;
	struct trace *trace;
	struct {
		uint64_t elections, deaths, powers, snapshots, changes, transfers, committed;
		int64_t simulated_us;
	} stats;
};

/* One whole run; 0, or -1 and sim->failure. The sim is the caller's to tear down. */
int sim_run(struct sim *, uint64_t seed, uint64_t steps, uint32_t without);
/* Whether that run is one with the real executor. */
bool sim_is_real(uint64_t seed);
/* Its parts: an empty run of the seed; the cluster of sim->plan; one event. */
void sim_prepare(struct sim *, uint64_t seed);
void sim_build(struct sim *);
void sim_fini(struct sim *);
void sim_step(struct sim *);

/* Ends the run: something that must hold does not. */
noreturn void sim_fail(struct sim *, const char *, ...) __attribute__((format(printf, 2, 3)));

/* The slot that a node's id names; another node may live there by now. */
static inline unsigned
sim_slot(uint64_t id)
{
	return ((unsigned)(id & ((1 << SIM_SLOT_BITS) - 1)) - 1);
}

static inline struct node *
sim_node(struct sim *sim, uint64_t id)
{
	return (&sim->nodes[sim_slot(id)]);
}

#endif
