/*
 * SipHash-2-4-128 against the vectors of its authors' reference code: key
 * 00..0f, message 00..n-1.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/siphash.h"

static void
test_vectors(void **state)
{
	static const struct {
		size_t len;
		uint8_t hash[SIPHASH_SIZE];
	} rows[] = {
		{ 0, { 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7,
			 0x55, 0x02, 0x93 } },
		{ 1, { 0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b,
			 0x22, 0xfc, 0x45 } },
		{ 15, { 0x54, 0x93, 0xe9, 0x99, 0x33, 0xb0, 0xa8, 0x11, 0x7e, 0x08, 0xec, 0x0f,
			  0x97, 0xcf, 0xc3, 0xd9 } },
		{ 63, { 0x51, 0x50, 0xd1, 0x77, 0x2f, 0x50, 0x83, 0x4a, 0x50, 0x3e, 0x06, 0x9a,
			  0x97, 0x3f, 0xbd, 0x7c } },
	};
	uint8_t key[SIPHASH_KEY_SIZE], message[64], out[SIPHASH_SIZE];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		siphash128(key, message, rows[i].len, out);
		assert_memory_equal(out, rows[i].hash, sizeof(out));
	}
}

/* Every byte of key and message, at every length, matters. */
static void
test_sensitivity(void **state)
{
	uint8_t key[SIPHASH_KEY_SIZE] = { 1 }, message[40] = { 0 }, base[16], out[16];

	for (size_t len = 0; len <= sizeof(message); len++) {
		siphash128(key, message, len, base);
		for (size_t i = 0; i < len; i++) {
			message[i] ^= 0x80;
			siphash128(key, message, len, out);
			assert_memory_not_equal(out, base, sizeof(out));
			message[i] ^= 0x80;
		}
		for (size_t i = 0; i < sizeof(key); i++) {
			key[i] ^= 1;
			siphash128(key, message, len, out);
			assert_memory_not_equal(out, base, sizeof(out));
			key[i] ^= 1;
		}
	}
}

static void
test_equal(void **state)
{
	assert_true(equal_constant_time("abc", "abd", 2));
	assert_false(equal_constant_time("abc", "abd", 3));
	assert_false(equal_constant_time("xbc", "abc", 3));
	assert_true(equal_constant_time("", "x", 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_sensitivity),
		cmocka_unit_test(test_equal),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
