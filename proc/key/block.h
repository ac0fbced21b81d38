/*
 * A private key at work where the TLS library hands over no content: LibreSSL, and
 * libtls on any library.  `key` is built with this only where http has such a
 * library (SIGN_BLOCKS).
 *
 * What the size of anything is comes from the key, never from the request; an RSA
 * block is signed only if it unmasks as a well-formed EMSA-PSS or PKCS #1 v1.5
 * signature block with SHA-256, 384 or 512, an ECDSA request only if it is as long
 * as one of these digests.  There is no decryption.  But nobody can tell what the
 * digest is of: a captured asker can have one of its choice signed, and so forge,
 * while it is captured, what else the key is trusted for.
 */
#ifndef PROC_KEY_BLOCK_H
#define PROC_KEY_BLOCK_H

#include "proc/key/sign.h"

/* As sign_content(), for SIGSCHEME_RSA_BLOCK and SIGSCHEME_ECDSA_DIGEST. */
int sign_block(struct sign_key *, const struct shadowkey_request *, uint8_t *out, struct error *);

#endif
