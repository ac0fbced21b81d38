/* The JSON writer: escapes, numbers, indentation. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/json.h"
#include "common/shortest.h"

static void
expect(struct buf *b, const char *want)
{
	buf_add_u8(b, 0);
	assert_string_equal((const char *)b->data, want);
	b->len = 0;
}

static void
strings_are_escaped(void **state)
{
	struct buf b = BUF_INIT;

	json_add_string(&b, "plain", 5);
	expect(&b, "\"plain\"");
	json_add_string(&b, "", 0);
	expect(&b, "\"\"");
	json_add_string(&b, "a\"b\\c\n\r\t\b\f\x01\x1f<&>\x7f/", 17);
	expect(&b, "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\\u001f\\u003c\\u0026\\u003e\x7f/\"");
	json_add_string(&b, "a\0b", 3);
	expect(&b, "\"a\\u0000b\"");
	buf_fini(&b);
}

static void
utf8_is_checked(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
		    "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ "\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", "\"\\u2028\\u2029\xe2\x80\xaa\"" },
		{ "\xff", "\"\\ufffd\"" },
		{ "\xc0\x80", "\"\\ufffd\\ufffd\"" },
		{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xe2\x80", "\"\\ufffd\\ufffd\"" },
		{ "\xe2\x80x", "\"\\ufffd\\ufffdx\"" },
		{ "\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
		{ "\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\"" },
		{ "\xe0\x9f\xbf", "\"\\ufffd\\ufffd\\ufffd\"" },
	};
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_add_string(&b, cases[i].in, strlen(cases[i].in));
		expect(&b, cases[i].out);
	}
	buf_fini(&b);
}

static void
integers_are_exact(void **state)
{
	static const struct {
		int64_t v;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 7, "7" },
		{ 10, "10" },
		{ 99, "99" },
		{ 100, "100" },
		{ -1, "-1" },
		{ INT64_MAX, "9223372036854775807" },
		{ INT64_MIN, "-9223372036854775808" },
	};
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_add_int(&b, cases[i].v);
		expect(&b, cases[i].text);
	}
	json_add_uint(&b, UINT64_MAX);
	expect(&b, "18446744073709551615");
	buf_fini(&b);
}

static void
doubles_have_the_form_of_go(void **state)
{
	static const struct {
		double v;
		const char *text;
	} cases[] = {
		{ 0.0, "0" },
		{ -0.0, "-0" },
		{ 1.0, "1" },
		{ 0.1, "0.1" },
		{ 1.5, "1.5" },
		{ 1e20, "100000000000000000000" },
		{ 1e21, "1e+21" },
		{ 1e-6, "0.000001" },
		{ 1e-7, "1e-7" },
		{ 5e-324, "5e-324" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" },
		{ 9223372036854775808.0, "9223372036854776000" },
		{ 1e15, "1000000000000000" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 1e23, "1e+23" },
		{ -123.456, "-123.456" },
		{ 2.5e-10, "2.5e-10" },
		{ INFINITY, "null" },
		{ -INFINITY, "null" },
		{ NAN, "null" },
	};
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_add_double(&b, cases[i].v);
		expect(&b, cases[i].text);
	}
	buf_fini(&b);
}

/* Digits of a printed number, without zeros around them. */
static int
count_digits(const char *s)
{
	int n = 0, zeros = 0;

	for (; *s != '\0' && *s != 'e'; s++) {
		if (*s == '0') {
			zeros += n > 0;
		} else if (*s >= '1' && *s <= '9') {
			n += zeros + 1;
			zeros = 0;
		}
	}
	return (n);
}

static void
doubles_are_shortest_and_read_back(void **state)
{
	uint64_t seed = (uint64_t)time(NULL) * 2654435761u | 1, bits;
	char text[SHORTEST_SIZE_MAX + 1], longer[64];
	double v;
	int i, digits;

	print_message("seed %llu\n", (unsigned long long)seed);
	for (i = 0; i < 200000; i++) {
		seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
		bits = i % 4 != 0 ? seed : (seed & 0x7ff0000000000000) + seed % 3;
		memcpy(&v, &bits, sizeof(v));
		if (i % 2 != 0)
			v = (double)(seed >> 30) / 1000;
		if (!isfinite(v) || v == 0)
			continue;
		text[shortest_print(text, v)] = '\0';
		assert_true(strtod(text, NULL) == v);
		digits = count_digits(text);
		assert_in_range(digits, 1, 17);
		if (digits > 1) {
			snprintf(longer, sizeof(longer), "%.*e", digits - 2, v);
			assert_true(strtod(longer, NULL) != v);
		}
	}
}

static void
base64_is_padded(void **state)
{
	static const char *want[] = { "\"\"", "\"Zg==\"", "\"Zm8=\"", "\"Zm9v\"", "\"Zm9vYg==\"",
		"\"Zm9vYmE=\"", "\"Zm9vYmFy\"" };
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i <= 6; i++) {
		json_add_base64(&b, "foobar", i);
		expect(&b, want[i]);
	}
	json_add_base64(&b, "\x00\xff", 2);
	expect(&b, "\"AP8=\"");
	buf_fini(&b);
}

static void
write_sample(struct json *j)
{
	json_begin_object(j);
	json_key(j, "a");
	json_begin_array(j);
	json_int(j, 1);
	json_string(j, "x");
	json_begin_array(j);
	json_end_array(j);
	json_end_array(j);
	json_key(j, "b");
	json_begin_object(j);
	json_end_object(j);
	json_key(j, "c");
	json_null(j);
	json_key(j, "d");
	json_bool(j, true);
	json_end_object(j);
}

static void
structure_has_commas_and_indentation(void **state)
{
	struct buf b = BUF_INIT;
	struct json j;

	json_init(&j, &b, false, 0);
	write_sample(&j);
	expect(&b, "{\"a\":[1,\"x\",[]],\"b\":{},\"c\":null,\"d\":true}");
	json_init(&j, &b, true, 0);
	write_sample(&j);
	expect(&b,
	    "{\n    \"a\": [\n        1,\n        \"x\",\n        []\n    ],\n    \"b\": {},\n"
	    "    \"c\": null,\n    \"d\": true\n}");
	json_init(&j, &b, true, 1);
	json_begin_array(&j);
	json_int(&j, 1);
	json_end_array(&j);
	expect(&b, "[\n        1\n    ]");
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_escaped),
		cmocka_unit_test(utf8_is_checked),
		cmocka_unit_test(integers_are_exact),
		cmocka_unit_test(doubles_have_the_form_of_go),
		cmocka_unit_test(doubles_are_shortest_and_read_back),
		cmocka_unit_test(base64_is_padded),
		cmocka_unit_test(structure_has_commas_and_indentation),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
