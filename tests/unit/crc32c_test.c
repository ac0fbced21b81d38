/* CRC-32C: known values, and both ways of computing it against the definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "common/crc32c.h"

/* Bit by bit, as the polynomial says. */
static uint32_t
by_definition(const uint8_t *data, size_t len)
{
	uint32_t crc = 0xffffffff;
	int bit;

	while (len-- > 0) {
		crc ^= *data++;
		for (bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	return (~crc);
}

/* RFC 3720, B.4. */
static void
test_known(void **state)
{
	uint8_t data[32];
	size_t i;

	assert_int_equal(crc32c(0, "", 0), 0);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	memset(data, 0, sizeof(data));
	assert_int_equal(crc32c(0, data, sizeof(data)), 0x8a9136aa);
	memset(data, 0xff, sizeof(data));
	assert_int_equal(crc32c(0, data, sizeof(data)), 0x62a8ab43);
	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, data, sizeof(data)), 0x46dd794e);
}

static void
test_every_length_and_alignment(void **state)
{
	uint8_t data[300];
	size_t i, from, len;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 167 + i / 7);
	for (from = 0; from < 9; from++)
		for (len = 0; from + len <= sizeof(data); len++) {
			uint32_t expected = by_definition(data + from, len);

			assert_int_equal(crc32c(0, data + from, len), expected);
			assert_int_equal(crc32c_by_table(0, data + from, len), expected);
		}
}

static void
test_in_parts(void **state)
{
	uint8_t data[100];
	size_t i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * i);
	for (i = 0; i <= sizeof(data); i++) {
		uint32_t first = crc32c(0, data, i);

		assert_int_equal(
		    crc32c(first, data + i, sizeof(data) - i), crc32c(0, data, sizeof(data)));
		assert_int_equal(crc32c_by_table(first, data + i, sizeof(data) - i),
		    crc32c(0, data, sizeof(data)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_every_length_and_alignment),
		cmocka_unit_test(test_in_parts),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
