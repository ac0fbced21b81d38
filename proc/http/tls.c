/*
 * Building the SSL_CTX of the HTTPS port, and what its handshakes call back for.
 *
 * The input is the operator's: certificate and CA as PEM in memory, read by the
 * master.  What clients send is judged by the TLS library; the checks of ours
 * are the common name of a client's certificate, and the choice of protocol.
 */
#include "proc/http/tls.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "common/log.h"
#include "proc/http/tls_log.h"

/* What hangs on an SSL_CTX. */
struct tls_rules {
	const char *common_name; /* "" for any */
	bool http2;
	int (*fd_of)(SSL *);
};

#define ALERT_MAX 64 /* bytes of an alert's record, encrypted or not */

static int rules_slot = -1;

static const char plain_answer[] = "HTTP/1.0 400 Bad Request\r\n\r\n"
				   "Client sent an HTTP request to an HTTPS server.\n";

static void
free_rules(void *parent, void *rules, CRYPTO_EX_DATA *data, int slot, long argl, void *argp)
{
	free(rules);
}

static const struct tls_rules *
rules_of(const SSL *ssl)
{
	return (SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), rules_slot));
}

/* The next certificate of a PEM text; NULL at its end, or if it is damaged. */
static X509 *
next_cert(BIO *bio)
{
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	ERR_clear_error();
	return (cert);
}

/* bio is NULL where there is no text at all. */
static X509 *
first_cert(BIO *bio, const char *pem, size_t len, struct error *error)
{
	X509 *cert = bio == NULL ? NULL : next_cert(bio);

	if (cert == NULL)
		(void)error_set(error, "%s",
		    bio == NULL || memmem(pem, len, "-----BEGIN CERTIFICATE", 22) == NULL
			? "tls: failed to find any PEM data in certificate input"
			: "x509: malformed certificate");
	return (cert);
}

int
tls_cert_key_id(const char *pem, size_t len, uint8_t id[SHADOWKEY_ID_SIZE], struct error *error)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	X509 *cert = first_cert(bio, pem, len, error);
	int result = -1;

	if (cert != NULL && (result = shadowkey_id(X509_get0_pubkey(cert), id)) == -1)
		(void)error_set(error, "x509: the certificate's key can not be read");
	X509_free(cert);
	BIO_free(bio);
	return (result);
}

/* Leaf and chain. An expired leaf would fail every client: better said at once. */
static int
use_chain(SSL_CTX *ctx, const struct tls_setup *setup, struct error *error)
{
	BIO *bio = BIO_new_mem_buf(setup->cert_pem, (int)setup->cert_len);
	X509 *cert = first_cert(bio, setup->cert_pem, setup->cert_len, error);
	int result = -1;

	if (cert == NULL)
		goto done;
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0) {
		(void)error_set(error, "tls: certificate has expired");
		goto done;
	}
	if (SSL_CTX_use_certificate(ctx, cert) != 1) {
		(void)error_set(error, "tls: certificate can not be used: %s",
		    ERR_reason_error_string(ERR_peek_last_error()));
		goto done;
	}
	X509_free(cert);
	while ((cert = next_cert(bio)) != NULL)
		if (SSL_CTX_add0_chain_cert(ctx, cert) != 1) {
			(void)error_set(error, "tls: certificate chain can not be used");
			goto done;
		}
	result = 0;
done:
	X509_free(cert);
	BIO_free(bio);
	ERR_clear_error();
	return (result);
}

static int
use_key(SSL_CTX *ctx, const struct tls_setup *setup, struct error *error)
{
	X509 *cert = SSL_CTX_get0_certificate(ctx);
	uint8_t id[SHADOWKEY_ID_SIZE];
	EVP_PKEY *shadow;
	int ok;

	if (shadowkey_check(X509_get0_pubkey(cert), error) == -1)
		return (-1);
	if (shadowkey_id(X509_get0_pubkey(cert), id) == -1 ||
	    memcmp(id, setup->key_id, sizeof(id)) != 0)
		return (error_set(error, "tls: private key does not match public key"));
	if ((shadow = shadowkey_new(cert, setup->ask, setup->arg, error)) == NULL)
		return (-1);
	ok = SSL_CTX_use_PrivateKey(ctx, shadow);
	EVP_PKEY_free(shadow);
	ERR_clear_error();
	return (ok == 1 ? 0 : error_set(error, "tls: private key can not be used"));
}

/* Common name of a certificate, byte for byte; its length, or -1. */
static int
common_name(X509 *cert, const unsigned char **name)
{
	X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	ASN1_STRING *text;

	if (at < 0)
		return (-1);
	text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
	*name = ASN1_STRING_get0_data(text);
	return (ASN1_STRING_length(text));
}

/* Called per certificate of a client's chain, the leaf last. */
static int
on_verify(int good, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	const char *wanted = rules_of(ssl)->common_name;
	const unsigned char *name;
	int len;

	if (!good || X509_STORE_CTX_get_error_depth(store) > 0 || wanted[0] == '\0')
		return (good);
	len = common_name(X509_STORE_CTX_get_current_cert(store), &name);
	if (len >= 0 && (size_t)len == strlen(wanted) && memcmp(name, wanted, (size_t)len) == 0)
		return (1);
	/* Reaches the client as bad_certificate. */
	X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
	return (0);
}

/* Trust anchors: every certificate of the bundle, root or not, as Go takes them. */
static int
use_ca(SSL_CTX *ctx, const struct tls_setup *setup, struct error *error)
{
	BIO *bio = BIO_new_mem_buf(setup->ca_pem, (int)setup->ca_len);
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	X509 *cert;
	size_t count = 0;

	while (bio != NULL && (cert = next_cert(bio)) != NULL) {
		if (X509_STORE_add_cert(store, cert) == 1 && SSL_CTX_add_client_CA(ctx, cert) == 1)
			count++;
		X509_free(cert);
	}
	BIO_free(bio);
	ERR_clear_error();
	(void)X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	if (count == 0)
		return (error_set(error,
		    "failed to load CA certificate(s) for verification in \"%s\"", setup->ca_path));
	return (0);
}

/*
 * A session may be resumed only where a full handshake would be let in, so the
 * anchors and the name demanded are part of what names the context.
 */
static int
name_context(SSL_CTX *ctx, const struct tls_setup *setup)
{
	unsigned char id[SSL_MAX_SID_CTX_LENGTH];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t verify = setup->verify_client;
	unsigned int len = 0;
	bool ok;

	ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
	     EVP_DigestUpdate(md, &verify, 1) == 1 &&
	     EVP_DigestUpdate(md, setup->common_name, strlen(setup->common_name) + 1) == 1 &&
	     EVP_DigestUpdate(md, setup->ca_pem, setup->ca_pem == NULL ? 0 : setup->ca_len) == 1 &&
	     EVP_DigestFinal_ex(md, id, &len) == 1 &&
	     SSL_CTX_set_session_id_context(ctx, id, len) == 1;
	EVP_MD_CTX_free(md);
	return (ok ? 0 : -1);
}

static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
    unsigned int in_len, void *arg)
{
	static const unsigned char both[] = "\x02h2\x08http/1.1";
	bool http2 = rules_of(ssl)->http2;
	const unsigned char *ours = http2 ? both : both + 3;
	unsigned int ours_len = (unsigned int)sizeof(both) - 1 - (http2 ? 0 : 3);

	if (SSL_select_next_proto((unsigned char **)out, out_len, ours, ours_len, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return (SSL_TLSEXT_ERR_ALERT_FATAL);
	return (SSL_TLSEXT_ERR_OK);
}

/* ---- last words to whom a handshake failed with: the HTTP server just closes ---- */

/* What the handshake that runs just now wrote last, if it is as short as an alert. */
static struct {
	uint8_t bytes[ALERT_MAX];
	size_t len;
} last_write;

static long
on_write(BIO *bio, int op, const char *data, size_t len, int argi, long argl, int ret, size_t *done)
{
	if (op != BIO_CB_WRITE)
		return (ret);
	last_write.len = len <= sizeof(last_write.bytes) ? len : 0;
	memcpy(last_write.bytes, data, last_write.len);
	return (ret);
}

/* As far as its socket takes the words. */
static void
tell(const SSL *ssl, const void *words, size_t len)
{
	struct iovec iov = { (void *)(uintptr_t)words, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd = rules_of(ssl)->fd_of((SSL *)(uintptr_t)ssl);

	if (fd != -1)
		(void)sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool
is_plain_http(unsigned long code)
{
	return (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST);
}

/* The handshake is over, for a fault of the client's, or in its eyes of ours. */
static void
fail(const SSL *ssl)
{
	const struct tls_rules *rules = rules_of(ssl);

	if (is_plain_http(ERR_peek_last_error()))
		tell(ssl, plain_answer, sizeof(plain_answer) - 1);
	tls_log_failure(ssl, rules->fd_of((SSL *)(uintptr_t)ssl), rules->common_name);
}

/*
 * An alert is told when it has been written, so that it is the last write; the
 * flights before it have left, since the client has answered them.
 */
static void
on_info(const SSL *ssl, int where, int ret)
{
	if (rules_of(ssl)->fd_of == NULL)
		return;
	if (where == SSL_CB_HANDSHAKE_START)
		BIO_set_callback_ex(SSL_get_wbio(ssl), on_write);
	else if (where == SSL_CB_HANDSHAKE_DONE)
		BIO_set_callback_ex(SSL_get_wbio(ssl), NULL);
	else if (where == SSL_CB_WRITE_ALERT && ret >> 8 == SSL3_AL_FATAL && SSL_in_init(ssl))
		tell(ssl, last_write.bytes, last_write.len);
	else if ((where & SSL_CB_EXIT) != 0 && ret <= 0 && ERR_peek_last_error() != 0)
		fail(ssl);
}

/*
 * Signatures of ours: only what `key` makes, for it would take a wish for another
 * as the sign of a captured http.  Of clients: every kind without SHA-1 and SHA-224.
 * LibreSSL has no such call, and no such list: it offers no SHA-224.
 */
static int
use_signatures(SSL_CTX *ctx)
{
#ifdef LIBRESSL_VERSION_NUMBER
	return (0);
#else
#define OURS                                      \
	"ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:" \
	"RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512"
	return (SSL_CTX_set1_sigalgs_list(ctx, OURS) == 1 &&
			SSL_CTX_set1_client_sigalgs_list(ctx,
			    OURS ":ed25519:ed448:rsa_pss_pss_sha256:rsa_pss_pss_sha384:"
				 "rsa_pss_pss_sha512") == 1
		    ? 0
		    : -1);
#endif
}

static int
use_protocols(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	/* Two records' buffers would be 33 KB of the 48 that an idle connection held. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ctx,
		"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
		"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
		"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305") != 1 ||
	    SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384:P-521") != 1 ||
	    SSL_CTX_set_num_tickets(ctx, 1) != 1)
		return (-1);
	return (use_signatures(ctx));
}

static int
fill_ctx(SSL_CTX *ctx, const struct tls_setup *setup, struct error *error)
{
	struct tls_rules *rules = calloc(1, sizeof(*rules));

	if (rules == NULL)
		return (error_set(error, "out of memory"));
	*rules = (struct tls_rules){ setup->common_name, setup->http2, setup->fd_of };
	if (SSL_CTX_set_ex_data(ctx, rules_slot, rules) != 1) {
		free(rules);
		return (error_set(error, "out of memory"));
	}
	if (use_protocols(ctx) == -1 || name_context(ctx, setup) == -1 ||
	    SSL_CTX_set_tlsext_ticket_keys(
		ctx, (void *)(uintptr_t)setup->ticket_keys, TLS_TICKET_KEYS_SIZE) != 1)
		return (error_set(error, "tls: this TLS library can not be set up"));
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	SSL_CTX_set_info_callback(ctx, on_info);
	if (use_chain(ctx, setup, error) == -1 || use_key(ctx, setup, error) == -1)
		return (-1);
	if (setup->ca_pem != NULL && use_ca(ctx, setup, error) == -1)
		return (-1);
	if (setup->verify_client)
		SSL_CTX_set_verify(
		    ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_verify);
	return (0);
}

SSL_CTX *
tls_ctx_new(const struct tls_setup *setup, struct error *error)
{
	SSL_CTX *ctx;

	/* Without anchors every client would be refused; flags see to it that it can't be. */
	assert(!setup->verify_client || setup->ca_pem != NULL);
	if (rules_slot == -1)
		rules_slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_rules);
	if (rules_slot == -1 || (ctx = SSL_CTX_new(TLS_server_method())) == NULL) {
		(void)error_set(error, "tls: this TLS library can not be set up");
		return (NULL);
	}
	if (fill_ctx(ctx, setup, error) == -1) {
		SSL_CTX_free(ctx);
		ERR_clear_error();
		return (NULL);
	}
	return (ctx);
}

bool
tls_peer_name(SSL *ssl, char *out, size_t cap)
{
	X509 *cert = SSL_get_peer_certificate(ssl);
	const unsigned char *name = NULL;
	int len = cert == NULL ? -1 : common_name(cert, &name);
	bool fits = len >= 0 && (size_t)len < cap && memchr(name, '\0', (size_t)len) == NULL;

	if (fits) {
		memcpy(out, name, (size_t)len);
		out[len] = '\0';
	}
	X509_free(cert);
	return (fits);
}
