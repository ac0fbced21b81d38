/*
 * Entries applied to a real store: results, transactions, counters, clock and
 * chance, limits, and failures of the machine in the middle.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/file.h"
#include "proc/sql/apply.h"
#include "proc/sql/memory.h"
#include "proc/sql/sqlvfs.h"
#include "proc/sql/store.h"
#include "proto/command.h"

static char directory[64];
static struct file_dir *dir;
static struct store *store;
static struct apply *apply;
static struct buf results;
static int delivered;
static uint64_t applied; /* index */

static void
on_result(void *arg, const struct apply_entry *e, const struct buf *text, const char *error)
{
	delivered++;
	results.len = 0;
	buf_add(&results, buf_bytes(text), buf_size(text));
	if (error != NULL)
		buf_printf(&results, " error %s", error);
	buf_add_u8(&results, 0);
}

static void
open_node(bool foreign_keys, apply_result_fn *result)
{
	struct apply_config config = { .foreign_keys = foreign_keys, .result = result };
	struct store_config sizes = { .path = directory };
	struct error e;

	dir = file_dir_open(directory);
	assert_non_null(dir);
	sizes.dir = dir;
	store = store_pick(&sizes, &e);
	assert_non_null(store);
	assert_int_equal(store_open(store, &e), 0);
	apply = apply_new(store, &config, &e);
	assert_non_null(apply);
}

static void
close_node(void)
{
	apply_free(apply);
	store_close(store);
	file_dir_close(dir);
}

static int
set_up(void **state)
{
	snprintf(directory, sizeof(directory), "/tmp/rqlited-apply-XXXXXX");
	assert_non_null(mkdtemp(directory));
	applied = 0;
	open_node(false, on_result);
	return (0);
}

static void
unlink_each(void *arg, const char *name)
{
	(void)dir->ops->unlink(dir, name);
}

static int
tear_down(void **state)
{
	close_node();
	dir = file_dir_open(directory);
	(void)dir->ops->list(dir, unlink_each, NULL);
	file_dir_close(dir);
	buf_fini(&results);
	return (rmdir(directory));
}

/* Statements separated by '|'. */
static void
encode(struct buf *b, enum command_kind kind, uint16_t flags, const char *sql)
{
	uint32_t n = 0;
	size_t len;

	command_begin(b, kind, flags, 0);
	for (;; sql += len + 1) {
		len = strcspn(sql, "|");
		(void)command_add_statement(b, sql, (uint32_t)len);
		n++;
		if (sql[len] == '\0')
			break;
	}
	command_set_statements(b, 0, n);
}

static struct apply_entry
entry(const struct buf *b)
{
	struct apply_entry e = {
		.index = ++applied,
		.term = 1,
		.time_ns = 1700000000000000000,
		.seed = 42,
		.type = APPLY_COMMAND,
		.command = b->data,
		.len = b->len,
		.origin = &results,
	};

	return (e);
}

static const char *
run(enum command_kind kind, uint16_t flags, const char *sql)
{
	struct buf b = BUF_INIT;
	struct apply_entry e;
	int code;

	encode(&b, kind, flags, sql);
	e = entry(&b);
	assert_int_equal(apply_batch(apply, &e, 1, &code), 1);
	buf_fini(&b);
	return ((const char *)results.data);
}

static const char *
execute(const char *sql)
{
	return (run(COMMAND_EXECUTE, 0, sql));
}

static void
execute_results(void **state)
{
	assert_string_equal(
	    execute("CREATE TABLE foo(id INTEGER NOT NULL PRIMARY KEY, name TEXT)"), "[{}]");
	assert_string_equal(
	    execute("INSERT INTO foo(name) VALUES('a');INSERT INTO foo(name) VALUES('b'); -- note"),
	    "[{\"last_insert_id\":2,\"rows_affected\":1}]");
	assert_string_equal(
	    execute("DROP TABLE nope|SELECT 1|UPDATE foo SET name='x' WHERE 0|PRAGMA user_version"),
	    "[{\"error\":\"no such table: nope\"},{\"last_insert_id\":2,\"rows_affected\":1},"
	    "{\"last_insert_id\":2},{\"last_insert_id\":2}]");
	assert_string_equal(execute("INSERT INTO foo(name) VALUES('c') RETURNING id; INSERT INTO "
				    "foo(name) VALUES('d')\nRETURNING\tid"),
	    "[{\"columns\":[\"id\"],\"types\":[\"integer\"],\"values\":[[4]]}]");
	assert_string_equal(execute("DELETE FROM foo WHERE id=99 RETURNING id"),
	    "[{\"columns\":[\"id\"],\"types\":[\"integer\"]}]");
	assert_string_equal(execute("INSERT INTO foo(id) VALUES(?)"),
	    "[{\"error\":\"not enough args to execute query: want 1 got 0\"}]");
	assert_string_equal(execute("|"), "[]");
	assert_string_equal(execute(" |--"), "[{},{}]");
	assert_string_equal(execute("INSERT INTO foo(id) VALUES(9);SELEC"),
	    "[{\"error\":\"near \\\"SELEC\\\": syntax error\"}]");
	assert_string_equal(run(COMMAND_EXECUTE, COMMAND_ASSOCIATIVE | COMMAND_PRETTY, "SELECT 1"),
	    "[\n        {\n            \"last_insert_id\": 9,\n            \"rows_affected\": 1,\n"
	    "            \"rows\": null\n        }\n    ]");
}

static void
request_results(void **state)
{
	(void)execute("CREATE TABLE foo(id INTEGER PRIMARY KEY, name TEXT)");
	assert_string_equal(
	    run(COMMAND_REQUEST, 0,
		"INSERT INTO foo VALUES(1, 'a')|SELECT * FROM foo|SELECT * FROM bar"),
	    "[{\"last_insert_id\":1,\"rows_affected\":1},{\"columns\":[\"id\",\"name\"],\"types\":["
	    "\"integer\",\"text\"],"
	    "\"values\":[[1,\"a\"]]},{\"error\":\"no such table: bar\"}]");
	assert_string_equal(run(COMMAND_REQUEST, COMMAND_ASSOCIATIVE,
				"SELECT * FROM bar|SELECT abs(-9223372036854775808)|INSERT INTO "
				"foo VALUES(2, 'b')"),
	    "[{\"error\":\"no such table: bar\"},{\"rows\":[],\"error\":\"integer overflow\"},"
	    "{\"last_insert_id\":2,\"rows_affected\":1,\"rows\":null}]");
	assert_string_equal(
	    run(COMMAND_REQUEST, COMMAND_TRANSACTION,
		"INSERT INTO foo VALUES(3, 'c')|SELECT * FROM nope|INSERT INTO foo VALUES(4, 'd')"),
	    "[{\"last_insert_id\":3,\"rows_affected\":1},{\"error\":\"no such table: nope\"}]");
	assert_string_equal(run(COMMAND_REQUEST, 0, "SELECT count(*) AS n FROM foo"),
	    "[{\"columns\":[\"n\"],\"types\":[\"integer\"],\"values\":[[2]]}]");
	assert_string_equal(run(COMMAND_REQUEST, 0, "SELECT 1; INSERT INTO foo VALUES(5, 'e')"),
	    "[{\"error\":\"attempt to change database via query operation\"}]");
}

static void
transactions(void **state)
{
	(void)execute("CREATE TABLE foo(id INTEGER PRIMARY KEY)");
	assert_string_equal(
	    run(COMMAND_EXECUTE, COMMAND_TRANSACTION,
		"INSERT INTO foo VALUES(2)|INSERT INTO foo VALUES(2)|INSERT INTO foo VALUES(3)"),
	    "[{\"last_insert_id\":2,\"rows_affected\":1},{\"error\":\"UNIQUE constraint failed: "
	    "foo.id\"}]");
	assert_string_equal(
	    run(COMMAND_EXECUTE, COMMAND_TRANSACTION, "INSERT INTO foo VALUES(2)|COMMIT"),
	    "[] error cannot commit - no transaction is active");
	assert_string_equal(run(COMMAND_EXECUTE, COMMAND_TRANSACTION, "VACUUM"),
	    "[{\"error\":\"cannot VACUUM from within a transaction\"}]");
	assert_string_equal(execute("BEGIN|INSERT INTO foo VALUES(7)"),
	    "[{\"last_insert_id\":2,\"rows_affected\":1},{\"last_insert_id\":7,\"rows_affected\":1}"
	    "]");
	/* What a client leaves open is rolled back with its request. */
	assert_string_equal(
	    execute("ROLLBACK"), "[{\"error\":\"cannot rollback - no transaction is active\"}]");
	assert_string_equal(run(COMMAND_REQUEST, 0, "SELECT id FROM foo"),
	    "[{\"columns\":[\"id\"],\"types\":[\"integer\"],\"values\":[[2]]}]");
	assert_string_equal(execute("BEGIN|INSERT INTO foo VALUES(8)|COMMIT"),
	    "[{\"last_insert_id\":7,\"rows_affected\":1},{\"last_insert_id\":8,\"rows_affected\":1}"
	    ","
	    "{\"last_insert_id\":8,\"rows_affected\":1}]");
}

static void
deferred_keys(void **state)
{
	close_node();
	open_node(true, on_result);
	(void)execute("CREATE TABLE p(id INTEGER PRIMARY KEY)|"
		      "CREATE TABLE c(pid INTEGER REFERENCES p(id) DEFERRABLE INITIALLY DEFERRED)");
	assert_string_equal(execute("INSERT INTO c VALUES(5)|INSERT INTO p VALUES(1)"),
	    "[{\"error\":\"FOREIGN KEY constraint "
	    "failed\"},{\"last_insert_id\":1,\"rows_affected\":1}]");
	assert_string_equal(run(COMMAND_EXECUTE, COMMAND_TRANSACTION, "INSERT INTO c VALUES(5)"),
	    "[] error FOREIGN KEY constraint failed");
	assert_string_equal(run(COMMAND_EXECUTE, COMMAND_TRANSACTION,
				"INSERT INTO c VALUES(5)|INSERT INTO p VALUES(5)"),
	    "[{\"last_insert_id\":1,\"rows_affected\":1},{\"last_insert_id\":5,\"rows_affected\":1}"
	    "]");
}

static void
append_result(void *arg, const struct apply_entry *e, const struct buf *text, const char *error)
{
	buf_add(&results, buf_bytes(text), buf_size(text));
	if (error != NULL)
		buf_printf(&results, " error %s", error);
	buf_add_u8(&results, '\n');
}

/*
 * The next entry of the batch mends what the one before has left undone: that one
 * failed all the same, as it would have alone.
 */
static void
deferred_keys_are_due_at_their_own_entry(void **state)
{
	static const uint16_t flags[] = { 0, COMMAND_TRANSACTION };
	struct buf commands[2] = { BUF_INIT, BUF_INIT };
	struct apply_entry entries[2];
	size_t i;
	int code;

	(void)execute("CREATE TABLE p(id INTEGER PRIMARY KEY)|"
		      "CREATE TABLE c(pid INTEGER REFERENCES p(id) DEFERRABLE INITIALLY DEFERRED)");
	close_node();
	open_node(true, append_result);
	for (i = 0; i < 2; i++) {
		commands[0].len = commands[1].len = results.len = 0;
		encode(&commands[0], COMMAND_EXECUTE, flags[i], "INSERT INTO c VALUES(5)");
		encode(&commands[1], COMMAND_EXECUTE, flags[i], "INSERT INTO p VALUES(5)");
		entries[0] = entry(&commands[0]);
		entries[1] = entry(&commands[1]);
		assert_int_equal(apply_batch(apply, entries, 2, &code), 2);
		buf_add_u8(&results, 0);
		assert_string_equal((const char *)results.data,
		    flags[i] == 0 ? "[{\"error\":\"FOREIGN KEY constraint failed\"}]\n"
				    "[{\"last_insert_id\":5,\"rows_affected\":1}]\n"
				  : "[] error FOREIGN KEY constraint failed\n"
				    "[{\"last_insert_id\":5,\"rows_affected\":1}]\n");
		results.len = 0;
		commands[0].len = 0;
		encode(&commands[0], COMMAND_EXECUTE, 0, "DELETE FROM p");
		entries[0] = entry(&commands[0]);
		assert_int_equal(apply_batch(apply, entries, 1, &code), 1);
	}
	buf_fini(&commands[0]);
	buf_fini(&commands[1]);
}

static void
counters_outlive_the_node(void **state)
{
	(void)execute("CREATE TABLE t(a)|INSERT INTO t VALUES(1),(2),(3)");
	close_node();
	open_node(false, on_result);
	assert_string_equal(
	    execute("CREATE TABLE u(a)"), "[{\"last_insert_id\":3,\"rows_affected\":3}]");
	assert_string_equal(
	    run(COMMAND_REQUEST, 0,
		"DELETE FROM u|SELECT changes(), total_changes(), last_insert_rowid()"),
	    "[{\"last_insert_id\":3},{\"columns\":[\"changes()\",\"total_changes()\",\"last_insert_"
	    "rowid()\"],"
	    "\"types\":[\"integer\",\"integer\",\"integer\"],\"values\":[[0,3,3]]}]");
	assert_int_equal(apply_index(apply), applied);
}

static void
settings_end_with_the_request(void **state)
{
	assert_string_equal(
	    execute("CREATE TEMP TABLE tt(a)|INSERT INTO tt VALUES(1)|PRAGMA foreign_keys=ON"),
	    "[{},{\"last_insert_id\":1,\"rows_affected\":1},{\"last_insert_id\":1,\"rows_"
	    "affected\":1}]");
	assert_string_equal(
	    execute("INSERT INTO tt VALUES(2)"), "[{\"error\":\"no such table: tt\"}]");
	assert_string_equal(run(COMMAND_REQUEST, 0, "PRAGMA foreign_keys|PRAGMA synchronous=0"),
	    "[{\"columns\":[\"foreign_keys\"],\"types\":[\"integer\"],\"values\":[[0]]},{\"error\":"
	    "\"disallowed pragma\"}]");
}

/* Time and randomness are those of the entry: another node would write the same. */
static void
clock_and_chance_are_the_entrys(void **state)
{
	static const char sql[] = "SELECT datetime('now') AS d, random() AS r";
	char first[256];

	snprintf(first, sizeof(first), "%s", run(COMMAND_REQUEST, 0, sql));
	assert_non_null(strstr(first, "2023-11-14 22:13:20"));
	(void)execute("CREATE TABLE t(a DEFAULT (random()))|INSERT INTO t DEFAULT VALUES");
	assert_string_equal(run(COMMAND_REQUEST, 0, sql), first);
	/* But each statement has chances of its own. */
	(void)execute(
	    "DELETE FROM t|INSERT INTO t VALUES(random())|INSERT INTO t VALUES(random())");
	assert_string_equal(run(COMMAND_REQUEST, 0, "SELECT count(DISTINCT a) FROM t"),
	    "[{\"columns\":[\"count(DISTINCT a)\"],\"types\":[\"integer\"],\"values\":[[2]]}]");
}

#define ENDLESS                                                                                   \
	"WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM t WHERE n<100000000) SELECT " \
	"count(*) FROM t"

static void
steps_are_limited(void **state)
{
	struct buf b = BUF_INIT;
	struct apply_entry e;
	int code;

	encode(
	    &b, COMMAND_REQUEST, 0, "CREATE TABLE big AS " ENDLESS "|SELECT 1|CREATE TABLE x(a)");
	e = entry(&b);
	e.vm_steps = 500000;
	assert_int_equal(apply_batch(apply, &e, 1, &code), 1);
	assert_string_equal((char *)results.data,
	    "[{\"error\":\"execute timeout\"},{\"error\":\"query "
	    "timeout\"},{\"error\":\"execute timeout\"}]");
	buf_fini(&b);
	assert_string_equal(run(COMMAND_REQUEST, 0, "SELECT count(*) AS n FROM sqlite_schema"),
	    "[{\"columns\":[\"n\"],\"types\":[\"integer\"],\"values\":[[0]]}]");
}

static void
large_results_are_refused_and_undone(void **state)
{
	(void)execute("CREATE TABLE t(a)");
	assert_string_equal(execute("INSERT INTO t SELECT hex(zeroblob(1000000)) FROM "
				    "(VALUES(1),(2),(3),(4),(5),(6),(7),(8),(9)) RETURNING a"),
	    "[{\"error\":\"result is too large\"}]");
	assert_string_equal(run(COMMAND_REQUEST, 0, "SELECT count(*) AS n FROM t"),
	    "[{\"columns\":[\"n\"],\"types\":[\"integer\"],\"values\":[[0]]}]");
}

/* A statement that wants too much memory fails; the node does not. */
static void
memory_is_limited(void **state)
{
	static const char hungry[] =
	    "CREATE TABLE t AS WITH n(i) AS (VALUES(1),(2),(3),(4),(5),(6),(7),(8),"
	    "(9),(10),(11),(12)) SELECT substr(h, 1, 9) AS s FROM (SELECT"
	    " hex(zeroblob(25000000)) AS h FROM n ORDER BY h)";

	assert_string_equal(execute(hungry), "[{\"error\":\"out of memory\"}]");
	assert_string_equal(execute("CREATE TABLE t(a)"), "[{}]");
}

/* A table without a free rowid is no full disk. */
static void
full_tables_are_results(void **state)
{
	(void)execute("CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT)|INSERT INTO t "
		      "VALUES(9223372036854775807)");
	assert_string_equal(
	    execute("INSERT INTO t DEFAULT VALUES"), "[{\"error\":\"database or disk is full\"}]");
}

static void
malformed_commands_are_results(void **state)
{
	struct apply_entry e = { .index = ++applied,
		.term = 1,
		.type = APPLY_COMMAND,
		.command = "x",
		.len = 1,
		.origin = &results };
	int code;

	assert_int_equal(apply_batch(apply, &e, 1, &code), 1);
	assert_string_equal((char *)results.data, "[] error malformed command");
}

static void
silent_entries_are_not_answered(void **state)
{
	struct buf b = BUF_INIT;
	struct apply_entry e;
	int code;

	encode(&b, COMMAND_EXECUTE, 0, "CREATE TABLE t(a)|INSERT INTO t VALUES(1) RETURNING a");
	e = entry(&b);
	e.origin = NULL;
	delivered = 0;
	assert_int_equal(apply_batch(apply, &e, 1, &code), 1);
	assert_int_equal(delivered, 0);
	e = (struct apply_entry){
		.index = ++applied, .term = 2, .type = APPLY_NOOP, .origin = &results
	};
	assert_int_equal(apply_batch(apply, &e, 1, &code), 1);
	assert_int_equal(delivered, 1);
	assert_string_equal((char *)results.data, "[]");
	buf_fini(&b);
}

static void
limit_file(uint64_t bytes)
{
	struct rlimit limit = { bytes, RLIM_INFINITY };

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/*
 * The WAL can't grow: no result and no entry skipped, and each attempt goes on
 * where the last one was committed.  The command is somewhere else each time.
 */
static void
fail_and_retry(uint16_t flags, const char *sql, const char *want)
{
	struct buf b = BUF_INIT, moved = BUF_INIT;
	struct apply_entry e;
	int code, attempts = 0;
	uint64_t limit;
	size_t n;

	encode(&b, COMMAND_EXECUTE, flags, sql);
	e = entry(&b);
	delivered = 0;
	limit = store_wal_bytes(store);
	do {
		buf_fini(&moved);
		buf_add(&moved, b.data, b.len);
		e.command = moved.data;
		limit_file(limit);
		n = apply_batch(apply, &e, 1, &code);
		limit_file(RLIM_INFINITY);
		if (n == 0) {
			assert_int_equal(code & 0xff, SQLITE_IOERR);
			assert_int_equal(delivered, 0);
			assert_true(sqlite3_get_autocommit(store_db(store)));
		}
		attempts++;
		limit += 3000;
	} while (n == 0);
	assert_true(attempts > 3);
	assert_int_equal(delivered, 1);
	assert_string_equal((char *)results.data, want);
	buf_fini(&b);
	buf_fini(&moved);
}

static void
machine_failures_are_no_results(void **state)
{
	char want[512] = "[", sql[1024] = "";
	int i;

	signal(SIGXFSZ, SIG_IGN);
	(void)execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a)");
	fail_and_retry(0, "INSERT INTO t VALUES(1, hex(zeroblob(9000)))|INSERT INTO t VALUES(1, 2)",
	    "[{\"last_insert_id\":1,\"rows_affected\":1},{\"error\":\"UNIQUE constraint failed: "
	    "t.id\"}]");
	fail_and_retry(COMMAND_TRANSACTION,
	    "INSERT INTO t VALUES(2, hex(zeroblob(9000)))|INSERT INTO t VALUES(3, 2)",
	    "[{\"last_insert_id\":2,\"rows_affected\":1},{\"last_insert_id\":3,\"rows_affected\":1}"
	    "]");
	/* VACUUM makes the entry run alone: statements before the failure were committed. */
	for (i = 10; i < 15; i++) {
		snprintf(sql + strlen(sql), sizeof(sql) - strlen(sql),
		    "INSERT INTO t VALUES(%d, hex(zeroblob(2000)));SELECT 1;|", i);
		snprintf(want + strlen(want), sizeof(want) - strlen(want),
		    "{\"last_insert_id\":%d,\"rows_affected\":1},", i);
	}
	snprintf(sql + strlen(sql), sizeof(sql) - strlen(sql), "REINDEX");
	snprintf(want + strlen(want), sizeof(want) - strlen(want),
	    "{\"last_insert_id\":14,\"rows_affected\":1}]");
	fail_and_retry(0, sql, want);
	assert_string_equal(run(COMMAND_REQUEST, 0, "SELECT count(*) AS n FROM t"),
	    "[{\"columns\":[\"n\"],\"types\":[\"integer\"],\"values\":[[8]]}]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(execute_results, set_up, tear_down),
		cmocka_unit_test_setup_teardown(request_results, set_up, tear_down),
		cmocka_unit_test_setup_teardown(transactions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(deferred_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    deferred_keys_are_due_at_their_own_entry, set_up, tear_down),
		cmocka_unit_test_setup_teardown(counters_outlive_the_node, set_up, tear_down),
		cmocka_unit_test_setup_teardown(settings_end_with_the_request, set_up, tear_down),
		cmocka_unit_test_setup_teardown(clock_and_chance_are_the_entrys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(steps_are_limited, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    large_results_are_refused_and_undone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(memory_is_limited, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full_tables_are_results, set_up, tear_down),
		cmocka_unit_test_setup_teardown(malformed_commands_are_results, set_up, tear_down),
		cmocka_unit_test_setup_teardown(silent_entries_are_not_answered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(machine_failures_are_no_results, set_up, tear_down),
	};

	if (memory_install(0) != SQLITE_OK)
		return (1);
	sqlvfs_init();
	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
