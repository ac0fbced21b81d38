/*
 * All that knows how OpenSSL 1.1 to 3 and LibreSSL hook a private key.
 *
 * The rules, found by trial: a fresh RSA or EC_KEY with public parts only, its
 * method set, and only then assigned to a new EVP_PKEY; OpenSSL 3 ignores what
 * is changed afterwards.  libtls hides its key objects, and OpenSSL 3 makes new
 * ones of them, so there the default methods are replaced, and a key is known
 * by its public half alone.  Keys that do have a private half are left to the
 * original method.
 *
 * RSA always reaches the asker as a whole block, padded here if the TLS library
 * did not, so that `key` can check what it signs.
 */
#include "common/shadowkey.h"

#include <limits.h>
#include <stdlib.h>
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

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX (SHADOWKEY_BLOCK_MAX * 8)

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

int
shadowkey_id(EVP_PKEY *key, uint8_t id[SHADOWKEY_ID_SIZE])
{
	unsigned char *der = NULL;
	unsigned int size = SHADOWKEY_ID_SIZE;
	int len = i2d_PUBKEY(key, &der), ok;

	if (len <= 0)
		return (-1);
	ok = EVP_Digest(der, (size_t)len, id, &size, EVP_sha256(), NULL);
	OPENSSL_free(der);
	return (ok == 1 && size == SHADOWKEY_ID_SIZE ? 0 : -1);
}

static int
rsa_id(const RSA *rsa, uint8_t id[SHADOWKEY_ID_SIZE])
{
	unsigned char *der = NULL;
	unsigned int size = SHADOWKEY_ID_SIZE;
	int len = i2d_RSA_PUBKEY((RSA *)rsa, &der), ok;

	if (len <= 0)
		return (-1);
	ok = EVP_Digest(der, (size_t)len, id, &size, EVP_sha256(), NULL);
	OPENSSL_free(der);
	return (ok == 1 ? 0 : -1);
}

static int
ec_id(const EC_KEY *ec, uint8_t id[SHADOWKEY_ID_SIZE])
{
	unsigned char *der = NULL;
	unsigned int size = SHADOWKEY_ID_SIZE;
	int len = i2d_EC_PUBKEY((EC_KEY *)ec, &der), ok;

	if (len <= 0)
		return (-1);
	ok = EVP_Digest(der, (size_t)len, id, &size, EVP_sha256(), NULL);
	OPENSSL_free(der);
	return (ok == 1 ? 0 : -1);
}

int
shadowkey_check(EVP_PKEY *key, struct error *error)
{
	const EC_KEY *ec;
	int bits, curve;

	switch (EVP_PKEY_base_id(key)) {
	case EVP_PKEY_RSA:
		bits = EVP_PKEY_bits(key);
		if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || bits % 8 != 0)
			return (error_set(error,
			    "tls: RSA keys of %d bits are not supported: use %d to %d, or ECDSA",
			    bits, RSA_BITS_MIN, RSA_BITS_MAX));
		return (0);
	case EVP_PKEY_EC:
		ec = EVP_PKEY_get0_EC_KEY(key);
		curve = ec == NULL ? NID_undef : EC_GROUP_get_curve_name(EC_KEY_get0_group(ec));
		if (curve != NID_X9_62_prime256v1 && curve != NID_secp384r1)
			return (error_set(error,
			    "tls: this elliptic curve is not supported: use P-256 or P-384"));
		return (0);
	case EVP_PKEY_ED25519:
		return (error_set(
		    error, "tls: Ed25519 keys are not supported: use ECDSA (P-256, P-384) or RSA"));
	default:
		return (error_set(error,
		    "tls: this kind of key is not supported: use ECDSA (P-256, P-384) or RSA"));
	}
}

/* EMSA-PKCS1-v1_5 around a DigestInfo, for TLS libraries that leave the padding to us. */
static int
pad_pkcs1(const unsigned char *info, size_t info_len, uint8_t *block, size_t size)
{
	if (size < info_len + 11)
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
	struct shadowkey_request request = { .alg = SHADOWKEY_RSA };
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
	request.block = block;
	request.block_len = (size_t)size;
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

/* The signature as DER; its length, or 0. */
static size_t
ec_ask(const unsigned char *digest, int len, EC_KEY *ec, uint8_t out[SHADOWKEY_BLOCK_MAX])
{
	const struct asker *asker = EC_KEY_get_ex_data(ec, ec_slot);
	struct shadowkey_request request = { .alg = SHADOWKEY_ECDSA };
	uint8_t id[SHADOWKEY_ID_SIZE];
	int got;

	if (asker == NULL)
		asker = &default_asker;
	if (asker->ask == NULL || len < 0 || ec_id(ec, id) == -1)
		return (0);
	request.id = id;
	request.block = digest;
	request.block_len = (size_t)len;
	got = asker->ask(asker->arg, &request, out);
	return (got > 0 && got <= ECDSA_size(ec) ? (size_t)got : 0);
}

static int
ec_ask_der(int type, const unsigned char *digest, int len, unsigned char *sig,
    unsigned int *sig_len, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *ec)
{
	uint8_t out[SHADOWKEY_BLOCK_MAX];
	size_t got = ec_ask(digest, len, ec, out);

	if (got == 0)
		return (0);
	memcpy(sig, out, got);
	*sig_len = (unsigned int)got;
	return (1);
}

static ECDSA_SIG *
ec_ask_sig(const unsigned char *digest, int len, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *ec)
{
	uint8_t out[SHADOWKEY_BLOCK_MAX];
	const unsigned char *p = out;
	size_t got = ec_ask(digest, len, ec, out);

	return (got == 0 ? NULL : d2i_ECDSA_SIG(NULL, &p, (long)got));
}

static int
ec_ask_or_sign_der(int type, const unsigned char *digest, int len, unsigned char *sig,
    unsigned int *sig_len, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *ec)
{
	int (*sign)(int, const unsigned char *, int, unsigned char *, unsigned int *,
	    const BIGNUM *, const BIGNUM *, EC_KEY *) = NULL;

	if (EC_KEY_get0_private_key(ec) == NULL)
		return (ec_ask_der(type, digest, len, sig, sig_len, kinv, r, ec));
	EC_KEY_METHOD_get_sign(ec_original, &sign, NULL, NULL);
	return (sign(type, digest, len, sig, sig_len, kinv, r, ec));
}

static ECDSA_SIG *
ec_ask_or_sign_sig(
    const unsigned char *digest, int len, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *ec)
{
	ECDSA_SIG *(*sign)(const unsigned char *, int, const BIGNUM *, const BIGNUM *, EC_KEY *) =
	    NULL;

	if (EC_KEY_get0_private_key(ec) == NULL)
		return (ec_ask_sig(digest, len, kinv, r, ec));
	EC_KEY_METHOD_get_sign(ec_original, NULL, NULL, &sign);
	return (sign(digest, len, kinv, r, ec));
}

/* Methods for keys of our own; once per process. */
static int
make_methods(struct error *error)
{
	int (*setup)(EC_KEY *, BN_CTX *, BIGNUM **, BIGNUM **) = NULL;

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
	EC_KEY_METHOD_get_sign(ec_method, NULL, &setup, NULL);
	EC_KEY_METHOD_set_sign(ec_method, ec_ask_der, setup, ec_ask_sig);
	return (0);
}

int
shadowkey_set_default(shadowkey_ask *ask, void *arg, struct error *error)
{
	int (*setup)(EC_KEY *, BN_CTX *, BIGNUM **, BIGNUM **) = NULL;

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
	EC_KEY_METHOD_get_sign(ec_default_method, NULL, &setup, NULL);
	EC_KEY_METHOD_set_sign(ec_default_method, ec_ask_or_sign_der, setup, ec_ask_or_sign_sig);
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
