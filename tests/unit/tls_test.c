/*
 * The context of the HTTPS port: who gets a handshake, with what, and the texts
 * for an operator whose files do not fit.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "proc/http/tls.h"
#include "proc/key/sign.h"
#include "tests/unit/handshakes.h"
#include "tests/unit/tls_make.h"

static uint8_t ticket_keys[TLS_TICKET_KEYS_SIZE];
static struct sign_key *signer;

/* A node's certificate and key, two CAs, and clients of theirs. */
static EVP_PKEY *server_key, *ca_key, *client_key;
static X509 *server_cert, *ca_cert, *other_ca;
static char *server_pem, *ca_pem;

static struct tls_setup
setup_of(void)
{
	return ((struct tls_setup){
	    .cert_pem = server_pem,
	    .cert_len = strlen(server_pem),
	    .ca_path = "ca.crt",
	    .common_name = "",
	    .key_id = sign_key_id(signer),
	    .ticket_keys = ticket_keys,
	    .http2 = true,
	    .ask = ask_signer,
	    .arg = &one_asked,
	});
}

static SSL_CTX *
make_ctx(const struct tls_setup *setup)
{
	struct error error = { "" };
	SSL_CTX *ctx = tls_ctx_new(setup, &error);

	if (ctx == NULL)
		print_message("%s\n", error.text);
	assert_non_null(ctx);
	return (ctx);
}

static void
expect_refused(const struct tls_setup *setup, const char *text)
{
	struct error error = { "" };

	assert_null(tls_ctx_new(setup, &error));
	assert_string_equal(error.text, text);
}

static int
start(void **state)
{
	memset(ticket_keys, 7, sizeof(ticket_keys));
	server_key = make_key(NID_X9_62_prime256v1);
	ca_key = make_key(NID_X9_62_prime256v1);
	client_key = make_key(NID_X9_62_prime256v1);
	server_cert = make_cert(&(struct cert_spec){ .name = "localhost", .key = server_key });
	ca_cert = make_cert(&(struct cert_spec){ .name = "ca", .key = ca_key, .ca = true });
	other_ca = make_cert(&(struct cert_spec){ .name = "ca", .key = server_key, .ca = true });
	server_pem = cert_pem(server_cert);
	ca_pem = cert_pem(ca_cert);
	signer = load_key(server_key);
	one_asked.key = signer;
	return (0);
}

static int
stop(void **state)
{
	sign_key_free(&signer);
	EVP_PKEY_free(server_key);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(client_key);
	X509_free(server_cert);
	X509_free(ca_cert);
	X509_free(other_ca);
	free(server_pem);
	free(ca_pem);
	return (0);
}

static SSL_CTX *
client_of(int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	return (ctx);
}

/* Takes the client's context. */
static bool
talks(SSL_CTX *server, SSL_CTX *client)
{
	struct tls_pair pair;
	bool good;

	pair_init(&pair, client, server);
	good = pair_talk(&pair);
	pair_fini(&pair);
	SSL_CTX_free(client);
	return (good);
}

static void
test_versions_and_ciphers(void **state)
{
	static const struct {
		const char *cipher;
		bool good;
	} rows[] = {
		{ "ECDHE-ECDSA-AES128-GCM-SHA256", true },
		{ "ECDHE-ECDSA-AES256-GCM-SHA384", true },
		{ "ECDHE-ECDSA-CHACHA20-POLY1305", true },
		{ "ECDHE-ECDSA-AES128-SHA", false },
		{ "ECDHE-ECDSA-AES128-SHA256", false },
		{ "AES128-GCM-SHA256", false },
		{ "DHE-RSA-AES128-GCM-SHA256", false },
	};
	struct tls_setup setup = setup_of();
	SSL_CTX *server = make_ctx(&setup);

	assert_false(talks(server, client_of(TLS1_VERSION)));
	assert_false(talks(server, client_of(TLS1_1_VERSION)));
	assert_true(talks(server, client_of(TLS1_2_VERSION)));
	assert_true(talks(server, client_of(TLS1_3_VERSION)));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		SSL_CTX *client = client_of(TLS1_2_VERSION);

		assert_int_equal(SSL_CTX_set_cipher_list(client, rows[i].cipher), 1);
		assert_int_equal(talks(server, client), rows[i].good);
	}
	SSL_CTX_free(server);
}

/*
 * A client chooses the digest; one that `key` does not sign is not asked of it, or
 * anybody could have http taken for captured.
 */
static void
test_digests_that_are_not_signed(void **state)
{
	static const char *const sigalgs[] = { "ECDSA+SHA224", "ECDSA+SHA1" };
	struct tls_setup setup = setup_of();
	SSL_CTX *server = make_ctx(&setup);

	SSL_CTX_set_security_level(server, 0);
	one_asked.count = 0;
	for (size_t i = 0; i < 2; i++) {
		SSL_CTX *client = client_of(TLS1_2_VERSION);

		assert_int_equal(SSL_CTX_set1_sigalgs_list(client, sigalgs[i]), 1);
		assert_false(talks(server, client));
	}
	assert_int_equal(one_asked.count, 0);
	assert_true(talks(server, client_of(TLS1_2_VERSION)));
	assert_int_equal(one_asked.count, 1);
	SSL_CTX_free(server);
}

/* A client of TLS 1.2 that names no signature at all would be meant to take SHA-1. */
static void
test_no_signature_named(void **state)
{
	static const char hello[] =
	    "\x16\x03\x01\x00\x3d\x01\x00\x00\x39\x03\x03"
	    "0123456789abcdef0123456789abcdef\x00\x00\x02\xc0\x2b\x01\x00"
	    "\x00\x0e\x00\x0a\x00\x04\x00\x02\x00\x17\x00\x0b\x00\x02\x01\x00";
	struct tls_setup setup = setup_of();
	SSL_CTX *server = make_ctx(&setup);
	SSL *ssl;
	BIO *in = BIO_new(BIO_s_mem());

	SSL_CTX_set_security_level(server, 0);
	ssl = SSL_new(server);
	one_asked.count = 0;
	assert_int_equal(BIO_write(in, hello, sizeof(hello) - 1), sizeof(hello) - 1);
	SSL_set_bio(ssl, in, BIO_new(BIO_s_mem()));
	assert_int_equal(SSL_accept(ssl), -1);
	assert_int_equal(one_asked.count, 0);
	SSL_free(ssl);
	SSL_CTX_free(server);
	ERR_clear_error();
}

static void
expect_alpn(SSL_CTX *server, const char *offer, const char *chosen)
{
	SSL_CTX *client = client_of(TLS1_3_VERSION);
	struct tls_pair pair;
	const unsigned char *got;
	unsigned int len;
	bool good;

	if (offer[0] != '\0')
		SSL_CTX_set_alpn_protos(
		    client, (const unsigned char *)offer, (unsigned int)strlen(offer));
	pair_init(&pair, client, server);
	good = pair_talk(&pair);
	assert_int_equal(good, chosen != NULL);
	SSL_get0_alpn_selected(pair.client, &got, &len);
	if (good) {
		assert_int_equal(len, strlen(chosen));
		assert_memory_equal(got, chosen, len);
	}
	pair_fini(&pair);
	SSL_CTX_free(client);
}

static void
test_alpn(void **state)
{
	struct tls_setup setup = setup_of();
	SSL_CTX *server = make_ctx(&setup);

	expect_alpn(server, "\x08http/1.1\x02h2", "h2");
	expect_alpn(server, "\x08http/1.1", "http/1.1");
	expect_alpn(server, "", "");
	expect_alpn(server, "\x03xyz", NULL);
	SSL_CTX_free(server);
	setup.http2 = false;
	server = make_ctx(&setup);
	expect_alpn(server, "\x02h2\x08http/1.1", "http/1.1");
	expect_alpn(server, "\x02h2", NULL);
	SSL_CTX_free(server);
}

/* A client with a certificate of this issuer. */
static SSL_CTX *
client_with(int version, const struct cert_spec *spec)
{
	SSL_CTX *client = client_of(version);
	X509 *cert = make_cert(spec);

	assert_int_equal(SSL_CTX_use_certificate(client, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(client, client_key), 1);
	X509_free(cert);
	return (client);
}

static void
test_client_certificates(void **state)
{
	const struct {
		struct cert_spec spec;
		bool any; /* let in where any name will do */
		bool named; /* let in where the name is bob */
	} rows[] = {
		{ { .name = "bob", .issuer = ca_cert, .issuer_key = ca_key, .usage = "clientAuth" },
		    true, true },
		{ { .name = "bob", .issuer = ca_cert, .issuer_key = ca_key }, true, true },
		{ { .name = "mary", .issuer = ca_cert, .issuer_key = ca_key }, true, false },
		{ { .name = "bob ", .issuer = ca_cert, .issuer_key = ca_key }, true, false },
		{ { .name = "BOB", .issuer = ca_cert, .issuer_key = ca_key }, true, false },
		{ { .name = "bob", .issuer = ca_cert, .issuer_key = ca_key, .usage = "serverAuth" },
		    false, false },
		{ { .name = "bob",
		      .issuer = ca_cert,
		      .issuer_key = ca_key,
		      .from = -100,
		      .to = -50 },
		    false, false },
		{ { .name = "bob",
		      .issuer = ca_cert,
		      .issuer_key = ca_key,
		      .from = 100,
		      .to = 200 },
		    false, false },
		{ { .name = "bob", .issuer = other_ca, .issuer_key = server_key }, false, false },
		{ { .name = "bob" }, false, false },
	};
	struct tls_setup setup = setup_of();
	SSL_CTX *any, *named;

	setup.ca_pem = ca_pem;
	setup.ca_len = strlen(ca_pem);
	setup.verify_client = true;
	any = make_ctx(&setup);
	setup.common_name = "bob";
	named = make_ctx(&setup);
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		assert_false(talks(any, client_of(version)));
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct cert_spec spec = rows[i].spec;

			spec.key = client_key;
			assert_int_equal(talks(any, client_with(version, &spec)), rows[i].any);
			assert_int_equal(talks(named, client_with(version, &spec)), rows[i].named);
		}
	}
	SSL_CTX_free(any);
	SSL_CTX_free(named);
}

/* Without -http-verify-client nobody is asked, CA or not. */
static void
test_not_verified(void **state)
{
	struct tls_setup setup = setup_of();
	SSL_CTX *server;

	setup.ca_pem = ca_pem;
	setup.ca_len = strlen(ca_pem);
	server = make_ctx(&setup);
	assert_true(talks(server, client_of(TLS1_3_VERSION)));
	SSL_CTX_free(server);
}

static void
test_peer_name(void **state)
{
	struct tls_setup setup = setup_of();
	struct cert_spec spec = {
		.name = "bob", .key = client_key, .issuer = ca_cert, .issuer_key = ca_key
	};
	SSL_CTX *server, *client = client_with(TLS1_3_VERSION, &spec);
	struct tls_pair pair;
	char name[4];

	setup.ca_pem = ca_pem;
	setup.ca_len = strlen(ca_pem);
	setup.verify_client = true;
	server = make_ctx(&setup);
	pair_init(&pair, client, server);
	assert_true(pair_talk(&pair));
	assert_true(tls_peer_name(pair.server, name, sizeof(name)));
	assert_string_equal(name, "bob");
	assert_false(tls_peer_name(pair.server, name, 3));
	pair_fini(&pair);
	SSL_CTX_free(server);
	SSL_CTX_free(client);
}

/* One worker's ticket is good at another, but not past a change of who is trusted. */
static void
test_resumption(void **state)
{
	struct tls_setup setup = setup_of(), stricter = setup_of();
	SSL_CTX *first = make_ctx(&setup), *second = make_ctx(&setup), *strict;

	stricter.ca_pem = ca_pem;
	stricter.ca_len = strlen(ca_pem);
	stricter.verify_client = true;
	strict = make_ctx(&stricter);
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		SSL_CTX *client = client_of(version);
		SSL_SESSION *session;
		struct tls_pair pair;

		pair_init(&pair, client, first);
		assert_true(pair_talk(&pair));
		session = SSL_get1_session(pair.client);
		pair_fini(&pair);
		pair_init(&pair, client, second);
		SSL_set_session(pair.client, session);
		assert_true(pair_talk(&pair));
		assert_true(SSL_session_reused(pair.server));
		pair_fini(&pair);
		pair_init(&pair, client, strict);
		SSL_set_session(pair.client, session);
		assert_false(pair_talk(&pair));
		pair_fini(&pair);
		SSL_SESSION_free(session);
		SSL_CTX_free(client);
	}
	SSL_CTX_free(first);
	SSL_CTX_free(second);
	SSL_CTX_free(strict);
}

static void
test_no_renegotiation(void **state)
{
	struct tls_setup setup = setup_of();
	SSL_CTX *server = make_ctx(&setup), *client = client_of(TLS1_2_VERSION);
	struct tls_pair pair;
	char c;

	pair_init(&pair, client, server);
	assert_true(pair_talk(&pair));
	assert_int_equal(SSL_renegotiate(pair.client), 1);
	for (int i = 0; i < 5; i++) {
		(void)SSL_do_handshake(pair.client);
		(void)SSL_read(pair.server, &c, 1);
	}
	assert_true(SSL_renegotiate_pending(pair.client));
	pair_fini(&pair);
	SSL_CTX_free(server);
	SSL_CTX_free(client);
}

/* ---- what a connection that does nothing holds ---- */

#define RECORD_MAX 16384 /* bytes; OpenSSL's buffer of a record is larger than that */

/* Live blocks of OpenSSL's that could be a record's buffer. */
static int large_blocks;

static void *
count_malloc(size_t size, const char *file, int line)
{
	void *p = malloc(size);

	large_blocks += malloc_usable_size(p) >= RECORD_MAX;
	return (p);
}

static void
count_free(void *p, const char *file, int line)
{
	large_blocks -= malloc_usable_size(p) >= RECORD_MAX;
	free(p);
}

static void *
count_realloc(void *p, size_t size, const char *file, int line)
{
	void *next;

	large_blocks -= malloc_usable_size(p) >= RECORD_MAX;
	next = realloc(p, size);
	large_blocks += malloc_usable_size(next) >= RECORD_MAX;
	return (next);
}

/* Two records' buffers would be two thirds of all memory that it takes. */
static void
test_idle_holds_no_buffers(void **state)
{
	struct tls_setup setup = setup_of();
	SSL_CTX *server = make_ctx(&setup);
	int before = large_blocks;

	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		SSL_CTX *client = client_of(version);
		struct tls_pair pair;

		pair_init(&pair, client, server);
		assert_true(pair_talk(&pair));
		assert_int_equal(SSL_free_buffers(pair.client), 1);
		/* The two that join the ends. */
		assert_int_equal(large_blocks, before + 2);
		pair_fini(&pair);
		assert_int_equal(large_blocks, before);
		SSL_CTX_free(client);
	}
	SSL_CTX_free(server);
}

/* Nor is a session kept for a client that takes no tickets. */
static void
test_no_session_stays(void **state)
{
	struct tls_setup setup = setup_of();
	SSL_CTX *server = make_ctx(&setup);

	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		SSL_CTX *client = client_of(version);

		SSL_CTX_set_options(client, SSL_OP_NO_TICKET);
		assert_true(talks(server, client));
		assert_int_equal(SSL_CTX_sess_number(server), 0);
	}
	SSL_CTX_free(server);
}

static int answer_fd;

static int
fd_of(SSL *ssl)
{
	return (answer_fd);
}

/* A client that speaks plain HTTP is told what port this is. */
static void
test_plain_http(void **state)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	static const char wanted[] =
	    "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
	struct tls_setup setup = setup_of();
	SSL_CTX *server;
	SSL *ssl;
	BIO *in = BIO_new(BIO_s_mem());
	int ends[2];
	char got[200] = "";

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	answer_fd = ends[0];
	setup.fd_of = fd_of;
	server = make_ctx(&setup);
	ssl = SSL_new(server);
	BIO_write(in, request, (int)strlen(request));
	SSL_set_bio(ssl, in, BIO_new(BIO_s_mem()));
	assert_int_equal(SSL_accept(ssl), -1);
	assert_int_equal(recv(ends[1], got, sizeof(got) - 1, MSG_DONTWAIT), strlen(wanted));
	assert_string_equal(got, wanted);
	SSL_free(ssl);
	SSL_CTX_free(server);
	close(ends[0]);
	close(ends[1]);
	ERR_clear_error();
}

/* A client that asks what is not served gets an alert, though nobody flushes the BIO any more. */
static void
test_alert(void **state)
{
	static const char hello[] = "\x16\x03\x01\x00\x04\x01\x00\x00\x00"; /* an empty one */
	struct tls_setup setup = setup_of();
	SSL_CTX *server;
	SSL *ssl;
	BIO *in = BIO_new(BIO_s_mem());
	int ends[2];
	uint8_t got[200];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	answer_fd = ends[0];
	setup.fd_of = fd_of;
	server = make_ctx(&setup);
	ssl = SSL_new(server);
	BIO_write(in, hello, sizeof(hello) - 1);
	SSL_set_bio(ssl, in, BIO_new(BIO_s_mem()));
	assert_int_equal(SSL_accept(ssl), -1);
	assert_int_equal(recv(ends[1], got, sizeof(got), MSG_DONTWAIT), 7);
	assert_int_equal(got[0], SSL3_RT_ALERT);
	assert_int_equal(got[5], SSL3_AL_FATAL);
	assert_int_equal(got[6], SSL_AD_DECODE_ERROR);
	SSL_free(ssl);
	SSL_CTX_free(server);
	close(ends[0]);
	close(ends[1]);
	ERR_clear_error();
}

static void
test_start_errors(void **state)
{
	struct tls_setup setup = setup_of();
	X509 *cert = make_cert(
	    &(struct cert_spec){ .name = "x", .key = server_key, .from = -100, .to = -50 });
	char *pem = cert_pem(cert);
	uint8_t id[SHADOWKEY_ID_SIZE];
	struct error error;

	setup.cert_pem = pem;
	setup.cert_len = strlen(pem);
	expect_refused(&setup, "tls: certificate has expired");
	setup.cert_pem = "nothing";
	setup.cert_len = 7;
	expect_refused(&setup, "tls: failed to find any PEM data in certificate input");
	setup.cert_pem = NULL;
	setup.cert_len = 0;
	expect_refused(&setup, "tls: failed to find any PEM data in certificate input");
	setup.cert_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
	setup.cert_len = strlen(setup.cert_pem);
	expect_refused(&setup, "x509: malformed certificate");
	setup.cert_pem = ca_pem;
	setup.cert_len = strlen(ca_pem);
	expect_refused(&setup, "tls: private key does not match public key");
	setup = setup_of();
	setup.ca_pem = "nothing";
	setup.ca_len = 7;
	expect_refused(&setup, "failed to load CA certificate(s) for verification in \"ca.crt\"");
	free(pem);
	X509_free(cert);

	assert_int_equal(tls_cert_key_id(server_pem, strlen(server_pem), id, &error), 0);
	assert_memory_equal(id, sign_key_id(signer), sizeof(id));
	assert_int_equal(tls_cert_key_id("", 0, id, &error), -1);
}

/* A chain is sent whole. */
static void
test_chain(void **state)
{
	EVP_PKEY *middle_key = make_key(NID_secp384r1);
	X509 *middle = make_cert(&(struct cert_spec){ .name = "middle",
	    .key = middle_key,
	    .issuer = ca_cert,
	    .issuer_key = ca_key,
	    .ca = true });
	X509 *leaf = make_cert(&(struct cert_spec){
	    .name = "localhost", .key = server_key, .issuer = middle, .issuer_key = middle_key });
	char *parts[] = { cert_pem(leaf), cert_pem(middle) }, *chain;
	struct tls_setup setup = setup_of();
	SSL_CTX *server, *client = client_of(TLS1_3_VERSION);

	assert_true(asprintf(&chain, "%s%s", parts[0], parts[1]) > 0);
	setup.cert_pem = chain;
	setup.cert_len = strlen(chain);
	server = make_ctx(&setup);
	X509_STORE_add_cert(SSL_CTX_get_cert_store(client), ca_cert);
	SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
	assert_true(talks(server, client));
	SSL_CTX_free(server);
	X509_free(middle);
	X509_free(leaf);
	EVP_PKEY_free(middle_key);
	free(parts[0]);
	free(parts[1]);
	free(chain);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions_and_ciphers),
		cmocka_unit_test(test_digests_that_are_not_signed),
		cmocka_unit_test(test_no_signature_named),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_client_certificates),
		cmocka_unit_test(test_not_verified),
		cmocka_unit_test(test_peer_name),
		cmocka_unit_test(test_resumption),
		cmocka_unit_test(test_no_renegotiation),
		cmocka_unit_test(test_idle_holds_no_buffers),
		cmocka_unit_test(test_no_session_stays),
		cmocka_unit_test(test_plain_http),
		cmocka_unit_test(test_alert),
		cmocka_unit_test(test_start_errors),
		cmocka_unit_test(test_chain),
	};

	/* Only before OpenSSL's first allocation. */
	if (CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) != 1)
		return (1);
	return (cmocka_run_group_tests(tests, start, stop) != 0);
}
