/*
 * Heads of requests as bytes: which are refused, and with which words.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc/http/framing.h"

#define GET "GET / HTTP/1.1\r\n"
#define HOST "Host: localhost:4001\r\n"
#define PLAIN "400 Bad Request"

/* Checks a copy of its exact size; NULL if it is let pass, else the words. */
static const char *
check_bytes(const char *head, size_t len, int version)
{
	char *exact = malloc(len > 0 ? len : 1);
	struct framing_verdict verdict = { 0 };
	int result;

	assert_non_null(exact);
	memcpy(exact, head, len);
	result = framing_check(exact, len, version, &verdict);
	free(exact);
	if (result == 0)
		return (NULL);
	assert_int_equal(verdict.status, *verdict.body != '\0' ? 400 : 417);
	return (verdict.body);
}

static void
good(const char *head, int version)
{
	const char *words = check_bytes(head, strlen(head), version);

	if (words != NULL)
		fail_msg("%s: %s", head, words);
}

static void
bad(const char *head, const char *words)
{
	const char *got = check_bytes(head, strlen(head), 0x101);

	if (got == NULL)
		fail_msg("%s: passed", head);
	assert_string_equal(got, words);
}

static void
test_good(void **state)
{
	good(GET HOST "\r\n", 0x101);
	good(GET "Host:\r\n\r\n", 0x101);
	good(GET "hOsT: [::1]:4001 \t\r\n\r\n", 0x101);
	good("\r\n" GET HOST "\r\n", 0x101);
	good("GET / HTTP/1.0\r\n\r\n", 0x100);
	good("GET / HTTP/1.2\r\n" HOST "\r\n", 0x102);
	good(GET HOST "X-A: \xff\xc3\xa9 : x\r\nX-A:\r\nx!#$%&'*+-.^_`|~9: y\r\n\r\n", 0x101);
	good("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", 0x101);
	good("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0x101);
}

/* What stands behind the head is not its business. */
static void
test_body(void **state)
{
	good(GET HOST "\r\nContent-Length: 1\nHost: x\n", 0x101);
	good(GET HOST "\r\n" GET "\r\n", 0x101);
}

static void
test_host(void **state)
{
	static const char *const hosts[] = { "a b", "a/b", "u@h", "a\\b", "a#", "a?", "<h>", "\"h\"",
		"h\xc3\xa9", "h\x01", "{h}", "a|b", "a^b", "h\x7f" };
	static const char twice[] = "GET / HTTP/1.0\r\n" HOST HOST "\r\n";
	char head[64];

	bad(GET "\r\n", PLAIN ": missing required Host header");
	bad(GET "Hosts: h\r\n\r\n", PLAIN ": missing required Host header");
	bad(GET HOST HOST "\r\n", PLAIN);
	bad(GET HOST "HOST:\r\n\r\n", PLAIN);
	assert_string_equal(check_bytes(twice, sizeof(twice) - 1, 0x100), PLAIN);
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		(void)snprintf(head, sizeof(head), GET "Host: %s\r\n\r\n", hosts[i]);
		bad(head, PLAIN ": malformed Host header");
	}
}

static void
test_length(void **state)
{
	static const char old[] = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";

	bad(GET HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\n", PLAIN);
	bad(GET HOST "Content-Length: 3\r\ncontent-length: 4\r\n\r\n", PLAIN);
	bad(GET HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", PLAIN);
	bad(GET HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", PLAIN);
	assert_string_equal(check_bytes(old, sizeof(old) - 1, 0x100), PLAIN);
}

static void
test_names(void **state)
{
	bad(GET HOST "Bad Name: x\r\n\r\n", PLAIN ": invalid header name");
	bad(GET HOST "X-A : x\r\n\r\n", PLAIN ": invalid header name");
	bad(GET HOST "NoColon\r\n\r\n", PLAIN);
	bad(GET HOST ": x\r\n\r\n", PLAIN);
	bad(GET HOST "X-\xc3\xa9: x\r\n\r\n", PLAIN);
	bad(GET HOST "X\t: x\r\n\r\n", PLAIN);
	bad(GET HOST "X(A): x\r\n\r\n", PLAIN);
	bad(GET HOST "X-A: x\r\n folded\r\n\r\n", PLAIN);
	bad(GET HOST "X-A: x\r\n\tY: folded\r\n\r\n", PLAIN);
}

static void
test_lines(void **state)
{
	static const char nul[] = GET HOST "X: a\0b\r\n\r\n";

	bad("GET / HTTP/1.1\n" HOST "\r\n", PLAIN);
	bad(GET "Host: h\n\r\n", PLAIN);
	bad(GET HOST "\n", PLAIN);
	bad(GET HOST "X: a\rb\r\n\r\n", PLAIN);
	bad(GET HOST "X: a\r\r\n\r\n", PLAIN);
	assert_string_equal(check_bytes(nul, sizeof(nul) - 1, 0x101), PLAIN);
	bad("\r\n\r\n" GET HOST "\r\n", PLAIN);
}

static void
test_method(void **state)
{
	good("M-SEARCH! / HTTP/1.1\r\n" HOST "\r\n", 0x101);
	bad("G@T / HTTP/1.1\r\n" HOST "\r\n", PLAIN);
	bad("G\xc3\xa9T / HTTP/1.1\r\n" HOST "\r\n", PLAIN);
	bad(" / HTTP/1.1\r\n" HOST "\r\n", PLAIN);
	bad("GET\r\n" HOST "\r\n", PLAIN);
}

static void
test_expect(void **state)
{
	good(GET HOST "Expect: 100-Continue \r\n\r\n", 0x101);
	good(GET HOST "Expect: \r\n\r\n", 0x101);
	bad(GET HOST "Expect: 200-ok\r\n\r\n", "");
	bad(GET HOST "expect:100-continue1\r\n\r\n", "");
	bad(GET "Expect: something\r\n\r\n", PLAIN ": missing required Host header");
}

/* Cut anywhere, a head is not whole. */
static void
test_cut(void **state)
{
	static const char head[] = "\r\n" GET HOST "Content-Length: 3\r\n\r\n";

	for (size_t n = 0; n < sizeof(head) - 1; n++)
		assert_non_null(check_bytes(head, n, 0x101));
	assert_null(check_bytes(head, sizeof(head) - 1, 0x101));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_method),
		cmocka_unit_test(test_expect),
		cmocka_unit_test(test_cut),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
