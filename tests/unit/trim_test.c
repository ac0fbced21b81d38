/*
 * trim(), ltrim() and rtrim() against SQLite's own, and on arguments that SQLite's own would not
 * come to the end of.
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

#include "proc/sql/trim.h"

#define ROUNDS 60000
#define MIB 1048576

static const char all_forms[] =
    "SELECT typeof(trim(?1,?2))||quote(trim(?1,?2))||quote(ltrim(?1,?2))||quote(rtrim(?1,?2))"
    "||quote(hex(trim(?1,?2)))||quote(hex(ltrim(?1,?2)))||quote(hex(rtrim(?1,?2)))"
    "||quote(hex(trim(?1)))||quote(hex(ltrim(?1)))||quote(hex(rtrim(?1)))||typeof(trim(?1))";

static sqlite3 *theirs, *ours;
static uint32_t state = 1;

static uint32_t
draw(uint32_t n)
{
	state = state * 1664525 + 1013904223;
	return ((state >> 8) % n);
}

static void
bind_random(sqlite3_stmt *a, sqlite3_stmt *b, int place)
{
	static const uint8_t few[] = { 0xc3, 0x80, 0x81, 0x80, 0xff, 'a', ' ', 0 };
	static const uint8_t many[] = { 0xc3, 0xa4, 0xe2, 0x82, 0xac, 'x', 0xf0, 0x9f, 0x98, 0x80,
		'y', 0xc0, 0xbf, 0xfe };
	const uint8_t *from = draw(2) ? few : many;
	size_t size = from == few ? sizeof(few) : sizeof(many), i;
	uint8_t bytes[24];
	size_t len = draw(sizeof(bytes) + 1);
	sqlite3_stmt *both[] = { a, b };

	for (i = 0; i < len; i++)
		bytes[i] = from[draw((uint32_t)size)];
	i = draw(40);
	for (size = 0; size < 2; size++) {
		if (i == 0)
			sqlite3_bind_null(both[size], place);
		else if (i == 1)
			sqlite3_bind_int64(both[size], place, (int64_t)len * 1100);
		else if (i == 2)
			sqlite3_bind_double(both[size], place, (double)len / 4);
		else if (i < 10)
			sqlite3_bind_blob(both[size], place, bytes, (int)len, SQLITE_TRANSIENT);
		else
			sqlite3_bind_text(
			    both[size], place, (const char *)bytes, (int)len, SQLITE_TRANSIENT);
	}
}

static void
test_same_as_sqlites(void **unused)
{
	sqlite3_stmt *a, *b;
	int i;

	assert_int_equal(sqlite3_prepare_v2(theirs, all_forms, -1, &a, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(ours, all_forms, -1, &b, NULL), SQLITE_OK);
	for (i = 0; i < ROUNDS; i++) {
		bind_random(a, b, 1);
		bind_random(a, b, 2);
		assert_int_equal(sqlite3_step(a), SQLITE_ROW);
		assert_int_equal(sqlite3_step(b), SQLITE_ROW);
		assert_int_equal(sqlite3_column_type(a, 0), sqlite3_column_type(b, 0));
		if (sqlite3_column_type(a, 0) != SQLITE_NULL)
			assert_string_equal(sqlite3_column_text(b, 0), sqlite3_column_text(a, 0));
		sqlite3_reset(a);
		sqlite3_reset(b);
	}
	sqlite3_finalize(a);
	sqlite3_finalize(b);
}

static int
step(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;
	int rc;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		rc = sqlite3_column_int(stmt, 0);
	else
		rc = -rc;
	sqlite3_finalize(stmt);
	return (rc);
}

static void
test_same_refusals(void **unused)
{
	sqlite3 *both[] = { theirs, ours };
	char sql[128];
	int i, n;

	for (i = 0; i < 2; i++) {
		int old = sqlite3_limit(both[i], SQLITE_LIMIT_LENGTH, 1200);

		for (n = 99; n <= 102; n++) {
			snprintf(
			    sql, sizeof(sql), "SELECT length(trim('ab', printf('%%.%dc','a')))", n);
			assert_int_equal(step(both[i], sql), n <= 100 ? 1 : -SQLITE_TOOBIG);
		}
		sqlite3_limit(both[i], SQLITE_LIMIT_LENGTH, old);
	}
}

/* Length that is left of `text` when the characters of `set` are cut by the function. */
static int
left(const char *function, const char *text, int len, const char *set, int set_len)
{
	sqlite3_stmt *stmt;
	char sql[64];
	int n;

	snprintf(sql, sizeof(sql), "SELECT length(CAST(%s(?1, ?2) AS BLOB))", function);
	assert_int_equal(sqlite3_prepare_v2(ours, sql, -1, &stmt, NULL), SQLITE_OK);
	sqlite3_bind_text(stmt, 1, text, len, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, set, set_len, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return (n);
}

/* Puts the character with the number, of 4 bytes. */
static void
put_wide(char *at, uint32_t number)
{
	at[0] = (char)(0xf0 + (number >> 18 & 7));
	at[1] = (char)(0x80 + (number >> 12 & 63));
	at[2] = (char)(0x80 + (number >> 6 & 63));
	at[3] = (char)(0x80 + (number & 63));
}

static void
test_many_characters(void **unused)
{
	const int count = MIB;
	char *set = malloc((size_t)count * 4), *text = malloc((size_t)count * 4);
	int i;

	for (i = 0; i < count; i++) {
		put_wide(set + 4 * i, (uint32_t)(i * 7 % count));
		put_wide(text + 4 * i, (uint32_t)(i * 13 % count));
	}
	assert_int_equal(left("ltrim", text, count * 4, set, count * 4), 0);
	assert_int_equal(left("rtrim", text, count * 4, set, count * 4), 0);
	/* One character of the text, in its middle, is missing in the set. */
	memcpy(text + 2 * count, "zzzz", 4);
	assert_int_equal(left("ltrim", text, count * 4, set, count * 4), count * 2);
	assert_int_equal(left("rtrim", text, count * 4, set, count * 4), count * 2 + 4);
	assert_int_equal(left("trim", text, count * 4, set, count * 4), 4);
	free(set);
	free(text);
}

/* No UTF-8: a lead byte with 0 to n continuation bytes, all in the set; longest first. */
static void
test_long_characters(void **unused)
{
	const int longest = 2000, len = 16 * MIB;
	char *set = malloc((size_t)longest * (size_t)(longest + 3)), *text = malloc((size_t)len);
	int set_len = 0, n, i;

	for (n = longest; n >= 0; n--) {
		set[set_len++] = (char)0xc1;
		memset(set + set_len, 0x80, (size_t)n);
		set_len += n;
	}
	memset(text, 0x80, (size_t)len);
	for (i = 0; i < len; i += 1000)
		text[i] = (char)0xc1;
	assert_int_equal(left("trim", text, len, set, set_len), 0);
	/* The lead byte alone, then a stray byte: each place begins with the long ones' start. */
	for (i = 0; i < len; i += 2)
		memcpy(text + i, "\xc1\x81", 2);
	assert_int_equal(left("ltrim", text, len, set, set_len), len - 1);
	assert_int_equal(left("rtrim", text, len, set, set_len), len);
	free(set);
	free(text);
}

static int
set_up(void **unused)
{
	assert_int_equal(sqlite3_open(":memory:", &theirs), SQLITE_OK);
	assert_int_equal(sqlite3_open(":memory:", &ours), SQLITE_OK);
	return (trim_register(ours));
}

static int
tear_down(void **unused)
{
	return (sqlite3_close(theirs) + sqlite3_close(ours));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as_sqlites),
		cmocka_unit_test(test_same_refusals),
		cmocka_unit_test(test_many_characters),
		cmocka_unit_test(test_long_characters),
	};

	return (cmocka_run_group_tests(tests, set_up, tear_down));
}
