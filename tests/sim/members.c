/*
 * Members that come and go, and disks that come back from the past.
 */
#include "tests/sim/members.h"

#include <stdio.h>
#include <string.h>

#include "tests/sim/nemesis.h"
#include "tests/sim/sim.h"

static struct node *
leader_of(struct sim *sim)
{
	unsigned i, start = (unsigned)rng_below(&sim->nemesis, SIM_NODES);

	for (i = 0; i < SIM_NODES; i++)
		if (node_leads(&sim->nodes[(start + i) % SIM_NODES]))
			return (&sim->nodes[(start + i) % SIM_NODES]);
	return (NULL);
}

void
members_fill(struct peer_member *member, const struct node *node, uint8_t suffrage)
{
	memset(member, 0, sizeof(*member));
	member->id = node->id;
	member->suffrage = suffrage;
	(void)snprintf(member->name, sizeof(member->name), "n%llu", (unsigned long long)node->id);
	(void)snprintf(
	    member->address, sizeof(member->address), "a%llu", (unsigned long long)node->id);
}

/* A node that is in nobody's way: new, or removed and emptied. */
static struct node *
spare_node(struct sim *sim, const struct peer_configuration *members)
{
	unsigned i, start = (unsigned)rng_below(&sim->nemesis, SIM_NODES);

	for (i = 0; i < SIM_NODES; i++) {
		struct node *node = &sim->nodes[(start + i) % SIM_NODES];

		if (peer_configuration_find(members, node->id) != NULL)
			continue;
		if (!node->exists)
			return (node);
		if (node->gone || (node->removed && node->up)) {
			if (node->up)
				node_die(sim, node, false, "it is removed");
			node_wipe(sim, node);
			return (node);
		}
	}
	return (NULL);
}

static void
add(struct sim *sim, struct node *leader)
{
	struct node *node = spare_node(sim, core_members(leader->core));
	uint8_t suffrage = rng_below(&sim->nemesis, 3) == 0 ? PEER_LEARNER : PEER_VOTER;

	if (node == NULL || core_members(leader->core)->count >= 7)
		return;
	node->gone = false;
	node->may_vote = node->may_vote || suffrage == PEER_VOTER;
	node_start(sim, node, NULL);
	node_input(sim, leader,
	    (struct input){ .kind = INPUT_ADD, .peer = node->slot, .number = suffrage });
}

/* Any member, the leader too; sometimes one that was never there. */
static void
change_one(struct sim *sim, struct node *leader, enum input_kind kind)
{
	const struct peer_configuration *members = core_members(leader->core);
	uint64_t id = 777;

	if (members->count > 0 && rng_below(&sim->nemesis, 20) != 0)
		id = members->members[rng_below(&sim->nemesis, members->count)].id;
	node_input(sim, leader, (struct input){ .kind = kind, .number = id });
}

void
members_change(struct sim *sim)
{
	struct node *leader = leader_of(sim);
	unsigned n = (unsigned)rng_below(&sim->nemesis, 8), i;

	if (leader == NULL)
		return;
	if (n < 4)
		add(sim, leader);
	else if (n < 7)
		change_one(sim, leader, INPUT_REMOVE);
	else
		change_one(sim, leader, INPUT_PROMOTE);
	/* A removed node that nobody told is switched off in the end. */
	for (i = 0; i < SIM_NODES && rng_below(&sim->nemesis, 4) == 0; i++) {
		struct node *node = &sim->nodes[i];

		if (node->up && node->removed) {
			node_die(sim, node, false, "removed and switched off");
			node->gone = true;
		}
	}
}

/* Whether no configuration that may be in force lets the node vote. */
static bool
never_votes(struct sim *sim, const struct node *node)
{
	unsigned i;

	for (i = 0; i < SIM_NODES; i++) {
		const struct node *other = &sim->nodes[i];
		const struct peer_member *member;

		if (!other->up)
			continue;
		member = peer_configuration_find(core_members(other->core), node->id);
		if (member != NULL && member->suffrage != PEER_LEARNER)
			return (false);
	}
	return (true);
}

/*
 * A learner's disk is copied, and some time later the learner comes back with
 * the copy.  (A voter with an old disk has forgotten its promises: no consensus
 * survives that, and nothing here is meant to.)
 */
void
members_old_disk(struct sim *sim)
{
	unsigned i;

	for (i = 0; i < SIM_NODES; i++) {
		struct node *node = &sim->nodes[i];

		if (!node->up || node->stage != STAGE_IDLE || node->may_vote ||
		    !never_votes(sim, node) || node->shadow.last == 0 ||
		    node->shadow.last != node->shadow.durable)
			continue;
		if (node->old_raft == NULL) {
			node_keep_disk(sim, node);
			continue;
		}
		node_die(sim, node, true, "its disk is replaced by an old copy");
		node_take_old_disk(sim, node);
		nemesis_schedule_restart(sim, node);
		return;
	}
}
