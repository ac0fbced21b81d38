/*
 * SQLite has no call to set its own count of changes, yet two cases need to
 * know whether a statement has set it: a schema change that deletes or inserts
 * rows on the way (DROP TABLE with foreign keys, CREATE VIRTUAL TABLE), and a
 * trigger that asks for changes(), which means the trigger's own last statement.
 * Before such statements the counter is set to an unlikely value by inserting
 * that many rows into a table module that keeps nothing.
 */
#include "proc/sql/tally.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK 97

struct nothing_cursor {
	sqlite3_vtab_cursor base;
};

static int
nothing_connect(
    sqlite3 *db, void *arg, int argc, const char *const *argv, sqlite3_vtab **out, char **error)
{
	int rc = sqlite3_declare_vtab(db, "CREATE TABLE x(a)");

	if (rc != SQLITE_OK)
		return (rc);
	*out = sqlite3_malloc(sizeof(**out));
	if (*out == NULL)
		return (SQLITE_NOMEM);
	memset(*out, 0, sizeof(**out));
	return (SQLITE_OK);
}

static int
nothing_disconnect(sqlite3_vtab *table)
{
	sqlite3_free(table);
	return (SQLITE_OK);
}

static int
nothing_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
	return (SQLITE_OK);
}

static int
nothing_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
	*out = sqlite3_malloc(sizeof(struct nothing_cursor));
	if (*out == NULL)
		return (SQLITE_NOMEM);
	memset(*out, 0, sizeof(struct nothing_cursor));
	return (SQLITE_OK);
}

static int
nothing_close(sqlite3_vtab_cursor *cursor)
{
	sqlite3_free(cursor);
	return (SQLITE_OK);
}

static int
nothing_filter(
    sqlite3_vtab_cursor *cursor, int number, const char *text, int argc, sqlite3_value **argv)
{
	return (SQLITE_OK);
}

static int
nothing_next(sqlite3_vtab_cursor *cursor)
{
	return (SQLITE_OK);
}

static int
nothing_eof(sqlite3_vtab_cursor *cursor)
{
	return (1);
}

static int
nothing_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int i)
{
	return (SQLITE_OK);
}

static int
nothing_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid)
{
	*rowid = 0;
	return (SQLITE_OK);
}

static int
nothing_update(sqlite3_vtab *table, int argc, sqlite3_value **argv, sqlite3_int64 *rowid)
{
	*rowid = 0;
	return (SQLITE_OK);
}

/* No xCreate: the table exists by its name and can not be created. */
static const sqlite3_module nothing_module = {
	.xConnect = nothing_connect,
	.xBestIndex = nothing_best_index,
	.xDisconnect = nothing_disconnect,
	.xOpen = nothing_open,
	.xClose = nothing_close,
	.xFilter = nothing_filter,
	.xNext = nothing_next,
	.xEof = nothing_eof,
	.xColumn = nothing_column,
	.xRowid = nothing_rowid,
	.xUpdate = nothing_update,
};

/* SQLite's own counter has moved since the statement began: we are inside a trigger. */
static void
sql_changes(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	const struct tally *c = sqlite3_user_data(context);
	int64_t own = sqlite3_changes64(c->db);

	sqlite3_result_int64(context, own != c->own_changes ? own : c->changes);
}

static void
sql_total_changes(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	const struct tally *c = sqlite3_user_data(context);

	sqlite3_result_int64(context, c->total + sqlite3_total_changes64(c->db) - c->own_total);
}

int
tally_attach(struct tally *c, sqlite3 *db)
{
	const int flags = SQLITE_UTF8 | SQLITE_INNOCUOUS;
	int rc;

	c->db = db;
	c->mark = NULL;
	rc = sqlite3_create_function(db, "changes", 0, flags, c, sql_changes, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_create_function(
		    db, "total_changes", 0, flags, c, sql_total_changes, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_create_module(db, TALLY_MODULE, &nothing_module, NULL);
	sqlite3_set_last_insert_rowid(db, c->rowid);
	c->own_changes = sqlite3_changes64(db);
	c->own_total = sqlite3_total_changes64(db);
	return (rc);
}

void
tally_detach(struct tally *c)
{
	sqlite3_finalize(c->mark);
	c->mark = NULL;
	c->db = NULL;
}

static void
set_mark(struct tally *c)
{
	static const char text[] =
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<97)"
	    " INSERT INTO " TALLY_MODULE " SELECT i FROM n";

	static_assert(MARK == 97, "the statement inserts as many rows");
	if (c->mark == NULL && sqlite3_prepare_v3(c->db, text, sizeof(text),
				   SQLITE_PREPARE_PERSISTENT, &c->mark, NULL) != SQLITE_OK)
		return;
	(void)sqlite3_step(c->mark);
	(void)sqlite3_reset(c->mark);
	sqlite3_set_last_insert_rowid(c->db, c->rowid);
}

void
tally_before(struct tally *c, bool marked)
{
	if (marked)
		set_mark(c);
	c->own_changes = sqlite3_changes64(c->db);
	c->own_total = sqlite3_total_changes64(c->db);
}

void
tally_after(struct tally *c, bool counts, bool marked)
{
	int64_t own = sqlite3_changes64(c->db), own_total = sqlite3_total_changes64(c->db);

	if (counts || (marked && own != c->own_changes))
		c->changes = own;
	c->total += own_total - c->own_total;
	c->rowid = sqlite3_last_insert_rowid(c->db);
	c->own_changes = own;
	c->own_total = own_total;
}

void
tally_restore(struct tally *c, int64_t rowid, int64_t changes, int64_t total)
{
	c->rowid = rowid;
	c->changes = changes;
	c->total = total;
	sqlite3_set_last_insert_rowid(c->db, rowid);
}
