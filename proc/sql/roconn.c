/* Read-only connections; see roconn.h. */
#include "proc/sql/roconn.h"

#include <string.h>

#include "proc/sql/connection.h"

#define BUSY_MS 5000

static const char *const texts[ROCONN_STATEMENT__COUNT] = {
	[ROCONN_BEGIN] = "BEGIN",
	[ROCONN_COMMIT] = "COMMIT",
};

static int
settle(struct roconn *r)
{
	int rc;

	sqlite3_busy_timeout(r->db, BUSY_MS);
	rc = connection_confine(r->db);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(r->db, "PRAGMA temp_store=2", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(r->db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(r->db, "PRAGMA query_only=1", NULL, NULL, NULL);
	return (rc);
}

int
roconn_open(struct roconn *r, const char *path, bool foreign_keys, struct error *e)
{
	unsigned char random;
	int rc;

	memset(r, 0, sizeof(*r));
	r->foreign_keys = foreign_keys;
	/* The generator opens a file at its first use. */
	sqlite3_randomness(1, &random);
	rc = sqlite3_open_v2(path, &r->db, SQLITE_OPEN_READONLY, NULL);
	if (rc == SQLITE_OK)
		rc = settle(r);
	if (rc != SQLITE_OK) {
		(void)error_set(e, "%s: %s", path, sqlite3_errstr(rc));
		sqlite3_close(r->db);
		r->db = NULL;
		return (-1);
	}
	stmtcache_init(&r->cache, r->db, &r->authorizer);
	authorizer_install(&r->authorizer, r->db);
	authorizer_reset_pragmas(&r->authorizer, r->db, foreign_keys);
	return (0);
}

void
roconn_close(struct roconn *r)
{
	int i;

	if (r->db == NULL)
		return;
	stmtcache_clear(&r->cache);
	for (i = 0; i < ROCONN_STATEMENT__COUNT; i++)
		sqlite3_finalize(r->statements[i]);
	sqlite3_close(r->db);
	r->db = NULL;
}

static int
run(struct roconn *r, enum roconn_statement which)
{
	sqlite3_stmt **stmt = &r->statements[which];
	int rc = SQLITE_OK;

	r->authorizer.internal = true;
	if (*stmt == NULL)
		rc = sqlite3_prepare_v3(
		    r->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
	if (rc == SQLITE_OK) {
		(void)sqlite3_step(*stmt);
		rc = sqlite3_reset(*stmt);
	}
	r->authorizer.internal = false;
	return (rc);
}

void
roconn_begin(struct roconn *r)
{
	r->begun = run(r, ROCONN_BEGIN) == SQLITE_OK;
}

void
roconn_end(struct roconn *r)
{
	if (!sqlite3_get_autocommit(r->db) && run(r, ROCONN_COMMIT) != SQLITE_OK) {
		r->authorizer.internal = true;
		sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
		r->authorizer.internal = false;
	}
	r->begun = false;
}

void
roconn_reset(struct roconn *r)
{
	roconn_end(r);
	stmtcache_clear(&r->cache);
	authorizer_reset_pragmas(&r->authorizer, r->db, r->foreign_keys);
}
