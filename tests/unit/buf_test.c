/* The byte buffer against a plain array that does the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "common/buf.h"

static void
test_integers_are_little_endian(void **state)
{
	static const uint8_t expected[] = { 1, 3, 2, 7, 6, 5, 4, 15, 14, 13, 12, 11, 10, 9, 8, 'x',
		'y' };
	struct buf b = BUF_INIT;

	buf_add_u8(&b, 1);
	buf_add_u16(&b, 0x0203);
	buf_add_u32(&b, 0x04050607);
	buf_add_u64(&b, UINT64_C(0x08090a0b0c0d0e0f));
	buf_add_text(&b, "xy");
	assert_int_equal(buf_size(&b), sizeof(expected));
	assert_memory_equal(buf_bytes(&b), expected, sizeof(expected));
	buf_fini(&b);
	assert_int_equal(buf_size(&b), 0);
}

static void
test_printf(void **state)
{
	struct buf b = BUF_INIT;
	char long_text[2000];

	memset(long_text, 'z', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	buf_printf(&b, "%s", "");
	assert_int_equal(buf_size(&b), 0);
	buf_printf(&b, "%d-%s|", 42, "a");
	buf_printf(&b, "%s", long_text);
	assert_int_equal(buf_size(&b), 5 + 1999);
	assert_memory_equal(buf_bytes(&b), "42-a|zzz", 8);
	assert_int_equal(buf_bytes(&b)[5 + 1998], 'z');
	buf_fini(&b);
}

static void
test_reset_gives_back_what_is_large(void **state)
{
	struct buf b = BUF_INIT;

	memset(buf_reserve(&b, 100000), 1, 100000);
	buf_advance(&b, 100000);
	buf_take(&b, 10);
	buf_reset(&b, 1000000);
	assert_int_equal(buf_size(&b), 0);
	assert_true(b.cap >= 100000);
	buf_reset(&b, 1000);
	assert_int_equal(b.cap, 0);
	assert_null(b.data);
}

/* Added, taken and compacted in turn: what comes out is what went in. */
static void
test_against_a_counter(void **state)
{
	struct buf b = BUF_INIT;
	uint8_t piece[700];
	size_t round, i, in = 0, out = 0;

	for (round = 0; round < 3000; round++) {
		size_t n = round * 7919 % sizeof(piece), take;

		for (i = 0; i < n; i++)
			piece[i] = (uint8_t)((in + i) * 31 >> 3);
		buf_add(&b, piece, n);
		in += n;
		assert_int_equal(buf_size(&b), in - out);
		take = round * 104729 % (buf_size(&b) + 1);
		for (i = 0; i < take; i++)
			assert_int_equal(buf_bytes(&b)[i], (uint8_t)((out + i) * 31 >> 3));
		buf_take(&b, take);
		out += take;
		if (round % 5 == 0) {
			buf_compact(&b);
			assert_int_equal(b.pos, 0);
		}
		assert_int_equal(buf_size(&b), in - out);
	}
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers_are_little_endian),
		cmocka_unit_test(test_printf),
		cmocka_unit_test(test_reset_gives_back_what_is_large),
		cmocka_unit_test(test_against_a_counter),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
