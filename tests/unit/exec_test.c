/*
 * Statements on the writer's connection: the counters that clients see, also from
 * inside triggers, and what makes a batch be given up.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "proc/sql/exec.h"
#include "proc/sql/memory.h"
#include "proc/sql/sqltext.h"
#include "proc/sql/sqlvfs.h"

static struct exec exec;
static sqlite3 *db;
static struct buf command, out;
static uint64_t steps; /* that an entry may take, 0: the default */

static int
set_up(void **state)
{
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	memset(&exec, 0, sizeof(exec));
	assert_int_equal(exec_attach(&exec, db, true), SQLITE_OK);
	return (0);
}

static int
tear_down(void **state)
{
	exec_fini(&exec);
	buf_fini(&command);
	buf_fini(&out);
	return (sqlite3_close(db));
}

/* Runs a string; the status of its last statement. */
static enum exec_status
run_status(enum command_kind kind, const char *sql)
{
	struct command c;
	struct command_statement s;
	struct exec_string string;
	enum exec_status status;
	struct json j;

	command.len = 0;
	command_begin(&command, kind, 0, 0);
	(void)command_add_statement(&command, sql, (uint32_t)strlen(sql));
	command_set_statements(&command, 0, 1);
	assert_true(command_open(&c, command.data, command.len));
	assert_true(command_next(&c, &s));
	exec_begin(&exec, &c, 0, 1, steps);
	exec_string_init(&string, kind, &s);
	out.len = 0;
	json_init(&j, &out, false, 0);
	do
		status = exec_step(&exec, &string, &j);
	while (!string.done && (status == EXEC_OK || status == EXEC_FAILED));
	buf_add_u8(&out, 0);
	return (status);
}

static const char *
run(const char *sql)
{
	assert_in_range(run_status(COMMAND_EXECUTE, sql), EXEC_OK, EXEC_FAILED);
	return ((const char *)out.data);
}

/* The only value of a query. */
static int64_t
value(const char *sql)
{
	const char *values;

	assert_int_equal(run_status(COMMAND_QUERY, sql), EXEC_OK);
	values = strstr((const char *)out.data, "\"values\":[[");
	assert_non_null(values);
	return (strtoll(values + 11, NULL, 10));
}

static void
counters_are_stale_like_sqlites(void **state)
{
	assert_string_equal(run("CREATE TABLE t(id INTEGER PRIMARY KEY)"), "{}");
	assert_string_equal(
	    run("INSERT INTO t VALUES(5),(6)"), "{\"last_insert_id\":6,\"rows_affected\":2}");
	assert_string_equal(run("CREATE TABLE u(a)"), "{\"last_insert_id\":6,\"rows_affected\":2}");
	assert_string_equal(run("SELECT 1"), "{\"last_insert_id\":6,\"rows_affected\":2}");
	assert_int_equal(value("SELECT changes()"), 2);
	/* A statement that fails while it runs leaves no changes, one that can't be compiled leaves all. */
	assert_string_equal(
	    run("INSERT INTO nope VALUES(1)"), "{\"error\":\"no such table: nope\"}");
	assert_int_equal(value("SELECT changes()"), 2);
	assert_string_equal(
	    run("INSERT INTO t VALUES(6)"), "{\"error\":\"UNIQUE constraint failed: t.id\"}");
	assert_int_equal(value("SELECT changes()"), 0);
	assert_int_equal(value("SELECT total_changes()"), 2);
}

static void
schema_changes_that_count_are_noticed(void **state)
{
	assert_string_equal(run("CREATE VIRTUAL TABLE f USING fts5(a)"),
	    "{\"last_insert_id\":10,\"rows_affected\":1}");
	(void)run("CREATE TABLE p(id INTEGER PRIMARY KEY)");
	(void)run("CREATE TABLE c(pid REFERENCES p(id))");
	(void)run("INSERT INTO p VALUES(1),(2),(3)");
	/* With foreign keys SQLite deletes the rows of a parent before it drops the table. */
	assert_string_equal(run("DROP TABLE p"), "{\"last_insert_id\":3,\"rows_affected\":3}");
	assert_int_equal(value("SELECT count(*) FROM sqlite_schema WHERE name='p'"), 0);
}

/* In a trigger changes() means the trigger's own last statement, as in SQLite. */
static void
triggers_see_their_own_changes(void **state)
{
	(void)run("CREATE TABLE t(a)");
	(void)run("CREATE TABLE log(id INTEGER PRIMARY KEY, c, t)");
	(void)run("CREATE TABLE w(a)");
	(void)run("INSERT INTO w VALUES(1),(2),(3)");
	(void)run("CREATE TRIGGER tr AFTER INSERT ON t BEGIN"
		  " INSERT INTO log(c, t) VALUES(changes(), 'before');"
		  " UPDATE w SET a = a + 1; INSERT INTO log(c, t) VALUES(changes(), 'after'); END");
	assert_string_equal(
	    run("INSERT INTO t VALUES(1),(2)"), "{\"last_insert_id\":2,\"rows_affected\":2}");
	assert_int_equal(value("SELECT c FROM log WHERE id = 1"), 3);
	assert_int_equal(value("SELECT c FROM log WHERE id = 2"), 3);
	/* 3 rows of w, 2 of t, and for each of these 1, 3 and 1 in the trigger. */
	assert_int_equal(value("SELECT total_changes()"), 3 + 2 + 2 * (1 + 3 + 1));
}

static void
counters_move_to_a_new_connection(void **state)
{
	(void)run("CREATE TABLE t(a)");
	(void)run("INSERT INTO t VALUES(1),(2)");
	exec_detach(&exec);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(exec_attach(&exec, db, true), SQLITE_OK);
	assert_int_equal(
	    value("SELECT changes() + 10 * total_changes() + 100 * last_insert_rowid()"), 222);
}

static void
hazards_give_a_batch_up(void **state)
{
	static const struct {
		const char *sql;
		bool touched;
	} cases[] = {
		{ "BEGIN", false },
		{ "SAVEPOINT s", false },
		{ "VACUUM", false },
		{ "PRAGMA user_version", false },
		{ "PRAGMA recursive_triggers=1", false },
		{ "CREATE TEMP TABLE x(a)", false },
		{ "ANALYZE", false },
		{ "INSERT INTO f VALUES('full text')", false },
		{ "INSERT OR ROLLBACK INTO t VALUES(1)", true },
		{ "INSERT INTO t VALUES(9); COMMIT", true },
		{ "INSERT INTO c VALUES(9)", true },
	};
	size_t i;

	(void)run("CREATE TABLE t(id INTEGER PRIMARY KEY)");
	(void)run("INSERT INTO t VALUES(1)");
	(void)run("CREATE TABLE c(pid REFERENCES t(id) DEFERRABLE INITIALLY DEFERRED)");
	(void)run("CREATE VIRTUAL TABLE f USING fts5(a)");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(exec_internal(&exec, "BEGIN"), SQLITE_OK);
		exec.batch = true;
		if (run_status(COMMAND_EXECUTE, cases[i].sql) != EXEC_GIVE_UP)
			fail_msg("%s", cases[i].sql);
		assert_int_equal(exec.entry.touched, cases[i].touched);
		exec.batch = false;
		if (!sqlite3_get_autocommit(db))
			(void)exec_internal(&exec, "ROLLBACK");
		exec_rolled_back(&exec);
	}
	assert_int_equal(value("PRAGMA recursive_triggers"), 0);
	assert_int_equal(value("SELECT count(*) FROM t"), 1);
}

/* The hash says what happened, so that nodes can compare. */
static void
outcomes_are_hashed(void **state)
{
	uint64_t ok, failed;

	(void)run("CREATE TABLE t(id INTEGER PRIMARY KEY)");
	(void)run("INSERT INTO t VALUES(1)");
	ok = exec.entry.hash;
	(void)run("INSERT INTO t VALUES(1)");
	failed = exec.entry.hash;
	assert_true(ok != failed);
	(void)run("DELETE FROM t");
	(void)run("INSERT INTO t VALUES(1)");
	assert_true(exec.entry.hash == ok);
}

/* SQLite would compile it for minutes, and nothing could end that. */
static void
complex_statements_are_refused(void **state)
{
	const size_t terms = 200000;
	char *sql = malloc(32 + terms * 6);
	size_t len, i;

	len = (size_t)snprintf(sql, 32, "DELETE FROM big WHERE 1");
	for (i = 0; i < terms; i++, len += 6)
		memcpy(sql + len, " OR :a", 6);
	sql[len] = '\0';
	assert_int_equal(run_status(COMMAND_EXECUTE, sql), EXEC_FAILED);
	assert_string_equal((const char *)out.data, "{\"error\":\"" SQLTEXT_COMPLEX_TEXT "\"}");
	free(sql);
}

/* Each of many statements in a string costs a copy of the rest: that is charged. */
static void
long_strings_cost_steps(void **state)
{
	const size_t n = 100000;
	char *sql = malloc(n * 9 + 1);
	size_t i;

	for (i = 0; i < n; i++)
		memcpy(sql + i * 9, "SELECT 1;", 9);
	sql[n * 9] = '\0';
	steps = 10000000;
	assert_int_equal(run_status(COMMAND_EXECUTE, sql), EXEC_FAILED);
	assert_string_equal((const char *)out.data, "{\"error\":\"execute timeout\"}");
	steps = 0;
	free(sql);
}

/* Each view doubles what is compiled. */
static void
compiling_takes_limited_memory(void **state)
{
	char sql[4096];
	int len, i;

	len = snprintf(sql, sizeof(sql), "WITH w0 AS (SELECT 1 AS a)");
	for (i = 1; i < 32; i++)
		len += snprintf(sql + len, sizeof(sql) - (size_t)len,
		    ",w%d AS (SELECT (SELECT 1 FROM w%d)+(SELECT 2 FROM w%d) AS a)", i, i - 1,
		    i - 1);
	(void)snprintf(sql + len, sizeof(sql) - (size_t)len, " SELECT * FROM w31");
	assert_int_equal(run_status(COMMAND_EXECUTE, sql), EXEC_FAILED);
	assert_string_equal((const char *)out.data, "{\"error\":\"out of memory\"}");
	assert_int_equal(value("SELECT 7"), 7);
}

/* The text is a value's, and its length even: no literal is as long. */
static const char *
like(const char *what, size_t text, size_t pattern)
{
	static char sql[512];

	(void)snprintf(sql, sizeof(sql),
	    "SELECT hex(zeroblob(%zu)) %s '%c' || printf('%%.*c', %zu, '0') || 'b'", text / 2, what,
	    what[0] == 'L' ? '%' : '*', pattern - 2);
	return (sql);
}

static void
like_is_let_cost_so_much(void **state)
{
	static const struct {
		size_t text, pattern;
	} good[] = { { 17000000, 16 }, { 4500000, 64 }, { 1100000, 256 }, { 50000, 4096 } },
	  bad[] = { { 60000000, 17 }, { 17000000, 64 }, { 5000000, 256 }, { 300000, 4096 },
		  { 1, 4097 } };
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(value(like("LIKE", good[i].text, good[i].pattern)), 0);
		assert_int_equal(value(like("GLOB", good[i].text, good[i].pattern)), 0);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
		    run_status(COMMAND_EXECUTE, like("LIKE", bad[i].text, bad[i].pattern)),
		    EXEC_FAILED);
		assert_string_equal(
		    (const char *)out.data, "{\"error\":\"LIKE or GLOB pattern too complex\"}");
		/* The next statement has all that it may have. */
		assert_int_equal(value("SELECT length(zeroblob(67108864))"), 67108864);
	}
}

/* A literal's length is only looked at when it is first used, which may be before. */
static void
like_of_a_long_literal_is_refused(void **state)
{
	const size_t n = 2000000;
	char *sql = malloc(n + 100);
	int len;

	len = snprintf(sql, 100, "CREATE VIEW v AS SELECT '");
	memset(sql + len, 'a', n);
	(void)snprintf(sql + (size_t)len + n, 100 - (size_t)len, "' AS x");
	assert_string_equal(run(sql), "{}");
	memcpy(sql, "SELECT  '                ", (size_t)len);
	(void)snprintf(
	    sql + (size_t)len + n, 100 - (size_t)len, "' LIKE printf('%%.*c', 3000, 'a')");
	assert_string_equal(run(sql), "{\"error\":\"LIKE or GLOB pattern too complex\"}");
	assert_string_equal(run("SELECT x LIKE printf('%.*c', 3000, 'a') FROM v"),
	    "{\"error\":\"LIKE or GLOB pattern too complex\"}");
	assert_int_equal(value("SELECT x LIKE 'aaaaaaaaaaaaaaa%' FROM v"), 1);
	free(sql);
}

/* What the first attempt has done is undone, and the next sees nothing of it. */
static void
like_is_tried_again_unseen(void **state)
{
	static const char insert[] =
	    "INSERT INTO %s SELECT NULL, random(), changes(), total_changes(), last_insert_rowid()"
	    " FROM p WHERE 'abcdefghijklmnopqrstuvwxyz' LIKE p.%s RETURNING id";
	char sql[512], first[512];
	int i;

	(void)run("CREATE TABLE p(short, long)");
	(void)run(
	    "INSERT INTO p VALUES('a%','a%'),('abc%','abc%'),('a%z','abcdefghijklmnop%wxyz')");
	(void)run("CREATE TABLE t(id INTEGER PRIMARY KEY, r, c, a, l)");
	(void)run("CREATE TABLE u(id INTEGER PRIMARY KEY, r, c, a, l)");
	(void)run("CREATE TABLE log(id INTEGER PRIMARY KEY, n)");
	(void)run(
	    "CREATE TRIGGER tt AFTER INSERT ON t BEGIN INSERT INTO log(n) VALUES(changes()); END");
	(void)run(
	    "CREATE TRIGGER tu AFTER INSERT ON u BEGIN INSERT INTO log(n) VALUES(changes()); END");
	for (i = 0; i < 3; i++) {
		/* As a trigger before it would leave them. */
		(void)run("DELETE FROM log");
		(void)run("INSERT INTO p(short) VALUES('x'),('x')");
		(void)snprintf(sql, sizeof(sql), insert, "t", "short");
		(void)snprintf(first, sizeof(first), "%s", run(sql));
		assert_int_equal(value("SELECT changes()"), 3);
		(void)run("DELETE FROM log");
		(void)run("INSERT INTO p(short) VALUES('x'),('x')");
		(void)snprintf(sql, sizeof(sql), insert, "u", "long");
		assert_string_equal(run(sql), first);
		assert_int_equal(value("SELECT changes()"), 3);
		assert_int_equal(value("SELECT last_insert_rowid() = max(id) FROM u"), 1);
	}
	assert_int_equal(value("SELECT count(*) FROM t JOIN u USING(id, r, c)"), 9);
	assert_int_equal(value("SELECT count(*) FROM log"), 3);
	assert_int_equal(value("SELECT count(*) FROM t JOIN u USING(id, r, c)"), 9);
	assert_int_equal(value("SELECT count(*) FROM log"), 3);
	(void)run_status(COMMAND_QUERY, "SELECT * FROM u");
	fprintf(stderr, "%s\n", out.data);
	(void)run_status(COMMAND_QUERY, "SELECT * FROM t");
	fprintf(stderr, "%s\n", out.data);
	assert_int_equal(value("SELECT count(*) FROM u WHERE c = 2"), 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counters_are_stale_like_sqlites, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    schema_changes_that_count_are_noticed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(triggers_see_their_own_changes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    counters_move_to_a_new_connection, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hazards_give_a_batch_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(outcomes_are_hashed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(complex_statements_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(long_strings_cost_steps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(compiling_takes_limited_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(like_is_let_cost_so_much, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    like_of_a_long_literal_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(like_is_tried_again_unseen, set_up, tear_down),
	};

	if (memory_install(0) != SQLITE_OK)
		return (1);
	sqlvfs_init();
	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
