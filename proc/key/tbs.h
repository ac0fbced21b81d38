/*
 * The bytes that a TLS server signs in a handshake, told from all others.  They
 * come from http, which may be captured.
 */
#ifndef PROC_KEY_TBS_H
#define PROC_KEY_TBS_H

#include <stddef.h>
#include <stdint.h>

enum tbs {
	TBS_NONE, /* no server signs this in a handshake */
	TBS_TLS12, /* ServerKeyExchange with ECDHE, of a group that we offer */
	TBS_TLS13, /* CertificateVerify of a server */
};

/* What the whole of the content is. */
enum tbs tbs_kind(const uint8_t *content, size_t len);

#endif
