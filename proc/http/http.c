/*
 * The time and the board, for all of http.
 *
 * h2o's timers follow gettimeofday(), which is replaced by a monotonic one, so
 * that a jump of the clock kills nothing.
 */
#include "proc/http/http.h"
#include "common/clock.h"

#include <sys/time.h>

#include <time.h>

#define CLOCK_SLEW 100 /* of the wall clock's distance, a 1/100th a second is made up */

int64_t
http_now_ns(void)
{
	return (clock_monotonic_ns());
}

/* libc's is replaced for h2o: monotonic, drawn slowly towards the wall clock, which Date shows. */
int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	static int64_t offset_us, last_us;
	struct timespec mono, wall;
	int64_t mono_us, wall_us, drift, passed;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &wall);
	mono_us = (int64_t)mono.tv_sec * 1000000 + mono.tv_nsec / 1000;
	wall_us = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000;
	if (last_us == 0)
		offset_us = wall_us - mono_us;
	drift = wall_us - mono_us - offset_us;
	passed = (mono_us - last_us) / CLOCK_SLEW;
	if (drift > passed)
		drift = passed;
	if (drift < -passed)
		drift = -passed;
	offset_us += drift;
	last_us = mono_us;
	tv->tv_sec = (time_t)((mono_us + offset_us) / 1000000);
	tv->tv_usec = (suseconds_t)((mono_us + offset_us) % 1000000);
	return (0);
}

const struct board_state *
http_state(struct http *http)
{
	if (!http->state_fresh) {
		(void)board_read(http->board, &http->state);
		http->state_fresh = true;
	}
	return (&http->state);
}
