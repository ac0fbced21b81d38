/*
 * What `key` signs: files it is read from, contents that servers sign in
 * handshakes, and all others, refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "proc/key/sign.h"
#include "proc/key/tbs.h"
#include "tests/unit/handshakes.h"
#include "tests/unit/tls_make.h"

#define CONTENT_MAX 256
#define TEXT13 "TLS 1.3, server CertificateVerify"

struct content {
	uint8_t data[CONTENT_MAX];
	size_t len;
};

static struct content
content13(const char *text, size_t digest_len)
{
	struct content content = { .len = 64 + strlen(text) + 1 + digest_len };

	memset(content.data, ' ', 64);
	memcpy(content.data + 64, text, strlen(text) + 1);
	memset(content.data + 64 + strlen(text) + 1, 0x5a, digest_len);
	return (content);
}

static struct content
content12(uint16_t group, uint8_t point_len, uint8_t first)
{
	struct content content = { .len = 64 + 4 + point_len };

	memset(content.data, 0xa5, content.len);
	content.data[64] = 3;
	content.data[65] = (uint8_t)(group >> 8);
	content.data[66] = (uint8_t)group;
	content.data[67] = point_len;
	content.data[68] = first;
	return (content);
}

static enum tbs
kind_of(struct content content)
{
	return (tbs_kind(content.data, content.len));
}

/* No byte may be missing, or be one more; every bit of what is fixed matters. */
static void
check_exact(struct content content, enum tbs kind, size_t fixed_from, size_t fixed_to)
{
	size_t len = content.len;

	assert_int_equal(kind_of(content), kind);
	for (content.len = 0; content.len < CONTENT_MAX; content.len++)
		if (content.len != len && !(kind == TBS_TLS13 && content.len == 64 + 34 + 48))
			assert_int_equal(kind_of(content), TBS_NONE);
	content.len = len;
	for (size_t bit = fixed_from * 8; bit < fixed_to * 8; bit++) {
		content.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(kind_of(content), TBS_NONE);
		content.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void
test_tls13(void **state)
{
	check_exact(content13(TEXT13, 32), TBS_TLS13, 0, 64 + sizeof(TEXT13));
	assert_int_equal(kind_of(content13(TEXT13, 48)), TBS_TLS13);
	assert_int_equal(kind_of(content13(TEXT13, 20)), TBS_NONE);
	assert_int_equal(kind_of(content13(TEXT13, 64)), TBS_NONE);
	assert_int_equal(kind_of(content13("TLS 1.3, client CertificateVerify", 32)), TBS_NONE);
	assert_int_equal(kind_of(content13("TLS 1.3, server CertificateVerify ", 32)), TBS_NONE);
}

static void
test_tls12(void **state)
{
	const struct {
		uint16_t group;
		uint8_t len;
		uint8_t first;
	} rows[] = { { 29, 32, 0x77 }, { 23, 65, 4 }, { 24, 97, 4 }, { 25, 133, 4 } };

	for (size_t i = 0; i < 4; i++) {
		/* The first byte of an X25519 point may be anything. */
		size_t fixed = 64 + 4 + (i == 0 ? 0 : 1);

		check_exact(
		    content12(rows[i].group, rows[i].len, rows[i].first), TBS_TLS12, 64, fixed);
		for (size_t j = 0; j < 4; j++)
			if (i != j)
				assert_int_equal(
				    kind_of(content12(rows[i].group, rows[j].len, 4)), TBS_NONE);
	}
	/* Compressed, and groups that are not offered: P-224, brainpool, X448, ffdhe2048. */
	assert_int_equal(kind_of(content12(23, 33, 2)), TBS_NONE);
	assert_int_equal(kind_of(content12(21, 57, 4)), TBS_NONE);
	assert_int_equal(kind_of(content12(26, 65, 4)), TBS_NONE);
	assert_int_equal(kind_of(content12(30, 56, 4)), TBS_NONE);
	assert_int_equal(kind_of(content12(256, 65, 4)), TBS_NONE);
	assert_int_equal(kind_of(content12(23, 0, 4)), TBS_NONE);
}

static const int kinds[] = { 2048, NID_X9_62_prime256v1, NID_secp384r1 };

/* Which signatures each key makes of what. */
static bool
is_signed(size_t key, enum tbs kind, int scheme)
{
	if (key == 0)
		return (scheme < SIGSCHEME_RSA_PKCS1 ||
			(scheme < SIGSCHEME_ECDSA && kind == TBS_TLS12));
	if (scheme < SIGSCHEME_ECDSA)
		return (false);
	return (kind == TBS_TLS12 || scheme == SIGSCHEME_ECDSA + (int)key - 1);
}

/* The signature is the one that TLS clients verify. */
static bool
verifies(EVP_PKEY *pkey, const struct shadowkey_request *request, const uint8_t *sig, int len)
{
	const EVP_MD *const digests[] = { EVP_sha256(), EVP_sha384(), EVP_sha512() };
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx;
	bool ok;

	assert_int_equal(
	    EVP_DigestVerifyInit(md, &ctx, digests[request->scheme % 3], NULL, pkey), 1);
	if (request->scheme < SIGSCHEME_RSA_PKCS1) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST), 1);
	}
	ok = EVP_DigestVerify(md, sig, (size_t)len, request->content, request->content_len) == 1;
	EVP_MD_CTX_free(md);
	return (ok);
}

static int
sign(struct sign_key *key, int scheme, const struct content *content, uint8_t *out)
{
	struct shadowkey_request request = { sign_key_id(key), (enum sigscheme)scheme,
		content->data, content->len };
	struct error error;

	return (sign_content(key, &request, out, &error));
}

static void
test_schemes(void **state)
{
	struct content contents[] = { content12(29, 32, 9), content13(TEXT13, 32) };
	const enum tbs forms[] = { TBS_TLS12, TBS_TLS13 };
	uint8_t out[SHADOWKEY_BLOCK_MAX];

	for (size_t i = 0; i < 3; i++) {
		EVP_PKEY *pkey = make_key(kinds[i]);
		struct sign_key *key = load_key(pkey);

		for (int form = 0; form < 2; form++)
			for (int scheme = 0; scheme <= SIGSCHEME_ECDSA_DIGEST; scheme++) {
				struct shadowkey_request request = { sign_key_id(key),
					(enum sigscheme)scheme, contents[form].data,
					contents[form].len };
				int n = sign(key, scheme, &contents[form], out);

				assert_int_equal(n > 0,
				    scheme < SIGSCHEME__COUNT && is_signed(i, forms[form], scheme));
				if (n > 0)
					assert_true(verifies(pkey, &request, out, n));
			}
		sign_key_free(&key);
		EVP_PKEY_free(pkey);
	}
}

/* What a captured http would like to have signed. */
static void
test_no_handshake(void **state)
{
	EVP_PKEY *pkey = make_key(NID_X9_62_prime256v1);
	struct sign_key *key = load_key(pkey);
	struct content digest = { .len = 32 }, text = { .len = 12, .data = "I am Alice.\n" },
		       client = content13("TLS 1.3, client CertificateVerify", 32),
		       longer = content12(29, 32, 9), nothing = { .len = 0 };
	const struct content *const all[] = { &digest, &text, &client, &longer, &nothing };
	uint8_t out[SHADOWKEY_BLOCK_MAX];

	longer.len++;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (int scheme = 0; scheme <= SIGSCHEME_ECDSA_DIGEST; scheme++)
			assert_int_equal(sign(key, scheme, all[i], out), -1);
	sign_key_free(&key);
	EVP_PKEY_free(pkey);
}

static void
expect_unread(const char *text, const char *reason)
{
	int fd = text_fd(text);
	struct sign_key *key = NULL;
	struct error error;

	assert_int_equal(sign_key_read(fd, "P", &key, &error), -1);
	assert_string_equal(error.text, reason);
	assert_null(key);
	close(fd);
}

static void
test_key_files(void **state)
{
	const struct {
		int kind;
		const char *reason;
	} rows[] = {
		{ EVP_PKEY_ED25519,
		    "tls: Ed25519 keys are not supported: use ECDSA (P-256, P-384) or RSA" },
		{ NID_secp521r1, "tls: this elliptic curve is not supported: use P-256 or P-384" },
		{ NID_secp256k1, "tls: this elliptic curve is not supported: use P-256 or P-384" },
		{ 1024,
		    "tls: RSA keys of 1024 bits are not supported: use 2048 to 4096, or ECDSA" },
	};
	EVP_PKEY *pkey = make_key(NID_X9_62_prime256v1);
	struct sign_key *key = NULL;
	struct error error;
	char *pem = key_pem(pkey, "secret");
	int fd;

	expect_unread("", "tls: failed to find any PEM data in key input");
	expect_unread("not a key\n", "tls: failed to find any PEM data in key input");
	expect_unread(pem, "tls: failed to parse private key");
	free(pem);
	expect_unread("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	    "tls: failed to parse private key");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		EVP_PKEY *other = make_key(rows[i].kind);

		pem = key_pem(other, NULL);
		expect_unread(pem, rows[i].reason);
		free(pem);
		EVP_PKEY_free(other);
	}
	fd = open("/", O_RDONLY);
	assert_int_equal(sign_key_read(fd, "/", &key, &error), -1);
	assert_string_equal(error.text, "read /: is a directory");
	close(fd);
	/* The older forms: SEC 1 and PKCS #1. */
	for (int i = 0; i < 2; i++) {
		EVP_PKEY *old = i == 0 ? pkey : make_key(2048);
		BIO *bio = BIO_new(BIO_s_mem());

		assert_int_equal(
		    PEM_write_bio_PrivateKey_traditional(bio, old, NULL, NULL, 0, NULL, NULL), 1);
		pem = bio_text(bio);
		assert_non_null(strstr(pem, i == 0 ? "BEGIN EC PRIVATE" : "BEGIN RSA PRIVATE"));
		fd = text_fd(pem);
		assert_int_equal(sign_key_read(fd, "P", &key, &error), 0);
		sign_key_free(&key);
		close(fd);
		free(pem);
		EVP_PKEY_free(old);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls13),
		cmocka_unit_test(test_tls12),
		cmocka_unit_test(test_schemes),
		cmocka_unit_test(test_no_handshake),
		cmocka_unit_test(test_key_files),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
