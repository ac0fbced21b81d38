/*
 * Which statements have too many words to be compiled, found in the text alone.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "proc/sql/sqltext.h"

/* Whether the head, so many times the unit, and the tail are complex. */
static bool
is_complex(const char *head, const char *unit, size_t times, const char *tail)
{
	size_t head_len = strlen(head), unit_len = strlen(unit), tail_len = strlen(tail), i;
	size_t len = head_len + unit_len * times + tail_len;
	char *text = malloc(len);
	bool complex;

	assert_non_null(text);
	memcpy(text, head, head_len);
	for (i = 0; i < times; i++)
		memcpy(text + head_len + i * unit_len, unit, unit_len);
	memcpy(text + head_len + times * unit_len, tail, tail_len);
	complex = sqltext_is_complex(text, len);
	free(text);
	return (complex);
}

/* The unit is so many words. */
static void
expect(const char *unit, size_t words)
{
	if (words == 0) {
		if (is_complex("", unit, 4 * SQL_WORDS_MAX, ""))
			fail_msg("%s: none", unit);
		return;
	}
	/* Room behind them, so that they are counted. */
	if (is_complex("", unit, SQL_WORDS_MAX / words, "+1                     "))
		fail_msg("%s: not more than %zu", unit, words);
	if (!is_complex("", unit, SQL_WORDS_MAX / words, " a b c d e            "))
		fail_msg("%s: %zu", unit, words);
}

static void
words_are_counted(void **state)
{
	expect("a=1 AND ", 2);
	expect(" and b$_9\xc3\xa4", 2);
	expect("\"and\",", 1);
	expect("`a`.[b c]=", 2);
	expect(":v1,", 1);
	expect("@v,$v,#v,?7,", 4);
	expect("$a::b(;'), ", 1);
	expect("count(1)+", 1);
}

static void
values_are_not_words(void **state)
{
	expect("(1,2.5e9,.5,0x1f,'it''s AND a',?,NULL,null,x'ab'),", 0);
	expect("-- a b c d\n", 0);
	expect("/* a b c d */", 0);
	expect("/*/ a */-1/2", 0);
}

/* Each statement has its own count. */
static void
statements_are_separate(void **state)
{
	assert_false(is_complex("", "a AND b; ", 3 * SQL_WORDS_MAX, ""));
	assert_false(is_complex("", "INSERT INTO t VALUES(';');", SQL_WORDS_MAX, ""));
	assert_true(is_complex("SELECT 1; SELECT ", "a+", 2 * SQL_WORDS_MAX, "a; SELECT 2"));
}

/* None of these hides what follows. */
static void
nothing_hides_words(void **state)
{
	static const char *const heads[] = { "'", "''''", "'it''s'", "\"'\"", "`'`", "['", "[']",
		"$a(')", "@a::b(')", "#a(\")", "--'\n", "/*'*/", "/ *'*/ '", "-'", "x'ab'", "x'",
		"1'", ":a(') ", "?1'", "$('", ";'", "\xef\xbb\xbf" };
	static const char *const open[] = { "'", "['", "-'", "x'", "1'", "?1'", "$('", ";'" };
	size_t i, k;

	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		bool expected = true;

		for (k = 0; k < sizeof(open) / sizeof(open[0]); k++)
			expected = expected && strcmp(open[k], heads[i]) != 0;
		if (is_complex(heads[i], " OR a", 2 * SQL_WORDS_MAX, "") != expected)
			fail_msg("%s", heads[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_counted),
		cmocka_unit_test(values_are_not_words),
		cmocka_unit_test(statements_are_separate),
		cmocka_unit_test(nothing_hides_words),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
