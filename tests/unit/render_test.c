/* Results as JSON: types, booleans, dates, blobs, the associative form, indentation. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "proc/sql/render.h"
#include "proto/command.h"

static sqlite3 *db;
static struct authorizer authorizer;
static struct stmtcache cache;
static struct buf out;

static int
set_up(void **state)
{
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	authorizer_install(&authorizer, db);
	stmtcache_init(&cache, db, &authorizer);
	return (sqlite3_exec(db,
	    "CREATE TABLE ty (b BOOLEAN, d DATE, dt DATETIME, ts TIMESTAMP, r REAL, vc "
	    "VARCHAR(20), bl BLOB, x);"
	    "CREATE TABLE foo (id INTEGER PRIMARY KEY, name TEXT);"
	    "INSERT INTO foo VALUES (1, 'fiona'), (2, 'declan')",
	    NULL, NULL, NULL));
}

static int
tear_down(void **state)
{
	stmtcache_clear(&cache);
	buf_fini(&out);
	return (sqlite3_close(db));
}

/* Prints all rows of a statement; returns the text, or the error of a row. */
static const char *
print(const char *sql, uint16_t flags)
{
	static struct render render;
	struct statement *s = stmtcache_get(&cache, sql, strlen(sql));
	const char *error = NULL;
	struct json j;

	assert_non_null(s);
	out.len = 0;
	json_init(&j, &out, (flags & COMMAND_PRETTY) != 0, 0);
	render_begin(&render, &j, s, flags);
	while (error == NULL && sqlite3_step(s->stmt) == SQLITE_ROW)
		if (!render_row(&render))
			error = render.error;
	if (error == NULL)
		render_end(&render, 0.5);
	stmtcache_put(&cache, s);
	render_fini(&render);
	buf_add_u8(&out, 0);
	return (error != NULL ? error : (const char *)out.data);
}

struct vector {
	const char *sql;
	uint16_t flags;
	const char *want;
};

static void
check(const struct vector *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		assert_string_equal(print(v[i].sql, v[i].flags), v[i].want);
		/* The second time the statement comes from the cache. */
		assert_string_equal(print(v[i].sql, v[i].flags), v[i].want);
	}
}

static void
normal_form(void **state)
{
	static const struct vector v[] = {
		{ "SELECT * FROM foo", 0,
		    "{\"columns\":[\"id\",\"name\"],\"types\":[\"integer\",\"text\"],"
		    "\"values\":[[1,\"fiona\"],[2,\"declan\"]]}" },
		{ "SELECT * FROM foo WHERE 0", 0,
		    "{\"columns\":[\"id\",\"name\"],\"types\":[\"integer\",\"text\"]}" },
		{ "SELECT id+1, 1.5, 'a', NULL FROM foo WHERE id = 1", 0,
		    "{\"columns\":[\"id+1\",\"1.5\",\"'a'\",\"NULL\"],\"types\":[\"integer\","
		    "\"real\",\"text\",\"\"],"
		    "\"values\":[[2,1.5,\"a\",null]]}" },
		{ "SELECT NULL AS a UNION ALL SELECT 5", 0,
		    "{\"columns\":[\"a\"],\"types\":[\"\"],\"values\":[[null],[5]]}" },
		{ "SELECT 1", COMMAND_TIMINGS,
		    "{\"columns\":[\"1\"],\"types\":[\"integer\"],\"values\":[[1]],\"time\":0.5}" },
		{ "SELECT 1 AS \"a<b\"", 0,
		    "{\"columns\":[\"a\\u003cb\"],\"types\":[\"integer\"],\"values\":[[1]]}" },
		{ "SELECT 9e999", 0,
		    "{\"columns\":[\"9e999\"],\"types\":[\"real\"],\"values\":[[null]]}" },
	};

	check(v, sizeof(v) / sizeof(v[0]));
}

static void
associative_form(void **state)
{
	static const struct vector v[] = {
		{ "SELECT * FROM foo", COMMAND_ASSOCIATIVE,
		    "{\"types\":{\"id\":\"integer\",\"name\":\"text\"},"
		    "\"rows\":[{\"id\":1,\"name\":\"fiona\"},{\"id\":2,\"name\":\"declan\"}]}" },
		{ "SELECT * FROM foo WHERE 0", COMMAND_ASSOCIATIVE,
		    "{\"types\":{\"id\":\"integer\",\"name\":\"text\"},\"rows\":[]}" },
		{ "SELECT 3 AS z, 1 AS a, 2 AS a", COMMAND_ASSOCIATIVE,
		    "{\"types\":{\"a\":\"integer\",\"z\":\"integer\"},\"rows\":[{\"a\":2,\"z\":3}]"
		    "}" },
		{ "SELECT 1 AS b, 2 AS B, 3 AS ab", COMMAND_ASSOCIATIVE,
		    "{\"types\":{\"B\":\"integer\",\"ab\":\"integer\",\"b\":\"integer\"},"
		    "\"rows\":[{\"B\":2,\"ab\":3,\"b\":1}]}" },
	};

	check(v, sizeof(v) / sizeof(v[0]));
}

static void
pretty_form(void **state)
{
	static const struct vector v[] = {
		{ "SELECT id FROM foo", COMMAND_PRETTY,
		    "{\n    \"columns\": [\n        \"id\"\n    ],\n    \"types\": [\n        "
		    "\"integer\"\n    ],\n"
		    "    \"values\": [\n        [\n            1\n        ],\n        [\n          "
		    "  2\n        ]\n    ]\n}" },
		{ "SELECT id FROM foo WHERE 0", COMMAND_PRETTY | COMMAND_ASSOCIATIVE,
		    "{\n    \"types\": {\n        \"id\": \"integer\"\n    },\n    \"rows\": "
		    "[]\n}" },
	};

	check(v, sizeof(v) / sizeof(v[0]));
}

static void
qualified_columns(void **state)
{
	static const struct vector v[] = {
		{ "SELECT foo.*, f2.name AS n2, 1+1 FROM foo JOIN foo AS f2 ON foo.id=f2.id WHERE "
		  "foo.id=1",
		    COMMAND_QUALIFY,
		    "{\"columns\":[\"foo.id\",\"foo.name\",\"foo.n2\",\"1+1\"],"
		    "\"types\":[\"integer\",\"text\",\"text\",\"integer\"],\"values\":[[1,"
		    "\"fiona\",\"fiona\",2]]}" },
		{ "SELECT id, name FROM foo WHERE id=1", COMMAND_QUALIFY | COMMAND_ASSOCIATIVE,
		    "{\"types\":{\"foo.id\":\"integer\",\"foo.name\":\"text\"},"
		    "\"rows\":[{\"foo.id\":1,\"foo.name\":\"fiona\"}]}" },
	};

	check(v, sizeof(v) / sizeof(v[0]));
}

/* Stores one value in a column and prints it. */
static void
check_value(const char *column, const char *value, uint16_t flags, const char *want)
{
	char sql[256], text[512];

	snprintf(sql, sizeof(sql), "DELETE FROM ty; INSERT INTO ty(%s) VALUES(%s)", column, value);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	snprintf(sql, sizeof(sql), "SELECT %s FROM ty", column);
	snprintf(text, sizeof(text), "%s", print(sql, flags));
	if (strncmp(want, "Time.", 5) == 0) {
		assert_string_equal(text, want);
		return;
	}
	assert_non_null(strstr(text, "\"values\":[["));
	assert_int_equal(strlen(strstr(text, "\"values\":[[") + 11), strlen(want) + 3);
	assert_memory_equal(strstr(text, "\"values\":[[") + 11, want, strlen(want));
}

static void
booleans(void **state)
{
	check_value("b", "1", 0, "true");
	check_value("b", "0", 0, "false");
	check_value("b", "-1", 0, "false");
	check_value("b", "'true'", 0, "\"true\"");
	check_value("b", "1.5", 0, "1.5");
	check_value("b", "NULL", 0, "null");
}

static void
dates(void **state)
{
	static const char *const zero = "\"0001-01-01T00:00:00Z\"";

	check_value("d", "'2004-02-14'", 0, "\"2004-02-14T00:00:00Z\"");
	check_value("dt", "'2021-10-22 19:39:32.016087'", 0, "\"2021-10-22T19:39:32.016087Z\"");
	check_value(
	    "dt", "'2021-01-02T03:04:05.1234567891Z'", 0, "\"2021-01-02T03:04:05.123456789Z\"");
	check_value("dt", "'2021-01-02   3:04'", 0, "\"2021-01-02T03:04:00Z\"");
	check_value("ts", "'2021-01-02 03:04:05,120'", 0, "\"2021-01-02T03:04:05.12Z\"");
	check_value("dt", "'2021-01-02 03:04:05+05:30'", 0, "\"2021-01-02T03:04:05+05:30\"");
	check_value("dt", "'2021-01-02 03:04:05-00:00'", 0, "\"2021-01-02T03:04:05Z\"");
	check_value("dt", "'2021-01-02 03:04:05+05:60'", 0, "\"2021-01-02T03:04:05+06:00\"");
	check_value("dt", "'2021-01-02 03:04:05+24:00'", 0,
	    "Time.MarshalText: timezone hour outside of range [0,23]");
	check_value("dt", "'not a date'", 0, zero);
	check_value("dt", "''", 0, zero);
	check_value("dt", "'2021-02-29'", 0, zero);
	check_value("dt", "'2020-02-29'", 0, "\"2020-02-29T00:00:00Z\"");
	check_value("dt", "'2021-01-02 24:00'", 0, zero);
	check_value("dt", "'2021-01-02ZZ'", 0, zero);
	check_value("dt", "0", 0, "\"1970-01-01T00:00:00Z\"");
	check_value("dt", "-1", 0, "\"1969-12-31T23:59:59Z\"");
	check_value("dt", "1612345678123", 0, "\"2021-02-03T09:47:58.123Z\"");
	check_value("dt", "-1612345678123", 0, "\"1918-11-28T14:12:01.877Z\"");
	check_value("dt", "951782400", 0, "\"2000-02-29T00:00:00Z\"");
	check_value("dt", "1000000000000", 0, "Time.MarshalText: year outside of range [0,9999]");
	check_value(
	    "dt", "9223372036854775807", 0, "Time.MarshalText: year outside of range [0,9999]");
	check_value("dt", "1.5", 0, "1.5");
	check_value("dt", "x'32'", 0, "\"Mg==\"");
}

static void
blobs(void **state)
{
	check_value("bl", "x'00ff'", 0, "\"AP8=\"");
	check_value("bl", "x'deadbeef'", COMMAND_BLOB_ARRAY, "[222,173,190,239]");
	check_value("bl", "x''", COMMAND_BLOB_ARRAY, "[]");
	check_value("bl", "'text'", 0, "\"text\"");
	check_value("vc", "x'4142'", COMMAND_BLOB_ARRAY, "\"AB\"");
	check_value("x", "x'ff'", 0, "\"\\ufffd\"");
	assert_string_equal(print("SELECT 1 AS a UNION ALL SELECT x'fe'", 0),
	    "{\"columns\":[\"a\"],\"types\":[\"integer\"],\"values\":[[1],[\"/g==\"]]}");
	assert_string_equal(print("SELECT NULL AS a UNION ALL SELECT x'41'", 0),
	    "{\"columns\":[\"a\"],\"types\":[\"\"],\"values\":[[null],[\"A\"]]}");
}

static void
write_and_error_forms(void **state)
{
	static const struct {
		uint16_t flags;
		int64_t rowid, changes;
		const char *want;
	} cases[] = {
		{ 0, 0, 0, "{}" },
		{ 0, 7, 1, "{\"last_insert_id\":7,\"rows_affected\":1}" },
		{ 0, -7, 0, "{\"last_insert_id\":-7}" },
		{ COMMAND_ASSOCIATIVE, 0, 0, "{\"rows\":null}" },
		{ COMMAND_ASSOCIATIVE | COMMAND_TIMINGS, 1, 1,
		    "{\"last_insert_id\":1,\"rows_affected\":1,\"time\":0.25,\"rows\":null}" },
	};
	struct json j;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		out.len = 0;
		json_init(&j, &out, false, 0);
		render_write(&j, cases[i].flags, cases[i].rowid, cases[i].changes, 0.25);
		buf_add_u8(&out, 0);
		assert_string_equal((const char *)out.data, cases[i].want);
	}
	out.len = 0;
	json_init(&j, &out, false, 0);
	render_error(&j, COMMAND_ASSOCIATIVE, true, "no such table: \"t\"");
	buf_add_u8(&out, 0);
	assert_string_equal(
	    (const char *)out.data, "{\"rows\":[],\"error\":\"no such table: \\\"t\\\"\"}");
}

/* A cached SELECT * shows a column that was added behind its back. */
static void
new_columns_are_seen(void **state)
{
	sqlite3_exec(db, "CREATE TABLE w(a INT); INSERT INTO w VALUES(1)", NULL, NULL, NULL);
	assert_string_equal(print("SELECT * FROM w", 0),
	    "{\"columns\":[\"a\"],\"types\":[\"int\"],\"values\":[[1]]}");
	sqlite3_exec(db, "ALTER TABLE w ADD COLUMN b TEXT DEFAULT 'x'", NULL, NULL, NULL);
	assert_string_equal(print("SELECT * FROM w", 0),
	    "{\"columns\":[\"a\",\"b\"],\"types\":[\"int\",\"text\"],\"values\":[[1,\"x\"]]}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(normal_form),
		cmocka_unit_test(associative_form),
		cmocka_unit_test(pretty_form),
		cmocka_unit_test(qualified_columns),
		cmocka_unit_test(booleans),
		cmocka_unit_test(dates),
		cmocka_unit_test(blobs),
		cmocka_unit_test(write_and_error_forms),
		cmocka_unit_test(new_columns_are_seen),
	};

	return (cmocka_run_group_tests(tests, set_up, tear_down) != 0);
}
