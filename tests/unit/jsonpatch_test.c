/*
 * json_patch() against SQLite's own, and its bound.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "proc/sql/jsonpatch.h"

static sqlite3 *theirs, *ours;

/* The value, its type, or the error. */
static void
run(sqlite3 *db, const char *sql, char *out, size_t size)
{
	sqlite3_stmt *stmt;
	const char *text;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		text = (const char *)sqlite3_column_text(stmt, 0);
		(void)snprintf(out, size, "%s", text != NULL ? text : "NULL");
	} else
		(void)snprintf(
		    out, size, "%d %s", sqlite3_extended_errcode(db), sqlite3_errmsg(db));
	sqlite3_finalize(stmt);
}

static void
test_same_as_sqlites(void **state)
{
	static const char *const list[] = {
		"SELECT json_patch('{\"a\":1,\"b\":2}', '{\"c\":3,\"d\":4}')",
		"SELECT json_patch('{\"a\":[1,2],\"b\":2}', '{\"a\":9}')",
		"SELECT json_patch('{\"a\":1,\"b\":{\"x\":1}}', "
		"'{\"a\":null,\"b\":{\"x\":null,\"y\":[]}}')",
		"SELECT json_patch('[1,2]', '{\"a\":1}')",
		"SELECT json_patch('{\"a\":1,\"a\":2}', '{\"a\":3,\"a\":null}')",
		"SELECT json_patch(' {\"k\\\"\":\"\\u00e4\" } ', '{ \"k\\\"\" : \":::\" }')",
		"SELECT json_patch('{}', '1')",
		"SELECT json_patch('{\"a\":1}', 'null')",
		"SELECT json_patch(NULL, '{}')",
		"SELECT json_patch('{}', NULL)",
		"SELECT json_patch(5, 6.5)",
		"SELECT json_patch('{', '{}')",
		"SELECT json_patch('{}', '{\"')",
		"SELECT json_patch('{}', '{\"\\')",
		"SELECT json_patch('', '')",
		"SELECT json_patch(x'7b7d', x'7b7d')",
		"SELECT json_object('a', json_patch('{}', '{\"b\":1}'))",
		"SELECT json_array(json_patch('{}', '{}'), json_patch('{}', NULL))",
		"SELECT typeof(json_patch('{}', '{}'))||typeof(json_patch(NULL, NULL))",
		"SELECT json_patch('{\"a\":1}', '{\"b\":\"' || printf('%.*c', 3000, 'x') || '\"}')",
	};
	char a[4096], b[4096];
	size_t i;

	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		run(theirs, list[i], a, sizeof(a));
		run(ours, list[i], b, sizeof(b));
		assert_string_equal(b, a);
	}
}

static void
test_same_limit(void **state)
{
	static const char sql[] =
	    "SELECT json_patch('{\"a\":\"' || printf('%.*c', 600, 'x') || '\"}',"
	    " '{\"b\":\"' || printf('%.*c', 600, 'x') || '\"}')";
	char a[256], b[256];

	sqlite3_limit(theirs, SQLITE_LIMIT_LENGTH, 1000);
	sqlite3_limit(ours, SQLITE_LIMIT_LENGTH, 1000);
	run(theirs, sql, a, sizeof(a));
	run(ours, sql, b, sizeof(b));
	assert_string_equal(a, "18 string or blob too big");
	assert_string_equal(b, a);
	sqlite3_limit(theirs, SQLITE_LIMIT_LENGTH, 10000000);
	sqlite3_limit(ours, SQLITE_LIMIT_LENGTH, 10000000);
}

/* An object of so many members, each named by its number and the letter. */
#define OBJECT(count, letter)                                                         \
	"(WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r LIMIT " #count \
	") SELECT json_group_object('" #letter "'||n, 1) FROM r)"

static void
test_bound(void **state)
{
	char out[64];

	run(ours, "SELECT json_patch(" OBJECT(20000, a) "," OBJECT(20000, b) ")", out, sizeof(out));
	assert_string_equal(out, "1 JSON is too large to be patched");
	run(ours, "SELECT length(json_patch(" OBJECT(200000, a) "," OBJECT(100, b) "))", out,
	    sizeof(out));
	assert_string_equal(out, "2289688");
	/* Colons in texts are no members. */
	run(ours,
	    "SELECT length(json_patch('{\"a\":\"'||printf('%.*c', 1000000, ':')||'\"}',"
	    "'{\"b\":\"'||printf('%.*c', 1000000, ':')||'\"}'))",
	    out, sizeof(out));
	assert_string_equal(out, "2000015");
}

static int
set_up(void **state)
{
	assert_int_equal(sqlite3_open(":memory:", &theirs), SQLITE_OK);
	assert_int_equal(sqlite3_open(":memory:", &ours), SQLITE_OK);
	return (jsonpatch_register(ours));
}

static int
tear_down(void **state)
{
	return (sqlite3_close(theirs) + sqlite3_close(ours));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as_sqlites),
		cmocka_unit_test(test_same_limit),
		cmocka_unit_test(test_bound),
	};

	return (cmocka_run_group_tests(tests, set_up, tear_down));
}
