/*
 * What a simulated node does with its inputs and with what its core decided.
 */
#include "tests/sim/node_input.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/members.h"
#include "tests/sim/node_store.h"
#include "tests/sim/sim.h"

/* ---- inputs ---- */

static void
receive(struct sim *sim, struct node *node, struct packet *packet)
{
	static struct peer_entry entries[PEER_ENTRIES_MAX];
	struct peer_message message;

	if (peer_decode(packet->data, packet->len, &message, entries, PEER_ENTRIES_MAX) != 0)
		sim_fail(sim, "packet %llu does not decode", (unsigned long long)packet->number);
	TRACE(sim, "n%u gets #%llu %s", node->slot, (unsigned long long)packet->number,
	    peer_type_name(message.type));
	core_receive(node->core, &message);
	packet_unref(packet);
}

static void
applied(struct node *node, const struct input *input)
{
	if (input->number > node->installed)
		core_applied(node->core, input->number, input->chain);
}

/* A change of members or leadership; the core refuses what is not allowed. */
static void
change(struct sim *sim, struct node *node, const struct input *input)
{
	struct peer_member member;
	enum core_error error = CORE_OK;
	uint64_t index = 0;

	switch (input->kind) {
	case INPUT_ADD:
		members_fill(&member, &sim->nodes[input->peer], (uint8_t)input->number);
		error = core_member_add(node->core, &member, &index);
		break;
	case INPUT_REMOVE:
		error = core_member_remove(node->core, input->number, &index);
		break;
	case INPUT_PROMOTE:
		sim_node(sim, input->number)->may_vote = true;
		error = core_member_promote(node->core, input->number, &index);
		break;
	default:
		error = core_transfer(node->core, input->number);
		break;
	}
	TRACE(sim, "n%u is asked for change %d of node %llu (slot %u): %s, %llu", node->slot,
	    input->kind, (unsigned long long)input->number, input->peer, core_error_text(error),
	    (unsigned long long)index);
	sim->stats.changes += error == CORE_OK && index > 0;
}

void
node_handle(struct sim *sim, struct node *node, struct input *input)
{
	const struct node *peer = &sim->nodes[input->peer];

	core_tick(node->core, node_clock(sim, node));
	switch (input->kind) {
	case INPUT_MESSAGE:
		receive(sim, node, input->packet);
		break;
	case INPUT_OPENED:
		core_peer_opened(node->core, peer->id);
		break;
	case INPUT_CLOSED:
		core_peer_closed(node->core, peer->id);
		break;
	case INPUT_TICK:
		node->tick_at_us = INT64_MAX;
		break;
	case INPUT_PROPOSE:
		client_propose(sim, node, input->number);
		break;
	case INPUT_READ:
		client_read(sim, node, input->number);
		break;
	case INPUT_APPLIED:
		applied(node, input);
		break;
	case INPUT_IMAGE:
		node_install(sim, node, input->packet);
		packet_unref(input->packet);
		break;
	case INPUT_IMAGE_LOST:
		core_snapshot_failed(node->core);
		break;
	case INPUT_IMAGE_SENT:
		core_snapshot_sent(node->core, input->chain, input->number == 1);
		break;
	case INPUT_BASE:
		node_compact(sim, node, input->number);
		break;
	case INPUT_TRANSFER:
	case INPUT_ADD:
	case INPUT_REMOVE:
	case INPUT_PROMOTE:
		change(sim, node, input);
		break;
	}
}

/* ---- outputs ---- */

struct feed {
	struct node *node;
	uint64_t to;
};

static bool
feed_logged(void *arg, const struct log_entry *entry)
{
	struct feed *feed = arg;
	struct machine_entry one = { .index = entry->index,
		.term = entry->term,
		.type = entry->type,
		.len = (uint32_t)entry->len,
		.data = entry->data };

	if (entry->index > feed->to)
		return (false);
	machine_feed(feed->node, &one);
	feed->node->fed = entry->index;
	return (true);
}

/* Hands what may be applied to the state machine: from the core's window, or else from the log. */
static void
feed_machine(struct sim *sim, struct node *node, uint64_t to)
{
	struct feed feed = { node, to };
	struct error error;

	while (node->fed < to) {
		const struct peer_entry *entry = core_entry(node->core, node->fed + 1);
		struct machine_entry one;

		if (entry == NULL) {
			/* Up to the core's window: what it still holds was maybe not flushed. */
			if (log_read(node->log, node->fed + 1, feed_logged, &feed, &error) == -1)
				sim_fail(
				    sim, "n%u can not read its log: %s", node->slot, error.text);
			if (node->fed < to && core_entry(node->core, node->fed + 1) == NULL)
				sim_fail(sim, "n%u has no entry %llu to apply", node->slot,
				    (unsigned long long)node->fed + 1);
			continue;
		}
		one = (struct machine_entry){ .index = node->fed + 1,
			.term = entry->term,
			.type = entry->type,
			.len = entry->len,
			.data = entry->data };
		machine_feed(node, &one);
		node->fed++;
	}
	machine_schedule(sim, node);
}

/* A peer needs a snapshot: pins the state as it is, and says so. */
static void
pin_image(struct sim *sim, struct node *node, uint64_t peer)
{
	const struct machine_state *state = &node->machine.state;
	const struct peer_configuration *members = core_configuration_at(node->core, state->index);
	unsigned slot = sim_slot(peer);
	struct packet *image;

	if (members == NULL || state->index == 0) {
		TRACE(sim, "n%u has no snapshot for n%u at %llu", node->slot, slot,
		    (unsigned long long)state->index);
		return;
	}
	image = machine_image(sim, node, members);
	if (image == NULL)
		return;
	packet_unref(node->images[slot]);
	node->images[slot] = image;
	TRACE(sim, "n%u pins a snapshot at %llu for n%u", node->slot,
	    (unsigned long long)state->index, slot);
	sim->stats.snapshots++;
	if (!core_snapshot_offer(node->core, peer, state->index, state->term)) {
		packet_unref(node->images[slot]);
		node->images[slot] = NULL;
	}
}

void
node_forget_images(struct node *node)
{
	unsigned i;

	for (i = 0; i < SIM_NODES; i++) {
		packet_unref(node->images[i]);
		node->images[i] = NULL;
	}
}

/* A leader offers an image: it travels on a connection of its own. */
static void
fetch_image(struct sim *sim, struct node *node, const struct core_event *wanted)
{
	unsigned slot = sim_slot(wanted->peer);
	struct node *leader = &sim->nodes[slot];
	const struct packet *pinned = leader->images[node->slot];
	const struct machine_image *image =
	    pinned != NULL ? (const struct machine_image *)pinned->data : NULL;
	struct event event = { .kind = EVENT_SNAPSHOT,
		.node = node->slot,
		.peer = (uint8_t)slot,
		.epoch = node->life };

	if (leader->up && leader->id == wanted->peer && image != NULL &&
	    image->state.index == wanted->index && image->state.term == wanted->term) {
		event.packet = leader->images[node->slot];
		event.packet->refs++;
		event.packet->number = leader->life;
	}
	sched_add(&sim->sched, event, rng_range(&sim->net.rng, 1 * MS, 60 * MS));
}

static void
act_on(struct sim *sim, struct node *node, const struct core_event *event)
{
	switch (event->type) {
	case CORE_EVENT_SNAPSHOT_WANTED:
		pin_image(sim, node, event->peer);
		break;
	case CORE_EVENT_INSTALL:
		fetch_image(sim, node, event);
		break;
	case CORE_EVENT_REMOVED:
		TRACE(sim, "n%u hears that it is no member", node->slot);
		node->removed = true;
		break;
	case CORE_EVENT_TRANSFERRED:
		sim->stats.transfers++;
		break;
	case CORE_EVENT_DIVERGED:
		sim_fail(sim, "n%u says that node %llu diverged at %llu", node->slot,
		    (unsigned long long)event->peer, (unsigned long long)event->index);
	case CORE_EVENT_ROLE:
	case CORE_EVENT_MEMBERS:
	case CORE_EVENT_TRANSFER_FAILED:
		break;
	}
}

void
node_finish(struct sim *sim, struct node *node)
{
	static struct core_read reads[CORE_READS_MAX];
	static struct core_event events[CORE_EVENTS_MAX];
	const struct core_ready ready = node->ready;
	uint32_t i;

	entries_drop_views(&node->entries); /* what was read from the log has been sent */
	memcpy(reads, ready.reads, ready.nreads * sizeof(*reads));
	memcpy(events, ready.events, ready.nevents * sizeof(*events));
	feed_machine(sim, node, ready.apply);
	if (ready.first <= ready.last)
		core_persisted(node->core, ready.last, core_term_at(node->core, ready.last));
	for (i = 0; i < ready.nreads; i++)
		client_read_confirmed(sim, node, reads[i].token, reads[i].index);
	for (i = 0; i < ready.nevents; i++)
		act_on(sim, node, &events[i]);
}
