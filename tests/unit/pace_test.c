/*
 * Requests that come in slowly are given up at exact times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/limits.h"
#include "proc/http/pace.h"

static void
test_not_begun(void **state)
{
	assert_false(pace_is_slow(0, 0, 0, 1000000));
}

static void
test_head(void **state)
{
	assert_false(pace_is_slow(1000, 0, 0, 1000 + PACE_HEAD_S));
	assert_true(pace_is_slow(1000, 0, 0, 1000 + PACE_HEAD_S + 1));
	/* However much of a head there is. */
	assert_true(pace_is_slow(1000, 0, 5 * MIB, 1000 + PACE_HEAD_S + 1));
}

static void
test_body(void **state)
{
	time_t body = 2000;

	assert_false(pace_is_slow(1000, body, 0, body + PACE_BODY_S));
	assert_true(pace_is_slow(1000, body, 0, body + PACE_BODY_S + 1));
	assert_true(pace_is_slow(1000, body, MIB - 1, body + PACE_BODY_S + 1));
	assert_false(pace_is_slow(1000, body, MIB, body + 2 * PACE_BODY_S));
	assert_true(pace_is_slow(1000, body, MIB, body + 2 * PACE_BODY_S + 1));
}

/* 100 MiB by a line of 256 KiB a second come through. */
static void
test_slow_line(void **state)
{
	time_t second;

	for (second = 1; second <= 400; second++)
		assert_false(pace_is_slow(1000, 1000, (size_t)second * MIB / 4, 1000 + second));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_begun),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_slow_line),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
