/*
 * Shadow keys by a provider of OpenSSL 3, which hands over the very bytes that are
 * signed, before any digest: `key` can see that they are a handshake's.
 *
 * The provider lives in this process and knows two kinds of key, RSA and EC.  A key
 * holds the public half, as a key of OpenSSL's own provider, and who to ask.  Only
 * what libssl 3 uses is here: a key from the certificate's, the comparison of the
 * two, and the signature in one call (TLS 1.2 and 1.3 alike).
 *
 * The kinds bear the names of OpenSSL's, which libssl looks for.  So that nobody else
 * gets ours who asks for "EC" (OpenSSL 3.0 confuses two of one name, whatever their
 * properties), the provider is in a library context of its own; keys work across.
 * libssl tries OpenSSL's signatures first, and comes to ours since our keys can not be
 * exported.
 */
#include "common/shadowkey.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#define PROVIDER "rqlited"
#define PARAM_ASKER "rqlited-asker"

struct asker {
	shadowkey_ask *ask;
	void *arg;
};

struct shadow {
	const char *kind;
	EVP_PKEY *public_half; /* NULL until imported */
	struct asker asker; /* ask is NULL in a key that was imported for comparison */
	uint8_t id[SHADOWKEY_ID_SIZE];
};

struct signing {
	const struct shadow *key;
	int digest; /* 0, 1, 2: SHA-256, 384, 512 */
	bool pss;
};

/* ---- keys ---- */

static void *
new_key(const char *kind)
{
	struct shadow *key = calloc(1, sizeof(*key));

	if (key != NULL)
		key->kind = kind;
	return (key);
}

static void *
key_new_rsa(void *provider)
{
	return (new_key("RSA"));
}

static void *
key_new_ec(void *provider)
{
	return (new_key("EC"));
}

static void
key_free(void *data)
{
	struct shadow *key = data;

	if (key == NULL)
		return;
	EVP_PKEY_free(key->public_half);
	free(key);
}

static int
key_has(const void *data, int selection)
{
	const struct shadow *key = data;

	return (key->public_half != NULL);
}

/* From the parameters of OpenSSL's key, and perhaps an asker. */
static int
key_import(void *data, int selection, const OSSL_PARAM params[])
{
	struct shadow *key = data;
	const OSSL_PARAM *asker = OSSL_PARAM_locate_const(params, PARAM_ASKER);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, key->kind, NULL);
	int ok = ctx != NULL && key->public_half == NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
		 EVP_PKEY_fromdata(ctx, &key->public_half, EVP_PKEY_PUBLIC_KEY,
		     (OSSL_PARAM *)(uintptr_t)params) == 1 &&
		 shadowkey_id(key->public_half, key->id) == 0;

	EVP_PKEY_CTX_free(ctx);
	if (ok && asker != NULL && asker->data_size == sizeof(key->asker))
		memcpy(&key->asker, asker->data, sizeof(key->asker));
	return (ok);
}

/* What may be imported; an RSA key has no "group", and none is asked for. */
static const OSSL_PARAM *
key_import_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_octet_string(PARAM_ASKER, NULL, 0),
		OSSL_PARAM_END,
	};

	return (types);
}

static int
key_match(const void *a, const void *b, int selection)
{
	const struct shadow *one = a, *other = b;

	return (EVP_PKEY_eq(one->public_half, other->public_half) == 1);
}

static int
key_get_params(void *data, OSSL_PARAM params[])
{
	const struct shadow *key = data;

	return (EVP_PKEY_get_params(key->public_half, params));
}

static const OSSL_PARAM *
key_gettable(void *provider)
{
	static const OSSL_PARAM gettable[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_END,
	};

	return (gettable);
}

static const char *
signature_of_rsa(int operation)
{
	return ("RSA");
}

static const char *
signature_of_ec(int operation)
{
	return ("ECDSA");
}

/* ---- signatures ---- */

static void *
sign_new(void *provider, const char *properties)
{
	return (calloc(1, sizeof(struct signing)));
}

static void
sign_free(void *data)
{
	free(data);
}

/* Fails for what `key` does not sign; libssl asks so which digests it may take. */
static int
sign_init(void *data, const char *digest, void *key, const OSSL_PARAM params[])
{
	static const int digests[] = { NID_sha256, NID_sha384, NID_sha512 };
	struct signing *signing = data;
	const EVP_MD *md = digest == NULL ? NULL : EVP_get_digestbyname(digest);

	signing->key = key;
	signing->pss = false;
	for (signing->digest = 0; signing->digest < 3; signing->digest++)
		if (md != NULL && EVP_MD_get_type(md) == digests[signing->digest])
			return (1);
	return (0);
}

/* The padding of RSA.  Of PSS only the salt of TLS, as long as the digest. */
static int
sign_set_params(void *data, const OSSL_PARAM params[])
{
	struct signing *signing = data;
	const OSSL_PARAM *param;
	const char *salt;
	int padding;

	if (params == NULL)
		return (1);
	if ((param = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE)) != NULL) {
		if (!OSSL_PARAM_get_int(param, &padding) ||
		    (padding != RSA_PKCS1_PADDING && padding != RSA_PKCS1_PSS_PADDING))
			return (0);
		signing->pss = padding == RSA_PKCS1_PSS_PADDING;
	}
	if ((param = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN)) != NULL)
		return (OSSL_PARAM_get_utf8_string_ptr(param, &salt) &&
			strcmp(salt, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) == 0);
	return (1);
}

static const OSSL_PARAM *
sign_settable(void *data, void *provider)
{
	static const OSSL_PARAM settable[] = {
		OSSL_PARAM_int(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
		OSSL_PARAM_END,
	};

	return (settable);
}

static enum sigscheme
scheme_of(const struct signing *signing)
{
	int kind = EVP_PKEY_get_base_id(signing->key->public_half) == EVP_PKEY_EC ? SIGSCHEME_ECDSA
		   : signing->pss ? SIGSCHEME_RSA_PSS
				  : SIGSCHEME_RSA_PKCS1;

	return ((enum sigscheme)(kind + signing->digest));
}

/* Without `out` the question is how long a signature gets. */
static int
sign_whole(void *data, unsigned char *out, size_t *out_len, size_t cap,
    const unsigned char *content, size_t content_len)
{
	const struct signing *signing = data;
	const struct shadow *key = signing->key;
	struct shadowkey_request request = { key->id, scheme_of(signing), content, content_len };
	uint8_t signature[SHADOWKEY_BLOCK_MAX];
	int n;

	if (out == NULL) {
		*out_len = (size_t)EVP_PKEY_get_size(key->public_half);
		return (1);
	}
	if (key->asker.ask == NULL)
		return (0);
	n = key->asker.ask(key->asker.arg, &request, signature);
	if (n <= 0 || (size_t)n > cap)
		return (0);
	memcpy(out, signature, (size_t)n);
	*out_len = (size_t)n;
	return (1);
}

/* ---- the provider ---- */

/* clang-format off */
#define FUNCTION(id, function) { id, (void (*)(void))(function) }
#define KEY(new, signature)								\
	{										\
		FUNCTION(OSSL_FUNC_KEYMGMT_NEW, new),					\
		FUNCTION(OSSL_FUNC_KEYMGMT_FREE, key_free),				\
		FUNCTION(OSSL_FUNC_KEYMGMT_HAS, key_has),				\
		FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT, key_import),				\
		FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types),		\
		FUNCTION(OSSL_FUNC_KEYMGMT_MATCH, key_match),				\
		FUNCTION(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),			\
		FUNCTION(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable),		\
		FUNCTION(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, signature),		\
		{ 0, NULL }								\
	}
/* clang-format on */

static const OSSL_DISPATCH key_rsa[] = KEY(key_new_rsa, signature_of_rsa);
static const OSSL_DISPATCH key_ec[] = KEY(key_new_ec, signature_of_ec);
static const OSSL_DISPATCH signature[] = {
	FUNCTION(OSSL_FUNC_SIGNATURE_NEWCTX, sign_new),
	FUNCTION(OSSL_FUNC_SIGNATURE_FREECTX, sign_free),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, sign_init),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, sign_whole),
	FUNCTION(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, sign_set_params),
	FUNCTION(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, sign_settable),
	{ 0, NULL },
};

static const OSSL_ALGORITHM *
query(void *provider, int operation, int *no_cache)
{
	static const OSSL_ALGORITHM keys[] = {
		{ "RSA:rsaEncryption", "provider=" PROVIDER, key_rsa, NULL },
		{ "EC:id-ecPublicKey", "provider=" PROVIDER, key_ec, NULL },
		{ NULL, NULL, NULL, NULL },
	};
	static const OSSL_ALGORITHM signatures[] = {
		{ "RSA", "provider=" PROVIDER, signature, NULL },
		{ "ECDSA", "provider=" PROVIDER, signature, NULL },
		{ NULL, NULL, NULL, NULL },
	};

	*no_cache = 0;
	return (operation == OSSL_OP_KEYMGMT	 ? keys
		: operation == OSSL_OP_SIGNATURE ? signatures
						 : NULL);
}

static int
start(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *theirs, const OSSL_DISPATCH **ours,
    void **provider)
{
	static const OSSL_DISPATCH functions[] = {
		FUNCTION(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
		{ 0, NULL },
	};

	*ours = functions;
	*provider = (void *)(uintptr_t)core;
	return (1);
}

/* The context with our provider, made once per process; NULL if it can't be. */
static OSSL_LIB_CTX *
context(void)
{
	static OSSL_LIB_CTX *loaded;
	OSSL_LIB_CTX *ctx;

	if (loaded != NULL || (ctx = OSSL_LIB_CTX_new()) == NULL)
		return (loaded);
	if (OSSL_PROVIDER_add_builtin(ctx, PROVIDER, start) == 1 &&
	    OSSL_PROVIDER_load(ctx, PROVIDER) != NULL)
		return (loaded = ctx);
	OSSL_LIB_CTX_free(ctx);
	return (NULL);
}

/* A key of our provider: the public half's parameters, and who to ask. */
static EVP_PKEY *
make_shadow(EVP_PKEY *public_half, struct asker *asker)
{
	OSSL_PARAM more[] = { OSSL_PARAM_octet_string(PARAM_ASKER, asker, sizeof(*asker)),
		OSSL_PARAM_END };
	OSSL_PARAM *theirs = NULL, *all = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(
	    context(), EVP_PKEY_get_base_id(public_half) == EVP_PKEY_RSA ? "RSA" : "EC", NULL);
	EVP_PKEY *shadow = NULL;

	if (ctx == NULL || EVP_PKEY_todata(public_half, EVP_PKEY_PUBLIC_KEY, &theirs) != 1 ||
	    (all = OSSL_PARAM_merge(theirs, more)) == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &shadow, EVP_PKEY_PUBLIC_KEY, all) != 1)
		shadow = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(theirs);
	OSSL_PARAM_free(all);
	return (shadow);
}

EVP_PKEY *
shadowkey_new(const X509 *cert, shadowkey_ask *ask, void *arg, struct error *error)
{
	EVP_PKEY *public_half = X509_get0_pubkey(cert), *shadow;
	struct asker asker = { ask, arg };

	if (public_half == NULL) {
		(void)error_set(error, "tls: the certificate's key can not be read");
		return (NULL);
	}
	if (shadowkey_check(public_half, error) == -1)
		return (NULL);
	if (context() == NULL) {
		(void)error_set(error, "tls: this TLS library takes no provider");
		return (NULL);
	}
	if ((shadow = make_shadow(public_half, &asker)) == NULL)
		(void)error_set(error, "tls: no shadow of the certificate's key can be made");
	ERR_clear_error();
	return (shadow);
}
