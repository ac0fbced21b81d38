/* Parameters: positions, names, several statements that share a list. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc/sql/bind.h"

static sqlite3 *db;
static struct authorizer authorizer;
static struct stmtcache cache;

static int
set_up(void **state)
{
	int rc = sqlite3_open(":memory:", &db);

	stmtcache_init(&cache, db, &authorizer);
	return (rc);
}

static int
tear_down(void **state)
{
	stmtcache_clear(&cache);
	return (sqlite3_close(db));
}

struct argument {
	const char *name; /* NULL: positional */
	int value;
};

static void
make_list(struct buf *b, struct bind_list *l, const struct argument *arguments, uint32_t n)
{
	struct command_parameter p = { .type = COMMAND_INTEGER };
	struct command_statement s;
	struct command c;
	size_t at;
	uint32_t i;

	b->len = 0;
	command_begin(b, COMMAND_QUERY, 0, 0);
	at = command_add_statement(b, "", 0);
	for (i = 0; i < n; i++) {
		p.name = arguments[i].name;
		p.name_len = (uint16_t)(p.name != NULL ? strlen(p.name) : 0);
		p.integer = arguments[i].value;
		command_add_parameter(b, &p);
	}
	command_set_parameters(b, at, n);
	command_set_statements(b, 0, 1);
	assert_true(command_open(&c, b->data, b->len));
	assert_true(command_next(&c, &s));
	bind_list_init(l, &s);
}

/* Binds and runs a statement; what it selects, separated by commas, or the error. */
static const char *
run(struct bind_list *l, const char *sql, bool rows)
{
	static char text[1024];
	struct statement *s = stmtcache_get(&cache, sql, strlen(sql));
	struct error e;
	size_t n = 0;
	int i;

	assert_non_null(s);
	text[0] = '\0';
	if (bind_statement(l, s, rows, &e) == -1)
		snprintf(text, sizeof(text), "%s", e.text);
	else if (sqlite3_step(s->stmt) == SQLITE_ROW)
		for (i = 0; i < s->columns; i++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i > 0 ? "," : "",
			    sqlite3_column_type(s->stmt, i) == SQLITE_NULL
				? "null"
				: (const char *)sqlite3_column_text(s->stmt, i));
	stmtcache_put(&cache, s);
	return (text);
}

static void
lists(void **state)
{
	static const struct {
		const char *sql;
		struct argument arguments[5];
		uint32_t n;
		const char *want;
	} cases[] = {
		{ "SELECT ?,?", { { NULL, 1 }, { NULL, 2 } }, 2, "1,2" },
		{ "SELECT ?2,?1", { { NULL, 1 }, { NULL, 2 } }, 2, "2,1" },
		{ "SELECT ?", { { NULL, 1 }, { NULL, 2 } }, 2, "1" },
		{ "SELECT ?,?", { { NULL, 1 } }, 1,
		    "not enough args to execute query: want 2 got 1" },
		{ "SELECT ?5", { { NULL, 1 } }, 1,
		    "not enough args to execute query: want 5 got 1" },
		{ "SELECT :x,@x,$x", { { "x", 7 }, { "y", 1 }, { "z", 1 } }, 3, "7,7,7" },
		{ "SELECT :x", { { "y", 7 } }, 1, "null" },
		{ "SELECT :x", { { "X", 7 } }, 1, "null" },
		{ "SELECT :x, ?", { { NULL, 9 }, { "x", 7 } }, 2, "7,null" },
		{ "SELECT :x, ?", { { "x", 7 }, { NULL, 9 } }, 2, "7,9" },
		{ "SELECT ?, :x", { { NULL, 9 }, { "x", 7 } }, 2, "9,7" },
		{ "SELECT :a, ?, @b, ?", { { "a", 1 }, { NULL, 2 }, { "b", 3 }, { NULL, 4 } }, 4,
		    "1,2,3,4" },
		{ "SELECT :x", { { "x", 1 }, { "x", 2 } }, 2, "2" },
		{ "SELECT :x", { { ":x", 7 } }, 1, "name \":x\" does not begin with a letter" },
		{ "SELECT :x", { { "a\"\\\n", 7 }, { "1\"\\\n", 7 } }, 2,
		    "name \"1\\\"\\\\\\n\" does not begin with a letter" },
		{ "SELECT 1", { { NULL, 7 }, { "_x", 7 } }, 2,
		    "name \"_x\" does not begin with a letter" },
		{ "SELECT ?,?,?", { { "1", 7 } }, 1, "name \"1\" does not begin with a letter" },
		{ "SELECT :x", { { "\t\x01\x7f", 7 } }, 1,
		    "name \"\\t\\x01\\x7f\" does not begin with a letter" },
	};
	struct buf b = BUF_INIT;
	struct bind_list l;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_list(&b, &l, cases[i].arguments, cases[i].n);
		assert_string_equal(run(&l, cases[i].sql, true), cases[i].want);
	}
	buf_fini(&b);
}

static void
statements_of_a_string_share_a_list(void **state)
{
	static const struct argument positions[] = { { NULL, 1 }, { NULL, 2 }, { NULL, 3 } };
	static const struct argument names[] = { { "x", 7 }, { NULL, 1 } };
	struct buf b = BUF_INIT;
	struct bind_list l;

	make_list(&b, &l, positions, 3);
	assert_string_equal(run(&l, "SELECT ?", true), "1");
	assert_string_equal(run(&l, "SELECT ?", true), "2");
	assert_string_equal(
	    run(&l, "SELECT ?,?", true), "not enough args to execute query: want 2 got 1");
	make_list(&b, &l, positions, 3);
	assert_string_equal(run(&l, "SELECT ?,?,?", false), "1,2,3");
	assert_string_equal(
	    run(&l, "SELECT ?", false), "not enough args to execute query: want 1 got 3");
	/* A name stays known to later statements while the list is long enough. */
	make_list(&b, &l, names, 2);
	assert_string_equal(run(&l, "SELECT :x", true), "7");
	assert_string_equal(run(&l, "SELECT :x", true), "7");
	assert_string_equal(
	    run(&l, "SELECT :x", true), "not enough args to execute query: want 1 got 0");
	buf_fini(&b);
}

static void
values_do_not_stay_behind(void **state)
{
	static const struct argument named[] = { { "x", 7 } }, other[] = { { "y", 8 } };
	struct buf b = BUF_INIT;
	struct bind_list l;

	make_list(&b, &l, named, 1);
	assert_string_equal(run(&l, "SELECT :x", true), "7");
	make_list(&b, &l, other, 1);
	assert_string_equal(run(&l, "SELECT :x", true), "null");
	buf_fini(&b);
}

static void
long_names_are_found(void **state)
{
	char name[600], sql[700];
	struct argument a = { name, 5 };
	struct buf b = BUF_INIT;
	struct bind_list l;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(sql, sizeof(sql), "SELECT :%s", name);
	make_list(&b, &l, &a, 1);
	assert_string_equal(run(&l, sql, true), "5");
	buf_fini(&b);
}

/* A list of many names, for a statement of as many parameters. */
static const char *
run_names(uint32_t names, uint32_t parameters)
{
	static const struct argument spare = { "other", 1 };
	struct buf b = BUF_INIT, sql = BUF_INIT;
	struct argument *arguments = calloc(names, sizeof(*arguments));
	struct bind_list l;
	const char *text;
	uint32_t i;

	assert_non_null(arguments);
	for (i = 0; i < names; i++)
		arguments[i] = spare;
	arguments[names - 1] = (struct argument){ "p3", 7 };
	buf_add_text(&sql, "SELECT :p3 IN (7");
	for (i = 0; i < parameters; i++)
		buf_printf(&sql, ",:p%u", i);
	buf_add_text(&sql, ")");
	buf_add_u8(&sql, 0);
	make_list(&b, &l, arguments, names);
	text = run(&l, (const char *)sql.data, true);
	free(arguments);
	buf_fini(&b);
	buf_fini(&sql);
	return (text);
}

/* Each name is compared with all of the statement's: that has an end. */
static void
many_names(void **state)
{
	assert_string_equal(run_names(2000, 2000), "1");
	assert_string_equal(run_names(250000, 530), "1");
	assert_string_equal(run_names(250000, 540), "too many named parameters");
	assert_string_equal(run_names(11700, 11700), "too many named parameters");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(statements_of_a_string_share_a_list),
		cmocka_unit_test(values_do_not_stay_behind),
		cmocka_unit_test(long_names_are_found),
		cmocka_unit_test(many_names),
	};

	return (cmocka_run_group_tests(tests, set_up, tear_down) != 0);
}
