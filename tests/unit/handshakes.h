/*
 * Real handshakes in which the server has only the public half of its key: what
 * the tests of shadow keys share.  A failure here fails the test.
 */
#ifndef TESTS_UNIT_HANDSHAKES_H
#define TESTS_UNIT_HANDSHAKES_H

#include <stdbool.h>

#include <openssl/evp.h>

#include "common/shadowkey.h"
#include "proc/key/sign.h"

struct asked {
	struct sign_key *key;
	unsigned count;
	enum sigscheme scheme; /* the last */
	bool refuse;
};

/* What the asker of all keys here knows. */
extern struct asked one_asked;

/* Signs as `key` does, for a struct asked. */
shadowkey_ask ask_signer;

/* The key as `key` reads it, to be freed. */
struct sign_key *load_key(EVP_PKEY *);

/* The two versions, with each of the signatures; a list that ends with NULL. */
void handshakes(int kind, const char *const *sigalgs);

/* Tests: all that each kind of key may sign with. */
void test_rsa(void **state);
void test_p256(void **state);
void test_p384(void **state);

#endif
