/*
 * The replay: see replay.h.
 */
#include "tests/sim/replay.h"

#include <stdlib.h>
#include <string.h>

#include "proc/sql/applier.h"
#include "proc/sql/store.h"
#include "tests/sim/sim.h"
#include "tests/sim/vfs.h"

#define MOUNT SIM_NODES /* behind those of the nodes */
#define PATH "/9"

_Static_assert(MOUNT == 9, "PATH names it");

typedef unsigned long long ull;

static void
ignore_result(
    void *arg, const struct apply_entry *entry, const struct buf *results, const char *error)
{
}

void
replay_init(struct sim *sim)
{
	struct replay *replay = &sim->replay;
	struct store_config config = { .path = PATH };
	struct apply_config apply = { .result = ignore_result };
	struct error error;

	vfs_init();
	replay->faults.capacity = 1U << 30;
	replay->disk = disk_new(&replay->faults);
	config.dir = disk_dir(replay->disk);
	vfs_mount(MOUNT, config.dir);
	replay->executor.store = store_pick(&config, &error);
	if (replay->executor.store == NULL || store_open(replay->executor.store, &error) == -1)
		sim_fail(sim, "replay: %s", error.text);
	replay->executor.apply = apply_new(replay->executor.store, &apply, &error);
	if (replay->executor.apply == NULL)
		sim_fail(sim, "replay: %s", error.text);
}

void
replay_fini(struct sim *sim)
{
	struct replay *replay = &sim->replay;

	if (replay->disk == NULL)
		return;
	if (replay->executor.apply != NULL)
		apply_free(replay->executor.apply);
	if (replay->executor.store != NULL)
		store_close(replay->executor.store);
	disk_free(replay->disk);
	free(replay->dumps);
}

/* ---- what a database holds ---- */

/* Runs a query of ours past what watches over those of clients. */
static void
query(struct sim *sim, struct executor *executor, const char *sql,
    void (*each)(void *, sqlite3_stmt *), void *arg)
{
	struct exec *exec = &executor->apply->exec;
	sqlite3_stmt *stmt;
	int rc;

	exec->authorizer.internal = true;
	exec->entry.steps_left = INT64_MAX;
	rc = sqlite3_prepare_v2(exec->db, sql, -1, &stmt, NULL);
	while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
		each(arg, stmt);
	if (rc == SQLITE_OK)
		rc = sqlite3_finalize(stmt);
	exec->authorizer.internal = false;
	if (rc != SQLITE_OK)
		sim_fail(sim, "%s: %s", sql, sqlite3_errstr(rc));
}

static void
add_row(void *arg, sqlite3_stmt *stmt)
{
	uint64_t *hash = arg;
	int i;

	for (i = 0; i < sqlite3_column_count(stmt); i++) {
		const void *data = sqlite3_column_blob(stmt, i);
		size_t len = (size_t)sqlite3_column_bytes(stmt, i);

		*hash = rng_mix(*hash ^ check_hash((uint64_t)sqlite3_column_type(stmt, i), 0,
					    data != NULL ? data : "", len));
	}
}

static uint64_t
dump(struct sim *sim, struct executor *executor)
{
	static const char *const queries[] = {
		"SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name",
		"SELECT * FROM ops ORDER BY id",
		"SELECT * FROM regs ORDER BY k",
		"SELECT * FROM pads ORDER BY id",
	};
	uint64_t hash = 1;
	size_t i;

	for (i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
		query(sim, executor, queries[i], add_row, &hash);
	return (hash);
}

static void
take_number(void *arg, sqlite3_stmt *stmt)
{
	*(uint64_t *)arg = (uint64_t)sqlite3_column_int64(stmt, 0);
}

static void
take_verdict(void *arg, sqlite3_stmt *stmt)
{
	*(bool *)arg = strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0;
}

/* ---- the replay ---- */

static void
note_dump(struct sim *sim)
{
	struct replay *replay = &sim->replay;
	size_t n = replay->index / REPLAY_EVERY;

	if (n >= replay->dumps_cap) {
		replay->dumps_cap = n < 32 ? 64 : n * 2;
		replay->dumps = realloc(replay->dumps, replay->dumps_cap * sizeof(*replay->dumps));
		if (replay->dumps == NULL)
			abort();
	}
	replay->dumps[n] = dump(sim, &replay->executor);
	if (apply_checkpoint(replay->executor.apply) != SQLITE_OK)
		sim_fail(sim, "replay: a checkpoint fails at %llu", (ull)replay->index);
}

void
replay_follow(struct sim *sim, const struct machine_entry *entry)
{
	struct replay *replay = &sim->replay;
	struct apply_entry one;
	int code;

	if (entry->index <= replay->index)
		return;
	executor_fill(&one, entry);
	if (entry->index != replay->index + 1 ||
	    apply_batch(replay->executor.apply, &one, 1, &code) != 1)
		sim_fail(sim, "replay: entry %llu can not be applied", (ull)entry->index);
	replay->index = entry->index;
	check_chain(sim, entry->index, apply_chain(replay->executor.apply));
	if (machine_op(entry) != 0)
		check_once(sim, machine_op(entry), entry->index);
	if (replay->index % REPLAY_EVERY == 0)
		note_dump(sim);
}

void
replay_check(struct sim *sim, struct node *node)
{
	if (node->machine.state.index > sim->replay.index)
		sim_fail(sim, "n%u: its database is at %llu, nobody applied that", node->slot,
		    (ull)node->machine.state.index);
	if (node->machine.state.index > 0)
		check_state(sim, node, node->machine.state.index, node->machine.state.chain);
}

void
replay_check_tables(struct sim *sim, struct node *node)
{
	uint64_t index = node->machine.state.index;

	if (dump(sim, &node->machine.executor) != sim->replay.dumps[index / REPLAY_EVERY])
		sim_fail(sim, "state machine safety: n%u holds other rows at %llu than a replay",
		    node->slot, (ull)index);
}

static void
check_node(struct sim *sim, struct node *node, uint64_t dumped)
{
	uint64_t rows = 0;
	bool whole = false;

	query(sim, &node->machine.executor, "PRAGMA integrity_check", take_verdict, &whole);
	if (!whole)
		sim_fail(sim, "n%u: its database is damaged", node->slot);
	if (node->machine.state.index != sim->replay.index)
		return;
	if (dump(sim, &node->machine.executor) != dumped)
		sim_fail(
		    sim, "state machine safety: n%u holds other rows than a replay", node->slot);
	query(sim, &node->machine.executor, "SELECT count(*) FROM ops", take_number, &rows);
	if (rows != check_count_ops(sim))
		sim_fail(sim, "exactly once: n%u has %llu rows of %llu operations", node->slot,
		    (ull)rows, (ull)check_count_ops(sim));
}

void
replay_check_all(struct sim *sim)
{
	uint64_t dumped = dump(sim, &sim->replay.executor);
	unsigned i;

	for (i = 0; i < SIM_NODES; i++)
		if (sim->nodes[i].up)
			check_node(sim, &sim->nodes[i], dumped);
}
