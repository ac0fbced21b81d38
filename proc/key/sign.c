/*
 * Reading a private key, and signing with it what a TLS handshake asks.  Runs in
 * `key`, which holds nothing else and hears nothing but these requests.
 *
 * A raw RSA operation on a block of the asker's choice would sign, or decrypt,
 * anything.  So the block is taken apart again: unless it is what EMSA-PSS or
 * EMSA-PKCS1-v1_5 make of a SHA-2 digest, to the last bit, it is refused.
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
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "common/log.h"

struct sign_key {
	EVP_PKEY *pkey;
	size_t rsa_size; /* bytes of the modulus; 0 for ECDSA */
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
	if (EVP_PKEY_base_id(pkey) == EVP_PKEY_RSA)
		key->rsa_size = (size_t)EVP_PKEY_size(pkey);
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

const uint8_t *
sign_key_id(const struct sign_key *key)
{
	return (key->id);
}

/* What stands before the digest in a PKCS #1 signature block (RFC 8017, 9.2). */
static const struct {
	size_t digest_len;
	const EVP_MD *(*md)(void);
	uint8_t info[19];
} digests[] = {
	{ 32, EVP_sha256,
	    { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
		0x01, 0x05, 0x00, 0x04, 0x20 } },
	{ 48, EVP_sha384,
	    { 0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
		0x02, 0x05, 0x00, 0x04, 0x30 } },
	{ 64, EVP_sha512,
	    { 0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
		0x03, 0x05, 0x00, 0x04, 0x40 } },
};

#define DIGESTS (sizeof(digests) / sizeof(digests[0]))

/* 00 01 ff..ff 00 DigestInfo digest */
static bool
is_pkcs1(const uint8_t *block, size_t size)
{
	for (size_t i = 0; i < DIGESTS; i++) {
		size_t tail = sizeof(digests[i].info) + digests[i].digest_len, at = 2;
		size_t zero = size - tail - 1; /* where the padding must end */

		while (at < zero && block[at] == 0xff)
			at++;
		if (block[0] == 0 && block[1] == 1 && at == zero && block[zero] == 0 &&
		    memcmp(block + zero + 1, digests[i].info, sizeof(digests[i].info)) == 0)
			return (true);
	}
	return (false);
}

/* out ^= MGF1(seed) */
static int
unmask(uint8_t *out, size_t len, const uint8_t *seed, size_t seed_len, const EVP_MD *md)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t hash[EVP_MAX_MD_SIZE], counter[4];
	unsigned int hash_len = 0;
	int ok = ctx != NULL;

	for (size_t at = 0, n = 0; ok && at < len; n++) {
		counter[0] = counter[1] = counter[2] = 0;
		counter[3] = (uint8_t)n; /* a block of 512 bytes takes at most 16 */
		ok = EVP_DigestInit_ex(ctx, md, NULL) == 1 &&
		     EVP_DigestUpdate(ctx, seed, seed_len) == 1 &&
		     EVP_DigestUpdate(ctx, counter, sizeof(counter)) == 1 &&
		     EVP_DigestFinal_ex(ctx, hash, &hash_len) == 1;
		for (size_t i = 0; ok && i < hash_len && at < len; i++, at++)
			out[at] ^= hash[i];
	}
	EVP_MD_CTX_free(ctx);
	return (ok ? 0 : -1);
}

/*
 * maskedDB H bc, where DB is 00.. 01 salt: TLS takes a salt as long as the
 * digest, and the modulus has a multiple of 8 bits, so one bit is cleared.
 */
static bool
is_pss(const uint8_t *block, size_t size)
{
	uint8_t db[SHADOWKEY_BLOCK_MAX];

	if (block[size - 1] != 0xbc || (block[0] & 0x80) != 0)
		return (false);
	for (size_t i = 0; i < DIGESTS; i++) {
		size_t digest_len = digests[i].digest_len, db_len = size - digest_len - 1, at = 0;

		memcpy(db, block, db_len);
		if (unmask(db, db_len, block + db_len, digest_len, digests[i].md()) == -1)
			return (false);
		db[0] &= 0x7f;
		while (at < db_len && db[at] == 0)
			at++;
		if (at == db_len - digest_len - 1 && db[at] == 1)
			return (true);
	}
	return (false);
}

static int
sign_rsa(const struct sign_key *key, const uint8_t *block, uint8_t *out, struct error *error)
{
	EVP_PKEY_CTX *ctx;
	size_t len = key->rsa_size;
	bool ok;

	if (!is_pss(block, key->rsa_size) && !is_pkcs1(block, key->rsa_size))
		return (error_set(error, "an RSA block that no handshake contains"));
	ctx = EVP_PKEY_CTX_new(key->pkey, NULL);
	ok = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
	     EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
	     EVP_PKEY_sign(ctx, out, &len, block, key->rsa_size) == 1;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return (ok ? (int)len : error_set(error, "RSA signing failed"));
}

static int
sign_ecdsa(const struct sign_key *key, const uint8_t *digest, size_t digest_len, uint8_t *out,
    struct error *error)
{
	EVP_PKEY_CTX *ctx;
	size_t len = SHADOWKEY_BLOCK_MAX;
	bool ok;

	if (digest_len != 32 && digest_len != 48 && digest_len != 64)
		return (error_set(error, "a digest of %zu bytes", digest_len));
	ctx = EVP_PKEY_CTX_new(key->pkey, NULL);
	ok = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
	     EVP_PKEY_sign(ctx, out, &len, digest, digest_len) == 1;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return (ok ? (int)len : error_set(error, "ECDSA signing failed"));
}

int
sign_block(struct sign_key *key, const struct shadowkey_request *request, uint8_t *out,
    struct error *error)
{
	if (key->rsa_size == 0 && request->alg == SHADOWKEY_ECDSA)
		return (sign_ecdsa(key, request->block, request->block_len, out, error));
	if (key->rsa_size == 0 || request->alg != SHADOWKEY_RSA)
		return (error_set(error, "a signature of another kind than the key's"));
	if (request->block_len != key->rsa_size)
		return (error_set(error, "an RSA block of %zu bytes", request->block_len));
	return (sign_rsa(key, request->block, out, error));
}
