/*
 * Shadow keys as http has them: handshakes of every kind, and keys of others, which
 * they leave alone.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/err.h>
#ifndef SIGN_BLOCKS
#include <openssl/provider.h>
#endif

#include "tests/unit/handshakes.h"
#include "tests/unit/tls_make.h"

/* All that is asked for can be told to be a handshake, unless the library has no provider. */
static void
test_contents_are_asked_for(void **state)
{
	static const char *const sigalgs[] = { "RSA+SHA384", NULL };

	handshakes(2048, sigalgs);
#ifdef SIGN_BLOCKS
	assert_int_equal(one_asked.scheme, SIGSCHEME_RSA_BLOCK);
#else
	assert_int_equal(one_asked.scheme, SIGSCHEME_RSA_PSS);
#endif
}

/* A key that has its private half signs by itself, beside the shadows. */
static void
test_whole_keys_are_left_alone(void **state)
{
	const int kinds[] = { 2048, NID_X9_62_prime256v1, NID_secp384r1 };

	for (int i = 0; i < 3; i++) {
		EVP_PKEY *pkey = make_key(kinds[i]);
		X509 *cert = make_cert(&(struct cert_spec){ .name = "x", .key = pkey });
		struct error error;
		EVP_PKEY *shadow = shadowkey_new(cert, ask_signer, &one_asked, &error);

		assert_non_null(shadow);
		assert_int_equal(EVP_PKEY_eq(shadow, pkey), 1);
		one_asked.count = 0;
		assert_true(X509_sign(cert, pkey, EVP_sha256()) > 0);
		assert_int_equal(X509_verify(cert, X509_get0_pubkey(cert)), 1);
		assert_int_equal(one_asked.count, 0);
#ifndef SIGN_BLOCKS
		assert_string_equal(
		    OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(X509_get0_pubkey(cert))),
		    "default");
#endif
		EVP_PKEY_free(shadow);
		X509_free(cert);
		EVP_PKEY_free(pkey);
	}
}

/* A digest that `key` does not sign is not asked for; nor is another key taken for ours. */
static void
test_refusals(void **state)
{
	EVP_PKEY *pkey = make_key(NID_X9_62_prime256v1), *other = make_key(NID_X9_62_prime256v1);
	X509 *cert = make_cert(&(struct cert_spec){ .name = "x", .key = pkey });
	struct error error;
	EVP_PKEY *shadow = shadowkey_new(cert, ask_signer, &one_asked, &error);
	uint8_t out[SHADOWKEY_BLOCK_MAX];
	size_t len = sizeof(out);
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	assert_int_not_equal(EVP_PKEY_eq(shadow, other), 1);
	one_asked = (struct asked){ .key = load_key(pkey) };
	assert_false(EVP_DigestSignInit(md, NULL, EVP_sha224(), NULL, shadow) == 1 &&
		     EVP_DigestSign(md, out, &len, (const uint8_t *)"x", 1) == 1);
	EVP_MD_CTX_free(md);
	assert_int_equal(one_asked.count, 0);
	/* Nor is what is no handshake signed. */
	md = EVP_MD_CTX_new();
	len = sizeof(out);
	assert_int_equal(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, shadow), 1);
#ifndef SIGN_BLOCKS
	assert_int_not_equal(EVP_DigestSign(md, out, &len, (const uint8_t *)"x", 1), 1);
	assert_int_equal(one_asked.count, 1);
#endif
	EVP_MD_CTX_free(md);
	ERR_clear_error();
	sign_key_free(&one_asked.key);
	EVP_PKEY_free(shadow);
	X509_free(cert);
	EVP_PKEY_free(pkey);
	EVP_PKEY_free(other);
}

/* The kinds that no key of ours has. */
static void
test_kinds_that_are_not_supported(void **state)
{
	const int kinds[] = { NID_secp521r1, 1024 };

	for (int i = 0; i < 2; i++) {
		EVP_PKEY *pkey = make_key(kinds[i]);
		X509 *cert = make_cert(&(struct cert_spec){ .name = "x", .key = pkey });
		struct error error;

		assert_null(shadowkey_new(cert, ask_signer, &one_asked, &error));
		assert_non_null(strstr(error.text, " not supported: use "));
		X509_free(cert);
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
		cmocka_unit_test(test_contents_are_asked_for),
		cmocka_unit_test(test_whole_keys_are_left_alone),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_kinds_that_are_not_supported),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
