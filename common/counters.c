/*
 * Counter pages: see counters.h.
 */
#include "common/counters.h"

#include <sys/mman.h>

#include <stddef.h>

#include "common/log.h"

#define COUNTER_INFO(name, group, key) { group, key, false },
#define GAUGE_INFO(name, group, key) { group, key, true },
static const struct counter_info infos[] = { COUNTERS_LIST(COUNTER_INFO) GAUGES_LIST(GAUGE_INFO) };

/* One writer: no atomic addition needed, only that readers see whole numbers. */
static void
add(_Atomic uint64_t *value, uint64_t n)
{
	atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + n,
	    memory_order_relaxed);
}

struct counters *
counters_map(int fd, bool writable)
{
	void *page = mmap(
	    NULL, COUNTERS_PAGE_SIZE, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		fatal("mmap of counters");
	return (page);
}

uint64_t
counters_sum(const struct counters *const *pages, size_t n, enum counter counter)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum += atomic_load_explicit(&pages[i]->values[counter], memory_order_relaxed);
	return (sum);
}

void
counters_observe(struct counters *counters, enum histogram histogram, uint64_t ns)
{
	struct histogram_counts *counts = &counters->histograms[histogram];
	uint64_t limit = HISTOGRAM_FIRST_NS;
	size_t i;

	for (i = 0; i < HISTOGRAM_BUCKETS && ns >= limit; i++)
		limit *= 2;
	add(&counts->buckets[i], 1);
	add(&counts->sum_ns, ns);
}

void
counters_answer(struct counters *counters, unsigned route, unsigned status)
{
	add(&counters->answers[route][status], 1);
}

const struct counter_info *
counter_info(enum counter counter)
{
	return (&infos[counter]);
}
