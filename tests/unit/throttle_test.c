/*
 * The limits on wrong passwords, on a clock of the test's own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proc/auth/throttle.h"
#include "tests/unit/ipv4.h"

static struct throttle throttle;

static void
test_per_address(void **state)
{
	int64_t now = 5000;

	throttle_init(&throttle, now);
	for (int i = 0; i < THROTTLE_BURST; i++) {
		assert_true(throttle_allows(&throttle, ipv4(1), now));
		(void)throttle_fail(&throttle, ipv4(1), now);
	}
	assert_false(throttle_allows(&throttle, ipv4(1), now));
	assert_true(throttle_allows(&throttle, ipv4(2), now));
	assert_false(throttle_allows(&throttle, ipv4(1), now + 499));
	assert_true(throttle_allows(&throttle, ipv4(1), now + 500));
	(void)throttle_fail(&throttle, ipv4(1), now + 500);
	assert_false(throttle_allows(&throttle, ipv4(1), now + 500));
	assert_true(throttle_allows(&throttle, ipv4(1), now + 5000));
	assert_int_equal(throttle.failures, THROTTLE_BURST + 1);
	assert_int_equal(throttle.refusals, 3);
}

/* Over ten seconds an address is heard twice a second, and its burst. */
static void
test_rate(void **state)
{
	unsigned heard = 0;

	throttle_init(&throttle, 0);
	for (int64_t now = 0; now < 10000; now += 7)
		if (throttle_allows(&throttle, ipv4(1), now)) {
			(void)throttle_fail(&throttle, ipv4(1), now);
			heard++;
		}
	assert_int_equal(heard, THROTTLE_BURST + 2 * 10 - 1);
}

static void
test_in_all(void **state)
{
	uint32_t heard = 0;

	throttle_init(&throttle, 0);
	for (uint32_t i = 0; i < 1000; i++)
		if (throttle_allows(&throttle, ipv4(i), 1)) {
			(void)throttle_fail(&throttle, ipv4(i), 1);
			heard++;
		}
	assert_int_equal(heard, THROTTLE_BURST_IN_ALL);
	assert_false(throttle_allows(&throttle, ipv4(5000), 1));
	assert_true(throttle_allows(&throttle, ipv4(5000), 60));
}

/* An IPv6 client is its /64. */
static void
test_ipv6(void **state)
{
	uint8_t address[16] = { 0x20, 0x01, 0x0d, 0xb8 };

	throttle_init(&throttle, 0);
	for (int i = 0; i < THROTTLE_BURST; i++) {
		address[15] = (uint8_t)i;
		(void)throttle_fail(&throttle, address, 0);
	}
	address[15] = 99;
	assert_false(throttle_allows(&throttle, address, 0));
	address[7] = 1;
	assert_true(throttle_allows(&throttle, address, 0));
}

static void
test_log_lines(void **state)
{
	throttle_init(&throttle, 0);
	assert_int_equal(throttle_fail(&throttle, ipv4(1), 100), 1);
	assert_int_equal(throttle_fail(&throttle, ipv4(1), 700), 0);
	assert_int_equal(throttle_fail(&throttle, ipv4(2), 700), 1);
	assert_int_equal(throttle_fail(&throttle, ipv4(1), 1000), 0);
	assert_int_equal(throttle_fail(&throttle, ipv4(1), 1100), 3);
	assert_int_equal(throttle_fail(&throttle, ipv4(1), 1101), 0);
}

/* The clock of another process may be a little behind; nothing overflows. */
static void
test_clock(void **state)
{
	throttle_init(&throttle, 1000);
	for (int i = 0; i < THROTTLE_BURST; i++)
		(void)throttle_fail(&throttle, ipv4(1), i % 2 ? 900 : 1000);
	assert_false(throttle_allows(&throttle, ipv4(1), 900));
	assert_true(throttle_allows(&throttle, ipv4(1), INT64_MAX / 2));
}

/* More clients than places: the newest are kept. */
static void
test_displacement(void **state)
{
	throttle_init(&throttle, 0);
	for (uint32_t i = 0; i < 100000; i++)
		(void)throttle_fail(&throttle, ipv4(i), i * 50);
	for (int i = 0; i < THROTTLE_BURST; i++)
		(void)throttle_fail(&throttle, ipv4(99999), 5000000);
	assert_false(throttle_allows(&throttle, ipv4(99999), 5000000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_per_address),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_in_all),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_log_lines),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_displacement),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
