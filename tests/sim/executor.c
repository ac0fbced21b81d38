/*
 * The real executor in simulated nodes: see executor.h.
 */
#include "tests/sim/executor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proc/sql/apply.h"
#include "proc/sql/sqlvfs.h"
#include "proc/sql/store.h"
#include "proto/entry.h"
#include "tests/sim/command.h"
#include "tests/sim/sim.h"
#include "tests/sim/vfs.h"

#define RECORD_CHANCE 3 /* one in so many batches is not followed by a ledger record */
#define READER_CHANCE 25 /* one in so many batches, a reader comes or goes */

static void
configure(const struct sim *sim, const struct node *node, struct store_config *config)
{
	static const char *const paths[SIM_NODES] = { "/0", "/1", "/2", "/3", "/4", "/5", "/6",
		"/7", "/8" };

	*config = (struct store_config){
		.path = paths[node->slot], .dir = disk_dir(node->db_disk), .scale = sim->plan.scale
	};
	vfs_mount(node->slot, config->dir);
}

static void
take_position(struct node *node)
{
	struct machine *machine = &node->machine;
	struct store_position at;

	store_get_position(machine->executor.store, &at);
	machine->state =
	    (struct machine_state){ .index = at.index, .term = at.term, .chain = at.chain };
	machine->base = store_base_index(machine->executor.store);
	machine->installed = store_is_installed(machine->executor.store);
}

int
executor_pick(struct sim *sim, struct node *node)
{
	struct store_config config;

	configure(sim, node, &config);
	node->machine.executor.store = store_pick(&config, &node->why);
	if (node->machine.executor.store == NULL)
		return (-1);
	take_position(node);
	replay_check(sim, node);
	return (0);
}

/* What a client hears: the row of an operation went in, by no other entry. */
static void
on_result(void *arg, const struct apply_entry *entry, const struct buf *results, const char *error)
{
	static const char good[] = "[{\"last_insert_id\":";
	struct node *node = arg;

	if (error != NULL || buf_size(results) < sizeof(good) - 1 ||
	    memcmp(buf_bytes(results), good, sizeof(good) - 1) != 0)
		sim_fail(entry->origin, "exactly once: n%u answers %llu with %s%.*s", node->slot,
		    (unsigned long long)entry->index, error != NULL ? error : "",
		    (int)buf_size(results), (const char *)buf_bytes(results));
}

int
executor_open(struct sim *sim, struct node *node)
{
	struct apply_config config = { .result = on_result, .arg = node };
	struct executor *executor = &node->machine.executor;

	if (store_open(executor->store, &node->why) == -1)
		return (-1);
	executor->apply = apply_new(executor->store, &config, &node->why);
	if (executor->apply == NULL)
		return (-1);
	sim->replay.recoveries++;
	take_position(node);
	replay_check(sim, node);
	return (0);
}

void
executor_forget(struct node *node)
{
	node->machine.executor = (struct executor){ NULL, NULL };
	sqlvfs_set_guard(SQLVFS_CLOSED);
	sqlvfs_entropy();
}

/* ---- applying ---- */

void
executor_fill(struct apply_entry *out, const struct machine_entry *entry)
{
	static struct buf schema;
	struct entry_head head;

	*out =
	    (struct apply_entry){ .index = entry->index, .term = entry->term, .type = APPLY_NOOP };
	if (entry->index == 1) {
		if (schema.len == 0)
			command_add_schema(&schema);
		out->type = APPLY_COMMAND;
		out->command = schema.data;
		out->len = schema.len;
	} else if (entry->type == PEER_ENTRY_COMMAND) {
		const uint8_t *data = entry->data + sizeof(struct command_model);
		size_t len = entry->len - sizeof(struct command_model);

		if (!entry_decode(data, len, &head))
			abort();
		out->type = APPLY_COMMAND;
		out->time_ns = head.time_ns;
		out->seed = head.seed;
		out->command = data + ENTRY_HEAD_SIZE;
		out->len = len - ENTRY_HEAD_SIZE;
	}
}

/* A batch from the front of the queue, which ends where the tables are compared. */
static uint32_t
take_batch(struct sim *sim, struct node *node, struct apply_entry *out)
{
	struct machine *machine = &node->machine;
	uint32_t n = 0, max = 1 + (uint32_t)rng_below(&node->faults.rng, SIM_APPLY_MAX);
	uint64_t last = machine->state.index;

	while (n < machine->count && n < max && (n == 0 || last % REPLAY_EVERY != 0)) {
		const struct machine_entry *entry = machine_peek(machine, n);

		if (entry->index != last + 1)
			sim_fail(sim, "n%u applies %llu after %llu", node->slot,
			    (unsigned long long)entry->index, (unsigned long long)last);
		last = entry->index;
		check_applying(sim, node, entry);
		replay_follow(sim, entry);
		executor_fill(&out[n], entry);
		if (machine_op(entry) != 0 && client_waits(sim, node, machine_op(entry)))
			out[n].origin = sim;
		n++;
	}
	return (n);
}

/* A machine failure: what a full disk calls for, as proc/sql/main.c does. */
static void
stall(struct sim *sim, struct node *node, int code)
{
	struct executor *executor = &node->machine.executor;

	if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB ||
	    node->faults.failed_writes == 0)
		sim_fail(sim, "n%u: its database fails at %llu: %s", node->slot,
		    (unsigned long long)node->machine.state.index + 1, sqlite3_errstr(code));
	TRACE(sim, "n%u can not apply: %s", node->slot, sqlite3_errstr(code));
	node->machine.stalled = true;
	(void)apply_checkpoint(executor->apply);
	store_give_reserve(executor->store);
}

uint32_t
executor_apply(struct sim *sim, struct node *node)
{
	static struct apply_entry entries[SIM_APPLY_MAX];
	struct machine *machine = &node->machine;
	struct executor *executor = &machine->executor;
	uint32_t n = take_batch(sim, node, entries), done;
	int code = SQLITE_OK;

	if (sim->plan.readers && rng_below(&node->faults.rng, READER_CHANCE) == 0)
		vfs_toggle_reader(node->slot);
	done = (uint32_t)apply_batch(executor->apply, entries, n, &code);
	machine->stalled = false;
	if (done > 0) {
		sim->replay.batches++;
		machine->state.index = apply_index(executor->apply);
		machine->state.term = entries[done - 1].term;
		machine->state.chain = apply_chain(executor->apply);
		if (machine->state.index != entries[done - 1].index)
			sim_fail(sim, "n%u says it is at %llu, not %llu", node->slot,
			    (unsigned long long)machine->state.index,
			    (unsigned long long)entries[done - 1].index);
		if (rng_below(&node->faults.rng, RECORD_CHANCE) != 0)
			store_record(executor->store);
		replay_check(sim, node);
		if (machine->state.index % REPLAY_EVERY == 0)
			replay_check_tables(sim, node);
	}
	if (done < n)
		stall(sim, node, code);
	else
		store_keep_reserve(executor->store);
	return (done);
}

bool
executor_wants_checkpoint(const struct node *node)
{
	struct store_demand demand = { .idle = node->machine.count == 0 };

	return (store_wants_checkpoint(node->machine.executor.store, &demand));
}

int
executor_checkpoint(struct sim *sim, struct node *node)
{
	struct machine *machine = &node->machine;
	uint64_t before = machine->base;
	int rc = apply_checkpoint(machine->executor.apply);

	TRACE(sim, "n%u checkpoint at %llu: %s", node->slot,
	    (unsigned long long)machine->state.index, sqlite3_errstr(rc));
	if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB)
		sim_fail(sim, "n%u: its database is damaged: %s", node->slot, sqlite3_errstr(rc));
	machine->base = store_base_index(machine->executor.store);
	sim->replay.checkpoints += machine->base != before;
	sim->replay.partial += machine->base == before && rc == SQLITE_OK;
	return (machine->base != before ? 0 : -1);
}

/* ---- images ---- */

int
executor_add_image(struct node *node, struct machine_state *state, struct buf *buf)
{
	struct store_position at;
	sqlite3_int64 size = 0;
	unsigned char *data =
	    sqlite3_serialize(store_db(node->machine.executor.store), "main", &size, 0);

	if (data == NULL)
		return (-1);
	buf_add(buf, data, (size_t)size);
	sqlite3_free(data);
	store_get_position(node->machine.executor.store, &at);
	state->counters[0] = at.rowid;
	state->counters[1] = at.changes;
	state->counters[2] = at.total;
	return (0);
}

int
executor_receive(struct node *node, const void *database, size_t len)
{
	struct file_dir *dir = disk_dir(node->db_disk);
	int file = dir->ops->open(dir, STORE_INCOMING, O_RDWR | O_CREAT | O_TRUNC), result;

	if (file == -1)
		return (-1);
	result = file_write(dir, file, database, len, 0);
	if (result == 0 && dir->ops->sync(dir, file) == -1)
		fatal_sync("db/" STORE_INCOMING ": sync");
	dir->ops->close(dir, file);
	if (result == -1)
		(void)dir->ops->unlink(dir, STORE_INCOMING);
	return (result);
}

int
executor_install(struct sim *sim, struct node *node, const struct machine_state *state)
{
	struct executor *executor = &node->machine.executor;
	struct store_position at = { .index = state->index,
		.term = state->term,
		.chain = state->chain,
		.rowid = state->counters[0],
		.changes = state->counters[1],
		.total = state->counters[2] };
	struct store_config config;

	apply_free(executor->apply);
	store_close(executor->store);
	executor_forget(node);
	configure(sim, node, &config);
	if (store_install(&config, &at, &node->why) == -1)
		return (-1);
	sim->replay.installs++;
	return (executor_pick(sim, node));
}
