/*
 * A ticket: what a client may do, sealed by `auth`, carried by `http`, checked
 * by `raft` and `read`.
 *
 * A MAC key can mint as well as check.  So each verifier has a key of its own,
 * a ticket carries one MAC for each, and `raft` cannot forge what `read` will
 * believe.  `http` holds no key at all: to it a ticket is 56 opaque bytes, and
 * all it can do with one is what the client was allowed anyway.
 *
 * Wire format, little-endian, fixed size: generation u64, expiry i64, perms
 * u32, user u32, MAC for raft [16], MAC for read [16].  Each MAC covers the
 * 24 bytes before them.
 */
#ifndef PROTO_TICKET_H
#define PROTO_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TICKET_MAC_SIZE 16
#define TICKET_BODY_SIZE 24

enum ticket_verifier { TICKET_RAFT, TICKET_READ, TICKET__COUNT };

#define TICKET_SIZE (TICKET_BODY_SIZE + TICKET__COUNT * TICKET_MAC_SIZE)

struct ticket {
	uint64_t generation; /* of the credentials; the board has the current one */
	int64_t expires_ms; /* CLOCK_MONOTONIC, the same for all processes of a host */
	uint32_t perms; /* bits of proto/perm.h */
	uint32_t user; /* number in the credentials, TICKET_NOBODY for anonymous; for logs only */
};

#define TICKET_NOBODY UINT32_MAX

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

/*
 * Whether it is of this generation (or a later one, which auth is told of first), not
 * expired, and grants every bit of `perms`.
 */
bool ticket_grants(const struct ticket *, uint64_t generation, int64_t now_ms, uint32_t perms);

#endif
