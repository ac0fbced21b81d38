/*
 * The TLS context of the HTTPS port.  It holds no private key: signatures are
 * asked of `key` through a shadow key.
 *
 * TLS 1.2 and 1.3, forward secrecy and AEAD only, tickets but no session cache,
 * no renegotiation.
 */
#ifndef PROC_HTTP_TLS_H
#define PROC_HTTP_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "common/error.h"
#include "common/shadowkey.h"

#define TLS_TICKET_KEYS_SIZE 80 /* what SSL_CTX_set_tlsext_ticket_keys takes */

struct tls_setup {
	const char *cert_pem; /* chain, leaf first; borrowed for the call */
	size_t cert_len;
	const char *ca_pem; /* anchors for client certificates, or NULL */
	size_t ca_len;
	const char *ca_path; /* for a message */
	const char *common_name; /* that a client's leaf must bear; "" for any; borrowed for good */
	const uint8_t *key_id; /* SHADOWKEY_ID_SIZE bytes: of the key that `key` holds */
	const uint8_t *ticket_keys; /* TLS_TICKET_KEYS_SIZE bytes, the same in all workers */
	bool verify_client;
	bool http2; /* ALPN offers h2 before http/1.1 */
	shadowkey_ask *ask; /* ask and arg outlive the context */
	void *arg;
	/*
	 * The socket under a connection, or -1: where a client is told why its
	 * handshake failed, which it would not learn from a BIO that nobody flushes
	 * any more: an alert, or in plain HTTP, that this is an HTTPS port.  NULL:
	 * nothing is sent beside the BIO.
	 */
	int (*fd_of)(SSL *);
};

/*
 * A new context, freed with SSL_CTX_free().  NULL with one of the texts of
 * start-up: "tls: failed to find any PEM data in certificate input", "tls:
 * private key does not match public key", "failed to load CA certificate(s) for
 * verification in \"P\"".
 */
SSL_CTX *tls_ctx_new(const struct tls_setup *, struct error *);

/* Common name of a connection's client certificate; false if there is none or it does not fit. */
bool tls_peer_name(SSL *, char *out, size_t cap);

/* The name of the key that the first certificate of a PEM text belongs to. */
int tls_cert_key_id(
    const char *cert_pem, size_t len, uint8_t id[SHADOWKEY_ID_SIZE], struct error *);

#endif
