/*
 * The system's clocks, as numbers.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t
clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ((int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
}

/* Never jumps, and means nothing outside this machine's life. */
static inline int64_t
clock_monotonic_ns(void)
{
	return (clock_ns(CLOCK_MONOTONIC));
}

/* Since 1970; may jump. */
static inline int64_t
clock_wall_ns(void)
{
	return (clock_ns(CLOCK_REALTIME));
}

#endif
