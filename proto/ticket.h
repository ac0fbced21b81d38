/*
 * A ticket: what a client may do, sealed by `auth`, carried by `http`, checked
 * by `raft` and `read`.
 *
 * A MAC key can mint as well as check.  So each verifier has a key of its own,
 * a ticket carries one MAC for each, and `raft` cannot forge what `read` will
 * believe.  `http` holds no key at all: to it a ticket is 60 opaque bytes, and
 * all it can do with one is what the client was allowed anyway.
 *
 * `auth` renews a ticket of an older generation for the user that it names, if
 * that user still has the same secret: so `http` need not keep the secret.
 *
 * Wire format, little-endian, fixed size: generation u64, expiry i64, user u64,
 * perms u32, MAC for raft [16], MAC for read [16].  Each MAC covers the 28 bytes
 * before them.
 */
#ifndef PROTO_TICKET_H
#define PROTO_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TICKET_MAC_SIZE 16
#define TICKET_BODY_SIZE 28

enum ticket_verifier { TICKET_RAFT, TICKET_READ, TICKET__COUNT };

#define TICKET_SIZE (TICKET_BODY_SIZE + TICKET__COUNT * TICKET_MAC_SIZE)

struct ticket {
	uint64_t generation; /* of the credentials; the board has the current one */
	int64_t expires_ms; /* CLOCK_MONOTONIC, the same for all processes of a host */
	uint64_t user; /* mark of name and secret, to auth alone; or TICKET_NOBODY */
	uint32_t perms; /* bits of proto/perm.h */
};

#define TICKET_NOBODY 0 /* no mark is 0 */

struct ticket_key {
	uint8_t bytes[16];
};

/* Fills all keys with random bytes; a failure of the random source is fatal. */
void ticket_keys_draw(struct ticket_key keys[TICKET__COUNT]);

/* Seals the ticket into out, one MAC per key. */
void ticket_mint(
    const struct ticket *, const struct ticket_key keys[TICKET__COUNT], uint8_t out[TICKET_SIZE]);

/*
 * Checks length and this verifier's MAC (in constant time), then decodes.
 * Returns -1 and leaves the ticket alone if it is not one of ours.
 */
int ticket_open(const uint8_t *data, size_t len, enum ticket_verifier, const struct ticket_key *,
    struct ticket *);

/* The same for all verifiers: only who has every key could have sealed it. */
int ticket_open_whole(
    const uint8_t *data, size_t len, const struct ticket_key keys[TICKET__COUNT], struct ticket *);

/*
 * Whether it is of this generation (or a later one, which auth is told of first), not
 * expired, and grants every bit of `perms`.
 */
bool ticket_grants(const struct ticket *, uint64_t generation, int64_t now_ms, uint32_t perms);

#endif
