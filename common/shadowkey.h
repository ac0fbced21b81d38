/*
 * A shadow key: the public half of a private key that another process holds.
 * TLS code uses it like any private key; its one private operation, the
 * signature of a handshake, is asked of a callback, which asks `key`.
 *
 * RSA and ECDSA on P-256 and P-384.  With OpenSSL 3 the asker gets the bytes
 * that are signed, and `key` can see whether they are a handshake's
 * (shadowprovider.c).  LibreSSL and OpenSSL 1.1 have no providers, and libtls
 * hides its keys: there the asker gets a padded block or a digest
 * (shadowmethods.c).  A program is linked with one of the two.
 */
#ifndef COMMON_SHADOWKEY_H
#define COMMON_SHADOWKEY_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/error.h"
#include "common/sigscheme.h"

#define SHADOWKEY_ID_SIZE 32 /* SHA-256 of the SubjectPublicKeyInfo: names a key */
#define SHADOWKEY_BLOCK_MAX 512 /* an RSA-4096 block, the longest signature and request */

struct shadowkey_request {
	const uint8_t *id; /* SHADOWKEY_ID_SIZE bytes */
	enum sigscheme scheme;
	const uint8_t *content; /* what is signed; of the last two schemes the block or digest */
	size_t content_len;
};

/*
 * Signs with the private key named by id.  Writes at most SHADOWKEY_BLOCK_MAX
 * bytes to out, the signature as TLS sends it; returns their number, or -1 (the
 * handshake then fails).  May block, for a bounded time.
 */
typedef int shadowkey_ask(void *arg, const struct shadowkey_request *, uint8_t *out);

/*
 * A new key object for SSL_CTX_use_PrivateKey(), to be freed by the caller with
 * EVP_PKEY_free().  ask and arg must outlive it and every SSL that uses it.
 * NULL if the certificate's key is of a kind that is not supported.
 */
EVP_PKEY *shadowkey_new(const X509 *, shadowkey_ask *, void *arg, struct error *);

/*
 * For libtls, which hides its SSL_CTX: makes ask the default for every RSA and
 * EC key without private half.  Once per process, before the first tls_config.
 * In shadowmethods.c alone.
 */
int shadowkey_set_default(shadowkey_ask *, void *arg, struct error *);

/* The name of a key, the same from certificate, public or private half. -1 if it can't be told. */
int shadowkey_id(EVP_PKEY *, uint8_t id[SHADOWKEY_ID_SIZE]);
/* The same from a SubjectPublicKeyInfo as i2d_..._PUBKEY() gave it, which is freed. */
int shadowkey_name(unsigned char *der, int len, uint8_t id[SHADOWKEY_ID_SIZE]);

/* Whether keys of this kind are supported; -1 and the reason otherwise. */
int shadowkey_check(EVP_PKEY *, struct error *);

#endif
