/*
 * Basic credentials and the base64 they come in.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
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
		"Basic bWFyeQ==", "Basic bWFyeTpzZWNyZXQ",
		"Basic bWFyeTpz====", "Basic A===", "Basic ====", "Basic dT=o", "Basic dTo_",
		"Basic dTo-", "Basic dTo=dTo=", "Basic dT o=", "Basic \xff\xff\xff\xff" };

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

/* Base64 of a name and a password of these lengths. */
static bool
parses(size_t user_len, size_t password_len)
{
	static const char digits[] = "YWFhYmJiOmFh"; /* aaa bbb :aa */
	static char value[2 * BASIC_SCRATCH_MAX];
	uint8_t scratch[BASIC_SCRATCH_MAX];
	struct basic basic;
	size_t len;

	assert_true(user_len % 3 == 0 && password_len % 3 == 2);
	len = (size_t)snprintf(value, sizeof(value), "Basic ");
	for (size_t i = 0; i < user_len; i += 3)
		len += (size_t)snprintf(value + len, sizeof(value) - len, "%.4s", digits);
	len += (size_t)snprintf(value + len, sizeof(value) - len, "%.4s", digits + 8);
	for (size_t i = 2; i < password_len; i += 3)
		len += (size_t)snprintf(value + len, sizeof(value) - len, "%.4s", digits + 4);
	if (!basic_parse(value, len, scratch, sizeof(scratch), &basic))
		return (false);
	assert_int_equal(basic.user_len, user_len);
	assert_int_equal(basic.password_len, password_len);
	return (true);
}

/* What auth would not be told is no credentials. */
static void
test_lengths(void **state)
{
	assert_true(parses(1023, 4094));
	assert_false(parses(1026, 2));
	assert_false(parses(3, 4097));
	assert_false(parses(1026, 4097));
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

/* Every value goes, and nothing else: neither other headers nor the body. */
static void
test_wipe(void **state)
{
	char head[] = "GET /authorization:x HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YTpi\r\n"
		      "X-Authorization: kept\r\nAUTHORIZATION:second\r\nauthorization:\r\n"
		      "authorization \r\n\r\nauthorization: body\r\n";
	static const char wiped[] = "GET /authorization:x HTTP/1.1\r\nHost: x\r\nAuthorization:"
				    "\0\0\0\0\0\0\0\0\0\0\0\0\nX-Authorization: kept\r\n"
				    "AUTHORIZATION:\0\0\0\0\0\0\0\nauthorization:\0\n"
				    "authorization \r\n\r\nauthorization: body\r\n";

	basic_wipe(head, sizeof(head) - 1);
	assert_int_equal(sizeof(head), sizeof(wiped));
	assert_memory_equal(head, wiped, sizeof(wiped));
}

/* A head that is cut off anywhere: not a byte behind it is touched. */
static void
test_wipe_of_a_part(void **state)
{
	static const char head[] = "GET / HTTP/1.1\r\nAuthorization: Basic YTpi\r\n\r\n";

	for (size_t len = 0; len < sizeof(head); len++) {
		char *part = malloc(sizeof(head));

		assert_non_null(part);
		memcpy(part, head, sizeof(head));
		basic_wipe(part, len);
		assert_memory_equal(part + len, head + len, sizeof(head) - len);
		assert_memory_equal(part, head, len < 30 ? len : 30);
		for (size_t i = 30; i + 1 < len && i < 42; i++)
			assert_int_equal(part[i], 0);
		free(part);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_wipe),
		cmocka_unit_test(test_wipe_of_a_part),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
