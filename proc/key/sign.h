/*
 * A private key at work: it signs what TLS handshakes contain and refuses
 * everything else.
 *
 * The asker may be captured.  What the size of anything is comes from the key,
 * never from the request; an RSA block is signed only if it unmasks as a
 * well-formed EMSA-PSS or PKCS #1 v1.5 signature block with SHA-256, 384 or
 * 512, an ECDSA request only if it is as long as one of these digests.  There
 * is no decryption.
 *
 * TLS libraries hand over the digest, not what was hashed, so a captured asker
 * can have a digest of its choice signed: what else the key is trusted for, it
 * can forge while it is captured.  A key should have this one use.
 */
#ifndef PROC_KEY_SIGN_H
#define PROC_KEY_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/shadowkey.h"

#define SIGN_FILE_MAX 65536 /* bytes of a key file */

struct sign_key;

/*
 * Reads a PEM file (PKCS #1, PKCS #8, SEC 1; not encrypted) from a descriptor
 * (borrowed).  `path` is for messages only.  Errors: the texts of start-up
 * ("tls: failed to find any PEM data in key input", ...).
 */
int sign_key_read(int fd, const char *path, struct sign_key **, struct error *);

/* Wipes and frees; leaves NULL. */
void sign_key_free(struct sign_key **);

/* The name of the key: equal to that of the certificate it belongs to. */
const uint8_t *sign_key_id(const struct sign_key *);

/*
 * Signs; the id in the request is the caller's business, who chose the key.
 * out has room for SHADOWKEY_BLOCK_MAX bytes.  Returns the number of
 * bytes, or -1 with the reason: the asker sent what no handshake contains, and
 * is to be treated as captured.
 */
int sign_block(struct sign_key *, const struct shadowkey_request *, uint8_t *out, struct error *);

#endif
