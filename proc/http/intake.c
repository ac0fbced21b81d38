/*
 * What is being received: how slowly, and how much of it in all.  Its input is
 * hostile.
 *
 * h2o takes bodies whole, has one timer for a whole request and none for a
 * stream of HTTP/2, and bounds each body but not their sum.  So all requests are
 * looked over: once a second for those that come in too slowly, and some ten
 * times a second of work for the sum of bodies.  When that is too much, the larger
 * ones of the address that sends most are given up: others go on.
 */
#include "proc/http/intake.h"

#include <sys/socket.h>

#include <assert.h>

#include "proc/http/h2o_inside.h"
#include "proc/http/http.h"
#include "proc/http/linger.h"
#include "proc/http/pace.h"
#include "proc/http/server.h"

#define LOOK_MS 100

struct look {
	struct http *http;
	time_t now;
	size_t bodies; /* bytes of all, those that are being answered too */
	struct address_count *heaviest;
	size_t too_large; /* of its bodies, from this size on they are given up */
};

static const char text_408[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
			       "Content-Length: 0\r\n\r\n";
static const char text_503[] =
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
    "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 44\r\n\r\n"
    "too many request bodies are being received\r\n";

static h2o_socket_t *
socket_of(h2o_req_t *req)
{
	return (req->conn->callbacks->get_socket(req->conn));
}

static bool
is_receiving(const h2o_req_t *req)
{
	return (req->processed_at.at.tv_sec == 0 && req->timestamps.request_begin_at.tv_sec != 0);
}

/* Bytes held of a request's body, of its head too with HTTP/1. */
static size_t
size_of(h2o_req_t *req)
{
	h2o_socket_t *sock = socket_of(req);
	struct http2_stream *stream;

	if (req->version < 0x200)
		return (sock->input == NULL ? 0 : sock->input->size);
	stream = H2O_STRUCT_FROM_MEMBER(struct http2_stream, req, req);
	assert(stream->id != 0 && stream->state >= 0 && stream->state < 8);
	return (stream->body == NULL ? 0 : stream->body->size);
}

/* h2o's reader of the connection frees it and all that it holds. */
static void
close_now(h2o_socket_t *sock, const char *error)
{
	if (sock->_cb.read != NULL)
		sock->_cb.read(sock, "given up");
}

/*
 * The client is told why, by HTTP/2 with its next frame, if it still sends any.
 */
static void
give_up(h2o_req_t *req, const char *text, size_t len, const char *reason)
{
	h2o_socket_t *sock = socket_of(req);
	struct client *client = sock->on_close.data;
	h2o_iovec_t words = h2o_iovec_init(text, len);

	if (client->expelled != NULL || (req->version < 0x200 && h2o_socket_is_writing(sock)))
		return;
	client->expelled = reason;
	counter_add(client->http->counters, COUNTER_INTAKE_REFUSED, 1);
	if (req->version >= 0x200)
		return;
	linger_start(client->http, sock);
	h2o_socket_write(sock, &words, 1, close_now);
}

/* ---- slowness ---- */

static int
look_for_slow(h2o_req_t *req, void *arg)
{
	struct look *look = arg;
	h2o_socket_t *sock = socket_of(req);
	time_t begin = req->timestamps.request_begin_at.tv_sec;

	if (req->version < 0x200 && begin == 0 && look->http->draining)
		shutdown(h2o_socket_get_fd(sock), SHUT_RD);
	if (!is_receiving(req) || !pace_is_slow(begin, req->timestamps.request_body_begin_at.tv_sec,
				      size_of(req), look->now))
		return (0);
	give_up(req, text_408, sizeof(text_408) - 1, "a request comes in too slowly");
	/* Who is slow may send no further frame. */
	if (req->version >= 0x200)
		shutdown(h2o_socket_get_fd(sock), SHUT_RD);
	return (0);
}

static void
look_over(struct look *look, int (*at)(h2o_req_t *, void *))
{
	struct http *http = look->http;

	http->h2o.http1.callbacks.foreach_request(&http->ctx, at, look);
	http->h2o.http2.callbacks.foreach_request(&http->ctx, at, look);
}

void
intake_sweep(struct http *http)
{
	struct look look = { .http = http };
	struct timeval now;

	gettimeofday(&now, NULL);
	look.now = now.tv_sec;
	look_over(&look, look_for_slow);
}

/* ---- sizes ---- */

static int
look_for_size(h2o_req_t *req, void *arg)
{
	struct look *look = arg;

	look->bodies += size_of(req);
	return (0);
}

static struct address_count *
address_of(h2o_req_t *req)
{
	return (server_address_count(socket_of(req)->on_close.data));
}

static int
look_for_heaviest(h2o_req_t *req, void *arg)
{
	struct look *look = arg;
	size_t size = size_of(req);
	struct address_count *at = address_of(req);

	if (size == 0 || !is_receiving(req))
		return (0);
	at->bodies += size;
	at->receiving++;
	if (look->heaviest == NULL || at->bodies > look->heaviest->bodies)
		look->heaviest = at;
	return (0);
}

static int
give_up_large(h2o_req_t *req, void *arg)
{
	struct look *look = arg;

	if (is_receiving(req) && size_of(req) >= look->too_large &&
	    address_of(req) == look->heaviest)
		give_up(req, text_503, sizeof(text_503) - 1, "too many bodies are being received");
	return (0);
}

static size_t
bodies_max(const struct http *http)
{
	size_t max = (size_t)http->conf.body_max * BODIES_SUM_TIMES;

	if (max < BODIES_SUM_MIN)
		max = BODIES_SUM_MIN;
	return (max > BODIES_SUM_MAX ? BODIES_SUM_MAX : max);
}

void
intake_turn(struct http *http)
{
	struct look look = { .http = http };
	uint64_t now = h2o_now(http->ctx.loop);
	size_t i;

	if (now - http->looked_ms < LOOK_MS)
		return;
	http->looked_ms = now;
	look_over(&look, look_for_size);
	if (look.bodies <= bodies_max(http))
		return;
	for (i = 0; i <= ADDRESSES; i++)
		http->addresses[i].bodies = http->addresses[i].receiving = 0;
	look_over(&look, look_for_heaviest);
	if (look.heaviest == NULL)
		return;
	look.too_large = look.heaviest->bodies / look.heaviest->receiving;
	look_over(&look, give_up_large);
}
