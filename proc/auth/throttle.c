/*
 * Two kinds of bucket, refilled at a steady rate: one per address, one for all.
 * A wrong password takes from both; where one is empty nothing is looked at.
 * Addresses live in a set-associative table whose hash is keyed, so that nobody
 * can choose addresses that share a set.
 */
#include "proc/auth/throttle.h"

#include <sys/random.h>

#include <assert.h>

#include <string.h>

#include "common/address.h"
#include "common/log.h"
#include "common/siphash.h"

#define ONE 1000 /* a failure, in credit */
#define FULL_MS 10000 /* this long fills any bucket */

static_assert(THROTTLE_PER_ADDRESS * FULL_MS >= THROTTLE_BURST * ONE &&
		  THROTTLE_IN_ALL * FULL_MS >= THROTTLE_BURST_IN_ALL * ONE,
    "it does");

static void
refill(struct throttle_bucket *bucket, int rate, int burst, int64_t now_ms)
{
	int64_t passed = now_ms - bucket->since_ms, credit;

	if (passed < 0)
		return;
	if (passed > FULL_MS)
		passed = FULL_MS;
	credit = bucket->credit + passed * rate;
	if (credit > (int64_t)burst * ONE)
		credit = (int64_t)burst * ONE;
	bucket->credit = (int32_t)credit;
	bucket->since_ms = now_ms;
}

static void
take(struct throttle_bucket *bucket)
{
	if (bucket->credit >= ONE)
		bucket->credit -= ONE;
	else
		bucket->credit = 0;
}

static struct throttle_address *
set_of(struct throttle *throttle, const uint8_t client[16])
{
	uint8_t hash[SIPHASH_SIZE];

	siphash128(throttle->key, client, 16, hash);
	return (throttle->addresses[hash[0] % THROTTLE_SETS]);
}

static struct throttle_address *
find(struct throttle_address *set, const uint8_t client[16])
{
	for (int i = 0; i < THROTTLE_WAYS; i++)
		if (set[i].taken && memcmp(set[i].address, client, 16) == 0)
			return (&set[i]);
	return (NULL);
}

/* A place for a new client: a free one, or that of who failed longest ago. */
static struct throttle_address *
claim(struct throttle_address *set, const uint8_t client[16], int64_t now_ms)
{
	struct throttle_address *place = &set[0];

	for (int i = 0; i < THROTTLE_WAYS && place->taken; i++)
		if (!set[i].taken || set[i].used_ms < place->used_ms)
			place = &set[i];
	memset(place, 0, sizeof(*place));
	memcpy(place->address, client, 16);
	place->taken = true;
	place->bucket = (struct throttle_bucket){ now_ms, THROTTLE_BURST * ONE };
	place->logged_ms = now_ms - 1000;
	return (place);
}

void
throttle_init(struct throttle *throttle, int64_t now_ms)
{
	memset(throttle, 0, sizeof(*throttle));
	if (getrandom(throttle->key, sizeof(throttle->key), 0) != (ssize_t)sizeof(throttle->key))
		fatal("getrandom");
	throttle->all = (struct throttle_bucket){ now_ms, THROTTLE_BURST_IN_ALL * ONE };
}

bool
throttle_allows(struct throttle *throttle, const uint8_t address[16], int64_t now_ms)
{
	struct throttle_address *known;
	uint8_t client[16];
	bool allowed;

	address_client(address, client);
	known = find(set_of(throttle, client), client);
	refill(&throttle->all, THROTTLE_IN_ALL, THROTTLE_BURST_IN_ALL, now_ms);
	allowed = throttle->all.credit >= ONE;
	if (known != NULL) {
		refill(&known->bucket, THROTTLE_PER_ADDRESS, THROTTLE_BURST, now_ms);
		allowed = allowed && known->bucket.credit >= ONE;
	}
	if (!allowed)
		throttle->refusals++;
	return (allowed);
}

uint32_t
throttle_fail(struct throttle *throttle, const uint8_t address[16], int64_t now_ms)
{
	struct throttle_address *set, *known;
	uint8_t client[16];
	uint32_t lines;

	address_client(address, client);
	set = set_of(throttle, client);
	if ((known = find(set, client)) == NULL)
		known = claim(set, client, now_ms);
	refill(&throttle->all, THROTTLE_IN_ALL, THROTTLE_BURST_IN_ALL, now_ms);
	refill(&known->bucket, THROTTLE_PER_ADDRESS, THROTTLE_BURST, now_ms);
	take(&throttle->all);
	take(&known->bucket);
	known->used_ms = now_ms;
	throttle->failures++;
	lines = ++known->unlogged;
	if (now_ms - known->logged_ms < 1000)
		return (0);
	known->logged_ms = now_ms;
	known->unlogged = 0;
	return (lines);
}
