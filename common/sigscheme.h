/*
 * How a handshake is signed, by the names of TLS (RFC 8446, 4.2.3).  Runs from
 * what http asks to what `key` does: in both, and in the message between them.
 */
#ifndef COMMON_SIGSCHEME_H
#define COMMON_SIGSCHEME_H

/* Of each kind of signature those with SHA-256, 384 and 512, in this order. */
enum sigscheme {
	SIGSCHEME_RSA_PSS, /* rsa_pss_rsae_sha256 and on */
	SIGSCHEME_RSA_PKCS1 = 3,
	SIGSCHEME_ECDSA = 6,
	SIGSCHEME__COUNT = 9,
	/*
	 * TLS libraries without providers hand over no content, only what was made
	 * of it: all of an RSA block, the digest of an ECDSA signature.  Nobody can
	 * tell what these are of, so they are known to builds for such a library alone.
	 */
	SIGSCHEME_RSA_BLOCK = SIGSCHEME__COUNT,
	SIGSCHEME_ECDSA_DIGEST,
#ifdef SIGN_BLOCKS
	SIGSCHEME__ASKED /* bound of what may be asked of `key` */
#else
	SIGSCHEME__ASKED = SIGSCHEME__COUNT
#endif
};

#endif
