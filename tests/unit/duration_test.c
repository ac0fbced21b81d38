/*
 * Durations: Go's forms, in and out.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "common/duration.h"

static void
test_parse(void **state)
{
	static const struct {
		const char *text;
		int result;
		int64_t ns;
	} rows[] = {
		{ "0", 0, 0 },
		{ "-0", 0, 0 },
		{ "5s", 0, INT64_C(5000000000) },
		{ "+5s", 0, INT64_C(5000000000) },
		{ "-1.5h", 0, INT64_C(-5400000000000) },
		{ "1h2m3.5s", 0, INT64_C(3723500000000) },
		{ ".5s", 0, 500000000 },
		{ "1.s", 0, 1000000000 },
		{ "3\xc2\xb5s", 0, 3000 },
		{ "3\xce\xbcs", 0, 3000 },
		{ "3us7ns", 0, 3007 },
		{ "0.1s", 0, 100000000 },
		{ "0.000000001s", 0, 1 },
		{ "0.0000000001s", 0, 0 },
		{ "0.33333333333333333333h", 0, INT64_C(1200000000000) },
		{ "1m1m", 0, INT64_C(120000000000) },
		{ "9223372036854775807ns", 0, INT64_MAX },
		{ "-9223372036854775808ns", 0, INT64_MIN },
		{ "9223372036854775808ns", -1, 0 },
		{ "9223372036.854775808s", -1, 0 },
		{ "2562047h47m16.854775807s", 0, INT64_MAX },
		{ "2562048h", -1, 0 },
		{ "99999999999999999999s", -1, 0 },
		{ "", -1, 0 },
		{ "-", -1, 0 },
		{ "10", -1, 0 },
		{ "s", -1, 0 },
		{ ".s", -1, 0 },
		{ "1.2.3s", -1, 0 },
		{ "1x", -1, 0 },
		{ "1 s", -1, 0 },
		{ "1S", -1, 0 },
		{ "--1s", -1, 0 },
		{ "1h-1m", -1, 0 },
		{ "1d", -1, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t ns = 0;

		if (duration_parse(rows[i].text, strlen(rows[i].text), &ns) != rows[i].result ||
		    ns != rows[i].ns)
			fail_msg("for: %s, got %lld", rows[i].text, (long long)ns);
	}
}

static void
test_format(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "0s" },
		{ 1, "1ns" },
		{ 1100, "1.1\xc2\xb5s" },
		{ 2200000, "2.2ms" },
		{ 500000000, "500ms" },
		{ INT64_C(3300000000), "3.3s" },
		{ INT64_C(30000000000), "30s" },
		{ INT64_C(120000000000), "2m0s" },
		{ INT64_C(245001000000), "4m5.001s" },
		{ INT64_C(86400000000000), "24h0m0s" },
		{ INT64_C(18367001000000), "5h6m7.001s" },
		{ -1, "-1ns" },
		{ INT64_MAX, "2562047h47m16.854775807s" },
		{ INT64_MIN, "-2562047h47m16.854775808s" },
	};
	char text[32];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t ns;

		assert_int_equal(
		    duration_format(rows[i].ns, text, sizeof(text)), strlen(rows[i].text));
		assert_string_equal(text, rows[i].text);
		assert_int_equal(duration_parse(text, strlen(text), &ns), 0);
		assert_int_equal(ns, rows[i].ns);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_format),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
