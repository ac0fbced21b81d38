/*
 * Basic credentials and the base64 they come in.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "proc/http/basic.h"

static void
good(const char *value, const char *user, const char *password)
{
	uint8_t scratch[BASIC_SCRATCH_MAX];
	struct basic basic;

	assert_true(basic_parse(value, strlen(value), scratch, sizeof(scratch), &basic));
	assert_int_equal(basic.user_len, strlen(user));
	assert_memory_equal(basic.user, user, basic.user_len);
	assert_int_equal(basic.password_len, strlen(password));
	assert_memory_equal(basic.password, password, basic.password_len);
}

static void
bad(const char *value)
{
	uint8_t scratch[BASIC_SCRATCH_MAX];
	struct basic basic;

	if (basic_parse(value, strlen(value), scratch, sizeof(scratch), &basic))
		fail_msg("%s", value);
	assert_null(basic.user);
	assert_int_equal(basic.user_len, 0);
	assert_int_equal(basic.password_len, 0);
}

static void
test_good(void **state)
{
	good("Basic bWFyeTpzZWNyZXQy", "mary", "secret2");
	good("bAsIc bWFyeTpzZWNyZXQy", "mary", "secret2");
	good("Basic bWFyeTpzZWNyZXQy \t", "mary", "secret2");
	good("Basic Og==", "", "");
	good("Basic YTpiOmM=", "a", "b:c");
	good("Basic OnB3", "", "pw");
	good("Basic dTo=", "u", "");
	good("Basic w6k68J+YgC8=", "\xc3\xa9", "\xf0\x9f\x98\x80/");
}

static void
test_bad(void **state)
{
	static const char *const list[] = { "", "Basic", "Basic ", "Basic  bWFyeTpzZWNyZXQy",
		"BasicbWFyeTpzZWNyZXQy", "Bearer bWFyeTpzZWNyZXQy", "Basic\tbWFyeTpzZWNyZXQy",
		"Basic bWFyeQ==", "Basic bWFyeTpzZWNyZXQ", "Basic bWFyeTpz====", "Basic A===",
		"Basic ====", "Basic dT=o", "Basic dTo_", "Basic dTo-", "Basic dTo=dTo=", "Basic dT o=",
		"Basic \xff\xff\xff\xff" };

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		bad(list[i]);
}

/* What does not fit the scratch is no credentials. */
static void
test_size(void **state)
{
	uint8_t scratch[12];
	struct basic basic;
	static const char value[] = "Basic bWFyeTpzZWNyZXQy";

	assert_true(basic_parse(value, sizeof(value) - 1, scratch, 12, &basic));
	assert_false(basic_parse(value, sizeof(value) - 1, scratch, 11, &basic));
}

static void
test_base64(void **state)
{
	static const char text[] = "AAECA/3+/w==";
	static const uint8_t bytes[] = { 0, 1, 2, 3, 0xfd, 0xfe, 0xff };
	uint8_t out[9];

	assert_int_equal(base64_decode(text, sizeof(text) - 1, out, sizeof(out)), sizeof(bytes));
	assert_memory_equal(out, bytes, sizeof(bytes));
	assert_int_equal(base64_decode("", 0, out, 0), 0);
	assert_int_equal(base64_decode(text, sizeof(text) - 2, out, sizeof(out)), -1);
	assert_int_equal(base64_decode(text, sizeof(text) - 1, out, 8), -1);
	assert_int_equal(base64_decode("Zm9\0", 4, out, sizeof(out)), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_base64),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
