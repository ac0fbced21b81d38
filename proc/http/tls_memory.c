/*
 * The TLS library's allocator: malloc(3), counted.  The process has one thread,
 * so plain variables do.
 *
 * A handshake under way holds three times what its connection does later, 43 KB
 * against 15.  When thousands of clients come at once, what they free lies
 * between what they keep, where malloc never gives it back by itself: it looks
 * only at the end of the heap.
 *
 * The buffer of a record is taken for each read and each write and freed at once,
 * so a few are kept.  Passwords are among what clients send: who has seen one has
 * these buffers wiped.  The library could do it (SSL_OP_CLEANSE_PLAINTEXT), but does
 * it each time, which costs a request 0.8 us.
 */
#include "proc/http/tls_memory.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#define RECORD_MIN 16384 /* bytes; the buffer of a record is no smaller */
#define RECORD_MAX 17000 /* nor larger */
#define RECORD_ROUNDED 64 /* what malloc may add */
#define SPARES 4

static void *spares[SPARES]; /* of RECORD_MAX bytes */
static size_t spare_count;
static bool spares_used; /* since they were wiped */
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
	void *p;

	if (size < RECORD_MIN || size > RECORD_MAX)
		p = malloc(size);
	else
		p = spare_count > 0 ? spares[--spare_count] : malloc(RECORD_MAX);
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

static bool
keep(void *p, size_t size)
{
	if (size < RECORD_MAX || size >= RECORD_MAX + RECORD_ROUNDED || spare_count == SPARES)
		return (false);
	spares[spare_count++] = p;
	spares_used = true;
	return (true);
}

/* Often called for nothing: to clear the list of errors frees 32 texts, though there are none. */
static void
count_free(void *p, const char *file, int line)
{
	size_t size;

	if (p == NULL)
		return;
	size = malloc_usable_size(p);
	used_bytes -= size;
	if (size < RECORD_MIN) {
		free(p);
	} else if (!keep(p, size)) {
		explicit_bzero(p, size);
		free(p);
	}
}

void
tls_memory_wipe(void)
{
	size_t i;

	for (i = 0; spares_used && i < spare_count; i++)
		explicit_bzero(spares[i], RECORD_MAX);
	spares_used = false;
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
