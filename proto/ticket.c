/*
 * Sealing and opening tickets.  What is opened comes from `http`, which may be
 * captured: nothing of it is looked at before its MAC is right.
 */
#include "proto/ticket.h"

#include <sys/random.h>

#include <string.h>

#include "common/limits.h"
#include "common/log.h"
#include "common/siphash.h"

static_assert(sizeof(((struct ticket_key *)NULL)->bytes) == SIPHASH_KEY_SIZE, "a key fits the MAC");
static_assert(TICKET_MAC_SIZE == SIPHASH_SIZE, "a MAC fits its place");

void
ticket_keys_draw(struct ticket_key keys[TICKET__COUNT])
{
	for (int i = 0; i < TICKET__COUNT; i++)
		if (getrandom(keys[i].bytes, sizeof(keys[i].bytes), 0) !=
		    (ssize_t)sizeof(keys[i].bytes))
			fatal("getrandom");
}

void
ticket_mint(const struct ticket *ticket, const struct ticket_key keys[TICKET__COUNT],
    uint8_t out[TICKET_SIZE])
{
	memcpy(out, &ticket->generation, 8);
	memcpy(out + 8, &ticket->expires_ms, 8);
	memcpy(out + 16, &ticket->user, 8);
	memcpy(out + 24, &ticket->perms, 4);
	for (int i = 0; i < TICKET__COUNT; i++)
		siphash128(keys[i].bytes, out, TICKET_BODY_SIZE,
		    out + TICKET_BODY_SIZE + i * TICKET_MAC_SIZE);
}

int
ticket_open(const uint8_t *data, size_t len, enum ticket_verifier verifier,
    const struct ticket_key *key, struct ticket *ticket)
{
	uint8_t mac[TICKET_MAC_SIZE];

	if (len != TICKET_SIZE)
		return (-1);
	siphash128(key->bytes, data, TICKET_BODY_SIZE, mac);
	if (!equal_constant_time(
		mac, data + TICKET_BODY_SIZE + verifier * TICKET_MAC_SIZE, sizeof(mac)))
		return (-1);
	memcpy(&ticket->generation, data, 8);
	memcpy(&ticket->expires_ms, data + 8, 8);
	memcpy(&ticket->user, data + 16, 8);
	memcpy(&ticket->perms, data + 24, 4);
	return (0);
}

int
ticket_open_whole(const uint8_t *data, size_t len, const struct ticket_key keys[TICKET__COUNT],
    struct ticket *ticket)
{
	struct ticket opened;

	for (int i = 0; i < TICKET__COUNT; i++)
		if (ticket_open(data, len, (enum ticket_verifier)i, &keys[i], &opened) == -1)
			return (-1);
	*ticket = opened;
	return (0);
}

bool
ticket_grants(const struct ticket *ticket, uint64_t generation, int64_t now_ms, uint32_t perms)
{
	return (ticket->generation >= generation && now_ms < ticket->expires_ms &&
		(ticket->perms & perms) == perms);
}
