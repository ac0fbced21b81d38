/*
 * See handshakes.h.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/handshakes.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc/key/block.h"
#include "tests/unit/tls_make.h"

struct asked one_asked;

int
ask_signer(void *arg, const struct shadowkey_request *request, uint8_t *out)
{
	struct asked *asked = arg;
	struct error error;
	int n;

	asked->count++;
	asked->scheme = request->scheme;
	assert_memory_equal(request->id, sign_key_id(asked->key), SHADOWKEY_ID_SIZE);
	if (asked->refuse)
		return (-1);
	n = request->scheme < SIGSCHEME__COUNT ? sign_content(asked->key, request, out, &error)
					       : sign_block(asked->key, request, out, &error);
	if (n == -1)
		print_message("refused: %s\n", error.text);
	return (n);
}

struct sign_key *
load_key(EVP_PKEY *pkey)
{
	char *pem = key_pem(pkey, NULL);
	int fd = text_fd(pem);
	struct sign_key *key = NULL;
	struct error error;

	assert_int_equal(sign_key_read(fd, "k", &key, &error), 0);
	close(fd);
	free(pem);
	return (key);
}

static SSL_CTX *
server_of(X509 *cert, struct asked *asked)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	struct error error;
	EVP_PKEY *shadow = shadowkey_new(cert, ask_signer, asked, &error);

	assert_non_null(shadow);
	assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, shadow), 1);
	EVP_PKEY_free(shadow);
	return (ctx);
}

/* A client that takes one version, and one signature if it is named. */
static SSL_CTX *
client_of(int version, const char *sigalg)
{
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_min_proto_version(client, version);
	SSL_CTX_set_max_proto_version(client, version);
	if (sigalg != NULL)
		assert_int_equal(SSL_CTX_set1_sigalgs_list(client, sigalg), 1);
	return (client);
}

static void
shake(SSL_CTX *client, SSL_CTX *server, bool good)
{
	unsigned before = one_asked.count;
	struct tls_pair pair;

	pair_init(&pair, client, server);
	assert_int_equal(pair_talk(&pair), good);
	assert_int_equal(one_asked.count, before + 1);
	pair_fini(&pair);
	SSL_CTX_free(client);
}

/*
 * The group of the key exchange is part of what is signed in TLS 1.2.  There the
 * client's list must have the curve of the key too.
 */
static void
shake_groups(SSL_CTX *server)
{
	static const char *const groups[] = { "X25519:P-256:P-384", "P-256:P-384", "P-384:P-256",
		"P-521:P-256:P-384" };

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
			SSL_CTX *client = client_of(version, NULL);

			assert_int_equal(SSL_CTX_set1_groups_list(client, groups[i]), 1);
			shake(client, server, true);
		}
}

void
handshakes(int kind, const char *const *sigalgs)
{
	EVP_PKEY *pkey = make_key(kind);
	X509 *cert = make_cert(&(struct cert_spec){ .name = "x", .key = pkey });
	SSL_CTX *server;

	one_asked = (struct asked){ .key = load_key(pkey) };
	server = server_of(cert, &one_asked);
	assert_int_equal(SSL_CTX_set1_groups_list(server, "X25519:P-256:P-384:P-521"), 1);
	for (size_t i = 0; sigalgs[i] != NULL; i++) {
		bool only12 = strstr(sigalgs[i], "+") != NULL;

		shake(client_of(TLS1_2_VERSION, sigalgs[i]), server, true);
		if (!only12)
			shake(client_of(TLS1_3_VERSION, sigalgs[i]), server, true);
	}
	shake_groups(server);
	/* A refusal ends the handshake and nothing else. */
	one_asked.refuse = true;
	shake(client_of(TLS1_3_VERSION, NULL), server, false);
	one_asked.refuse = false;
	shake(client_of(TLS1_3_VERSION, NULL), server, true);
	SSL_CTX_free(server);
	sign_key_free(&one_asked.key);
	X509_free(cert);
	EVP_PKEY_free(pkey);
}

void
test_rsa(void **state)
{
	static const char *const sigalgs[] = { "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384",
		"rsa_pss_rsae_sha512", "RSA+SHA256", "RSA+SHA384", "RSA+SHA512", NULL };

	handshakes(2048, sigalgs);
	handshakes(3072, sigalgs);
}

void
test_p256(void **state)
{
	static const char *const sigalgs[] = { "ecdsa_secp256r1_sha256", "ECDSA+SHA384",
		"ECDSA+SHA512", NULL };

	handshakes(NID_X9_62_prime256v1, sigalgs);
}

void
test_p384(void **state)
{
	static const char *const sigalgs[] = { "ecdsa_secp384r1_sha384", "ECDSA+SHA256",
		"ECDSA+SHA512", NULL };

	handshakes(NID_secp384r1, sigalgs);
}
