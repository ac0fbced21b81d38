/*
 * Who is shunned for floods, on a clock of the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "proc/http/shun.h"
#include "tests/unit/ipv4.h"

static struct shun shun;

static void
shun_at(const uint8_t *address, int64_t now)
{
	int i;

	for (i = 1; i <= SHUN_FLOODS; i++) {
		assert_false(shun_applies(&shun, address, now));
		assert_int_equal(shun_note(&shun, address, now), i == SHUN_FLOODS);
	}
	assert_true(shun_applies(&shun, address, now));
}

static void
test_third_flood(void **state)
{
	shun_init(&shun);
	shun_at(ipv4(1), 5000);
	assert_false(shun_applies(&shun, ipv4(2), 5000));
	assert_true(shun_applies(&shun, ipv4(1), 5000 + SHUN_MS));
	assert_false(shun_applies(&shun, ipv4(1), 5001 + SHUN_MS));
}

static void
test_time_goes_on_with_each_flood(void **state)
{
	shun_init(&shun);
	shun_at(ipv4(1), 5000);
	assert_false(shun_note(&shun, ipv4(1), 6000));
	assert_true(shun_applies(&shun, ipv4(1), 6000 + SHUN_MS));
	assert_false(shun_applies(&shun, ipv4(1), 6001 + SHUN_MS));
	/* And then it begins anew. */
	shun_at(ipv4(1), 6001 + SHUN_MS);
}

static void
test_rare_floods_are_forgiven(void **state)
{
	int64_t now;

	shun_init(&shun);
	for (now = 0; now < 100 * (SHUN_MS + 1); now += SHUN_MS + 1) {
		assert_false(shun_note(&shun, ipv4(1), now));
		assert_false(shun_applies(&shun, ipv4(1), now));
	}
}

static void
test_ipv6_client_is_its_64(void **state)
{
	uint8_t one[16] = { 0x20, 0x01, [15] = 1 }, two[16] = { 0x20, 0x01, [8] = 7, [15] = 2 };
	uint8_t other[16] = { 0x20, 0x01, [7] = 1, [15] = 1 };

	shun_init(&shun);
	shun_at(one, 0);
	assert_true(shun_applies(&shun, two, 0));
	assert_false(shun_applies(&shun, other, 0));
}

/* The table holds the last ones, however many there were. */
static void
test_many_clients(void **state)
{
	uint32_t i;

	shun_init(&shun);
	for (i = 0; i < 100 * SHUN_SETS * SHUN_WAYS; i++)
		shun_at(ipv4(i), i);
	assert_true(shun_applies(&shun, ipv4(i - 1), i));
	assert_false(shun_applies(&shun, ipv4(0), i));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_third_flood),
		cmocka_unit_test(test_time_goes_on_with_each_flood),
		cmocka_unit_test(test_rare_floods_are_forgiven),
		cmocka_unit_test(test_ipv6_client_is_its_64),
		cmocka_unit_test(test_many_clients),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
