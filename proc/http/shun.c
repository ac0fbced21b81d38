/*
 * Who floods again and again: see shun.h.
 */
#include "proc/http/shun.h"

#include <sys/random.h>

#include <string.h>

#include "common/log.h"

static bool
is_over(const struct shun_client *at, int64_t now_ms)
{
	return (at->floods == 0 || now_ms - at->last_ms > SHUN_MS);
}

static struct shun_client *
set_of(struct shun *shun, const uint8_t client[ADDRESS_SIZE])
{
	uint8_t hash[SIPHASH_SIZE];

	siphash128(shun->key, client, ADDRESS_SIZE, hash);
	return (shun->clients[hash[0] % SHUN_SETS]);
}

static struct shun_client *
find(struct shun_client *set, const uint8_t client[ADDRESS_SIZE])
{
	int i;

	for (i = 0; i < SHUN_WAYS; i++)
		if (set[i].floods > 0 && memcmp(set[i].client, client, ADDRESS_SIZE) == 0)
			return (&set[i]);
	return (NULL);
}

/* A place for a new client: a free one, or that of who flooded longest ago. */
static struct shun_client *
claim(struct shun_client *set, const uint8_t client[ADDRESS_SIZE])
{
	struct shun_client *place = &set[0];
	int i;

	for (i = 1; i < SHUN_WAYS && place->floods > 0; i++)
		if (set[i].floods == 0 || set[i].last_ms < place->last_ms)
			place = &set[i];
	memcpy(place->client, client, ADDRESS_SIZE);
	place->floods = 0;
	return (place);
}

void
shun_init(struct shun *shun)
{
	memset(shun, 0, sizeof(*shun));
	shun->until_ms = INT64_MIN;
	if (getrandom(shun->key, sizeof(shun->key), 0) != (ssize_t)sizeof(shun->key))
		fatal("getrandom");
}

bool
shun_note(struct shun *shun, const uint8_t address[ADDRESS_SIZE], int64_t now_ms)
{
	struct shun_client *set, *at;
	uint8_t client[ADDRESS_SIZE];

	address_client(address, client);
	set = set_of(shun, client);
	if ((at = find(set, client)) == NULL)
		at = claim(set, client);
	if (is_over(at, now_ms))
		at->floods = 0;
	if (at->floods < UINT32_MAX)
		at->floods++;
	at->last_ms = now_ms;
	if (at->floods >= SHUN_FLOODS)
		shun->until_ms = now_ms + SHUN_MS;
	return (at->floods == SHUN_FLOODS);
}

bool
shun_applies(struct shun *shun, const uint8_t address[ADDRESS_SIZE], int64_t now_ms)
{
	struct shun_client *at;
	uint8_t client[ADDRESS_SIZE];

	if (now_ms > shun->until_ms)
		return (false);
	address_client(address, client);
	at = find(set_of(shun, client), client);
	return (at != NULL && at->floods >= SHUN_FLOODS && !is_over(at, now_ms));
}
