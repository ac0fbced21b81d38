/*
 * Signing without the content, for TLS libraries that do not hand it over.
 *
 * A raw RSA operation on a block of the asker's choice would sign, or decrypt,
 * anything.  So the block is taken apart again: unless it is what EMSA-PSS or
 * EMSA-PKCS1-v1_5 make of a SHA-2 digest, to the last bit, it is refused.  An
 * ECDSA digest has no form but its length.
 */
#include "proc/key/block.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

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
sign_rsa(EVP_PKEY *pkey, const uint8_t *block, uint8_t *out, struct error *error)
{
	EVP_PKEY_CTX *ctx;
	size_t size = (size_t)EVP_PKEY_size(pkey), len = size;
	bool ok;

	if (!is_pss(block, size) && !is_pkcs1(block, size))
		return (error_set(error, "an RSA block that no handshake contains"));
	ctx = EVP_PKEY_CTX_new(pkey, NULL);
	ok = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
	     EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
	     EVP_PKEY_sign(ctx, out, &len, block, size) == 1;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return (ok ? (int)len : error_set(error, "RSA signing failed"));
}

static int
sign_ecdsa(
    EVP_PKEY *pkey, const uint8_t *digest, size_t digest_len, uint8_t *out, struct error *error)
{
	EVP_PKEY_CTX *ctx;
	size_t len = SHADOWKEY_BLOCK_MAX;
	bool ok;

	if (digest_len != 32 && digest_len != 48 && digest_len != 64)
		return (error_set(error, "a digest of %zu bytes", digest_len));
	ctx = EVP_PKEY_CTX_new(pkey, NULL);
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
	EVP_PKEY *pkey = sign_key_pkey(key);
	bool rsa = EVP_PKEY_base_id(pkey) == EVP_PKEY_RSA;

	if (request->scheme != (rsa ? SIGSCHEME_RSA_BLOCK : SIGSCHEME_ECDSA_DIGEST))
		return (error_set(error, "a signature of another kind than the key's"));
	if (!rsa)
		return (sign_ecdsa(pkey, request->content, request->content_len, out, error));
	if (request->content_len != (size_t)EVP_PKEY_size(pkey))
		return (error_set(error, "an RSA block of %zu bytes", request->content_len));
	return (sign_rsa(pkey, request->content, out, error));
}
