/*
 * Clients: write and read through nodes that they believe to lead, some through
 * any.  An acknowledged write and a finished read raise a floor; whatever begins
 * later must see at least that (linearizability in terms of the log's index: the
 * state at an index is the same everywhere, as check.c proves).
 */
#include "tests/sim/client.h"

#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "tests/sim/command.h"
#include "tests/sim/sim.h"

typedef unsigned long long ull;

static struct op *
op_find(struct sim *sim, uint64_t id)
{
	struct op *op = &sim->clients.ops[id % SIM_OPS];

	return (op->id == id && op->state != OP_NONE && op->state != OP_DONE ? op : NULL);
}

static void
schedule(struct sim *sim, unsigned client)
{
	struct event event = { .kind = EVENT_CLIENT, .node = (uint8_t)client };

	sched_add(&sim->sched, event, rng_range(&sim->clients.rng, 1, 2 * sim->plan.client_us));
}

void
client_init(struct sim *sim)
{
	unsigned i;

	rng_init(&sim->clients.rng, sim->seed, STREAM_CLIENT);
	sim->clients.next = 1;
	for (i = 0; i < sim->plan.clients; i++)
		schedule(sim, i);
}

/* Mostly a node that leads or thinks so, sometimes any. */
static struct node *
choose_node(struct sim *sim)
{
	struct rng *rng = &sim->clients.rng;
	unsigned start = (unsigned)rng_below(rng, SIM_NODES), i;

	if (!rng_chance(rng, 100000))
		for (i = 0; i < SIM_NODES; i++) {
			struct node *node = &sim->nodes[(start + i) % SIM_NODES];

			if (node_leads(node))
				return (node);
		}
	return (sim->nodes[start].up ? &sim->nodes[start] : NULL);
}

void
client_act(struct sim *sim, unsigned client)
{
	struct clients *clients = &sim->clients;
	struct node *node = choose_node(sim);
	struct input input = { .kind = INPUT_PROPOSE };
	struct op *op;

	schedule(sim, client);
	check_leases(sim);
	if (node == NULL)
		return;
	op = &clients->ops[clients->next % SIM_OPS];
	*op = (struct op){ .id = clients->next++,
		.state = OP_SENT,
		.node = node->slot,
		.life = node->life,
		.floor = clients->acknowledged };
	op->read = rng_chance(&clients->rng, sim->plan.read_ppm);
	op->key = rng_below(&clients->rng, SIM_REGISTERS);
	op->value = op->id;
	input.number = op->id;
	if (op->read)
		input.kind = INPUT_READ;
	node_input(sim, node, input);
}

/* The model's command and as many bytes more, or SQL of which some are written. */
static void
make_command(struct sim *sim, const struct command_model *command, uint32_t more, struct buf *out)
{
	buf_reset(out, MIB);
	if (sim->plan.real) {
		command_add(out, command, more);
	} else {
		buf_add(out, command, sizeof(*command));
		memset(buf_reserve(out, more), (int)command->op, more);
		out->len += more;
	}
}

void
client_propose(struct sim *sim, struct node *node, uint64_t id)
{
	static struct buf made;
	const struct op *op = op_find(sim, id);
	struct command_model command;
	struct peer_entry entry = { .type = PEER_ENTRY_COMMAND };
	uint8_t *data;
	uint64_t index;

	if (op == NULL)
		return;
	command = (struct command_model){ op->id, op->key, op->value };
	make_command(sim, &command,
	    (uint32_t)rng_below(&sim->clients.rng, sim->plan.payload + 1), &made);
	data = entries_alloc(&node->entries, made.len, &entry.owner);
	memcpy(data, buf_bytes(&made), made.len);
	entry.data = data;
	entry.len = (uint32_t)made.len;
	if (core_propose(node->core, &entry, &index) == CORE_OK)
		TRACE(sim, "n%u takes write %llu as %llu", node->slot, (ull)id, (ull)index);
	else
		entries_release(&node->entries, entry.owner);
}

void
client_read(struct sim *sim, struct node *node, uint64_t id)
{
	if (op_find(sim, id) != NULL)
		(void)core_read_index(node->core, id);
}

static void
raise_floor(struct sim *sim, uint64_t index)
{
	if (index > sim->clients.acknowledged)
		sim->clients.acknowledged = index;
}

static void
finish_read(struct sim *sim, struct node *node, struct op *op)
{
	uint64_t index = node->machine.state.index;

	TRACE(sim, "n%u answers read %llu at %llu", node->slot, (ull)op->id, (ull)index);
	if (index < op->floor)
		sim_fail(sim,
		    "linearizability: n%u answers read %llu from index %llu, but %llu was known to "
		    "a client "
		    "before it began",
		    node->slot, (ull)op->id, (ull)index, (ull)op->floor);
	raise_floor(sim, index);
	op->state = OP_DONE;
	sim->clients.reads++;
}

void
client_read_confirmed(struct sim *sim, struct node *node, uint64_t id, uint64_t index)
{
	struct op *op = op_find(sim, id);

	if (op == NULL || index == 0)
		return;
	op->index = index;
	op->state = OP_CONFIRMED;
	if (node->machine.state.index >= index)
		finish_read(sim, node, op);
	else if (node->waiting_count < SIM_WAITING)
		node->waiting[node->waiting_count++] = id;
}

void
client_reads_due(struct sim *sim, struct node *node)
{
	uint32_t i, kept = 0;

	for (i = 0; i < node->waiting_count; i++) {
		struct op *op = op_find(sim, node->waiting[i]);

		if (op == NULL || op->life != node->life)
			continue;
		if (op->index <= node->machine.state.index)
			finish_read(sim, node, op);
		else
			node->waiting[kept++] = node->waiting[i];
	}
	node->waiting_count = kept;
}

bool
client_waits(struct sim *sim, const struct node *node, uint64_t id)
{
	const struct op *op = op_find(sim, id);

	return (op != NULL && op->node == node->slot && op->life == node->life);
}

void
client_applied(struct sim *sim, struct node *node, uint64_t id, uint64_t index)
{
	struct op *op = op_find(sim, id);

	if (!client_waits(sim, node, id))
		return;
	TRACE(sim, "n%u acknowledges write %llu at %llu", node->slot, (ull)id, (ull)index);
	if (index <= op->floor)
		sim_fail(sim,
		    "linearizability: write %llu is at %llu, but %llu was known before it began",
		    (ull)id, (ull)index, (ull)op->floor);
	raise_floor(sim, index);
	op->state = OP_DONE;
	sim->clients.writes++;
}
