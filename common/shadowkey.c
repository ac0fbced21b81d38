/*
 * What is said of a key by its public half: its name, and whether it is of a kind
 * that is supported.  Shared by http, which has that half alone, and `key`.
 */
#include "common/shadowkey.h"

#include <openssl/ec.h>
#include <openssl/objects.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX (SHADOWKEY_BLOCK_MAX * 8)

int
shadowkey_name(unsigned char *der, int len, uint8_t id[SHADOWKEY_ID_SIZE])
{
	unsigned int size = SHADOWKEY_ID_SIZE;
	int ok;

	if (len <= 0)
		return (-1);
	ok = EVP_Digest(der, (size_t)len, id, &size, EVP_sha256(), NULL);
	OPENSSL_free(der);
	return (ok == 1 && size == SHADOWKEY_ID_SIZE ? 0 : -1);
}

int
shadowkey_id(EVP_PKEY *key, uint8_t id[SHADOWKEY_ID_SIZE])
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);

	return (shadowkey_name(der, len, id));
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
