/* The entries of the storage tests: see work.h. */
#include "tests/storage/work.h"

#include <stdio.h>
#include <string.h>

#include "proc/sql/sqlvfs.h"

#define SQL_SIZE 512

static const char schema[] =
    "CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER DEFAULT (random()), b BLOB, c TEXT DEFAULT "
    "CURRENT_TIMESTAMP);"
    "CREATE TABLE u(x, y);"
    "CREATE TABLE s(k INTEGER PRIMARY KEY, v, w UNIQUE);"
    "CREATE TABLE log(r DEFAULT (random()), n);"
    "CREATE TRIGGER tr AFTER UPDATE ON t BEGIN INSERT INTO log(n) VALUES(random() % 100); END;";

uint64_t
work_mix(uint64_t a, uint64_t b)
{
	uint64_t z = a * 0x9e3779b97f4a7c15ULL + b;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return (z ^ z >> 31);
}

static void
make_statement(char *sql, uint64_t r)
{
	unsigned n = (unsigned)(r >> 8 & 0xffff), kind = (unsigned)(r % 16);
	static const char *const fixed[] = {
		"INSERT INTO t(a) SELECT random() FROM t WHERE random() % 3 = 0 LIMIT 5",
		"INSERT INTO u SELECT id, hex(b) FROM t ORDER BY random() LIMIT 3",
		"INSERT INTO t(id) VALUES(1), (1)",
		"INSERT INTO t(b) VALUES(zeroblob(9000))",
		"CREATE INDEX IF NOT EXISTS i ON t(a)",
		"DROP INDEX IF EXISTS i",
	};

	if (kind < 6)
		(void)snprintf(sql, SQL_SIZE, "%s", fixed[kind]);
	else if (kind < 11)
		(void)snprintf(sql, SQL_SIZE,
		    "INSERT INTO t(a, b, c) VALUES(random(), randomblob(%u), datetime('now'))",
		    n % 1500);
	else if (kind == 11)
		(void)snprintf(sql, SQL_SIZE,
		    "UPDATE t SET b = randomblob(100), a = random() WHERE id %% 7 = %u", n % 7);
	else if (kind == 12)
		(void)snprintf(sql, SQL_SIZE, "DELETE FROM t WHERE id %% 5 = %u", n % 5);
	else if (kind == 13)
		(void)snprintf(sql, SQL_SIZE, "DELETE FROM u WHERE rowid %% 2 = %u", n % 2);
	else
		(void)snprintf(
		    sql, SQL_SIZE, "REPLACE INTO s VALUES(%u, random(), %u)", n % 20, n % 30);
}

static bool
is_failure_of_machine(int rc)
{
	rc &= 0xff;
	return (rc == SQLITE_FULL || rc == SQLITE_IOERR || rc == SQLITE_CANTOPEN ||
		rc == SQLITE_NOMEM || rc == SQLITE_BUSY || rc == SQLITE_CORRUPT ||
		rc == SQLITE_PROTOCOL);
}

static int
run_statement(const struct work *work, sqlite3 *db, struct store_position *at, unsigned number)
{
	uint64_t r = work_mix(work_mix(work->seed, at->index), number);
	char sql[SQL_SIZE];
	int rc;

	make_statement(sql, r);
	sqlvfs_statement((int64_t)(1000000000ULL * (at->index * 7 + 1)), r, number);
	rc = sqlite3_exec(db, at->index == 1 ? schema : sql, NULL, NULL, NULL);
	if (is_failure_of_machine(rc))
		return (rc);
	at->rowid = sqlite3_last_insert_rowid(db);
	at->changes = rc == SQLITE_OK ? sqlite3_changes(db) : 0;
	at->total += at->changes;
	at->chain = work_mix(at->chain, work_mix((uint64_t)rc, (uint64_t)at->rowid));
	return (SQLITE_OK);
}

static unsigned
count_statements(const struct work *work, uint64_t index)
{
	return (index == 1 ? 1 : 1 + (unsigned)(work_mix(work->seed + 1, index) % 3));
}

/* Entries whose statements commit one by one, before a ledger record says so. */
static bool
is_alone(const struct work *work, uint64_t index)
{
	return (index != 1 && work_mix(work->seed + 2, index) % 10 == 0);
}

static int
run_alone(struct work *work, struct store *store)
{
	struct store_position now;
	int rc;

	if (work->alone_done == 0) {
		work->next = work->at;
		work->next.index++;
	}
	while (work->alone_done < count_statements(work, work->next.index)) {
		now = work->next;
		sqlite3_set_last_insert_rowid(store_db(store), now.rowid);
		rc = run_statement(work, store_db(store), &now, work->alone_done);
		if (rc != SQLITE_OK)
			return (rc);
		work->next = now;
		work->alone_done++;
	}
	rc = store_commit(store, &work->next);
	if (rc != SQLITE_OK)
		return (rc);
	work->at = work->next;
	work->alone_done = 0;
	return (SQLITE_OK);
}

static int
run_together(struct work *work, struct store *store, unsigned count)
{
	struct store_position now = work->at;
	unsigned n, number;
	int rc = sqlite3_exec(store_db(store), "BEGIN IMMEDIATE", NULL, NULL, NULL);

	sqlite3_set_last_insert_rowid(store_db(store), now.rowid);
	for (n = 0; rc == SQLITE_OK && n < count && !is_alone(work, now.index + 1); n++) {
		now.index++;
		for (number = 0; rc == SQLITE_OK && number < count_statements(work, now.index);
		     number++)
			rc = run_statement(work, store_db(store), &now, number);
	}
	if (rc == SQLITE_OK)
		rc = store_commit(store, &now);
	if (rc == SQLITE_OK)
		work->at = now;
	else if (!sqlite3_get_autocommit(store_db(store)))
		(void)sqlite3_exec(store_db(store), "ROLLBACK", NULL, NULL, NULL);
	return (rc);
}

int
work_batch(struct work *work, struct store *store, unsigned count)
{
	int rc = store_settle(store);

	if (rc != SQLITE_OK)
		return (rc);
	rc = is_alone(work, work->at.index + 1) ? run_alone(work, store)
						: run_together(work, store, count);
	/* The ledger hears of most commits, not of each. */
	if (rc == SQLITE_OK && work->at.index % 4 != 3) {
		store_record(store);
		work->recorded = work->at.index;
	}
	return (rc);
}

static uint64_t
hash_bytes(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t word;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		hash = (hash ^ word) * 0x100000001b3ULL;
		hash ^= hash >> 29;
	}
	for (; len > 0; len--)
		hash = (hash ^ *p++) * 0x100000001b3ULL;
	return (hash);
}

static bool
hash_rows(sqlite3 *db, const char *sql, uint64_t *hash)
{
	sqlite3_stmt *stmt;
	int i, rc;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return (false);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		for (i = 0; i < sqlite3_column_count(stmt); i++) {
			*hash = work_mix(*hash, (uint64_t)sqlite3_column_type(stmt, i));
			*hash = hash_bytes(*hash, sqlite3_column_blob(stmt, i),
			    (size_t)sqlite3_column_bytes(stmt, i));
		}
	(void)sqlite3_finalize(stmt);
	return (rc == SQLITE_DONE);
}

uint64_t
work_dump(sqlite3 *db)
{
	static const char *const tables[] = { "t", "u", "s", "log" };
	uint64_t hash = 1;
	char sql[64];
	size_t i;

	if (!hash_rows(
		db, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name", &hash))
		return (0);
	if (hash == 1)
		return (hash); /* before the first entry */
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		(void)snprintf(
		    sql, sizeof(sql), "SELECT rowid, * FROM %s ORDER BY rowid", tables[i]);
		if (!hash_rows(db, sql, &hash))
			return (0);
	}
	return (hash);
}

bool
work_is_whole(sqlite3 *db)
{
	sqlite3_stmt *stmt;
	bool whole;

	if (sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL) != SQLITE_OK)
		return (false);
	whole = sqlite3_step(stmt) == SQLITE_ROW &&
		strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0;
	(void)sqlite3_finalize(stmt);
	return (whole);
}
