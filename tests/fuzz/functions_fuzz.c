/*
 * Fuzz target: the functions that take the place of SQLite's give what SQLite's
 * give, of whatever texts and blobs.
 *
 * The first byte says which function and of what type the arguments are, the
 * second and third where they end.
 */
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proc/sql/functions.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define ARGUMENTS 3

static const char *const calls[] = {
	"SELECT instr(?1, ?2)",
	"SELECT replace(?1, ?2, ?3)",
	"SELECT trim(?1)",
	"SELECT trim(?1, ?2)",
	"SELECT ltrim(?1, ?2)",
	"SELECT rtrim(?1, ?2)",
	"SELECT json_patch(?1, ?2)",
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

struct side {
	sqlite3 *db;
	sqlite3_stmt *stmts[CALLS];
};

static struct side ours, theirs;

static void
open_side(struct side *side)
{
	size_t i;

	if (sqlite3_open(":memory:", &side->db) != SQLITE_OK)
		abort();
	if (side == &ours && functions_register(side->db) != SQLITE_OK)
		abort();
	for (i = 0; i < CALLS; i++)
		if (sqlite3_prepare_v2(side->db, calls[i], -1, &side->stmts[i], NULL) != SQLITE_OK)
			abort();
}

static void
bind(sqlite3_stmt *stmt, int i, const uint8_t *data, int len, unsigned type)
{
	if (i > sqlite3_bind_parameter_count(stmt))
		return;
	if (type == 0)
		sqlite3_bind_text(stmt, i, (const char *)data, len, SQLITE_STATIC);
	else if (type == 1)
		sqlite3_bind_blob(stmt, i, data, len, SQLITE_STATIC);
	else if (type == 2)
		sqlite3_bind_int64(stmt, i, len > 0 ? data[0] : -1);
	else
		sqlite3_bind_null(stmt, i);
}

static int
run(const struct side *side, unsigned what, const uint8_t *data, const int ends[ARGUMENTS + 1])
{
	sqlite3_stmt *stmt = side->stmts[what % CALLS];
	unsigned types = what / CALLS;
	int i;

	for (i = 0; i < ARGUMENTS; i++, types /= 4)
		bind(stmt, i + 1, data + ends[i], ends[i + 1] - ends[i], types % 4);
	return (sqlite3_step(stmt));
}

static void
compare(sqlite3_stmt *a, sqlite3_stmt *b)
{
	int len = sqlite3_column_bytes(a, 0);

	if (sqlite3_column_type(a, 0) != sqlite3_column_type(b, 0) ||
	    len != sqlite3_column_bytes(b, 0) ||
	    (len > 0 &&
		memcmp(sqlite3_column_blob(a, 0), sqlite3_column_blob(b, 0), (size_t)len) != 0))
		__builtin_trap();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int ends[ARGUMENTS + 1] = { 0 }, rc;
	unsigned what;

	if (size < 3 || size > 4096)
		return (0);
	if (ours.db == NULL) {
		open_side(&ours);
		open_side(&theirs);
	}
	what = data[0];
	ends[ARGUMENTS] = (int)size - 3;
	ends[1] = data[1] % (ends[ARGUMENTS] + 1);
	ends[2] = ends[1] + data[2] % (ends[ARGUMENTS] - ends[1] + 1);
	rc = run(&ours, what, data + 3, ends);
	if (rc != run(&theirs, what, data + 3, ends))
		__builtin_trap();
	if (rc == SQLITE_ROW)
		compare(ours.stmts[what % CALLS], theirs.stmts[what % CALLS]);
	sqlite3_reset(ours.stmts[what % CALLS]);
	sqlite3_reset(theirs.stmts[what % CALLS]);
	return (0);
}
