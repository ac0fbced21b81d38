/*
 * SQLite's allocator, counted: malloc(3) with the size in front of each block.
 * The process has one thread, so plain variables do.
 */
#include "proc/sql/memory.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define HEADER 8 /* keeps the alignment of 8 that SQLite needs */

static size_t used_bytes;
static size_t limit_bytes;
static uint64_t refusals;

static int
memory_size(void *p)
{
	return ((int)*(uint64_t *)((char *)p - HEADER));
}

static bool
is_refused(size_t more)
{
	if (limit_bytes == 0 || used_bytes + more <= limit_bytes)
		return (false);
	refusals++;
	return (true);
}

static void *
memory_malloc(int n)
{
	char *p;

	if (is_refused((size_t)n))
		return (NULL);
	p = malloc((size_t)n + HEADER);
	if (p == NULL)
		return (NULL);
	*(uint64_t *)p = (uint64_t)n;
	used_bytes += (size_t)n;
	return (p + HEADER);
}

static void
memory_free(void *p)
{
	used_bytes -= (size_t)memory_size(p);
	free((char *)p - HEADER);
}

static void *
memory_realloc(void *p, int n)
{
	size_t old = (size_t)memory_size(p);
	char *q;

	if ((size_t)n > old && is_refused((size_t)n - old))
		return (NULL);
	q = realloc((char *)p - HEADER, (size_t)n + HEADER);
	if (q == NULL)
		return (NULL);
	*(uint64_t *)q = (uint64_t)n;
	used_bytes += (size_t)n - old;
	return (q + HEADER);
}

static int
memory_roundup(int n)
{
	return ((n + 7) & ~7);
}

static int
memory_init(void *arg)
{
	return (SQLITE_OK);
}

static void
memory_shutdown(void *arg)
{
}

int
memory_install(size_t limit)
{
	static const sqlite3_mem_methods methods = {
		memory_malloc,
		memory_free,
		memory_realloc,
		memory_size,
		memory_roundup,
		memory_init,
		memory_shutdown,
		NULL,
	};
	int rc;

	limit_bytes = limit;
	/* One thread, and a count of our own: both save time in every statement. */
	rc = sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	if (rc == SQLITE_OK)
		rc = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	if (rc == SQLITE_OK)
		rc = sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
	return (rc);
}

void
memory_set_limit(size_t limit)
{
	limit_bytes = limit;
}

size_t
memory_used(void)
{
	return (used_bytes);
}

uint64_t
memory_refusals(void)
{
	return (refusals);
}
