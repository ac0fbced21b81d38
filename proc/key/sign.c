/*
 * Reading a private key, and signing with it what a TLS handshake asks.  Runs in
 * `key`, which holds nothing else and hears nothing but these requests.
 *
 * The content comes whole, and is hashed and padded here: what it is can be told
 * from it (tbs.c).  What may be signed how is a table, of TLS's own rules.
 */
#include "proc/key/sign.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "common/log.h"
#include "proc/key/tbs.h"

struct sign_key {
	EVP_PKEY *pkey;
	uint8_t id[SHADOWKEY_ID_SIZE];
};

/* Encrypted keys are not supported; without this OpenSSL asks on the terminal. */
static int
no_password(char *buf, int size, int writing, void *arg)
{
	return (-1);
}

static EVP_PKEY *
parse_key(const char *text, size_t len, struct error *error)
{
	BIO *bio = BIO_new_mem_buf(text, (int)len);
	EVP_PKEY *pkey;

	if (bio == NULL)
		fatalx("out of memory");
	pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	if (pkey == NULL)
		(void)error_set(error, "%s",
		    memmem(text, len, "-----BEGIN ", 11) == NULL
			? "tls: failed to find any PEM data in key input"
			: "tls: failed to parse private key");
	ERR_clear_error();
	return (pkey);
}

static struct sign_key *
key_of(EVP_PKEY *pkey, struct error *error)
{
	struct sign_key *key;

	if (shadowkey_check(pkey, error) == -1)
		return (NULL);
	if ((key = calloc(1, sizeof(*key))) == NULL)
		fatal("key");
	key->pkey = pkey;
	if (shadowkey_id(pkey, key->id) == -1) {
		(void)error_set(error, "tls: failed to parse private key");
		free(key);
		return (NULL);
	}
	return (key);
}

/* The whole file; its length, or -1. */
static ssize_t
read_file(int fd, const char *path, char *text, struct error *error)
{
	char reason[128];
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text + len, SIGN_FILE_MAX + 1 - len)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			(void)snprintf(reason, sizeof(reason), "%s", strerror(errno));
			reason[0] = (char)tolower((unsigned char)reason[0]);
			return (error_set(error, "read %s: %s", path, reason));
		}
		len += (size_t)n;
		if (len > SIGN_FILE_MAX)
			return (
			    error_set(error, "%s is longer than %d bytes", path, SIGN_FILE_MAX));
	}
	return ((ssize_t)len);
}

int
sign_key_read(int fd, const char *path, struct sign_key **out, struct error *error)
{
	char *text = malloc(SIGN_FILE_MAX + 1);
	EVP_PKEY *pkey = NULL;
	struct sign_key *key = NULL;
	ssize_t len;

	if (text == NULL)
		fatal("key");
	if ((len = read_file(fd, path, text, error)) != -1)
		pkey = parse_key(text, (size_t)len, error);
	if (pkey != NULL && (key = key_of(pkey, error)) == NULL)
		EVP_PKEY_free(pkey);
	explicit_bzero(text, SIGN_FILE_MAX + 1);
	free(text);
	if (key == NULL)
		return (-1);
	*out = key;
	return (0);
}

void
sign_key_free(struct sign_key **key)
{
	if (*key == NULL)
		return;
	EVP_PKEY_free((*key)->pkey); /* clears what it frees */
	free(*key);
	*key = NULL;
}

EVP_PKEY *
sign_key_pkey(const struct sign_key *key)
{
	return (key->pkey);
}

const uint8_t *
sign_key_id(const struct sign_key *key)
{
	return (key->id);
}

/* TLS 1.3 binds the digest of an ECDSA signature to the curve; TLS 1.2 does not. */
static bool
is_bound_digest(const EVP_PKEY *pkey, int digest)
{
	return (EVP_PKEY_bits(pkey) == (digest == 0 ? 256 : digest == 1 ? 384 : 0));
}

/* NULL, or why no server signs so. */
static const char *
what_is_wrong(const EVP_PKEY *pkey, const struct shadowkey_request *request)
{
	enum tbs kind = tbs_kind(request->content, request->content_len);
	int scheme = request->scheme;
	bool ecdsa = scheme >= SIGSCHEME_ECDSA && scheme < SIGSCHEME__COUNT;
	bool pkcs1 = scheme >= SIGSCHEME_RSA_PKCS1 && scheme < SIGSCHEME_ECDSA;

	if (kind == TBS_NONE)
		return ("a text that no handshake signs");
	if (scheme >= SIGSCHEME__COUNT || ecdsa != (EVP_PKEY_base_id(pkey) == EVP_PKEY_EC))
		return ("a signature of another kind than the key's");
	if (kind == TBS_TLS13 &&
	    (pkcs1 || (ecdsa && !is_bound_digest(pkey, scheme - SIGSCHEME_ECDSA))))
		return ("a signature that TLS 1.3 does not have");
	return (NULL);
}

int
sign_content(struct sign_key *key, const struct shadowkey_request *request, uint8_t *out,
    struct error *error)
{
	static const EVP_MD *(*const digests[])(void) = { EVP_sha256, EVP_sha384, EVP_sha512 };
	const char *wrong = what_is_wrong(key->pkey, request);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx;
	size_t len = SHADOWKEY_BLOCK_MAX;
	bool ok;

	if (wrong != NULL) {
		EVP_MD_CTX_free(md);
		return (error_set(error, "%s", wrong));
	}
	ok = md != NULL &&
	     EVP_DigestSignInit(md, &ctx, digests[request->scheme % 3](), NULL, key->pkey) == 1;
	if (ok && request->scheme < SIGSCHEME_RSA_PKCS1)
		ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
	ok = ok && EVP_DigestSign(md, out, &len, request->content, request->content_len) == 1;
	EVP_MD_CTX_free(md);
	ERR_clear_error();
	return (ok ? (int)len : error_set(error, "signing failed"));
}
