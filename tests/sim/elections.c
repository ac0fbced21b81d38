/*
 * How long a cluster is without a leader after the leader's process dies: three
 * nodes, links of 1 ms, disks of 0.2 ms, an election timeout of 1 s.  The others
 * see their connections close, and do not wait for the timeout.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/guard.h"
#include "tests/sim/options.h"
#include "tests/sim/sim.h"

static struct node *
leader_of(struct sim *sim)
{
	unsigned i;

	for (i = 0; i < SIM_NODES; i++)
		if (node_leads(&sim->nodes[i]))
			return (&sim->nodes[i]);
	return (NULL);
}

/* Microseconds from the death of a leader to the next leadership. */
static int64_t
measure_one(struct sim *sim, uint64_t seed)
{
	struct node *leader;
	int64_t died;

	sim_prepare(sim, seed);
	if (setjmp(sim->out) != 0) {
		printf("seed %" PRIu64 ": %s\n", seed, sim->failure);
		exit(1);
	}
	sim->plan = (struct plan){ .voters = 3,
		.clients = 4,
		.election_ms = 1000,
		.client_us = 5 * MS,
		.nemesis_us = SECOND,
		.read_ppm = 500000,
		.window = 1024,
		.segment = 65536,
		.checkpoint_every = 1000,
		.keep = 100,
		.payload = 100 };
	sim->net.ordered = true;
	sim_build(sim);
	sim->net.delay_us = 1 * MS;
	sim->net.jitter_us = 0;
	while (sim->sched.now < 5 * SECOND || (leader = leader_of(sim)) == NULL)
		sim_step(sim);
	/* Anywhere in the life of a busy cluster. */
	died = sim->sched.now + (int64_t)rng_below(&sim->nemesis, 50 * MS);
	while (sim->sched.now < died || (leader = leader_of(sim)) == NULL)
		sim_step(sim);
	died = sim->sched.now;
	node_die(sim, leader, false, "measured");
	while (leader_of(sim) == NULL)
		sim_step(sim);
	return (sim->sched.now - died);
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return ((x > y) - (x < y));
}

int
elections_measure(uint64_t count, uint64_t from)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	int64_t *times = calloc(count, sizeof(*times));
	int64_t p50, p99;
	uint64_t i;

	if (sim == NULL || times == NULL)
		return (2);
	for (i = 0; i < count; i++) {
		times[i] = measure_one(sim, from + i);
		sim_fini(sim);
	}
	qsort(times, count, sizeof(*times), compare);
	p50 = times[count / 2];
	p99 = times[count * 99 / 100];
	printf("election after the leader's connections close, 1 ms links, %" PRIu64
	       " times: p50 %.1f ms, p99 %.1f ms, most %.1f ms (bars: 10 and 50)\n",
	    count, (double)p50 / 1e3, (double)p99 / 1e3, (double)times[count - 1] / 1e3);
	free(times);
	free(sim);
	return (p50 > 10 * MS || p99 > 50 * MS);
}
