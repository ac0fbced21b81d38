/*
 * A private key at work: it signs what a server signs in TLS handshakes and
 * refuses everything else.
 *
 * The asker may be captured.  It hands over the content of a signature, whole: a
 * server's CertificateVerify of TLS 1.3, or the randoms and the ephemeral key of
 * TLS 1.2; not a client's, not a byte more.  Digest and padding are made here.
 * So a captured asker can take part in handshakes as this server, and has nothing
 * else signed: no certificate, no message, no login as a client.  There is no
 * decryption.
 *
 * Where the TLS library does not hand over the content, there is block.h.
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

/* The key itself, for block.h. */
EVP_PKEY *sign_key_pkey(const struct sign_key *);

/*
 * Signs; the id in the request is the caller's business, who chose the key.
 * out has room for SHADOWKEY_BLOCK_MAX bytes.  Returns the number of bytes, or -1
 * with the reason: the asker sent what no handshake contains, and is to be treated
 * as captured.
 */
int sign_content(struct sign_key *, const struct shadowkey_request *, uint8_t *out, struct error *);

#endif
