/*
 * Read-only requests: results, refusals, the way to the log, snapshots, streams, time and
 * cancelling.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/limits.h"
#include "proc/sql/query.h"
#include "proc/sql/sqltext.h"
#include "proto/command.h"

static char directory[] = "/tmp/rqlited-query-XXXXXX";
static char path[64];
static sqlite3 *writer;
static struct query_pool *pool;
static struct buf command, out;
static int asked;
static bool leave, press;

static bool
cancelled(void *arg, void *token)
{
	asked++;
	return (leave);
}

static bool
pressed(void *arg)
{
	return (press);
}

static void
write_sql(const char *sql)
{
	assert_int_equal(sqlite3_exec(writer, sql, NULL, NULL, NULL), SQLITE_OK);
}

static int
set_up(void **state)
{
	struct query_config config = {
		.path = path, .connections = 3, .cancelled = cancelled, .pressed = pressed
	};
	struct error e;

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/db.sqlite", directory);
	assert_int_equal(sqlite3_open(path, &writer), SQLITE_OK);
	write_sql("PRAGMA journal_mode=WAL; CREATE TABLE foo(id INTEGER PRIMARY KEY, name TEXT);"
		  "INSERT INTO foo VALUES(1, 'fiona'); CREATE TABLE big(a, b);"
		  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)"
		  " INSERT INTO big SELECT i, 'row ' || i FROM n");
	pool = query_pool_open(&config, &e);
	assert_non_null(pool);
	return (0);
}

static int
tear_down(void **state)
{
	char name[96];

	query_pool_close(pool);
	sqlite3_close(writer);
	unlink(path);
	snprintf(name, sizeof(name), "%s-wal", path);
	unlink(name);
	snprintf(name, sizeof(name), "%s-shm", path);
	unlink(name);
	buf_fini(&command);
	buf_fini(&out);
	return (rmdir(directory));
}

/* Statements separated by '|'. */
static struct query *
start(enum command_kind kind, uint16_t flags, int64_t timeout_ns, const char *sql)
{
	struct query *q;
	struct error e;
	uint32_t n = 0;
	size_t len;

	command.len = 0;
	command_begin(&command, kind, flags, timeout_ns);
	for (;; sql += len + 1) {
		len = strcspn(sql, "|");
		(void)command_add_statement(&command, sql, (uint32_t)len);
		n++;
		if (sql[len] == '\0')
			break;
	}
	command_set_statements(&command, 0, n);
	q = query_start(pool, command.data, command.len, NULL, &e);
	if (q == NULL)
		print_message("%s\n", e.text);
	return (q);
}

static const char *
run(enum command_kind kind, uint16_t flags, const char *sql)
{
	struct query *q = start(kind, flags, 0, sql);
	enum query_state state;

	assert_non_null(q);
	out.len = 0;
	state = query_step(q, &out);
	if (state == QUERY_ENVELOPE) {
		out.len = 0;
		buf_add_text(&out, query_error(q));
	} else if (state == QUERY_NEEDS_LOG)
		buf_add_text(&out, "log");
	else
		assert_int_equal(state, QUERY_DONE);
	query_free(q);
	buf_add_u8(&out, 0);
	return ((const char *)out.data);
}

static void
answers(void **state)
{
	assert_string_equal(run(COMMAND_QUERY, 0, "SELECT * FROM foo"),
	    "[{\"columns\":[\"id\",\"name\"],\"types\":[\"integer\",\"text\"],\"values\":[[1,"
	    "\"fiona\"]]}]");
	assert_string_equal(
	    run(COMMAND_QUERY, 0, "SELECT 1 AS a|SELECT * FROM nope||SELECT 2 AS b"),
	    "[{\"columns\":[\"a\"],\"types\":[\"integer\"],\"values\":[[1]]},{\"error\":\"no such "
	    "table: nope\"},"
	    "{\"columns\":[\"b\"],\"types\":[\"integer\"],\"values\":[[2]]}]");
	assert_string_equal(run(COMMAND_QUERY, 0, ""), "[]");
	assert_string_equal(run(COMMAND_QUERY, 0, " | -- c|;"), "[{},{},{}]");
	assert_string_equal(run(COMMAND_QUERY, COMMAND_ASSOCIATIVE, "SELECT * FROM nope"),
	    "[{\"rows\":[],\"error\":\"no such table: nope\"}]");
	assert_string_equal(run(COMMAND_QUERY, 0, "SELECT 1; SELECT 2; -- end"),
	    "[{\"columns\":[\"2\"],\"types\":[\"integer\"],\"values\":[[2]]}]");
	assert_string_equal(run(COMMAND_QUERY, 0, "SELEC; SELECT 2"),
	    "[{\"error\":\"near \\\"SELEC\\\": syntax error\"}]");
	assert_string_equal(run(COMMAND_QUERY, COMMAND_PRETTY, "SELECT 1 AS a WHERE 0"),
	    "[\n        {\n            \"columns\": [\n                \"a\"\n            ],\n"
	    "            \"types\": [\n                \"\"\n            ]\n        }\n    ]");
}

static void
nothing_is_written(void **state)
{
	static const char *const writes[] = {
		"INSERT INTO foo VALUES(2, 'x')",
		"INSERT INTO foo VALUES(2, 'x') RETURNING *",
		"DROP TABLE foo",
		"CREATE TEMP TABLE t(x)",
		"PRAGMA user_version=3",
		"VACUUM",
		"UPDATE foo SET name = 1",
		"WITH x AS (SELECT 1) DELETE FROM foo",
		"CREATE INDEX i ON foo(name)",
		"ANALYZE",
		"SELECT 1; DELETE FROM foo",
	};
	size_t i;

	for (i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		if (strcmp(run(COMMAND_QUERY, 0, writes[i]),
			"[{\"error\":\"attempt to change database via query operation\"}]") != 0)
			fail_msg("%s: %s", writes[i], (char *)out.data);
	assert_string_equal(
	    run(COMMAND_QUERY, 0, "ATTACH '/tmp/x' AS x"), "[{\"error\":\"not authorized\"}]");
	assert_string_equal(run(COMMAND_QUERY, 0, "SELECT load_extension('x')"),
	    "[{\"error\":\"not authorized\"}]");
	assert_string_equal(
	    run(COMMAND_QUERY, 0, "PRAGMA synchronous(1)"), "[{\"error\":\"disallowed pragma\"}]");
	assert_string_equal(run(COMMAND_QUERY, 0, "SELECT count(*) AS n FROM foo"),
	    "[{\"columns\":[\"n\"],\"types\":[\"integer\"],\"values\":[[1]]}]");
}

static void
writes_of_a_request_go_to_the_log(void **state)
{
	assert_string_equal(run(COMMAND_REQUEST, 0,
				"SELECT 1 AS a|EXPLAIN QUERY PLAN DELETE FROM foo WHERE 0|-- c"),
	    run(COMMAND_QUERY, 0, "SELECT 1 AS a|EXPLAIN QUERY PLAN DELETE FROM foo WHERE 0|-- c"));
	assert_string_equal(
	    run(COMMAND_REQUEST, 0, "SELECT 1|INSERT INTO foo VALUES(2, 'x')"), "log");
	assert_string_equal(run(COMMAND_REQUEST, 0, "SELECT 1|SELECT * FROM nope"), "log");
	assert_string_equal(run(COMMAND_REQUEST, 0, "PRAGMA journal_mode"), "log");
	assert_string_equal(run(COMMAND_REQUEST, COMMAND_STRONG, "SELECT 1"), "log");
	assert_string_equal(run(COMMAND_EXECUTE, 0, "SELECT 1"), "log");
	/* Only the first statement of a string counts; the rest can not write all the same. */
	assert_string_equal(run(COMMAND_REQUEST, 0, "SELECT 1; INSERT INTO foo VALUES(2, 'x')"),
	    "[{\"error\":\"attempt to change database via query operation\"}]");
}

/* What a client opens or sets is gone with its request. */
static void
connections_are_reset(void **state)
{
	assert_string_equal(run(COMMAND_QUERY, 0, "BEGIN"), "[{}]");
	assert_string_equal(run(COMMAND_QUERY, 0, "ROLLBACK"),
	    "[{\"error\":\"cannot rollback - no transaction is active\"}]");
	assert_string_equal(run(COMMAND_QUERY, 0, "PRAGMA foreign_keys=ON|PRAGMA foreign_keys"),
	    "[{},{\"columns\":[\"foreign_keys\"],\"types\":[\"integer\"],\"values\":[[1]]}]");
	assert_string_equal(run(COMMAND_QUERY, 0, "PRAGMA foreign_keys"),
	    "[{\"columns\":[\"foreign_keys\"],\"types\":[\"integer\"],\"values\":[[0]]}]");
	assert_string_equal(run(COMMAND_QUERY, COMMAND_TRANSACTION, "COMMIT"),
	    "cannot commit - no transaction is active");
	assert_string_equal(run(COMMAND_QUERY, COMMAND_TRANSACTION, "BEGIN"),
	    "[{\"error\":\"cannot start a transaction within a transaction\"}]");
	/* Compiling it is enough. */
	assert_string_equal(
	    run(COMMAND_REQUEST, 0, "PRAGMA recursive_triggers=1|DELETE FROM foo"), "log");
	assert_string_equal(run(COMMAND_QUERY, 0, "PRAGMA recursive_triggers"),
	    "[{\"columns\":[\"recursive_triggers\"],\"types\":[\"integer\"],\"values\":[[0]]}]");
	query_turn_begin(pool);
	(void)run(COMMAND_QUERY, 0, "SELECT 1");
	assert_string_equal(run(COMMAND_QUERY, 0, "BEGIN"), "[{}]");
	query_turn_end(pool);
}

static int
count_of(const char *result)
{
	const char *values = strstr(result, "\"values\":[[");

	assert_non_null(values);
	return ((int)strtol(values + 11, NULL, 10));
}

static void
a_turn_has_one_snapshot(void **state)
{
	int before;

	query_turn_begin(pool);
	before = count_of(run(COMMAND_QUERY, 0, "SELECT count(*) FROM foo"));
	write_sql("INSERT INTO foo(name) VALUES('late')");
	assert_int_equal(count_of(run(COMMAND_QUERY, 0, "SELECT count(*) FROM foo")), before);
	query_turn_end(pool);
	assert_int_equal(count_of(run(COMMAND_QUERY, 0, "SELECT count(*) FROM foo")), before + 1);
}

static void
long_results_come_in_parts(void **state)
{
	struct query *q = start(
	    COMMAND_QUERY, 0, 0, "SELECT 1 AS a|SELECT * FROM big|SELECT count(*) AS n FROM foo");
	struct buf all = BUF_INIT;
	enum query_state step = QUERY_PART;
	int parts = 0, before = count_of(run(COMMAND_QUERY, 0, "SELECT count(*) FROM foo"));

	assert_non_null(q);
	for (; step == QUERY_PART; parts++) {
		out.len = 0;
		step = query_step(q, &out);
		assert_in_range(out.len, 1, RESULT_PART_MAX + 200);
		buf_add(&all, out.data, out.len);
		/* Others are served meanwhile, and see what is new; the stream does not. */
		if (parts == 2) {
			write_sql("INSERT INTO foo(name) VALUES('new')");
			write_sql("DELETE FROM big WHERE a = 49999");
			assert_int_equal(
			    count_of(run(COMMAND_QUERY, 0, "SELECT count(*) FROM foo")),
			    before + 1);
		}
	}
	assert_int_equal(step, QUERY_DONE);
	assert_true(parts > 10);
	query_free(q);
	buf_add_u8(&all, 0);
	assert_memory_equal(all.data, "[{\"columns\":[\"a\"]", 17);
	assert_non_null(strstr((char *)all.data,
	    ",[49999,\"row 49999\"],[50000,\"row 50000\"]]},{\"columns\":[\"n\"]"));
	write_sql("INSERT INTO big VALUES(49999, 'row 49999')");
	buf_fini(&all);
}

static void
streams_are_limited(void **state)
{
	struct query *q[3];
	int i;

	for (i = 0; i < 3; i++) {
		q[i] = start(COMMAND_QUERY, 0, 0, "SELECT * FROM big");
		assert_non_null(q[i]);
		out.len = 0;
		assert_int_equal(query_step(q[i], &out), QUERY_PART);
	}
	assert_null(start(COMMAND_QUERY, 0, 0, "SELECT 1"));
	query_free(q[1]);
	assert_string_equal(run(COMMAND_QUERY, 0, "SELECT 1 AS a"),
	    "[{\"columns\":[\"a\"],\"types\":[\"integer\"],\"values\":[[1]]}]");
	query_free(q[0]);
	query_free(q[2]);
}

/* A failure before a part was sent is a result, after it a broken answer. */
static void
late_failures_break_the_answer(void **state)
{
	struct query *q = start(COMMAND_QUERY, 0, 0,
	    "SELECT a, CASE WHEN a = 40000 THEN abs(-9223372036854775808) END FROM big");

	out.len = 0;
	assert_int_equal(query_step(q, &out), QUERY_PART);
	while (out.len = 0, query_step(q, &out) == QUERY_PART)
		continue;
	assert_string_equal(query_error(q), "integer overflow");
	assert_int_equal(out.len, 0);
	query_free(q);
	assert_string_equal(
	    run(COMMAND_QUERY, 0,
		"SELECT a, CASE WHEN a = 100 THEN abs(-9223372036854775808) END FROM big"),
	    "[{\"error\":\"integer overflow\"}]");
}

#define ENDLESS                                                                                   \
	"WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM t WHERE n<100000000) SELECT " \
	"count(*) FROM t"

static const char *
run_limited(uint16_t flags, const char *sql)
{
	struct query *q = start(COMMAND_QUERY, flags, 20 * 1000000, sql);

	out.len = 0;
	if (query_step(q, &out) == QUERY_ENVELOPE)
		buf_add_text(&out, query_error(q));
	query_free(q);
	buf_add_u8(&out, 0);
	return ((const char *)out.data);
}

static void
time_is_limited(void **state)
{
	assert_string_equal(run_limited(0, ENDLESS "|SELECT 1"),
	    "[{\"error\":\"query timeout\"},{\"error\":\"query timeout\"}]");
	assert_string_equal(run_limited(COMMAND_TRANSACTION, ENDLESS),
	    "sql: transaction has already been committed or rolled back");
	assert_string_equal(run_limited(0, "SELECT 1 AS a"),
	    "[{\"columns\":[\"a\"],\"types\":[\"integer\"],\"values\":[[1]]}]");
}

static void
a_client_that_leaves_ends_its_query(void **state)
{
	struct query *q = start(COMMAND_QUERY, 0, 0, ENDLESS);

	asked = 0;
	leave = true;
	out.len = 0;
	assert_int_equal(query_step(q, &out), QUERY_BROKEN);
	assert_true(asked > 0);
	query_free(q);
	leave = false;
	assert_int_equal(count_of(run(COMMAND_QUERY, 0, "SELECT 1")), 1);
}

/* Under a WAL that is too large what is older than a second ends; what is short does not. */
static void
old_reads_end_under_pressure(void **state)
{
	struct query *q;

	press = true;
	assert_string_equal(
	    run(COMMAND_QUERY, 0, ENDLESS), "[{\"error\":\"" QUERY_PRESSED_TEXT "\"}]");
	assert_string_equal(run(COMMAND_QUERY, 0, "SELECT count(*) FROM big"),
	    "[{\"columns\":[\"count(*)\"],\"types\":[\"integer\"],\"values\":[[50000]]}]");
	q = start(COMMAND_QUERY, 0, 0, "SELECT * FROM big");
	out.len = 0;
	assert_int_equal(query_step(q, &out), QUERY_PART);
	assert_false(query_is_pressed(q));
	usleep(QUERY_OLD_NS / 1000 + 1000);
	assert_true(query_is_pressed(q));
	press = false;
	assert_false(query_is_pressed(q));
	while (out.len = 0, query_step(q, &out) == QUERY_PART)
		continue;
	assert_int_equal(out.data[out.len - 1], ']');
	query_free(q);
}

static void
new_schema_is_seen(void **state)
{
	write_sql("CREATE TABLE w(a)");
	(void)run(COMMAND_QUERY, 0, "SELECT * FROM w");
	write_sql("ALTER TABLE w ADD COLUMN b");
	assert_string_equal(run(COMMAND_QUERY, 0, "SELECT * FROM w"),
	    "[{\"columns\":[\"a\",\"b\"],\"types\":[\"\",\"\"]}]");
	write_sql("DROP TABLE w");
	assert_string_equal(
	    run(COMMAND_QUERY, 0, "SELECT * FROM w"), "[{\"error\":\"no such table: w\"}]");
}

static void
malformed_commands_are_refused(void **state)
{
	struct error e;

	assert_null(query_start(pool, "x", 1, NULL, &e));
	assert_string_equal(e.text, "malformed command");
}

/* `head`, and `unit` so many times; from malloc(3). */
static char *
repeat(const char *head, const char *unit, size_t times)
{
	size_t head_len = strlen(head), len = strlen(unit), i;
	char *sql = malloc(head_len + times * len + 1);

	assert_non_null(sql);
	memcpy(sql, head, head_len);
	for (i = 0; i < times; i++)
		memcpy(sql + head_len + i * len, unit, len);
	sql[head_len + times * len] = '\0';
	return (sql);
}

/* SQLite would compile it for minutes, and nothing could end that. */
static void
complex_statements_are_refused(void **state)
{
	char *sql = repeat("SELECT 1", " AND :a", 200000);

	assert_string_equal(
	    run(COMMAND_QUERY, 0, sql), "[{\"error\":\"" SQLTEXT_COMPLEX_TEXT "\"}]");
	assert_string_equal(
	    run(COMMAND_REQUEST, 0, sql), "[{\"error\":\"" SQLTEXT_COMPLEX_TEXT "\"}]");
	free(sql);
}

/* A string of many statements can be left, too, though none of them takes long. */
static void
long_strings_are_left(void **state)
{
	char *sql = repeat("", "SELECT 1;", 100000);
	struct query *q = start(COMMAND_QUERY, 0, 0, sql);

	asked = 0;
	leave = true;
	out.len = 0;
	assert_int_equal(query_step(q, &out), QUERY_BROKEN);
	assert_int_equal(asked, 1);
	leave = false;
	query_free(q);
	free(sql);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(nothing_is_written),
		cmocka_unit_test(writes_of_a_request_go_to_the_log),
		cmocka_unit_test(connections_are_reset),
		cmocka_unit_test(a_turn_has_one_snapshot),
		cmocka_unit_test(long_results_come_in_parts),
		cmocka_unit_test(streams_are_limited),
		cmocka_unit_test(late_failures_break_the_answer),
		cmocka_unit_test(time_is_limited),
		cmocka_unit_test(a_client_that_leaves_ends_its_query),
		cmocka_unit_test(old_reads_end_under_pressure),
		cmocka_unit_test(new_schema_is_seen),
		cmocka_unit_test(malformed_commands_are_refused),
		cmocka_unit_test(complex_statements_are_refused),
		cmocka_unit_test(long_strings_are_left),
	};

	return (cmocka_run_group_tests(tests, set_up, tear_down) != 0);
}
