/*
 * The HTTPS certificate and its renewal.  The master hands over certificate and
 * CA as descriptors; the private key stays in `key`, which signs for us and
 * says by the hash of its public half which key it holds.
 *
 * A reload prepares a second context beside the one in use.  The old one is
 * freed only after every handshake that began with it is over.
 */
#include "proc/http/cert.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "proc/http/http.h"
#include "proc/http/server.h"
#include "proc/http/tls.h"

#define PEM_MAX (4 * 1024 * 1024)

struct pem {
	char *data;
	size_t len;
};

struct cert {
	struct http *http;
	struct pem cert; /* of the context in use, and what the next one starts from */
	struct pem ca;
	struct pem next_cert;
	struct pem next_ca;
	SSL_CTX *ctx;
	SSL_CTX *next;
	uint64_t next_generation; /* 0: no reload is under way */
	bool key_seen; /* key has said what it holds for that generation */
	bool drain_asked;
	uint8_t key_id[SHADOWKEY_ID_SIZE];
	bool key_good;
	uint8_t session_key[TLS_TICKET_KEYS_SIZE];
	uint64_t sign_serial;
};

struct old_ctx {
	h2o_timeout_entry_t entry;
	SSL_CTX *ctx;
};

void
cert_init(struct http *http)
{
	http->cert = calloc(1, sizeof(*http->cert));
	if (http->cert == NULL)
		fatal("calloc");
	http->cert->http = http;
}

static void
pem_free(struct pem *pem)
{
	free(pem->data);
	pem->data = NULL;
	pem->len = 0;
}

/* A stream of reads is all that confinement leaves for a file that comes with a reload. */
static void
pem_read(struct pem *pem, int fd)
{
	size_t cap = 16384;
	ssize_t n;

	pem_free(pem);
	if ((pem->data = malloc(cap)) == NULL)
		fatal("malloc");
	while ((n = read(fd, pem->data + pem->len, cap - pem->len)) > 0) {
		pem->len += (size_t)n;
		if (pem->len < cap)
			continue;
		if (cap >= PEM_MAX || (pem->data = realloc(pem->data, cap *= 2)) == NULL)
			break;
	}
	if (n == 0)
		return;
	/* Not readable, or too long to be a chain. */
	pem_free(pem);
}

void
cert_on_file(struct http *http, enum ipc_file kind, int fd)
{
	struct cert *cert = http->cert;

	if (kind == FILE_SESSION_KEY) {
		if (pread(fd, cert->session_key, sizeof(cert->session_key), 0) !=
		    sizeof(cert->session_key))
			fatalx("no session key");
	} else
		pem_read(kind == FILE_HTTP_CERT ? &cert->next_cert : &cert->next_ca, fd);
	close(fd);
}

/* Asks key for a signature and waits: a handshake can not go on without. */
static int
ask_key(void *arg, const struct shadowkey_request *request, uint8_t *out)
{
	struct cert *cert = arg;
	struct chan *key = proc_peer(&cert->http->proc, ROLE_KEY, 0);
	struct msg_key_sign sign = { ++cert->sign_serial, { request->id, SHADOWKEY_ID_SIZE },
		(uint8_t)request->scheme, { request->content, request->content_len } };
	struct frame frame;
	union msg msg;

	if (key == NULL || request->content_len > IPC_SIGN_MAX)
		return (-1);
	msg_key_sign_send(key, &sign, -1);
	if (chan_flush_wait(key, SIGN_WAIT_MS) != CHAN_OK)
		return (-1);
	for (;;) {
		if (chan_wait(key, &frame, SIGN_WAIT_MS) != CHAN_OK)
			return (-1);
		if (ipc_decode(&frame, ROLE_KEY, ROLE_HTTP, &msg) != NULL)
			fatalx("key: malformed message");
		if (frame.type == MSG_KEY_HELD) {
			cert_on_key_held(cert->http, key, &msg, -1);
			continue;
		}
		/* An answer that came after its wait was over names an older request. */
		if (frame.type == MSG_KEY_SIGNED && msg.key_signed.request == sign.request)
			break;
	}
	if (msg.key_signed.signature.len == 0 || msg.key_signed.signature.len > SHADOWKEY_BLOCK_MAX)
		return (-1);
	memcpy(out, msg.key_signed.signature.data, msg.key_signed.signature.len);
	return ((int)msg.key_signed.signature.len);
}

static int
fd_of(SSL *ssl)
{
	/* h2o's BIO carries its socket. */
	h2o_socket_t *sock = BIO_get_data(SSL_get_rbio(ssl));

	return (sock == NULL ? -1 : h2o_socket_get_fd(sock));
}

static SSL_CTX *
make_ctx(struct cert *cert, const struct pem *chain, const struct pem *ca, struct error *error)
{
	const struct http_conf *conf = &cert->http->conf;
	struct tls_setup setup = {
		.cert_pem = chain->data,
		.cert_len = chain->len,
		.ca_pem = ca->data,
		.ca_len = ca->len,
		.ca_path = conf->ca_path,
		.common_name = conf->common_name,
		.key_id = cert->key_id,
		.ticket_keys = cert->session_key,
		.verify_client = conf->verify_client,
		.http2 = conf->http2,
		.ask = ask_key,
		.arg = cert,
		.fd_of = fd_of,
	};

	return (tls_ctx_new(&setup, error));
}

/* ---- start and reload ---- */

static void
say_drained(struct cert *cert, const struct error *error)
{
	struct msg_drained drained = { error == NULL, { NULL, 0 } };

	if (error != NULL)
		drained.reason = ipc_text(error->text);
	msg_drained_send(cert->http->proc.control, &drained, -1);
	cert->drain_asked = false;
}

static void
free_old(h2o_timeout_entry_t *entry)
{
	struct old_ctx *old = H2O_STRUCT_FROM_MEMBER(struct old_ctx, entry, entry);

	SSL_CTX_free(old->ctx);
	free(old);
}

/* h2o keeps a bare pointer to the context until a client's first bytes. */
static void
retire(struct http *http, SSL_CTX *ctx)
{
	struct old_ctx *old = calloc(1, sizeof(*old));

	if (old == NULL)
		fatal("calloc");
	old->ctx = ctx;
	old->entry.cb = free_old;
	h2o_timeout_link(http->ctx.loop, &http->hold_timeout, &old->entry);
}

static void
use_next(struct cert *cert)
{
	SSL_CTX *former = cert->ctx;

	pem_free(&cert->cert);
	cert->cert = cert->next_cert;
	memset(&cert->next_cert, 0, sizeof(cert->next_cert));
	if (cert->next_ca.data != NULL) {
		pem_free(&cert->ca);
		cert->ca = cert->next_ca;
		memset(&cert->next_ca, 0, sizeof(cert->next_ca));
	}
	cert->ctx = cert->next;
	cert->next = NULL;
	server_use_tls(cert->http, cert->ctx);
	if (former != NULL)
		retire(cert->http, former);
}

/* All that a new context needs is here: certificate, and the name of the key. */
static void
try_next(struct cert *cert)
{
	struct error error;

	if (!cert->drain_asked || !cert->key_seen)
		return;
	cert->key_seen = false;
	if (!cert->key_good)
		(void)error_set(&error, "the private key can not be used");
	else
		cert->next = make_ctx(cert, &cert->next_cert,
		    cert->next_ca.data != NULL ? &cert->next_ca : &cert->ca, &error);
	say_drained(cert, cert->next == NULL ? &error : NULL);
}

void
cert_on_key_held(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct http *http = state;
	struct cert *cert = http->cert;
	struct error error;

	cert->key_good = msg->key_held.id.len == sizeof(cert->key_id);
	if (cert->key_good)
		memcpy(cert->key_id, msg->key_held.id.data, sizeof(cert->key_id));
	if (cert->ctx != NULL || cert->drain_asked ||
	    msg->key_held.generation != http->proc.generation) {
		cert->key_seen = true;
		try_next(cert);
		return;
	}
	/* The first one: now HTTPS can be served. */
	cert->next = make_ctx(cert, &cert->next_cert, &cert->next_ca, &error);
	if (cert->next == NULL)
		proc_fail(&http->proc, "failed to start HTTP server: %s", error.text);
	use_next(cert);
}

void
cert_on_reload(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct http *http = state;
	struct cert *cert = http->cert;

	cert->drain_asked = true;
	if (!http->tls) {
		say_drained(cert, NULL);
		return;
	}
	try_next(cert);
}

void
cert_on_reloaded(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct http *http = state;
	struct cert *cert = http->cert;

	if (msg->reloaded.commit) {
		http->proc.generation = msg->reloaded.generation;
		if (cert->next != NULL)
			use_next(cert);
		return;
	}
	cert->drain_asked = false;
	cert->key_seen = false;
	if (cert->next != NULL)
		SSL_CTX_free(cert->next);
	cert->next = NULL;
	pem_free(&cert->next_cert);
	pem_free(&cert->next_ca);
}
