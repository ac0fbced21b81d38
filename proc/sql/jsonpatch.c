/*
 * json_patch(); see jsonpatch.h.
 *
 * The work is SQLite's: a function that is replaced can not be called any more on the
 * connection, so it is called on a second one, empty and in memory, made when first needed.
 */
#include "proc/sql/jsonpatch.h"

#include <stdint.h>
#include <stdlib.h>

/* Comparisons of two names, about a second's. */
#define COMPARISONS_MAX (UINT64_C(1) << 28)

struct patcher {
	sqlite3 *db;
	sqlite3_stmt *stmt;
};

static void
patcher_free(void *arg)
{
	struct patcher *p = arg;

	sqlite3_finalize(p->stmt);
	sqlite3_close(p->db);
	free(p);
}

static int
make_ready(struct patcher *p)
{
	int rc = SQLITE_OK;

	if (p->db == NULL)
		rc = sqlite3_open(":memory:", &p->db);
	if (rc == SQLITE_OK && p->stmt == NULL)
		rc = sqlite3_prepare_v2(p->db, "SELECT json_patch(?1, ?2)", -1, &p->stmt, NULL);
	return (rc);
}

/* Members of all objects in the text, or more if it is no JSON. */
static uint64_t
count_members(const unsigned char *json)
{
	uint64_t n = 0;

	for (; *json != '\0'; json++) {
		if (*json == ':')
			n++;
		if (*json != '"')
			continue;
		for (json++; *json != '"'; json++) {
			json += *json == '\\';
			if (*json == '\0')
				return (n);
		}
	}
	return (n);
}

static int
run(struct patcher *p, sqlite3_value **argv)
{
	int rc;

	rc = sqlite3_bind_value(p->stmt, 1, argv[0]);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_value(p->stmt, 2, argv[1]);
	return (rc == SQLITE_OK ? sqlite3_step(p->stmt) : rc);
}

static void
give_result(sqlite3_context *context, const struct patcher *p, int rc)
{
	if (rc == SQLITE_ROW) {
		sqlite3_result_value(context, sqlite3_column_value(p->stmt, 0));
		if (sqlite3_column_type(p->stmt, 0) == SQLITE_TEXT)
			sqlite3_result_subtype(context, 'J');
	} else if ((rc & 0xff) == SQLITE_NOMEM)
		sqlite3_result_error_nomem(context);
	else if ((rc & 0xff) == SQLITE_TOOBIG)
		sqlite3_result_error_toobig(context);
	else
		sqlite3_result_error(context, sqlite3_errmsg(p->db), -1);
}

static void
sql_json_patch(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	struct patcher *p = sqlite3_user_data(context);
	const unsigned char *json, *patch;
	int rc;

	json = sqlite3_value_text(argv[0]);
	patch = sqlite3_value_text(argv[1]);
	if (json != NULL && patch != NULL &&
	    count_members(json) * count_members(patch) > COMPARISONS_MAX) {
		sqlite3_result_error(context, "JSON is too large to be patched", -1);
		return;
	}
	rc = make_ready(p);
	if (rc != SQLITE_OK) {
		sqlite3_result_error_nomem(context);
		return;
	}
	(void)sqlite3_limit(p->db, SQLITE_LIMIT_LENGTH,
	    sqlite3_limit(sqlite3_context_db_handle(context), SQLITE_LIMIT_LENGTH, -1));
	give_result(context, p, run(p, argv));
	(void)sqlite3_reset(p->stmt);
	(void)sqlite3_clear_bindings(p->stmt);
}

int
jsonpatch_register(sqlite3 *db)
{
	struct patcher *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return (SQLITE_NOMEM);
	return (sqlite3_create_function_v2(db, "json_patch", 2,
	    SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, p, sql_json_patch, NULL, NULL,
	    patcher_free));
}
