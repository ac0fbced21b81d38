/*
 * Query strings: what is refused and with which text, in which order, and what
 * each parameter becomes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc/http/params.h"

#define SECOND 1000000000LL
#define TEXTS_MAX 16

static void *texts[TEXTS_MAX];
static size_t texts_count;

/* Exact blocks, so that a sanitizer sees a byte too many. */
static char *
room(size_t len)
{
	assert_true(texts_count < TEXTS_MAX);
	texts[texts_count] = malloc(len + 1);
	assert_non_null(texts[texts_count]);
	return (texts[texts_count++]);
}

static int
drop(void **state)
{
	while (texts_count > 0)
		free(texts[--texts_count]);
	return (0);
}

static struct params
parse(const char *query, size_t len)
{
	struct params params;
	struct error error;
	char *exact = malloc(len > 0 ? len : 1);

	assert_non_null(exact);
	memcpy(exact, query, len);
	if (params_parse(exact, len, room(len), &params, &error) == -1)
		fail_msg("%s: %s", query, error.text);
	free(exact);
	return (params);
}

static struct params
good(const char *query)
{
	return (parse(query, strlen(query)));
}

static void
bad(const char *query, const char *text)
{
	struct params params;
	struct error error;

	assert_int_equal(
	    params_parse(query, strlen(query), room(strlen(query)), &params, &error), -1);
	assert_string_equal(error.text, text);
	drop(NULL);
}

static void
test_defaults(void **state)
{
	struct params params = good("");

	assert_string_equal(params.q, "");
	assert_int_equal(params.q_len, 0);
	assert_false(params.has_q);
	assert_null(params.key);
	assert_null(params.fmt);
	assert_null(params.tables);
	assert_int_equal(params.level, LEVEL_WEAK);
	assert_int_equal(params.timeout_ns, 30 * SECOND);
	assert_int_equal(params.db_timeout_ns, 0);
	assert_int_equal(params.freshness_ns, 0);
	assert_int_equal(params.linearizable_timeout_ns, 10 * SECOND);
	assert_int_equal(params.retries, 0);
	assert_int_equal(params.trailing_logs, 0);
	assert_false(params.pretty || params.ver2 || params.vacuum || params.freshness_strict);
}

static void
test_errors(void **state)
{
	bad("q=", "query parameter not set");
	bad("q", "query parameter not set");
	bad("q=&q=SELECT+1", "query parameter not set");
	bad("q=&pretty", "query parameter not set");
	bad("timeout=abc", "timeout is not a valid duration");
	bad("timeout", "timeout is not a valid duration");
	bad("timeout=+5s", "timeout is not a valid duration");
	bad("timeout=1s%00", "timeout is not a valid duration");
	bad("timeout=9223372036854775808ns", "timeout is not a valid duration");
	bad("freshness=xyz", "freshness is not a valid duration");
	bad("db_timeout=1d", "db_timeout is not a valid duration");
	bad("linearizable_timeout=x", "linearizable_timeout is not a valid duration");
	bad("freshness_strict", "freshness_strict requires freshness");
	bad("retries=x", "retries is not a valid integer");
	bad("retries=", "retries is not a valid integer");
	bad("retries=-", "retries is not a valid integer");
	bad("retries=1%00", "retries is not a valid integer");
	bad("retries=9223372036854775808", "retries is not a valid integer");
	bad("retries=-9223372036854775809", "retries is not a valid integer");
	bad("retries=1_000", "retries is not a valid integer");
	bad("trailing_logs=1.5", "trailing_logs is not a valid integer");
	bad("trailing_logs=%202", "trailing_logs is not a valid integer");
}

static void
test_syntax(void **state)
{
	bad("q=%zz", "invalid URL escape \"%zz\"");
	bad("q=%", "invalid URL escape \"%\"");
	bad("q=%4", "invalid URL escape \"%4\"");
	bad("q=a%2", "invalid URL escape \"%2\"");
	bad("%zz=1", "invalid URL escape \"%zz\"");
	bad("%yy=%zz", "invalid URL escape \"%yy\"");
	bad("q=SELECT+1&x=%gg1", "invalid URL escape \"%gg\"");
	bad("q=1&q=%gg", "invalid URL escape \"%gg\"");
	bad("x=%\"\\", "invalid URL escape \"%\\\"\\\\\"");
	bad("x=%\xff", "invalid URL escape \"%\\xff\"");
	bad("x=%\xc3\xa9", "invalid URL escape \"%\xc3\xa9\"");
	bad("x=%\xc2\xad", "invalid URL escape \"%\\u00ad\"");
	bad("x=%\xc2\xa0", "invalid URL escape \"%\\u00a0\"");
	bad("x=%\xe2\x82\xac", "invalid URL escape \"%\\xe2\\x82\"");
	bad("q=SELECT%201;x", "invalid semicolon separator in query");
	bad("a=%zz&b=;", "invalid semicolon separator in query");
	bad(";&a=%zz", "invalid semicolon separator in query");
	assert_string_equal(good("q=1%3B2").q, "1;2");
}

/* Each query has all that the next one has, and one fault more, which is named. */
static void
test_order(void **state)
{
	bad("q=&freshness_strict&a=%zz", "invalid URL escape \"%zz\"");
	bad("q=&retries=x&timeout=x&freshness_strict", "freshness_strict requires freshness");
	bad("q=&retries=x&trailing_logs=x&linearizable_timeout=x&db_timeout=x&freshness=x&timeout="
	    "x",
	    "timeout is not a valid duration");
	bad("q=&retries=x&trailing_logs=x&linearizable_timeout=x&db_timeout=x&freshness=x",
	    "freshness is not a valid duration");
	bad("q=&retries=x&trailing_logs=x&linearizable_timeout=x&db_timeout=x",
	    "db_timeout is not a valid duration");
	bad("q=&retries=x&trailing_logs=x&linearizable_timeout=x",
	    "linearizable_timeout is not a valid duration");
	bad("q=&trailing_logs=x&retries=x", "retries is not a valid integer");
	bad("q=&trailing_logs=x", "trailing_logs is not a valid integer");
}

static void
test_numbers(void **state)
{
	struct params params = good("timeout=1h2m3.5s&db_timeout=-5s&freshness=1ms&retries=%2B7"
				    "&trailing_logs=-9223372036854775808&linearizable_timeout=0");

	assert_int_equal(params.timeout_ns, 3723 * SECOND + SECOND / 2);
	assert_int_equal(params.db_timeout_ns, -5 * SECOND);
	assert_int_equal(params.freshness_ns, 1000000);
	assert_int_equal(params.linearizable_timeout_ns, SECOND);
	assert_int_equal(params.retries, 7);
	assert_int_equal(params.trailing_logs, INT64_MIN);
	assert_int_equal(good("timeout=0").timeout_ns, 0);
	assert_int_equal(good("retries=9223372036854775807").retries, INT64_MAX);
}

static void
test_words(void **state)
{
	assert_int_equal(good("level=none").level, LEVEL_NONE);
	assert_int_equal(good("level=Weak").level, LEVEL_WEAK);
	assert_int_equal(good("level=LINEARIZABLE").level, LEVEL_LINEARIZABLE);
	assert_int_equal(good("level=strong").level, LEVEL_STRONG);
	assert_int_equal(good("level=auto").level, LEVEL_AUTO);
	assert_int_equal(good("level=bogus").level, LEVEL_WEAK);
	assert_int_equal(good("level").level, LEVEL_WEAK);
	assert_int_equal(good("level=none%00").level, LEVEL_WEAK);
	assert_true(good("ver=2").ver2);
	assert_false(good("ver=22").ver2);
	assert_false(good("ver=2%00").ver2);
	assert_false(good("ver").ver2);
}

/* A flag is there or not, whatever its value; keys are exact. */
static void
test_flags(void **state)
{
	struct params params = good("pretty=false&timings=&transaction=0&queue&wait&associative"
				    "&blob_array&qualify_columns&raft_index&noparse&norwrandom"
				    "&norwtime&redirect&noleader&sync&nonvoters&vacuum&compress"
				    "&freshness=1s&freshness_strict");

	assert_true(params.pretty && params.timings && params.transaction && params.queue &&
		    params.wait && params.associative && params.blob_array &&
		    params.qualify_columns && params.raft_index && params.noparse &&
		    params.norwrandom && params.norwtime && params.redirect && params.noleader &&
		    params.sync && params.nonvoters && params.vacuum && params.compress &&
		    params.freshness_strict);
	params = good("Pretty&no_parse&assoc&pretty%00&prett&prettyy");
	assert_false(params.pretty || params.noparse || params.associative);
}

static void
test_texts(void **state)
{
	struct params params = good("&&q=SELECT+1%2b%31&q=SELECT+2&key=a.b&fmt=&tables=x,%20y&Q=3");

	assert_true(params.has_q);
	assert_string_equal(params.q, "SELECT 1+1");
	assert_int_equal(params.q_len, 10);
	assert_string_equal(params.key, "a.b");
	assert_string_equal(params.fmt, "");
	assert_string_equal(params.tables, "x, y");
	assert_false(good("Q=SELECT+1").has_q);
	assert_false(good("q%00=SELECT+1").has_q);
	params = good("q=a%00b");
	assert_int_equal(params.q_len, 3);
	assert_memory_equal(params.q, "a\0b", 4);
	assert_string_equal(good("q=a=b&=x&=").q, "a=b");
}

/* However many unknown keys come first, none hides one that counts. */
static void
test_many(void **state)
{
	char query[4096] = "";
	size_t n = 0;

	while (n < sizeof(query) - 32)
		n += (size_t)snprintf(query + n, sizeof(query) - n, "k%zu&", n);
	(void)snprintf(query + n, sizeof(query) - n, "level=strong");
	assert_int_equal(good(query).level, LEVEL_STRONG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_defaults, drop),
		cmocka_unit_test_teardown(test_errors, drop),
		cmocka_unit_test_teardown(test_syntax, drop),
		cmocka_unit_test_teardown(test_order, drop),
		cmocka_unit_test_teardown(test_numbers, drop),
		cmocka_unit_test_teardown(test_words, drop),
		cmocka_unit_test_teardown(test_flags, drop),
		cmocka_unit_test_teardown(test_texts, drop),
		cmocka_unit_test_teardown(test_many, drop),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
