/*
 * Keys and certificates made on the spot, and a handshake in memory: what the
 * tests of keys and of TLS share.  A failure here fails the test.
 */
#ifndef TESTS_UNIT_TLS_MAKE_H
#define TESTS_UNIT_TLS_MAKE_H

#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

/* kind: RSA bits, or the NID of a curve, or EVP_PKEY_ED25519 */
EVP_PKEY *make_key(int kind);

struct cert_spec {
	const char *name; /* common name */
	EVP_PKEY *key;
	X509 *issuer; /* NULL: itself */
	EVP_PKEY *issuer_key;
	long from, to; /* seconds from now; both 0: a day either way */
	bool ca;
	const char *usage; /* extended key usage, or NULL */
};

X509 *make_cert(const struct cert_spec *);

/* PEM texts, to be freed; the key encrypted unless password is NULL. */
char *cert_pem(X509 *);
char *key_pem(EVP_PKEY *, const char *password);
/* What is in a memory BIO, which is freed. */
char *bio_text(BIO *);

/* A descriptor whose content is the text. */
int text_fd(const char *text);

struct tls_pair {
	SSL *client;
	SSL *server;
};

/* Two ends, joined in memory. */
void pair_init(struct tls_pair *, SSL_CTX *client, SSL_CTX *server);
void pair_fini(struct tls_pair *);
/* Handshake and one byte each way, so that tickets and late refusals arrive. */
bool pair_talk(struct tls_pair *);

#endif
