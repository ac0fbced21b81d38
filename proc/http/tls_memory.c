/*
 * The TLS library's allocator: malloc(3), counted.  The process has one thread,
 * so plain variables do.
 *
 * A handshake under way holds three times what its connection does later, 43 KB
 * against 15.  When thousands of clients come at once, what they free lies
 * between what they keep, where malloc never gives it back by itself: it looks
 * only at the end of the heap.
 */
#include "proc/http/tls_memory.h"

#include <malloc.h>
#include <stdlib.h>

#include <openssl/crypto.h>

static size_t used_bytes;
static size_t peak_bytes; /* since memory was given back */

static void
count(const void *p)
{
	used_bytes += malloc_usable_size((void *)(uintptr_t)p);
	if (used_bytes > peak_bytes)
		peak_bytes = used_bytes;
}

static void *
count_malloc(size_t size, const char *file, int line)
{
	void *p = malloc(size);

	count(p);
	return (p);
}

static void *
count_realloc(void *p, size_t size, const char *file, int line)
{
	size_t before = malloc_usable_size(p);
	void *next = realloc(p, size);

	if (next == NULL)
		return (NULL);
	used_bytes -= before;
	count(next);
	return (next);
}

static void
count_free(void *p, const char *file, int line)
{
	used_bytes -= malloc_usable_size(p);
	free(p);
}

int
tls_memory_install(void)
{
	return (CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) == 1 ? 0 : -1);
}

size_t
tls_memory_used(void)
{
	return (used_bytes);
}

bool
tls_memory_give_back(void)
{
	if (peak_bytes - used_bytes < TLS_MEMORY_SLACK)
		return (false);
	peak_bytes = used_bytes;
	(void)malloc_trim(0);
	return (true);
}
