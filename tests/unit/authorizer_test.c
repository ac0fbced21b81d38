/*
 * What SQL may not do, what it may, and what is noted about it; and the functions that replace
 * SQLite's.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proc/sql/authorizer.h"
#include "proc/sql/connection.h"
#include "proc/sql/sqltext.h"
#include "proc/sql/tally.h"

static sqlite3 *db;
static struct authorizer authorizer;

static int
set_up(void **state)
{
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(connection_confine(db), SQLITE_OK);
	authorizer.writer = true;
	authorizer_install(&authorizer, db);
	return (sqlite3_exec(db, "CREATE TABLE t(a, b)", NULL, NULL, NULL));
}

static int
tear_down(void **state)
{
	return (sqlite3_close(db));
}

/* Prepares and steps; SQLite's primary code. */
static int
run(const char *sql)
{
	sqlite3_stmt *stmt;
	int rc;

	authorizer.seen = 0;
	rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	if (rc != SQLITE_OK)
		return (rc & 0xff);
	authorizer.stepping = true;
	(void)sqlite3_step(stmt);
	authorizer.stepping = false;
	rc = sqlite3_finalize(stmt);
	return (rc & 0xff);
}

static void
files_are_out_of_reach(void **state)
{
	assert_int_equal(run("ATTACH '/tmp/x' AS x"), SQLITE_AUTH);
	assert_int_equal(run("ATTACH '' AS x"), SQLITE_AUTH);
	assert_int_equal(run("ATTACH ':memory:' AS x"), SQLITE_AUTH);
	assert_int_equal(run("DETACH main"), SQLITE_AUTH);
	assert_int_not_equal(run("VACUUM INTO '/tmp/rqlited-authorizer-test'"), SQLITE_OK);
	assert_int_equal(run("VACUUM"), SQLITE_OK);
	assert_int_equal(run("SELECT load_extension('x')"), SQLITE_ERROR);
	assert_string_equal(sqlite3_errmsg(db), "not authorized");
	assert_int_not_equal(run("SELECT fts3_tokenizer('simple')"), SQLITE_OK);
}

static void
the_schema_is_not_writable(void **state)
{
	assert_int_equal(run("PRAGMA writable_schema=1"), SQLITE_AUTH);
	assert_int_not_equal(run("UPDATE sqlite_schema SET sql='x'"), SQLITE_OK);
	assert_int_equal(run("CREATE VIRTUAL TABLE f USING fts5(x)"), SQLITE_OK);
	assert_int_not_equal(run("DELETE FROM f_data"), SQLITE_OK);
	assert_int_equal(run("INSERT INTO f VALUES('a')"), SQLITE_OK);
	assert_int_equal(run("DROP TABLE f"), SQLITE_OK);
}

static int
number(const char *sql)
{
	sqlite3_stmt *stmt;
	int value;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	value = sqlite3_column_int(stmt, 0);
	assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
	return (value);
}

static void
the_connection_is_confined(void **state)
{
	int on = -1;

	assert_int_equal(number("PRAGMA trusted_schema"), 0);
	assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, -1, &on), SQLITE_OK);
	assert_int_equal(on, 1);
	assert_int_equal(
	    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, -1, &on), SQLITE_OK);
	assert_int_equal(on, 0);
	assert_int_equal(
	    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, -1, &on), SQLITE_OK);
	assert_int_equal(on, 0);
	assert_int_equal(number("SELECT 'a' LIKE printf('%.*c', 4096, '%')"), 1);
	assert_int_equal(run("SELECT 'a' LIKE printf('%.*c', 4097, '%')"), SQLITE_ERROR);
	assert_string_equal(sqlite3_errmsg(db), "LIKE or GLOB pattern too complex");
}

static void
pragmas_are_listed(void **state)
{
	static const struct {
		const char *sql;
		int rc;
		bool forbidden;
	} cases[] = {
		{ "PRAGMA journal_mode", SQLITE_OK, false },
		{ "PRAGMA journal_mode=DELETE", SQLITE_AUTH, true },
		{ "PRAGMA main.journal_mode(DELETE)", SQLITE_AUTH, true },
		{ "/* c */ PRAGMA \"synchronous\"=1", SQLITE_AUTH, true },
		{ "PRAGMA query_only=1", SQLITE_AUTH, true },
		{ "PRAGMA wal_checkpoint", SQLITE_AUTH, true },
		{ "PRAGMA wal_autocheckpoint=7", SQLITE_AUTH, true },
		{ "PRAGMA trusted_schema=1", SQLITE_AUTH, false },
		{ "PRAGMA temp_store=1", SQLITE_AUTH, false },
		{ "PRAGMA locking_mode=EXCLUSIVE", SQLITE_AUTH, false },
		{ "PRAGMA hard_heap_limit=1", SQLITE_AUTH, false },
		{ "PRAGMA soft_heap_limit", SQLITE_AUTH, false },
		{ "PRAGMA temp_store_directory='/tmp'", SQLITE_AUTH, false },
		{ "PRAGMA schema_version=9", SQLITE_AUTH, false },
		{ "PRAGMA user_version=7", SQLITE_OK, false },
		{ "PRAGMA foreign_keys=0", SQLITE_OK, false },
		{ "PRAGMA table_info(t)", SQLITE_OK, false },
		{ "PRAGMA mmap_size=1000000", SQLITE_OK, false },
		{ "PRAGMA nope", SQLITE_OK, false },
		{ "PRAGMA nope=1", SQLITE_OK, false },
		{ "SELECT * FROM pragma_table_info('t')", SQLITE_OK, false },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (run(cases[i].sql) != cases[i].rc)
			fail_msg("%s", cases[i].sql);
		assert_int_equal((authorizer.seen & SEEN_FORBIDDEN) != 0, cases[i].forbidden);
		assert_true(authorizer.seen & SEEN_PRAGMA);
	}
	/* A hint is accepted and does nothing. */
	assert_int_equal(sqlite3_exec(db, "PRAGMA cache_size=12345", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(run("SELECT 1 FROM pragma_cache_size WHERE cache_size=12345"), SQLITE_OK);
}

static void
what_marks_a_connection_is_noted(void **state)
{
	static const struct {
		const char *sql;
		unsigned seen;
	} cases[] = {
		{ "SELECT a FROM t", 0 },
		{ "INSERT INTO t VALUES(1, 2)", 0 },
		{ "SAVEPOINT s", SEEN_TRANSACTION },
		{ "RELEASE s", SEEN_TRANSACTION },
		{ "CREATE TEMP TABLE tt(x)", SEEN_TEMP },
		{ "INSERT INTO temp.tt VALUES(1)", SEEN_TEMP },
		{ "DROP TABLE tt", SEEN_TEMP },
		{ "ANALYZE", SEEN_ANALYZE },
		{ "CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT changes(); END", 0 },
		{ "INSERT INTO t VALUES(1, 2)", SEEN_COUNTERS },
		{ "DROP TRIGGER tr", 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(run(cases[i].sql), SQLITE_OK);
		if ((authorizer.seen & cases[i].seen) != cases[i].seen ||
		    ((authorizer.seen & SEEN_SOLO) != 0) != ((cases[i].seen & SEEN_SOLO) != 0))
			fail_msg("%s: %x", cases[i].sql, authorizer.seen);
	}
}

static void
local_tables_are_for_readers(void **state)
{
	assert_int_equal(run("SELECT count(*) FROM sqlite_stmt"), SQLITE_AUTH);
	assert_int_equal(run("SELECT file FROM pragma_database_list"), SQLITE_AUTH);
	assert_int_equal(run("SELECT * FROM " TALLY_MODULE), SQLITE_ERROR);
	authorizer.writer = false;
	/* It shows the statements of others. */
	assert_int_equal(run("SELECT count(*) FROM sqlite_stmt"), SQLITE_AUTH);
	assert_int_equal(run("SELECT file FROM pragma_database_list"), SQLITE_OK);
	authorizer.writer = true;
}

static void
words_are_found_behind_comments(void **state)
{
	static const struct {
		const char *sql;
		enum sqltext_word first, all;
	} cases[] = {
		{ "INSERT INTO t VALUES(1)", SQLTEXT_WRITE, SQLTEXT_WRITE },
		{ "  -- c\n/* x */;;\xef\xbb\xbfwith x as (select 1) select 1", SQLTEXT_WRITE,
		    SQLTEXT_WRITE },
		{ "SELECT 1; BEGIN", SQLTEXT_OTHER, SQLTEXT_SOLO },
		{ "SELECT ';BEGIN', \"a;BEGIN\", `;BEGIN`, [;BEGIN] -- ;BEGIN\n/*;BEGIN*/",
		    SQLTEXT_OTHER, SQLTEXT_OTHER },
		{ "SELECT 'it''s;BEGIN'", SQLTEXT_OTHER, SQLTEXT_OTHER },
		{ "SELECT 1;/**/ pragma x", SQLTEXT_OTHER, SQLTEXT_FRESH },
		{ "create  /* x */ temp table t(a)", SQLTEXT_FRESH, SQLTEXT_FRESH },
		{ "CREATE TABLE temp(a)", SQLTEXT_OTHER, SQLTEXT_OTHER },
		{ "VACUUM", SQLTEXT_SOLO, SQLTEXT_SOLO },
		{ "BEGINNING", SQLTEXT_OTHER, SQLTEXT_OTHER },
		{ "", SQLTEXT_OTHER, SQLTEXT_OTHER },
		{ "/*", SQLTEXT_OTHER, SQLTEXT_OTHER },
		{ "/* unterminated BEGIN", SQLTEXT_OTHER, SQLTEXT_OTHER },
		{ "SELECT 'unterminated ;BEGIN", SQLTEXT_OTHER, SQLTEXT_OTHER },
		{ "-", SQLTEXT_OTHER, SQLTEXT_OTHER },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (sqltext_first(cases[i].sql, strlen(cases[i].sql)) != cases[i].first ||
		    sqltext_classify(cases[i].sql, strlen(cases[i].sql)) != cases[i].all)
			fail_msg("%s", cases[i].sql);
	}
	assert_int_equal(sqltext_classify("SELECT 1\0;BEGIN", 15), SQLTEXT_OTHER);
}

/* A short text of few letters, so that searches find something; as text or as a blob. */
static void
bind_random(sqlite3_stmt *ours, sqlite3_stmt *theirs, int i, uint64_t *seed)
{
	static const char *const letters[] = { "a", "b", "\xc3\xa9", "\x80", "ab", "" };
	char text[64];
	int n = 0, k, count;

	*seed = *seed * 6364136223846793005 + 1442695040888963407;
	count = (int)(*seed >> 60);
	for (k = 0; k < count; k++) {
		*seed = *seed * 6364136223846793005 + 1442695040888963407;
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s", letters[(*seed >> 40) % 6]);
	}
	if ((*seed >> 20) % 3 == 0) {
		sqlite3_bind_blob(ours, i, text, n, SQLITE_TRANSIENT);
		sqlite3_bind_blob(theirs, i, text, n, SQLITE_TRANSIENT);
	} else {
		sqlite3_bind_text(ours, i, text, n, SQLITE_TRANSIENT);
		sqlite3_bind_text(theirs, i, text, n, SQLITE_TRANSIENT);
	}
}

/* instr() and replace() give what SQLite's give, for texts, blobs, numbers and broken UTF-8. */
static void
functions_equal_sqlites(void **state)
{
	static const char sql[] =
	    "SELECT instr(?1, ?2), quote(replace(?1, ?2, ?3)), typeof(replace(?1, ?2, ?3))";
	uint64_t seed = (uint64_t)time(NULL);
	sqlite3_stmt *ours, *theirs;
	sqlite3 *plain;
	int i, k;

	print_message("seed %llu\n", (unsigned long long)seed);
	assert_int_equal(sqlite3_open(":memory:", &plain), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &ours, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(plain, sql, -1, &theirs, NULL), SQLITE_OK);
	for (i = 0; i < 20000; i++) {
		for (k = 1; k <= 3; k++)
			bind_random(ours, theirs, k, &seed);
		if (i % 7 == 0) {
			sqlite3_bind_int(ours, 1, i);
			sqlite3_bind_int(theirs, 1, i);
		}
		if (i % 11 == 0) {
			sqlite3_bind_null(ours, 1 + i % 3);
			sqlite3_bind_null(theirs, 1 + i % 3);
		}
		assert_int_equal(sqlite3_step(ours), SQLITE_ROW);
		assert_int_equal(sqlite3_step(theirs), SQLITE_ROW);
		assert_int_equal(sqlite3_column_int(ours, 0), sqlite3_column_int(theirs, 0));
		for (k = 1; k < 3; k++)
			assert_string_equal((const char *)sqlite3_column_text(ours, k),
			    (const char *)sqlite3_column_text(theirs, k));
		sqlite3_reset(ours);
		sqlite3_reset(theirs);
	}
	sqlite3_finalize(ours);
	sqlite3_finalize(theirs);
	sqlite3_close(plain);
}

/* With SQLite's own functions this would take hours. */
static void
functions_are_linear(void **state)
{
	assert_int_equal(
	    run("SELECT instr(h, n), length(replace(h, n, 'x')) FROM (SELECT"
		" printf('%.*c', 16000000, 'a') AS h, printf('%.*c', 8000000, 'a') || 'b' AS n)"),
	    SQLITE_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_out_of_reach),
		cmocka_unit_test(the_schema_is_not_writable),
		cmocka_unit_test(the_connection_is_confined),
		cmocka_unit_test(pragmas_are_listed),
		cmocka_unit_test(what_marks_a_connection_is_noted),
		cmocka_unit_test(local_tables_are_for_readers),
		cmocka_unit_test(words_are_found_behind_comments),
		cmocka_unit_test(functions_equal_sqlites),
		cmocka_unit_test(functions_are_linear),
	};

	return (cmocka_run_group_tests(tests, set_up, tear_down) != 0);
}
