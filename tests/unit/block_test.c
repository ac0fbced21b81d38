/*
 * Keys that are asked for digests and blocks, as LibreSSL and libtls need it:
 * handshakes with the methods, and requests that no handshake makes, refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <string.h>
#include <unistd.h>

#include <openssl/rsa.h>
#include <tls.h>

#include "proc/key/block.h"
#include "tests/unit/handshakes.h"
#include "tests/unit/tls_make.h"

/* The default methods, as libtls needs them; keys with a private half go on working. */
static void
test_default_methods(void **state)
{
	const int kinds[] = { 2048, NID_X9_62_prime256v1 };
	struct error error;

	assert_int_equal(shadowkey_set_default(ask_signer, &one_asked, &error), 0);
	for (int i = 0; i < 2; i++) {
		EVP_PKEY *pkey = make_key(kinds[i]);
		X509 *cert = make_cert(&(struct cert_spec){ .name = "x", .key = pkey });
		SSL_CTX *server = SSL_CTX_new(TLS_server_method());
		SSL_CTX *client = SSL_CTX_new(TLS_client_method());
		struct tls_pair pair;

		/* make_cert() signed with the private half here, past our hooks. */
		one_asked = (struct asked){ .key = load_key(pkey) };
		assert_int_equal(SSL_CTX_use_certificate(server, cert), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey(server, pkey), 1);
		pair_init(&pair, client, server);
		assert_true(pair_talk(&pair));
		assert_int_equal(one_asked.count, 0);
		pair_fini(&pair);
		SSL_CTX_free(server);
		SSL_CTX_free(client);
		sign_key_free(&one_asked.key);
		X509_free(cert);
		EVP_PKEY_free(pkey);
	}
}

/* Declared by no header of Debian's libtls, though exported. */
extern void tls_config_use_fake_private_key(struct tls_config *);

/* Both ends of a handshake over a socket pair, in turns. */
static bool
libtls_talk(struct tls *server, struct tls *client)
{
	struct tls *conn = NULL;
	int ends[2], a = -1, b = -1;
	char c = 'x', got = 0;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	assert_int_equal(tls_accept_socket(server, &conn, ends[0]), 0);
	assert_int_equal(tls_connect_socket(client, ends[1], "x"), 0);
	for (int i = 0; i < 20 && (a != 0 || b != 0); i++) {
		if (a != 0)
			a = tls_handshake(client);
		if (b != 0)
			b = tls_handshake(conn);
	}
	if (a == 0 && b == 0 && tls_write(client, &c, 1) == 1)
		(void)tls_read(conn, &got, 1);
	tls_free(conn);
	close(ends[0]);
	close(ends[1]);
	return (got == 'x');
}

/* libtls with a certificate alone, as links between nodes use it. */
static void
test_libtls(void **state)
{
	const int kinds[] = { 2048, NID_X9_62_prime256v1, NID_secp384r1 };
	const uint32_t versions[] = { TLS_PROTOCOL_TLSv1_2, TLS_PROTOCOL_TLSv1_3 };
	struct error error;

	assert_int_equal(tls_init(), 0);
	assert_int_equal(shadowkey_set_default(ask_signer, &one_asked, &error), 0);
	for (size_t i = 0; i < 6; i++) {
		EVP_PKEY *pkey = make_key(kinds[i / 2]);
		X509 *cert = make_cert(&(struct cert_spec){ .name = "x", .key = pkey });
		char *pem = cert_pem(cert);
		struct tls_config *config = tls_config_new(), *ours = tls_config_new();
		struct tls *server = tls_server(), *client = tls_client();

		one_asked = (struct asked){ .key = load_key(pkey) };
		tls_config_use_fake_private_key(config);
		assert_int_equal(tls_config_set_cert_mem(config, (uint8_t *)pem, strlen(pem)), 0);
		assert_int_equal(tls_config_set_protocols(config, versions[i % 2]), 0);
		assert_int_equal(tls_configure(server, config), 0);
		tls_config_insecure_noverifycert(ours);
		tls_config_insecure_noverifyname(ours);
		assert_int_equal(tls_configure(client, ours), 0);
		assert_true(libtls_talk(server, client));
		assert_int_equal(one_asked.count, 1);
		tls_free(server);
		tls_free(client);
		tls_config_free(config);
		tls_config_free(ours);
		sign_key_free(&one_asked.key);
		free(pem);
		X509_free(cert);
		EVP_PKEY_free(pkey);
	}
}

static int
request(struct sign_key *key, enum sigscheme scheme, const uint8_t *block, size_t len)
{
	uint8_t out[SHADOWKEY_BLOCK_MAX];
	struct error error;
	struct shadowkey_request asked = { sign_key_id(key), scheme, block, len };

	return (sign_block(key, &asked, out, &error));
}

static void
test_ecdsa_refusals(void **state)
{
	EVP_PKEY *pkey = make_key(NID_X9_62_prime256v1);
	struct sign_key *key = load_key(pkey);
	uint8_t block[SHADOWKEY_BLOCK_MAX] = { 1 };

	for (size_t len = 0; len <= sizeof(block); len++)
		assert_int_equal(request(key, SIGSCHEME_ECDSA_DIGEST, block, len) > 0,
		    len == 32 || len == 48 || len == 64);
	assert_int_equal(request(key, SIGSCHEME_RSA_BLOCK, block, 256), -1);
	sign_key_free(&key);
	EVP_PKEY_free(pkey);
}

/* A PKCS #1 block with SHA-256, well-formed. */
static void
pkcs1_block(uint8_t block[256])
{
	static const uint8_t info[] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
		0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };

	memset(block, 0xff, 256);
	block[0] = 0;
	block[1] = 1;
	block[256 - 52] = 0;
	memcpy(block + 256 - 51, info, sizeof(info));
	memset(block + 256 - 32, 0xaa, 32);
}

static void
test_rsa_refusals(void **state)
{
	EVP_PKEY *pkey = make_key(2048);
	struct sign_key *key = load_key(pkey);
	uint8_t block[256], pss[256], digest[32] = { 5 };
	RSA *rsa = (RSA *)(uintptr_t)EVP_PKEY_get0_RSA(pkey);
	unsigned accepted = 0;

	pkcs1_block(block);
	assert_int_equal(request(key, SIGSCHEME_RSA_BLOCK, block, 256), 256);
	/* Every bit of padding and DigestInfo matters, and so does the length. */
	for (size_t bit = 0; bit < (256 - 32) * 8; bit++) {
		block[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(request(key, SIGSCHEME_RSA_BLOCK, block, 256), -1);
		block[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < 256; len++)
		assert_int_equal(request(key, SIGSCHEME_RSA_BLOCK, block, len), -1);
	assert_int_equal(request(key, SIGSCHEME_ECDSA_DIGEST, block, 32), -1);
	/* Encryption padding, zeros and noise. */
	block[1] = 2;
	assert_int_equal(request(key, SIGSCHEME_RSA_BLOCK, block, 256), -1);
	memset(block, 0, sizeof(block));
	assert_int_equal(request(key, SIGSCHEME_RSA_BLOCK, block, 256), -1);
	/* PSS: salt as long as the digest, every bit matters, but the one that is cleared. */
	assert_int_equal(
	    RSA_padding_add_PKCS1_PSS(rsa, pss, digest, EVP_sha256(), RSA_PSS_SALTLEN_DIGEST), 1);
	assert_int_equal(request(key, SIGSCHEME_RSA_BLOCK, pss, 256), 256);
	for (size_t bit = 0; bit < 256 * 8; bit++) {
		pss[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* A flip in the salt's 32 bytes gives another well-formed block. */
		if (request(key, SIGSCHEME_RSA_BLOCK, pss, 256) == 256)
			accepted++;
		pss[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(accepted, 32 * 8);
	assert_int_equal(RSA_padding_add_PKCS1_PSS(rsa, pss, digest, EVP_sha256(), 20), 1);
	assert_int_equal(request(key, SIGSCHEME_RSA_BLOCK, pss, 256), -1);
	assert_int_equal(RSA_padding_add_PKCS1_PSS(rsa, pss, digest, EVP_sha256(), 0), 1);
	assert_int_equal(request(key, SIGSCHEME_RSA_BLOCK, pss, 256), -1);
	sign_key_free(&key);
	EVP_PKEY_free(pkey);
}

/* What the two paddings make of each digest of a handshake, for a key of this size. */
static void
check_digests(struct sign_key *key, RSA *rsa)
{
	const EVP_MD *const kinds[] = { EVP_sha256(), EVP_sha384(), EVP_sha512() };
	uint8_t pss[SHADOWKEY_BLOCK_MAX], digest[64] = { 5 };
	int size = RSA_size(rsa);

	for (int i = 0; i < 3; i++) {
		int len = EVP_MD_get_size(kinds[i]);

		assert_int_equal(RSA_padding_add_PKCS1_PSS(rsa, pss, digest, kinds[i], len), 1);
		assert_int_equal(request(key, SIGSCHEME_RSA_BLOCK, pss, (size_t)size), size);
		/* A salt of another length, and a mask made with another digest. */
		assert_int_equal(RSA_padding_add_PKCS1_PSS(rsa, pss, digest, kinds[i], len - 1), 1);
		assert_int_equal(request(key, SIGSCHEME_RSA_BLOCK, pss, (size_t)size), -1);
		assert_int_equal(
		    RSA_padding_add_PKCS1_PSS(rsa, pss, digest, kinds[i], RSA_PSS_SALTLEN_MAX), 1);
		assert_int_equal(request(key, SIGSCHEME_RSA_BLOCK, pss, (size_t)size), -1);
		assert_int_equal(RSA_padding_add_PKCS1_PSS_mgf1(
				     rsa, pss, digest, kinds[i], kinds[(i + 1) % 3], len),
		    1);
		assert_int_equal(request(key, SIGSCHEME_RSA_BLOCK, pss, (size_t)size), -1);
	}
	assert_int_equal(RSA_padding_add_PKCS1_PSS(rsa, pss, digest, EVP_sha1(), 20), 1);
	assert_int_equal(request(key, SIGSCHEME_RSA_BLOCK, pss, (size_t)size), -1);
}

/* DigestInfo (all but the digest) and whether handshakes have it. */
static const struct {
	const char *name;
	uint8_t info[19];
	uint8_t info_len;
	uint8_t digest_len;
	bool good;
} infos[] = {
	{ "SHA-256", "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
	    19, 32, true },
	{ "SHA-384", "\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30",
	    19, 48, true },
	{ "SHA-512", "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
	    19, 64, true },
	{ "SHA-224", "\x30\x2d\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x04\x05\x00\x04\x1c",
	    19, 28, false },
	{ "SHA-512/256",
	    "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x06\x05\x00\x04\x20", 19, 32,
	    false },
	{ "SHA3-256",
	    "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x08\x05\x00\x04\x20", 19, 32,
	    false },
	{ "SHA-256 without parameters",
	    "\x30\x2f\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x04\x20", 17, 32, false },
	{ "SHA-1", "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14", 15, 20, false },
	{ "MD5", "\x30\x20\x30\x0c\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x05\x05\x00\x04\x10", 18, 16,
	    false },
	{ "MD5 and SHA-1, as in TLS 1.1", "", 0, 36, false },
	{ "SHA-256, cut short",
	    "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20", 19, 31,
	    false },
	{ "SHA-256 and more",
	    "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20", 19, 33,
	    false },
};

static void
check_infos(struct sign_key *key, int size)
{
	uint8_t block[SHADOWKEY_BLOCK_MAX];

	for (size_t i = 0; i < sizeof(infos) / sizeof(infos[0]); i++) {
		uint8_t tail[128] = { 0 };
		int len = infos[i].info_len + infos[i].digest_len;

		memcpy(tail, infos[i].info, infos[i].info_len);
		memset(tail + infos[i].info_len, 0xaa, infos[i].digest_len);
		assert_int_equal(RSA_padding_add_PKCS1_type_1(block, size, tail, len), 1);
		if (request(key, SIGSCHEME_RSA_BLOCK, block, (size_t)size) !=
		    (infos[i].good ? size : -1))
			fail_msg("%s", infos[i].name);
	}
}

/* What somebody encrypted for the key is not decrypted. */
static void
check_ciphertexts(struct sign_key *key, RSA *rsa)
{
	const int paddings[] = { RSA_PKCS1_PADDING, RSA_PKCS1_OAEP_PADDING, RSA_NO_PADDING };
	uint8_t secret[SHADOWKEY_BLOCK_MAX] = { 0, 3, 3 }, block[SHADOWKEY_BLOCK_MAX];
	int size = RSA_size(rsa);

	for (int i = 0; i < 300; i++) {
		int len = paddings[i % 3] == RSA_NO_PADDING ? size : 48;

		secret[len - 1] = (uint8_t)i;
		assert_int_equal(
		    RSA_public_encrypt(len, secret, block, rsa, paddings[i % 3]), size);
		assert_int_equal(request(key, SIGSCHEME_RSA_BLOCK, block, (size_t)size), -1);
	}
}

static void
test_rsa_signs_digests_of_handshakes_alone(void **state)
{
	for (int bits = 2048; bits <= 4096; bits += 1024) {
		EVP_PKEY *pkey = make_key(bits);
		struct sign_key *key = load_key(pkey);
		RSA *rsa = (RSA *)(uintptr_t)EVP_PKEY_get0_RSA(pkey);

		check_digests(key, rsa);
		check_infos(key, RSA_size(rsa));
		check_ciphertexts(key, rsa);
		sign_key_free(&key);
		EVP_PKEY_free(pkey);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rsa),
		cmocka_unit_test(test_p256),
		cmocka_unit_test(test_p384),
		cmocka_unit_test(test_ecdsa_refusals),
		cmocka_unit_test(test_rsa_refusals),
		cmocka_unit_test(test_rsa_signs_digests_of_handshakes_alone),
		cmocka_unit_test(test_default_methods),
		cmocka_unit_test(test_libtls),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
