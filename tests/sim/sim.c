/*
 * A run: the plan drawn from the seed, the cluster, the loop of events, and the
 * last part in which everything is healed and must come to an agreement.
 */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/guard.h"
#include "tests/sim/members.h"
#include "tests/sim/nemesis.h"

enum sim_real sim_real = SIM_REAL_SOME;

#define HEAL_US (120 * SECOND) /* simulated time to come to an agreement in */

void
sim_fail(struct sim *sim, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(sim->failure, sizeof(sim->failure), format, ap);
	va_end(ap);
	guard_clear();
	longjmp(sim->out, 1);
}

bool
sim_is_real(uint64_t seed)
{
	struct rng rng;

	rng_init(&rng, seed, STREAM_REAL);
	return (sim_real == SIM_REAL_ALL || (sim_real == SIM_REAL_SOME && rng_below(&rng, 8) == 0));
}

static void
draw_plan(struct sim *sim, uint32_t without)
{
	struct plan *plan = &sim->plan;
	struct rng rng;
	unsigned n;

	rng_init(&rng, sim->seed, STREAM_PLAN);
	n = (unsigned)rng_below(&rng, 16);
	plan->voters = n < 8 ? 3 : n < 12 ? 5 : (unsigned)rng_range(&rng, 1, 7);
	plan->clients = (unsigned)rng_range(&rng, 1, 8);
	/* Half of the runs suffer from everything, the others from a part. */
	plan->faults = rng_below(&rng, 2) == 0 ? FAULT_ALL : (uint32_t)rng_next(&rng) & FAULT_ALL;
	plan->faults &= ~without;
	plan->election_ms = rng_range(&rng, 50, 1000);
	plan->nemesis_us = rng_range(&rng, 20, 1000) * MS;
	plan->client_us = rng_range(&rng, 1, 40) * MS;
	plan->read_ppm = (uint32_t)rng_below(&rng, 700000);
	plan->window = 1U << rng_range(&rng, 6, 10);
	plan->segment = 4096U * (uint32_t)rng_range(&rng, 4, 32);
	plan->checkpoint_every = (uint32_t)rng_range(&rng, 20, 600);
	plan->keep = (uint32_t)rng_below(&rng, 100);
	plan->payload = (uint32_t)(rng_below(&rng, 4) == 0 ? 6000 : 300);
	plan->real = sim_is_real(sim->seed);
	plan->readers = rng_below(&rng, 2) == 0;
	plan->scale = 1U << rng_range(&rng, 3, 6);
	sim->net.ordered = (plan->faults & FAULT_CHAOS) == 0 || rng_below(&rng, 3) == 0;
}

static void
build_cluster(struct sim *sim)
{
	struct peer_configuration *members = calloc(1, sizeof(*members));
	unsigned i;

	if (members == NULL)
		abort();
	members->count = sim->plan.voters;
	for (i = 0; i < SIM_NODES; i++)
		node_init(sim, &sim->nodes[i], (uint8_t)i);
	for (i = 0; i < sim->plan.voters; i++) {
		members_fill(&members->members[i], &sim->nodes[i], PEER_VOTER);
		sim->nodes[i].may_vote = true;
	}
	for (i = 0; i < sim->plan.voters; i++)
		node_start(sim, &sim->nodes[i], members);
	free(members);
}

static void
deliver(struct sim *sim, struct event *event)
{
	struct node *node = &sim->nodes[event->node];
	struct input input = {
		.kind = INPUT_MESSAGE, .peer = event->peer, .packet = event->packet
	};

	if (!node->up || !net_arrives(&sim->net, event)) {
		packet_unref(event->packet);
		return;
	}
	node_input(sim, node, input);
}

/* The image of a snapshot comes in, if both ends and the way between are still there. */
static void
image_arrives(struct sim *sim, struct event *event)
{
	struct node *node = &sim->nodes[event->node], *leader = &sim->nodes[event->peer];
	struct input input = { .kind = INPUT_IMAGE_LOST, .peer = event->peer };
	bool good = event->packet != NULL && leader->up && leader->life == event->packet->number &&
		    !sim->net.cut[event->peer][event->node] &&
		    !sim->net.cut[event->node][event->peer];

	if (leader->up && event->packet != NULL && leader->life == event->packet->number)
		node_input(sim, leader,
		    (struct input){ .kind = INPUT_IMAGE_SENT, .chain = node->id, .number = good });
	if (node->up && node->life == event->epoch) {
		if (good) {
			input.kind = INPUT_IMAGE;
			input.packet = event->packet;
			event->packet->refs++;
		}
		node_input(sim, node, input);
	}
	packet_unref(event->packet);
}

static void
dispatch(struct sim *sim, struct event *event)
{
	struct node *node = &sim->nodes[event->node < SIM_NODES ? event->node : 0];
	bool alive = node->up && node->life == event->epoch;

	switch (event->kind) {
	case EVENT_TICK:
		if (node->up && node->tick_epoch == event->epoch)
			node_input(sim, node, (struct input){ .kind = INPUT_TICK });
		break;
	case EVENT_DELIVER:
		deliver(sim, event);
		break;
	case EVENT_CLOSED:
	case EVENT_OPENED:
		if (node->up)
			node_input(sim, node,
			    (struct input){
				.kind = event->kind == EVENT_CLOSED ? INPUT_CLOSED : INPUT_OPENED,
				.peer = event->peer });
		break;
	case EVENT_RUN:
		if (alive)
			node_run(sim, node);
		break;
	case EVENT_APPLY:
		if (alive)
			node_apply(sim, node);
		break;
	case EVENT_SNAPSHOT:
		image_arrives(sim, event);
		break;
	case EVENT_CLIENT:
		client_act(sim, event->node);
		break;
	case EVENT_RESTART:
		if (!node->up && node->life == event->epoch && !node->gone) {
			nemesis_on_start(sim, node);
			node_start(sim, node, NULL);
		}
		break;
	case EVENT_NEMESIS:
		nemesis_act(sim);
		break;
	case EVENT__COUNT:
		break;
	}
}

void
sim_step(struct sim *sim)
{
	struct event event;

	if (!sched_next(&sim->sched, &event))
		sim_fail(sim, "nothing happens any more");
	sim->steps++;
	dispatch(sim, &event);
}

/* One leader, all of its members there, with everything applied. */
static bool
agrees(struct sim *sim, uint64_t at_least)
{
	const struct peer_configuration *members;
	struct node *leader = NULL;
	struct core_status status;
	uint32_t i;

	for (i = 0; i < SIM_NODES; i++)
		if (node_leads(&sim->nodes[i])) {
			core_status(sim->nodes[i].core, &status);
			if (leader == NULL || status.term >= leader->checked_term)
				leader = &sim->nodes[i];
		}
	if (leader == NULL || sim->clients.acknowledged < at_least)
		return (false);
	members = core_members(leader->core);
	for (i = 0; i < members->count; i++) {
		const struct node *node = sim_node(sim, members->members[i].id);

		if (members->members[i].suffrage == PEER_JOINING || !node->up ||
		    node->id != members->members[i].id || node->machine.state.index < at_least)
			return (false);
	}
	return (true);
}

static void
describe_all(struct sim *sim, char *out, size_t size)
{
	size_t len = 0;
	unsigned i;

	out[0] = '\0';
	for (i = 0; i < SIM_NODES && len + 1 < size; i++) {
		struct node *node = &sim->nodes[i];
		struct core_status status;

		if (!node->exists)
			continue;
		if (!node->up) {
			len += (size_t)snprintf(out + len, size - len, " n%u down;", i);
			continue;
		}
		core_status(node->core, &status);
		len += (size_t)snprintf(out + len, size - len,
		    " n%u id %llu role %d term %llu last %llu commit %llu applied %llu members %u;",
		    i, (unsigned long long)node->id, (int)status.role,
		    (unsigned long long)status.term, (unsigned long long)status.last,
		    (unsigned long long)status.commit,
		    (unsigned long long)node->machine.state.index, core_members(node->core)->count);
	}
}

/* Liveness: healed, the cluster elects, commits and catches up. */
static void
heal_and_agree(struct sim *sim)
{
	int64_t limit;
	uint64_t target;
	char all[400];

	nemesis_heal(sim);
	TRACE(sim, "everything is healed");
	limit = sim->sched.now + HEAL_US;
	target = sim->check.commit + 3;
	while (!agrees(sim, target)) {
		sim_step(sim);
		if (sim->sched.now > limit) {
			describe_all(sim, all, sizeof(all));
			sim_fail(sim, "liveness: no agreement on %llu after %lld s:%s",
			    (unsigned long long)target, (long long)(HEAL_US / SECOND), all);
		}
	}
}

void
sim_prepare(struct sim *sim, uint64_t seed)
{
	struct trace *trace = sim->trace;

	memset(sim, 0, sizeof(*sim));
	sim->trace = trace;
	sim->tracing = trace != NULL;
	sim->seed = seed;
	rng_init(&guard_entropy, seed, STREAM_SALT);
	sched_init(&sim->sched);
	net_init(&sim->net, &sim->sched, seed);
}

void
sim_build(struct sim *sim)
{
	if (sim->plan.real)
		replay_init(sim);
	build_cluster(sim);
	client_init(sim);
	nemesis_init(sim);
}

int
sim_run(struct sim *sim, uint64_t seed, uint64_t steps, uint32_t without)
{
	sim_prepare(sim, seed);
	if (setjmp(sim->out) != 0) {
		sim->stats.simulated_us = sim->sched.now;
		return (-1);
	}
	draw_plan(sim, without);
	sim_build(sim);
	while (sim->steps < steps)
		sim_step(sim);
	heal_and_agree(sim);
	if (sim->plan.real)
		replay_check_all(sim);
	sim->stats.simulated_us = sim->sched.now;
	return (0);
}

void
sim_fini(struct sim *sim)
{
	unsigned i;

	sim->tracing = false;
	for (i = 0; i < SIM_NODES; i++)
		if (sim->nodes[i].raft_disk != NULL)
			node_fini(sim, &sim->nodes[i]);
	replay_fini(sim);
	sched_fini(&sim->sched);
	check_fini(&sim->check);
}
