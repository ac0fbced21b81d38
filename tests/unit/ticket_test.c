/*
 * Tickets: what is sealed opens again, for each verifier with its own key, and
 * nothing else does.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proto/ticket.h"

static struct ticket_key keys[TICKET__COUNT];
static const struct ticket sample = {
	.generation = 7, .expires_ms = 1000, .perms = 0x15, .user = 3
};

static void
test_round_trip(void **state)
{
	uint8_t sealed[TICKET_SIZE], again[TICKET_SIZE];
	struct ticket opened;

	ticket_mint(&sample, keys, sealed);
	for (int i = 0; i < TICKET__COUNT; i++) {
		memset(&opened, 0, sizeof(opened));
		assert_int_equal(
		    ticket_open(sealed, sizeof(sealed), (enum ticket_verifier)i, &keys[i], &opened),
		    0);
		assert_int_equal(opened.generation, 7);
		assert_int_equal(opened.expires_ms, 1000);
		assert_int_equal(opened.perms, 0x15);
		assert_int_equal(opened.user, 3);
	}
	ticket_mint(&opened, keys, again);
	assert_memory_equal(sealed, again, sizeof(sealed));
}

/* A flipped bit in the body spoils it for all, one in a MAC for its verifier. */
static void
test_flips(void **state)
{
	uint8_t sealed[TICKET_SIZE];
	struct ticket opened;

	ticket_mint(&sample, keys, sealed);
	for (size_t bit = 0; bit < sizeof(sealed) * 8; bit++) {
		size_t byte = bit / 8;

		sealed[byte] ^= (uint8_t)(1 << bit % 8);
		for (int i = 0; i < TICKET__COUNT; i++) {
			bool mine = byte < TICKET_BODY_SIZE ||
				    (byte - TICKET_BODY_SIZE) / TICKET_MAC_SIZE == (size_t)i;

			assert_int_equal(ticket_open(sealed, sizeof(sealed),
					     (enum ticket_verifier)i, &keys[i], &opened),
			    mine ? -1 : 0);
		}
		sealed[byte] ^= (uint8_t)(1 << bit % 8);
	}
}

static void
test_lengths(void **state)
{
	uint8_t sealed[TICKET_SIZE + 1] = { 0 };
	struct ticket opened;

	ticket_mint(&sample, keys, sealed);
	for (size_t len = 0; len <= sizeof(sealed); len++)
		assert_int_equal(ticket_open(sealed, len, TICKET_RAFT, &keys[TICKET_RAFT], &opened),
		    len == TICKET_SIZE ? 0 : -1);
}

/* What one verifier holds cannot make what the other believes. */
static void
test_verifiers_are_separate(void **state)
{
	struct ticket_key known[TICKET__COUNT] = { keys[TICKET_RAFT], keys[TICKET_RAFT] };
	uint8_t forged[TICKET_SIZE];
	struct ticket opened;

	ticket_mint(&sample, known, forged);
	assert_int_equal(
	    ticket_open(forged, sizeof(forged), TICKET_RAFT, &keys[TICKET_RAFT], &opened), 0);
	assert_int_equal(
	    ticket_open(forged, sizeof(forged), TICKET_READ, &keys[TICKET_READ], &opened), -1);
	assert_memory_not_equal(&keys[0], &keys[1], sizeof(keys[0]));
}

/* A whole one has the seals of all keys; the result is left alone if one is wrong. */
static void
test_whole(void **state)
{
	struct ticket_key known[TICKET__COUNT];
	uint8_t sealed[TICKET_SIZE];
	struct ticket opened = { .user = 9 };

	for (int i = 0; i < TICKET__COUNT; i++) {
		memcpy(known, keys, sizeof(known));
		known[i].bytes[0] ^= 1;
		ticket_mint(&sample, known, sealed);
		assert_int_equal(ticket_open_whole(sealed, sizeof(sealed), keys, &opened), -1);
	}
	ticket_mint(&sample, keys, sealed);
	assert_int_equal(ticket_open_whole(sealed, sizeof(sealed) - 1, keys, &opened), -1);
	assert_int_equal(opened.user, 9);
	assert_int_equal(ticket_open_whole(sealed, sizeof(sealed), keys, &opened), 0);
	assert_int_equal(opened.user, 3);
	assert_int_equal(opened.perms, 0x15);
}

static void
test_grants(void **state)
{
	assert_true(ticket_grants(&sample, 7, 999, 0x11));
	assert_true(ticket_grants(&sample, 7, 999, 0));
	assert_false(ticket_grants(&sample, 7, 1000, 0x11));
	assert_false(ticket_grants(&sample, 8, 999, 0x11));
	assert_true(ticket_grants(&sample, 6, 999, 0x11));
	assert_false(ticket_grants(&sample, 7, 999, 0x12));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_flips),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_verifiers_are_separate),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_grants),
	};

	ticket_keys_draw(keys);
	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
