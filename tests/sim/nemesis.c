/*
 * What breaks: at random moments one of the faults that the plan allows, and as
 * often something that heals.  The last part of a run heals everything.
 */
#include "tests/sim/nemesis.h"

#include <string.h>

#include "tests/sim/members.h"
#include "tests/sim/sim.h"

static struct node *
any_node(struct sim *sim)
{
	unsigned start = (unsigned)rng_below(&sim->nemesis, SIM_NODES), i;

	for (i = 0; i < SIM_NODES; i++)
		if (sim->nodes[(start + i) % SIM_NODES].up)
			return (&sim->nodes[(start + i) % SIM_NODES]);
	return (NULL);
}

/* A leader as often as not: that is where it hurts. */
static struct node *
victim(struct sim *sim)
{
	unsigned i;

	if (rng_below(&sim->nemesis, 2) == 0)
		for (i = 0; i < SIM_NODES; i++)
			if (node_leads(&sim->nodes[i]))
				return (&sim->nodes[i]);
	return (any_node(sim));
}

void
nemesis_schedule_restart(struct sim *sim, struct node *node)
{
	struct event event = { .kind = EVENT_RESTART, .node = node->slot, .epoch = node->life };

	if (node->restarts || node->gone)
		return;
	node->restarts = true;
	sched_add(&sim->sched, event, rng_range(&sim->nemesis, 5 * MS, 3 * SECOND));
}

static void
kill_node(struct sim *sim, bool power)
{
	struct node *node = victim(sim);

	if (node == NULL)
		return;
	node_die(sim, node, power, "nemesis");
	nemesis_schedule_restart(sim, node);
}

/* A power cut for all of them at once. */
static void
kill_all(struct sim *sim)
{
	unsigned i;

	for (i = 0; i < SIM_NODES; i++)
		if (sim->nodes[i].up) {
			node_die(sim, &sim->nodes[i], true, "power cut");
			nemesis_schedule_restart(sim, &sim->nodes[i]);
		}
}

static void
light_fuse(struct sim *sim)
{
	struct node *node = victim(sim);

	if (node == NULL)
		return;
	node->faults.fuse = rng_range(&sim->nemesis, 1, 40);
	node->fuse_cuts_power = rng_below(&sim->nemesis, 2) == 0;
	TRACE(sim, "n%u: a fuse of %lld", node->slot, (long long)node->faults.fuse);
}

/* What a death left is put in order by a start: it may die of another in the middle. */
void
nemesis_on_start(struct sim *sim, struct node *node)
{
	if (sim->healing || (sim->plan.faults & FAULT_FUSE) == 0 ||
	    rng_below(&sim->nemesis, 4) != 0)
		return;
	node->faults.fuse = rng_range(&sim->nemesis, 1, 60);
	node->fuse_cuts_power = rng_below(&sim->nemesis, 4) != 0;
}

static void
partition(struct sim *sim)
{
	uint64_t kind = rng_below(&sim->nemesis, 5);
	uint64_t group = rng_next(&sim->nemesis);
	struct node *node = victim(sim);
	unsigned a, b;

	if (node == NULL)
		return;
	for (a = 0; a < SIM_NODES; a++)
		for (b = 0; b < SIM_NODES; b++) {
			bool cut = false;

			switch (kind) {
			case 0: /* halves */
				cut = (group >> a & 1) != (group >> b & 1);
				break;
			case 1: /* halves, one way */
				cut = (group >> a & 1) < (group >> b & 1);
				break;
			case 2: /* one alone */
				cut = (a == node->slot) != (b == node->slot);
				break;
			case 3: /* one that hears nobody, or is not heard */
				cut = (group & 1) ? a == node->slot : b == node->slot;
				break;
			case 4: /* some links */
				cut = rng_below(&sim->nemesis, 4) == 0;
				break;
			}
			net_cut(&sim->net, a, b, cut && a != b);
		}
	TRACE(sim, "partition of kind %llu around n%u", (unsigned long long)kind, node->slot);
}

static void
chaos(struct sim *sim)
{
	struct net *net = &sim->net;
	struct rng *rng = &sim->nemesis;

	net->loss_ppm = (uint32_t)rng_below(rng, 3) * (uint32_t)rng_below(rng, 200000);
	net->copy_ppm = (uint32_t)rng_below(rng, 2) * (uint32_t)rng_below(rng, 200000);
	net->late_ppm = (uint32_t)rng_below(rng, 2) * (uint32_t)rng_below(rng, 100000);
	net->delay_us = rng_range(rng, 100, 3000);
	net->jitter_us = rng_range(rng, 0, 5000);
}

static void
close_some(struct sim *sim)
{
	struct node *node = victim(sim);
	unsigned i;
	bool all = rng_below(&sim->nemesis, 2) == 0, for_good = rng_below(&sim->nemesis, 2) == 0;

	if (node == NULL)
		return;
	TRACE(sim, "connections of n%u close%s", node->slot, for_good ? " for good" : "");
	for (i = 0; i < SIM_NODES; i++)
		if (i != node->slot && sim->nodes[i].up &&
		    (all || rng_below(&sim->nemesis, 3) == 0)) {
			net_close(&sim->net, node->slot, i);
			/* The others elect at once; the living leader does not hear of it. */
			net_cut(&sim->net, node->slot, i, for_good);
			net_cut(&sim->net, i, node->slot, for_good);
			net_open(&sim->net, node->slot, i);
		}
}

static void
disk_trouble(struct sim *sim)
{
	struct node *node = any_node(sim);

	if (node == NULL)
		return;
	switch (rng_below(&sim->nemesis, 3)) {
	case 0:
		node->faults.capacity = 0;
		break;
	case 1:
		node->faults.write_error_ppm = 200000;
		break;
	default:
		node->faults.sync_error_ppm = 50000;
		break;
	}
	TRACE(sim, "n%u: trouble with its disk", node->slot);
}

static void
slow(struct sim *sim)
{
	struct node *node = victim(sim);

	if (node == NULL)
		return;
	if (rng_below(&sim->nemesis, 2) == 0)
		node->flush_us = rng_range(&sim->nemesis, 100, 100 * MS);
	else
		node_pause(
		    sim, node, rng_range(&sim->nemesis, 1 * MS, 3 * sim->plan.election_ms * MS));
}

static void
clocks(struct sim *sim)
{
	struct node *node = victim(sim);
	int64_t jump = 0;

	if (node == NULL)
		return;
	if (rng_below(&sim->nemesis, 3) == 0)
		jump = rng_range(&sim->nemesis, -2 * SECOND, 2 * SECOND) * 1000;
	TRACE(sim, "n%u: its clock jumps by %lld ms", node->slot, (long long)jump / 1000000);
	node_set_clock(sim, node, jump, rng_range(&sim->nemesis, -100000, 100000));
}

static void
transfer(struct sim *sim)
{
	struct node *node = victim(sim), *target = any_node(sim);
	uint64_t to;

	if (node == NULL || node->stage != STAGE_IDLE)
		return;
	to = rng_below(&sim->nemesis, 2) == 0 ? 0 : target->id;
	TRACE(sim, "n%u is asked to hand over to node %llu", node->slot, (unsigned long long)to);
	node_input(sim, node, (struct input){ .kind = INPUT_TRANSFER, .number = to });
}

static void
ask_checkpoint(struct sim *sim)
{
	struct node *node = any_node(sim);

	if (node != NULL)
		node->machine.asked = true;
}

/* Half of what is broken becomes whole. */
static void
mend_some(struct sim *sim)
{
	unsigned i, j;

	for (i = 0; i < SIM_NODES; i++) {
		struct node *node = &sim->nodes[i];

		if (rng_below(&sim->nemesis, 2) == 0) {
			node->faults.capacity = 1U << 30;
			node->faults.write_error_ppm = node->faults.sync_error_ppm = 0;
			node->flush_us = 200;
		}
		for (j = 0; j < SIM_NODES; j++)
			if (rng_below(&sim->nemesis, 2) == 0)
				net_cut(&sim->net, i, j, false);
	}
	if (rng_below(&sim->nemesis, 2) == 0)
		net_heal(&sim->net);
}

static const struct {
	uint32_t fault;
	unsigned weight;
	void (*act)(struct sim *);
} acts[] = {
	{ FAULT_ALL, 30, mend_some },
	{ FAULT_CHAOS, 6, chaos },
	{ FAULT_PARTITION, 14, partition },
	{ FAULT_CLOSE, 8, close_some },
	{ FAULT_FUSE, 8, light_fuse },
	{ FAULT_DISK, 4, disk_trouble },
	{ FAULT_SLOW, 6, slow },
	{ FAULT_CLOCK, 5, clocks },
	{ FAULT_MEMBERS, 14, members_change },
	{ FAULT_TRANSFER, 6, transfer },
	{ FAULT_SNAPSHOT, 5, ask_checkpoint },
	{ FAULT_OLD_DISK, 3, members_old_disk },
};

void
nemesis_on_change(struct sim *sim, struct node *node)
{
	unsigned i;

	if (sim->healing || rng_below(&sim->nemesis, 3) != 0)
		return;
	if ((sim->plan.faults & FAULT_FUSE) && rng_below(&sim->nemesis, 2) == 0)
		node->faults.fuse = rng_range(&sim->nemesis, 1, 6);
	/* Only some of the others hear of it. */
	if (sim->plan.faults & FAULT_PARTITION)
		for (i = 0; i < SIM_NODES; i++)
			if (i != node->slot && rng_below(&sim->nemesis, 2) == 0)
				net_cut(&sim->net, node->slot, i, true);
}

static void
schedule(struct sim *sim)
{
	sched_add(&sim->sched, (struct event){ .kind = EVENT_NEMESIS },
	    rng_range(&sim->nemesis, 1 * MS, 2 * sim->plan.nemesis_us));
}

void
nemesis_init(struct sim *sim)
{
	rng_init(&sim->nemesis, sim->seed, STREAM_NEMESIS);
	schedule(sim);
}

void
nemesis_act(struct sim *sim)
{
	uint32_t faults = sim->plan.faults;
	unsigned pick = (unsigned)rng_below(&sim->nemesis, 130), i;

	if (sim->healing)
		return;
	schedule(sim);
	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (pick < acts[i].weight) {
			if (faults & acts[i].fault)
				acts[i].act(sim);
			return;
		}
		pick -= acts[i].weight;
	}
	if (pick < 8 && (faults & FAULT_KILL))
		kill_node(sim, false);
	else if (pick < 14 && (faults & FAULT_POWER))
		kill_node(sim, true);
	else if (pick < 16 && (faults & FAULT_POWER))
		kill_all(sim);
}

void
nemesis_heal(struct sim *sim)
{
	unsigned i;

	sim->healing = true;
	net_heal(&sim->net);
	sim->net.delay_us = sim->net.jitter_us = 500;
	for (i = 0; i < SIM_NODES; i++) {
		struct node *node = &sim->nodes[i];

		node->faults.capacity = 1U << 30;
		node->faults.write_error_ppm = node->faults.sync_error_ppm = 0;
		node->faults.fuse = 0;
		node->flush_us = 200;
		node_set_clock(sim, node, 0, 0);
		if (node->exists && !node->up && !node->gone)
			node_start(sim, node, NULL);
	}
}
