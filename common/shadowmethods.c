/*
 * Shadow keys by RSA_METHOD and EC_KEY_METHOD: for TLS libraries without providers
 * (LibreSSL, OpenSSL 1.1), and for libtls, which hides its keys.  These hand over a
 * padded block or a digest, so that `key` can not see what it signs: no program is
 * linked with this where common/shadowprovider.c can be had.
 *
 * The rules, found by trial: a fresh RSA or EC_KEY with public parts only, its
 * method set, and only then assigned to a new EVP_PKEY; OpenSSL 3 ignores what
 * is changed afterwards.  libtls hides its key objects, and OpenSSL 3 makes new
 * ones of them, so there the default methods are replaced, and a key is known
 * by its public half alone.  Keys that do have a private half are left to the
 * original method.
 *
 * RSA always reaches the asker as a whole block, padded here if the TLS library
 * did not, so that `key` can check its form.  A digest that handshakes do not have
 * is not asked for: the client chose it, and `key` would take us for captured.
 */
#include "common/shadowkey.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/opensslv.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#if !defined(LIBRESSL_VERSION_NUMBER) && OPENSSL_VERSION_NUMBER >= 0x40000000L
#error "OpenSSL 4 bypasses per-key methods: a provider is needed here"
#endif

#define DIGEST_INFO 19 /* bytes before a SHA-2 digest in a DigestInfo */

struct asker {
	shadowkey_ask *ask;
	void *arg;
};

/* Of keys made by shadowkey_new(): hangs on the key. Of all others: the default. */
static int rsa_slot = -1, ec_slot = -1;
static struct asker default_asker;
static RSA_METHOD *rsa_method, *rsa_default_method;
static const RSA_METHOD *rsa_original;
static EC_KEY_METHOD *ec_method, *ec_default_method;
static const EC_KEY_METHOD *ec_original;

static int
rsa_id(const RSA *rsa, uint8_t id[SHADOWKEY_ID_SIZE])
{
	unsigned char *der = NULL;
	int len = i2d_RSA_PUBKEY((RSA *)rsa, &der);

	return (shadowkey_name(der, len, id));
}

static int
ec_id(const EC_KEY *ec, uint8_t id[SHADOWKEY_ID_SIZE])
{
	unsigned char *der = NULL;
	int len = i2d_EC_PUBKEY((EC_KEY *)ec, &der);

	return (shadowkey_name(der, len, id));
}

static bool
is_digest_len(int len)
{
	return (len == 32 || len == 48 || len == 64);
}

/* EMSA-PKCS1-v1_5 around a DigestInfo, for TLS libraries that leave the padding to us. */
static int
pad_pkcs1(const unsigned char *info, size_t info_len, uint8_t *block, size_t size)
{
	if (!is_digest_len((int)info_len - DIGEST_INFO) || size < info_len + 11)
		return (-1);
	memset(block, 0xff, size);
	block[0] = 0;
	block[1] = 1;
	block[size - info_len - 1] = 0;
	memcpy(block + size - info_len, info, info_len);
	return (0);
}

static int
rsa_ask(int len, const unsigned char *from, unsigned char *to, RSA *rsa, int padding)
{
	const struct asker *asker = RSA_get_ex_data(rsa, rsa_slot);
	struct shadowkey_request request = { .scheme = SIGSCHEME_RSA_BLOCK };
	uint8_t id[SHADOWKEY_ID_SIZE], block[SHADOWKEY_BLOCK_MAX], out[SHADOWKEY_BLOCK_MAX];
	int size = RSA_size(rsa);

	if (asker == NULL)
		asker = &default_asker;
	if (asker->ask == NULL || len < 0 || size <= 0 || (size_t)size > sizeof(block) ||
	    rsa_id(rsa, id) == -1)
		return (-1);
	if (padding == RSA_NO_PADDING && len == size)
		memcpy(block, from, (size_t)size);
	else if (padding != RSA_PKCS1_PADDING ||
		 pad_pkcs1(from, (size_t)len, block, (size_t)size) == -1)
		return (-1);
	request.id = id;
	request.content = block;
	request.content_len = (size_t)size;
	if (asker->ask(asker->arg, &request, out) != size)
		return (-1);
	memcpy(to, out, (size_t)size);
	return (size);
}

static int
rsa_ask_or_sign(int len, const unsigned char *from, unsigned char *to, RSA *rsa, int padding)
{
	const BIGNUM *d;

	RSA_get0_key(rsa, NULL, NULL, &d);
	if (d != NULL)
		return (RSA_meth_get_priv_enc(rsa_original)(len, from, to, rsa, padding));
	return (rsa_ask(len, from, to, rsa, padding));
}

/* The library makes DER of it where that is wanted. */
static ECDSA_SIG *
ec_ask(const unsigned char *digest, int len, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *ec)
{
	const struct asker *asker = EC_KEY_get_ex_data(ec, ec_slot);
	struct shadowkey_request request = { .scheme = SIGSCHEME_ECDSA_DIGEST };
	uint8_t id[SHADOWKEY_ID_SIZE], out[SHADOWKEY_BLOCK_MAX];
	const unsigned char *p = out;
	int got;

	if (asker == NULL)
		asker = &default_asker;
	if (asker->ask == NULL || !is_digest_len(len) || ec_id(ec, id) == -1)
		return (NULL);
	request.id = id;
	request.content = digest;
	request.content_len = (size_t)len;
	got = asker->ask(asker->arg, &request, out);
	return (got <= 0 ? NULL : d2i_ECDSA_SIG(NULL, &p, got));
}

static ECDSA_SIG *
ec_ask_or_sign(
    const unsigned char *digest, int len, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *ec)
{
	ECDSA_SIG *(*sign)(const unsigned char *, int, const BIGNUM *, const BIGNUM *, EC_KEY *) =
	    NULL;

	if (EC_KEY_get0_private_key(ec) == NULL)
		return (ec_ask(digest, len, kinv, r, ec));
	EC_KEY_METHOD_get_sign(ec_original, NULL, NULL, &sign);
	return (sign(digest, len, kinv, r, ec));
}

/* Of the three functions that sign, the other two come from the original. */
static void
set_ec_sign(EC_KEY_METHOD *method,
    ECDSA_SIG *(*sign)(const unsigned char *, int, const BIGNUM *, const BIGNUM *, EC_KEY *))
{
	int (*setup)(EC_KEY *, BN_CTX *, BIGNUM **, BIGNUM **) = NULL;
	int (*sign_der)(int, const unsigned char *, int, unsigned char *, unsigned int *,
	    const BIGNUM *, const BIGNUM *, EC_KEY *) = NULL;

	EC_KEY_METHOD_get_sign(method, &sign_der, &setup, NULL);
	EC_KEY_METHOD_set_sign(method, sign_der, setup, sign);
}

/* Methods for keys of our own; once per process. */
static int
make_methods(struct error *error)
{
	if (rsa_method != NULL && ec_method != NULL)
		return (0);
	rsa_original = RSA_get_default_method();
	ec_original = EC_KEY_get_default_method();
	rsa_slot = RSA_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	ec_slot = EC_KEY_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	rsa_method = RSA_meth_dup(rsa_original);
	ec_method = EC_KEY_METHOD_new(ec_original);
	if (rsa_slot == -1 || ec_slot == -1 || rsa_method == NULL || ec_method == NULL ||
	    RSA_meth_set_priv_enc(rsa_method, rsa_ask) != 1)
		return (error_set(error, "tls: key methods can not be made"));
	set_ec_sign(ec_method, ec_ask);
	return (0);
}

int
shadowkey_set_default(shadowkey_ask *ask, void *arg, struct error *error)
{
	if (make_methods(error) == -1)
		return (-1);
	default_asker = (struct asker){ ask, arg };
	if (rsa_default_method != NULL)
		return (0);
	rsa_default_method = RSA_meth_dup(rsa_original);
	ec_default_method = EC_KEY_METHOD_new(ec_original);
	if (rsa_default_method == NULL || ec_default_method == NULL ||
	    RSA_meth_set_priv_enc(rsa_default_method, rsa_ask_or_sign) != 1)
		return (error_set(error, "tls: key methods can not be made"));
	set_ec_sign(ec_default_method, ec_ask_or_sign);
	RSA_set_default_method(rsa_default_method);
	EC_KEY_set_default_method(ec_default_method);
	return (0);
}

static EVP_PKEY *
shadow_rsa(EVP_PKEY *public_half, struct asker *asker)
{
	EVP_PKEY *shadow = EVP_PKEY_new();
	RSA *rsa = RSA_new();
	const RSA *theirs = EVP_PKEY_get0_RSA(public_half);
	const BIGNUM *n, *e;

	if (shadow == NULL || rsa == NULL || theirs == NULL)
		goto fail;
	RSA_get0_key(theirs, &n, &e, NULL);
	if (RSA_set0_key(rsa, BN_dup(n), BN_dup(e), NULL) != 1 ||
	    RSA_set_method(rsa, rsa_method) != 1 || RSA_set_ex_data(rsa, rsa_slot, asker) != 1 ||
	    EVP_PKEY_assign_RSA(shadow, rsa) != 1)
		goto fail;
	return (shadow);
fail:
	RSA_free(rsa);
	EVP_PKEY_free(shadow);
	return (NULL);
}

static EVP_PKEY *
shadow_ec(EVP_PKEY *public_half, struct asker *asker)
{
	EVP_PKEY *shadow = EVP_PKEY_new();
	EC_KEY *ec = EC_KEY_new();
	const EC_KEY *theirs = EVP_PKEY_get0_EC_KEY(public_half);

	if (shadow == NULL || ec == NULL || theirs == NULL)
		goto fail;
	if (EC_KEY_set_group(ec, EC_KEY_get0_group(theirs)) != 1 ||
	    EC_KEY_set_public_key(ec, EC_KEY_get0_public_key(theirs)) != 1 ||
	    EC_KEY_set_method(ec, ec_method) != 1 || EC_KEY_set_ex_data(ec, ec_slot, asker) != 1 ||
	    EVP_PKEY_assign_EC_KEY(shadow, ec) != 1)
		goto fail;
	return (shadow);
fail:
	EC_KEY_free(ec);
	EVP_PKEY_free(shadow);
	return (NULL);
}

/* One asker per (ask, arg), kept for good: keys that use it may outlive any caller. */
static struct asker *
asker_of(shadowkey_ask *ask, void *arg)
{
	static struct asker askers[4];

	for (size_t i = 0; i < sizeof(askers) / sizeof(askers[0]); i++) {
		if (askers[i].ask == NULL)
			askers[i] = (struct asker){ ask, arg };
		if (askers[i].ask == ask && askers[i].arg == arg)
			return (&askers[i]);
	}
	return (NULL);
}

EVP_PKEY *
shadowkey_new(const X509 *cert, shadowkey_ask *ask, void *arg, struct error *error)
{
	EVP_PKEY *public_half = X509_get0_pubkey(cert), *shadow;
	struct asker *asker = asker_of(ask, arg);

	if (public_half == NULL) {
		(void)error_set(error, "tls: the certificate's key can not be read");
		return (NULL);
	}
	if (shadowkey_check(public_half, error) == -1 || make_methods(error) == -1)
		return (NULL);
	if (asker == NULL) {
		(void)error_set(error, "tls: too many askers");
		return (NULL);
	}
	shadow = EVP_PKEY_base_id(public_half) == EVP_PKEY_RSA ? shadow_rsa(public_half, asker)
							       : shadow_ec(public_half, asker);
	if (shadow == NULL)
		(void)error_set(error, "tls: no shadow of the certificate's key can be made");
	return (shadow);
}
