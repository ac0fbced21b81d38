/*
 * Who floods again and again.  A flood closes its connection (flood.h), as any
 * breach of HTTP/2 does, but a new one costs us a handshake; so the clients are
 * remembered whose connections ended so, and from the third time on their new
 * connections are let in slowly (door.h).  They are not refused: others may come from the same address.
 *
 * Pure: times are given.  The table is of fixed size; its hash is keyed, so that
 * nobody can choose addresses that share a set.
 */
#ifndef PROC_HTTP_SHUN_H
#define PROC_HTTP_SHUN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/address.h"
#include "common/siphash.h"

#define SHUN_FLOODS 3 /* the first two may be an accident */
#define SHUN_MS 30000 /* a flood is forgotten so long after the client's last one */
#define SHUN_SETS 64
#define SHUN_WAYS 8

struct shun_client {
	uint8_t client[ADDRESS_SIZE];
	uint32_t floods; /* 0: a free place */
	int64_t last_ms;
};

struct shun {
	uint8_t key[SIPHASH_KEY_SIZE];
	int64_t until_ms; /* from then on nobody is shunned */
	struct shun_client clients[SHUN_SETS][SHUN_WAYS];
};

/* Nobody has flooded yet. */
void shun_init(struct shun *);

/* A connection from there was closed for a flood.  Whether it is shunned by this one. */
bool shun_note(struct shun *, const uint8_t address[ADDRESS_SIZE], int64_t now_ms);

/* Whether a new connection from there has to wait. */
bool shun_applies(struct shun *, const uint8_t address[ADDRESS_SIZE], int64_t now_ms);

#endif
