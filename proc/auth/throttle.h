/*
 * Limits on wrong passwords: two a second from one address, twenty from all, with eight
 * from one address in advance: a script that tries a few users in a row is no attack.
 * Four would let pass all that was recorded of rqlite, three wrong ones before a right.
 *
 * Past that the answer is a refusal that costs nothing, whatever was sent.  A right
 * password that is in clear could be known for free, and is refused as well: a guess
 * that would still be let in when it is right was not limited at all.  Nor does it
 * help that an address has not failed yet: a captured http names any it likes.
 * Who holds a ticket is not asked for a password and never comes here.
 *
 * An IPv6 client is its /64, since it may choose the rest.  The table is of
 * fixed size; the limit over all bounds how fast its entries can be displaced.
 */
#ifndef PROC_AUTH_THROTTLE_H
#define PROC_AUTH_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_PER_ADDRESS 2 /* wrong passwords a second */
#define THROTTLE_IN_ALL 20
#define THROTTLE_BURST 8 /* in advance: four seconds' worth, */
#define THROTTLE_BURST_IN_ALL 20 /* and one second's */
#define THROTTLE_SETS 128
#define THROTTLE_WAYS 8

struct throttle_bucket {
	int64_t since_ms; /* when `credit` was right */
	int32_t credit; /* in thousandths of a failure */
};

struct throttle_address {
	uint8_t address[16];
	struct throttle_bucket bucket;
	int64_t used_ms;
	int64_t logged_ms;
	uint32_t unlogged; /* failures since the last line about this address */
	bool taken;
};

struct throttle {
	uint8_t key[16];
	struct throttle_bucket all;
	uint64_t failures; /* wrong passwords */
	uint64_t refusals; /* refused unseen */
	struct throttle_address addresses[THROTTLE_SETS][THROTTLE_WAYS];
};

void throttle_init(struct throttle *, int64_t now_ms);

/*
 * Whether a password from this address (IPv6, or IPv4 mapped into it) may be
 * looked at now.  false counts as a refusal.
 */
bool throttle_allows(struct throttle *, const uint8_t address[16], int64_t now_ms);

/*
 * Notes a wrong password.  Returns how many of this address are to be logged
 * now, in one line; 0 if a line about it was written less than a second ago.
 */
uint32_t throttle_fail(struct throttle *, const uint8_t address[16], int64_t now_ms);

#endif
