/*
 * The TLS library's memory: counted, and given back once much of it is free,
 * though what stays lies at the heap's end.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>

#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

#include "proc/http/tls_memory.h"

#define BLOCK 32768 /* bytes, some more than a handshake's: holds whole pages */
#define MANY (TLS_MEMORY_SLACK / BLOCK + 16)

static char *blocks[MANY];

static void
take(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		blocks[i] = OPENSSL_zalloc(BLOCK);
		assert_non_null(blocks[i]);
	}
}

static void
drop(size_t n)
{
	for (size_t i = 0; i < n; i++)
		OPENSSL_free(blocks[i]);
}

static void
test_count(void **state)
{
	size_t before = tls_memory_used();
	char *p = OPENSSL_malloc(1000);

	assert_in_range(tls_memory_used() - before, 1000, 1040);
	p = OPENSSL_realloc(p, 100000);
	assert_in_range(tls_memory_used() - before, 100000, 105000);
	p = OPENSSL_realloc(p, 10);
	OPENSSL_free(p);
	OPENSSL_free(NULL);
	assert_int_equal(tls_memory_used(), before);
}

/* The size of a record's buffer: the block serves the next one, and what it held can be wiped. */
static void
test_records_are_wiped(void **state)
{
	static const char zeros[16700];
	size_t before = tls_memory_used();
	char *p = OPENSSL_malloc(sizeof(zeros)), *again;

	memset(p, 'x', sizeof(zeros));
	OPENSSL_free(p);
	assert_int_equal(tls_memory_used(), before);
	tls_memory_wipe();
	again = OPENSSL_malloc(sizeof(zeros));
	assert_ptr_equal(again, p);
	assert_memory_equal(again, zeros, sizeof(zeros));
	OPENSSL_free(again);
}

static void
test_little_is_kept(void **state)
{
	take(MANY / 2);
	drop(MANY / 2);
	assert_false(tls_memory_give_back());
	/* Nor do two peaks of half the height make one. */
	take(MANY / 2);
	drop(MANY / 2);
	assert_false(tls_memory_give_back());
}

/* Whether the page in the middle of what was a block is in memory. */
static bool
is_resident(const char *block)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char in = 0;

	block = (const char *)(((uintptr_t)block + BLOCK / 2) / page * page);
	assert_int_equal(mincore((void *)(uintptr_t)block, page, &in), 0);
	return ((in & 1) != 0);
}

static void
test_much_is_given_back(void **state)
{
	const char *first;

	take(MANY);
	first = blocks[0];
	drop(MANY - 1);
#ifndef __SANITIZE_ADDRESS__ /* has a heap of its own */
	assert_true(is_resident(first));
#endif
	assert_true(tls_memory_give_back());
#ifndef __SANITIZE_ADDRESS__
	assert_false(is_resident(first));
#endif
	/* Once. */
	assert_false(tls_memory_give_back());
	OPENSSL_free(blocks[MANY - 1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_records_are_wiped),
		cmocka_unit_test(test_little_is_kept),
		cmocka_unit_test(test_much_is_given_back),
	};

	if (tls_memory_install() == -1)
		return (1);
	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
