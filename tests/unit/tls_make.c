/*
 * See tls_make.h.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/tls_make.h"

#include <sys/mman.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

EVP_PKEY *
make_key(int kind)
{
	bool rsa = kind == 1024 || kind >= 2048;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(rsa			   ? EVP_PKEY_RSA
						: kind == EVP_PKEY_ED25519 ? EVP_PKEY_ED25519
									   : EVP_PKEY_EC,
	    NULL);
	EVP_PKEY *key = NULL;

	assert_non_null(ctx);
	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	if (rsa)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, kind), 1);
	else if (kind != EVP_PKEY_ED25519)
		assert_int_equal(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, kind), 1);
	assert_int_equal(EVP_PKEY_keygen(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	return (key);
}

static void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, (char *)(uintptr_t)value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

X509 *
make_cert(const struct cert_spec *spec)
{
	static long serial;
	X509 *cert = X509_new();
	X509_NAME *name = X509_NAME_new();
	bool dated = spec->from != 0 || spec->to != 0;

	assert_true(cert != NULL && name != NULL);
	X509_NAME_add_entry_by_NID(
	    name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)spec->name, -1, -1, 0);
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), dated ? spec->from : -86400);
	X509_gmtime_adj(X509_getm_notAfter(cert), dated ? spec->to : 86400);
	X509_set_subject_name(cert, name);
	X509_set_issuer_name(
	    cert, spec->issuer == NULL ? name : X509_get_subject_name(spec->issuer));
	X509_set_pubkey(cert, spec->key);
	add_extension(cert, spec->issuer == NULL ? cert : spec->issuer, NID_basic_constraints,
	    spec->ca ? "critical,CA:TRUE" : "CA:FALSE");
	if (spec->usage != NULL)
		add_extension(cert, cert, NID_ext_key_usage, spec->usage);
	assert_true(X509_sign(cert, spec->issuer_key == NULL ? spec->key : spec->issuer_key,
			EVP_sha256()) > 0);
	X509_NAME_free(name);
	return (cert);
}

char *
bio_text(BIO *bio)
{
	char *data, *text;
	long len = BIO_get_mem_data(bio, &data);

	text = strndup(data, (size_t)len);
	BIO_free(bio);
	return (text);
}

char *
cert_pem(X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
	return (bio_text(bio));
}

char *
key_pem(EVP_PKEY *key, const char *password)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(
	    PEM_write_bio_PrivateKey(bio, key, password == NULL ? NULL : EVP_aes_128_cbc(), NULL, 0,
		NULL, (void *)(uintptr_t)password),
	    1);
	return (bio_text(bio));
}

int
text_fd(const char *text)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return (fd);
}

void
pair_init(struct tls_pair *pair, SSL_CTX *client, SSL_CTX *server)
{
	BIO *a, *b;

	assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	pair->client = SSL_new(client);
	pair->server = SSL_new(server);
	SSL_set_bio(pair->client, a, a);
	SSL_set_bio(pair->server, b, b);
	SSL_set_connect_state(pair->client);
	SSL_set_accept_state(pair->server);
}

void
pair_fini(struct tls_pair *pair)
{
	SSL_shutdown(pair->client);
	SSL_shutdown(pair->server);
	SSL_free(pair->client);
	SSL_free(pair->server);
	ERR_clear_error();
}

bool
pair_talk(struct tls_pair *pair)
{
	char c;

	for (int i = 0; i < 20; i++) {
		(void)SSL_do_handshake(pair->client);
		(void)SSL_do_handshake(pair->server);
	}
	if (!SSL_is_init_finished(pair->client) || !SSL_is_init_finished(pair->server))
		return (false);
	return (SSL_write(pair->client, "x", 1) == 1 && SSL_read(pair->server, &c, 1) == 1 &&
		SSL_write(pair->server, "y", 1) == 1 && SSL_read(pair->client, &c, 1) == 1);
}
