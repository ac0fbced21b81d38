/*
 * A worker's pulse: what it is busy with, on the page it shares with the master
 * and http.  The master ends a worker that is stuck in one statement past its
 * deadline; http learns from it which request that was.
 *
 * It lies at the end of the page of counters, written by its worker alone.
 */
#ifndef COMMON_PULSE_H
#define COMMON_PULSE_H

#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include "common/counters.h"

struct pulse {
	_Atomic uint64_t beats;	      /* grows while there is progress */
	_Atomic int64_t busy_since;   /* CLOCK_MONOTONIC ns, 0: idle */
	_Atomic int64_t busy_until;   /* when it is overdue, 0: no limit */
	_Atomic uint64_t busy_request; /* whose id is the asker's */
};

#define PULSE_OFFSET (COUNTERS_PAGE_SIZE - sizeof(struct pulse))

static inline struct pulse *
pulse_of(struct counters *counters)
{
	return ((struct pulse *)(void *)((char *)counters + PULSE_OFFSET));
}

static inline const struct pulse *
pulse_of_other(const struct counters *counters)
{
	return ((const struct pulse *)(const void *)((const char *)counters + PULSE_OFFSET));
}

static inline void
pulse_beat(struct pulse *pulse)
{
	atomic_fetch_add_explicit(&pulse->beats, 1, memory_order_relaxed);
}

static inline void
pulse_begin(struct pulse *pulse, uint64_t request, int64_t until_ns)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	atomic_store_explicit(&pulse->busy_request, request, memory_order_relaxed);
	atomic_store_explicit(&pulse->busy_until, until_ns, memory_order_relaxed);
	atomic_store_explicit(&pulse->busy_since, (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec,
	    memory_order_release);
	pulse_beat(pulse);
}

static inline void
pulse_end(struct pulse *pulse)
{
	atomic_store_explicit(&pulse->busy_since, 0, memory_order_release);
	pulse_beat(pulse);
}

#endif
