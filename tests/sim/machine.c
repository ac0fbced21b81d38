/*
 * The state machine: see machine.h.  The model's state is a file per checkpoint;
 * which one counts is what the newest BASE record of the ledger says.
 */
#include "tests/sim/machine.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "tests/sim/guard.h"
#include "tests/sim/sim.h"

#ifndef CORE_BUG
#define CORE_BUG 0
#endif
#define BUG_DROP_LEDGER_RECORD (CORE_BUG == 5)
#define STALL_US (20 * MS) /* until what a failing disk stopped is tried again */
#define LEDGER_BYTES (64 * 1024) /* small: it is renewed in many runs */

static void
state_name(uint64_t index, char name[40])
{
	(void)snprintf(name, 40, "state-%llu", (unsigned long long)index);
}

static void
pick_base(void *arg, const struct ledger_record *record)
{
	struct ledger_record *base = arg;

	if (record->kind == LEDGER_BASE)
		*base = *record;
}

static int
create(struct node *node)
{
	struct machine_state state = { 0 };
	struct ledger_record base = { .kind = LEDGER_BASE };
	struct file_dir *dir = disk_dir(node->db_disk);

	if (file_replace(dir, "state-0", &state, sizeof(state)) == -1 ||
	    ledger_create(dir, "ledger.new", &base, LEDGER_BYTES) == -1 ||
	    dir->ops->rename(dir, "ledger.new", "ledger") == -1 || dir->ops->sync_dir(dir) == -1)
		return (error_set_errno(&node->why, "db"));
	return (0);
}

static int
open_model(struct sim *sim, struct node *node)
{
	struct machine *machine = &node->machine;
	struct file_dir *dir = disk_dir(node->db_disk);
	struct ledger_record base = { 0 };
	char name[40];
	int file = dir->ops->open(dir, "ledger", 0);

	if (file != -1)
		dir->ops->close(dir, file);
	else if (create(node) == -1)
		return (-1);
	if (ledger_open(&machine->ledger, dir, pick_base, &base, &node->why) == -1)
		return (-1);
	machine->open = true;
	state_name(base.index, name);
	if (store_get(dir, name, &machine->state, sizeof(machine->state)) == -1)
		return (error_set(&node->why, "the ledger says %s, which is not there", name));
	if (machine->state.index != base.index || machine->state.chain != base.chain)
		return (error_set(&node->why, "%s is another state", name));
	/*
	 * A kill, or a flush that failed, may have left the record in memory only, and
	 * the log is judged and cut by it: it is written again.
	 */
	if (ledger_append(&machine->ledger, &base) == -1)
		return (error_set_errno(&node->why, "ledger"));
	ledger_sync(&machine->ledger);
	machine->base = base.index;
	machine->installed = base.flags & LEDGER_INSTALLED;
	if (machine->base > 0)
		check_state(sim, node, machine->state.index, machine->state.chain);
	return (0);
}

int
machine_open(struct sim *sim, struct node *node)
{
	node->machine.asked = node->machine.stalled = false;
	return (sim->plan.real ? executor_pick(sim, node) : open_model(sim, node));
}

int
machine_start(struct sim *sim, struct node *node)
{
	return (sim->plan.real ? executor_open(sim, node) : 0);
}

const struct machine_entry *
machine_peek(const struct machine *machine, uint32_t n)
{
	return (&machine->queue[(machine->head + n) % machine->cap]);
}

static void
clear_queue(struct machine *machine)
{
	uint32_t i;

	for (i = 0; i < machine->count; i++)
		packet_unref(machine_peek(machine, i)->owner);
	machine->head = machine->count = 0;
}

void
machine_close(struct sim *sim, struct node *node)
{
	struct machine *machine = &node->machine;

	clear_queue(machine);
	if (sim->plan.real)
		executor_forget(node);
	if (machine->open)
		ledger_close(&machine->ledger);
	machine->open = machine->scheduled = false;
}

void
machine_feed(struct node *node, const struct machine_entry *entry)
{
	struct machine *machine = &node->machine;
	struct machine_entry *queued;
	uint32_t i;

	if (machine->count == machine->cap) {
		uint32_t cap = machine->cap == 0 ? 64 : machine->cap * 2;
		struct machine_entry *queue = malloc(cap * sizeof(*queue));

		if (queue == NULL)
			abort();
		for (i = 0; i < machine->count; i++)
			queue[i] = machine->queue[(machine->head + i) % machine->cap];
		free(machine->queue);
		machine->queue = queue;
		machine->cap = cap;
		machine->head = 0;
	}
	queued = &machine->queue[(machine->head + machine->count++) % machine->cap];
	*queued = *entry;
	queued->owner = packet_new(entry->data, entry->len);
	queued->data = queued->owner->data;
}

void
machine_schedule(struct sim *sim, struct node *node)
{
	struct event event = { .kind = EVENT_APPLY, .node = node->slot, .epoch = node->life };

	if (node->machine.scheduled || node->machine.count == 0)
		return;
	node->machine.scheduled = true;
	sched_add(&sim->sched, event,
	    node->machine.stalled ? STALL_US : rng_range(&sim->net.rng, 20, 300));
}

uint64_t
machine_op(const struct machine_entry *entry)
{
	struct command_model command = { 0 };

	if (entry->type == PEER_ENTRY_COMMAND)
		memcpy(&command, entry->data, sizeof(command));
	return (command.op);
}

/* The first in the queue is applied. */
static void
take(struct sim *sim, struct node *node)
{
	struct machine *machine = &node->machine;
	struct machine_entry entry = *machine_peek(machine, 0);
	uint64_t op = machine_op(&entry);

	machine->head = (machine->head + 1) % machine->cap;
	machine->count--;
	if (op != 0) {
		check_once(sim, op, entry.index);
		client_applied(sim, node, op, entry.index);
	}
	packet_unref(entry.owner);
}

static void
apply_one(struct sim *sim, struct node *node, const struct machine_entry *entry)
{
	struct machine_state *state = &node->machine.state;
	uint64_t hash = check_hash(entry->term, entry->type, entry->data, entry->len);
	struct command_model command;

	if (entry->index != state->index + 1)
		sim_fail(sim, "n%u applies %llu after %llu", node->slot,
		    (unsigned long long)entry->index, (unsigned long long)state->index);
	if (entry->type == PEER_ENTRY_COMMAND) {
		memcpy(&command, entry->data, sizeof(command));
		state->values[command.key % SIM_REGISTERS] = command.value;
	}
	state->index = entry->index;
	state->term = entry->term;
	state->chain = rng_mix(state->chain ^ rng_mix(entry->index ^ hash));
	check_applying(sim, node, entry);
	check_chain(sim, entry->index, state->chain);
	check_state(sim, node, entry->index, state->chain);
}

uint32_t
machine_apply(struct sim *sim, struct node *node)
{
	struct machine *machine = &node->machine;
	uint32_t done = 0, i;

	if (sim->plan.real) {
		done = executor_apply(sim, node);
		for (i = 0; i < done; i++)
			take(sim, node);
		return (done);
	}
	for (; machine->count > 0 && done < SIM_APPLY_MAX; done++) {
		apply_one(sim, node, machine_peek(machine, 0));
		take(sim, node);
	}
	return (done);
}

/* A state file, the BASE record that makes it count, and the former one may go. */
static int
put_state(struct node *node, const struct machine_state *state, uint8_t flags)
{
	struct machine *machine = &node->machine;
	struct file_dir *dir = disk_dir(node->db_disk);
	struct ledger_record base = { .kind = LEDGER_BASE,
		.flags = flags,
		.index = state->index,
		.term = state->term,
		.chain = state->chain };
	uint64_t former = machine->base;
	char name[40];

	state_name(state->index, name);
	if (file_replace(dir, name, state, sizeof(*state)) == -1)
		return (-1);
	if (!BUG_DROP_LEDGER_RECORD || flags != 0) {
		if (ledger_is_full(&machine->ledger)) {
			if (ledger_renew(&machine->ledger, &base) == -1)
				return (-1);
		} else if (ledger_append(&machine->ledger, &base) == -1)
			return (-1);
		ledger_sync(&machine->ledger);
	}
	machine->base = state->index;
	machine->installed = flags != 0;
	if (former != state->index) {
		state_name(former, name);
		(void)dir->ops->unlink(dir, name);
	}
	return (0);
}

bool
machine_wants_checkpoint(const struct sim *sim, const struct node *node)
{
	const struct machine *machine = &node->machine;

	return (machine->asked ||
		machine->state.index - machine->base >= sim->plan.checkpoint_every ||
		(sim->plan.real && executor_wants_checkpoint(node)));
}

int
machine_checkpoint(struct sim *sim, struct node *node)
{
	if (node->machine.state.index == node->machine.base)
		return (-1);
	if (sim->plan.real)
		return (executor_checkpoint(sim, node));
	return (put_state(node, &node->machine.state, 0));
}

struct packet *
machine_image(struct sim *sim, struct node *node, const struct peer_configuration *members)
{
	static struct buf buf;
	static struct machine_image image;

	image.state = node->machine.state;
	image.latest = *members;
	buf_reset(&buf, MIB);
	buf_add(&buf, &image, sizeof(image));
	if (sim->plan.real && executor_add_image(node, &image.state, &buf) == -1)
		return (NULL);
	memcpy(buf.data, &image, sizeof(image));
	return (packet_new(buf.data, buf.len));
}

int
machine_receive(struct sim *sim, struct node *node, const struct machine_image *image, size_t len)
{
	return (sim->plan.real ? executor_receive(node, image->database, len - sizeof(*image)) : 0);
}

int
machine_install(struct sim *sim, struct node *node, const struct machine_state *state)
{
	struct machine *machine = &node->machine;

	if (sim->plan.real) {
		clear_queue(machine);
		return (executor_install(sim, node, state));
	}
	/* Done again after a death in the middle, whatever is there: it may be in memory only. */
	if (put_state(node, state, LEDGER_INSTALLED) == -1)
		return (-1);
	clear_queue(machine);
	machine->state = *state;
	return (0);
}
