/*
 * Connections: accepted from the one listener all http workers share, counted
 * (in all and per address), watched by a sweep once a second, drained when the
 * node stops.
 *
 * h2o has one timer for a whole request and none for a client that does not
 * read; TCP_USER_TIMEOUT on the listener (the master sets it) and the sweep
 * make up for it.
 */
#include "proc/http/server.h"

#include <sys/socket.h>

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/address.h"
#include "common/log.h"
#include "proc/http/answer.h"
#include "proc/http/handler.h"
#include "proc/http/http.h"
#include "proc/http/intake.h"
#include "proc/http/job.h"
#include "proc/http/linger.h"
#include "proc/http/tls_memory.h"

#define ACCEPT_BATCH 16
#define HOLD_MS 60000 /* how long a former certificate is kept for handshakes begun with it */
#define SWEEP_MS 1000
#define IDLE_S 180 /* between requests */

/* ---- connections per address ---- */

static struct address_count *
address_slot(struct http *http, const uint8_t of[16])
{
	uint32_t hash = 2166136261U;
	uint8_t address[16];
	size_t i;

	address_client(of, address);
	for (i = 0; i < 16; i++)
		hash = (hash ^ address[i]) * 16777619U;
	for (i = 0; i < 8; i++) {
		struct address_count *at = &http->addresses[(hash + i) % ADDRESSES];

		if (at->count > 0 && memcmp(at->address, address, 16) == 0)
			return (at);
	}
	for (i = 0; i < 8; i++) {
		struct address_count *at = &http->addresses[(hash + i) % ADDRESSES];

		if (at->count == 0) {
			memcpy(at->address, address, 16);
			return (at);
		}
	}
	return (NULL); /* more addresses than we count: only the limit over all holds */
}

struct address_count *
server_address_count(const struct client *client)
{
	struct address_count *at =
	    client->counted ? address_slot(client->http, client->address) : NULL;

	return (at != NULL ? at : &client->http->addresses[ADDRESSES]);
}

static void
on_connection_closed(void *data)
{
	struct client *client = data;
	struct http *http = client->http;

	if (client->counted)
		server_address_count(client)->count--;
	http->connections--;
	linger_closed(client);
	free(client);
	server_start(http);
}

/* One address may hold three quarters of the connections: others always find room. */
static uint32_t
per_address_max(const struct http *http)
{
	return ((uint32_t)(http->conf.max_connections / 4 * 3 + 1));
}

/* ---- accepting ---- */

/* Until a connection ends, or for a second at most. */
static void
stop_accepting(struct http *http)
{
	h2o_socket_read_stop(http->listener);
	http->accepting = false;
	counter_add(http->counters, COUNTER_CONNECTIONS_FULL, 1);
}

static void
on_accept(h2o_socket_t *listener, const char *error)
{
	struct http *http = listener->data;
	int i;

	for (i = 0; i < ACCEPT_BATCH; i++) {
		struct sockaddr_storage ss = { 0 };
		struct address_count *at;
		struct client *client;
		h2o_socket_t *sock;

		if (http->connections >= (unsigned)http->conf.max_connections) {
			stop_accepting(http);
			return;
		}
		sock = h2o_evloop_socket_accept(listener);
		if (sock == NULL) {
			/* Another worker was faster; or else there are no descriptors left. */
			if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
				stop_accepting(http);
			return;
		}
		client = calloc(1, sizeof(*client));
		if (client == NULL)
			fatal("calloc");
		client->http = http;
		(void)h2o_socket_getpeername(sock, (struct sockaddr *)&ss);
		address_from(&ss, client->address);
		at = address_slot(http, client->address);
		http->connections++;
		client->counted = at != NULL;
		if (at != NULL)
			at->count++;
		sock->on_close.cb = on_connection_closed;
		sock->on_close.data = client;
		counter_add(http->counters, COUNTER_CONNECTIONS, 1);
		if (at != NULL && at->count > per_address_max(http)) {
			counter_add(http->counters, COUNTER_CONNECTIONS_REFUSED, 1);
			h2o_socket_close(sock);
			continue;
		}
		if (shun_applies(&http->shun, client->address, (int64_t)h2o_now(http->ctx.loop)))
			door_wait(http, sock);
		else
			h2o_accept(&http->accept, sock);
	}
}

void
server_start(struct http *http)
{
	if (http->accepting || http->draining || (http->tls && http->accept.ssl_ctx == NULL) ||
	    http->connections >= (unsigned)http->conf.max_connections)
		return;
	http->accepting = true;
	h2o_socket_read_start(http->listener, on_accept);
}

void
server_use_tls(struct http *http, SSL_CTX *ctx)
{
	http->accept.ssl_ctx = ctx;
	server_start(http);
}

int
server_fd(h2o_req_t *req)
{
	return (h2o_socket_get_fd(req->conn->callbacks->get_socket(req->conn)));
}

void
server_address(h2o_req_t *req, uint8_t address[16])
{
	h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);

	memcpy(address, ((struct client *)sock->on_close.data)->address, 16);
}

/* ---- the sweep ---- */

static void
sweep(h2o_timeout_entry_t *entry)
{
	struct http *http = H2O_STRUCT_FROM_MEMBER(struct http, sweep_entry, entry);

	intake_sweep(http);
	jobs_sweep(http);
	linger_sweep(http);
	tls_memory_wipe();
	(void)tls_memory_give_back();
	server_start(http); /* if accepting failed for want of descriptors */
	counter_set(http->counters, COUNTER_CONNECTIONS_OPEN, http->connections);
	if (http->draining && (http->connections == 0 || http_now_ns() > http->drain_until_ns))
		proc_stopped(&http->proc);
	h2o_timeout_link(http->ctx.loop, &http->sweep_timeout, &http->sweep_entry);
}

/* ---- stopping ---- */

static int
drain_request(h2o_req_t *req, void *arg)
{
	h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);

	if (req->timestamps.request_begin_at.tv_sec == 0)
		shutdown(h2o_socket_get_fd(sock), SHUT_RD);
	else
		req->http1_is_persistent = 0;
	return (0);
}

void
server_stop(struct http *http, unsigned deadline_ms)
{
	http->draining = true;
	http->drain_until_ns = http_now_ns() + (int64_t)deadline_ms * 1000000;
	if (http->listener != NULL)
		h2o_socket_close(http->listener);
	http->listener = NULL;
	door_shut(http);
	h2o_context_request_shutdown(&http->ctx);
	http->h2o.http1.callbacks.foreach_request(&http->ctx, drain_request, NULL);
	if (http->connections == 0)
		proc_stopped(&http->proc);
}

/* ---- what h2o answers itself ---- */

static struct http *
http_of(h2o_req_t *req)
{
	h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);

	return (((struct client *)sock->on_close.data)->http);
}

struct shaped {
	h2o_ostream_t super;
	h2o_iovec_t body;
};

static void
shaped_send(
    h2o_ostream_t *self, h2o_req_t *req, h2o_iovec_t *bufs, size_t count, h2o_send_state_t state)
{
	struct shaped *shaped = (struct shaped *)self;

	h2o_ostream_send_next(self, req, &shaped->body, shaped->body.len > 0, state);
}

/* Whether a header line, its LF in front, names a transfer coding other than chunked. */
static bool
is_other_coding(const char *at, const char *end)
{
	static const char name[] = "transfer-encoding:", chunked[] = "chunked";
	const char *value = at + sizeof(name); /* behind the LF and the name */

	if ((size_t)(end - at) <= sizeof(name) || strncasecmp(at + 1, name, sizeof(name) - 1) != 0)
		return (false);
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	return ((size_t)(end - value) < sizeof(chunked) ||
		strncasecmp(value, chunked, sizeof(chunked) - 1) != 0 ||
		value[sizeof(chunked) - 1] != '\r');
}

/* Whether the request's head, still raw in the buffer, asks for a coding that h2o has not. */
static bool
has_other_coding(h2o_req_t *req)
{
	h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);
	const char *at, *end;

	if (req->version >= 0x200 || sock->input == NULL)
		return (false);
	at = sock->input->bytes;
	end = at + sock->input->size;
	for (; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++) {
		if (is_other_coding(at, end))
			return (true);
		if (end - at > 2 && at[1] == '\r' && at[2] == '\n')
			break;
	}
	return (false);
}

/*
 * h2o's own errors (a body too large, an unknown transfer coding, a wrong
 * Expect) in rqlite's words.
 */
static void
shape_error(h2o_filter_t *self, h2o_req_t *req, h2o_ostream_t **slot)
{
	static const char plain[] = "text/plain; charset=utf-8";
	const char *text = "400 Bad Request";
	struct shaped *shaped;

	if (req->res.status < 400) {
		h2o_setup_next_ostream(req, slot);
		return;
	}
	if (req->version < 0x200)
		linger_start(http_of(req), req->conn->callbacks->get_socket(req->conn));
	if (req->res.status == 400 && has_other_coding(req) && req->entity.base == NULL) {
		req->res.status = 501;
		req->res.reason = answer_reason(501);
		text = "Unsupported transfer encoding";
	} else if (req->res.status == 413)
		text = "request body too large (-http-body-max)\n";
	else if (req->res.status == 417)
		text = "";
	shaped = (struct shaped *)h2o_add_ostream(req, sizeof(*shaped), slot);
	shaped->super.do_send = shaped_send;
	shaped->body = h2o_iovec_init(text, strlen(text));
	req->res.content_length = shaped->body.len;
	if (req->res.status != 417)
		h2o_set_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, plain,
		    sizeof(plain) - 1, 1);
	h2o_setup_next_ostream(req, &shaped->super.next);
}

void
server_init(struct http *http)
{
	h2o_handler_t *handler;

	/* h2o would put bodies over 16 MB into files of /tmp. */
	h2o_socket_buffer_prototype.mmap_settings = NULL;
	/* glibc would give memory back and fetch it again each turn. */
	mallopt(M_TRIM_THRESHOLD, 16 * 1024 * 1024);
	mallopt(M_TOP_PAD, 1024 * 1024);
	linger_init(http);
	shun_init(&http->shun);
	h2o_config_init(&http->h2o);
	http->h2o.http1.upgrade_to_http2 = 0;
	http->h2o.server_name.len = 0;
	http->h2o.max_request_entity_size = (size_t)http->conf.body_max + 1;
	http->h2o.http1.req_timeout = IDLE_S * 1000;
	http->h2o.http2.idle_timeout = IDLE_S * 1000;
	http->host = h2o_config_register_host(&http->h2o, h2o_iovec_init("default", 7), 65535);
	handler =
	    h2o_create_handler(h2o_config_register_path(http->host, "/", 0), sizeof(*handler));
	handler->on_req = handler_on_request;
	h2o_create_filter(&http->host->fallback_path, sizeof(h2o_filter_t))->on_setup_ostream =
	    shape_error;
	h2o_context_init(&http->ctx, h2o_evloop_create(), &http->h2o);
	door_init(http);
	http->accept.ctx = &http->ctx;
	http->accept.hosts = http->h2o.hosts;
	http->listener =
	    h2o_evloop_socket_create(http->ctx.loop, http->listen_fd, H2O_SOCKET_FLAG_DONT_READ);
	http->listener->data = http;
	h2o_timeout_init(http->ctx.loop, &http->sweep_timeout, SWEEP_MS);
	h2o_timeout_init(http->ctx.loop, &http->hold_timeout, HOLD_MS);
	http->sweep_entry.cb = sweep;
	h2o_timeout_link(http->ctx.loop, &http->sweep_timeout, &http->sweep_entry);
}
