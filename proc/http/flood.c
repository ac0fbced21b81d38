/*
 * The guard against HTTP/2 floods: see flood.h.  Its input is hostile.
 *
 * h2o hands each frame to the function its connection expects it with.  Ours is
 * put in that place, calls h2o's, and looks at the frame that this has taken.
 * The layout of h2o's connection is checked at each before it is used.
 */
#include "proc/http/flood.h"

#include <assert.h>
#include <stdbool.h>

#include "common/log.h"
#include "proc/http/h2o_inside.h"
#include "proc/http/http.h"
#include "proc/http/server.h"

/*
 * A purse of 1,000 idle frames, into which come 200 a second, and one for each 64
 * bytes that we send: who reads a long answer acknowledges it by many frames.
 * The answer to a PING or to SETTINGS is less than that, so a flood does not pay
 * for itself.
 */
#define IDLE_MAX 1000
#define IDLE_RATE 200
#define IDLE_BYTES 64
/* Resets are paid for by time alone: "/" is answered before its reset is seen. */
#define RESETS_MAX 100
#define RESETS_RATE 100
#define REFILLED_MS 5000 /* either purse is full by then */
#define DATA_MIN 32 /* bytes of a body in a frame that is worth its handling */

#define FRAME_HEADER 9
#define TYPE_DATA 0
#define TYPE_HEADERS 1
#define TYPE_RST_STREAM 3
#define FLAG_END_STREAM 0x1
#define FLAG_PADDED 0x8

static uint32_t
refilled(uint32_t purse, uint64_t more, uint32_t max)
{
	return (more > max - purse ? max : purse + (uint32_t)more);
}

static void
refill(struct flood *flood, const struct http2_connection *conn)
{
	uint64_t now = h2o_now(conn->super.ctx->loop), passed = now - flood->since_ms;
	size_t written = conn->sock->bytes_written;

	if (passed > REFILLED_MS)
		passed = REFILLED_MS;
	flood->resets = refilled(flood->resets, passed * RESETS_RATE, RESETS_MAX * 1000);
	flood->idle = refilled(flood->idle,
	    passed * IDLE_RATE + (uint64_t)(written - flood->written) * 1000 / IDLE_BYTES,
	    IDLE_MAX * 1000);
	flood->since_ms = now;
	flood->written = written;
}

static bool
spend(uint32_t *purse)
{
	if (*purse < 1000)
		return (false);
	*purse -= 1000;
	return (true);
}

/* Whether a DATA frame neither ends its request nor brings it on. */
static bool
is_idle_data(const uint8_t *frame, size_t len)
{
	size_t padding = (frame[4] & FLAG_PADDED) != 0 && len > FRAME_HEADER
			     ? (size_t)frame[FRAME_HEADER] + 1
			     : 0;

	return ((frame[4] & FLAG_END_STREAM) == 0 && len < FRAME_HEADER + padding + DATA_MIN);
}

/* A frame that h2o has taken; false if it is one too many. */
static bool
is_affordable(
    struct flood *flood, const struct http2_connection *conn, const uint8_t *frame, size_t len)
{
	uint8_t type = frame[3];

	if (!flood->given_up &&
	    (type == TYPE_HEADERS || (type == TYPE_DATA && !is_idle_data(frame, len))))
		return (true);
	refill(flood, conn);
	return (spend(flood->given_up || type == TYPE_RST_STREAM ? &flood->resets : &flood->idle));
}

/* A flood, or a fault that only h2o calls one, such as headers without an end. */
static void
note(struct client *client)
{
	struct http *http = client->http;
	char text[ADDRESS_TEXT_SIZE];

	if (shun_note(&http->shun, client->address, (int64_t)h2o_now(http->ctx.loop)))
		log_warnx("%s abuses HTTP/2 again and again: its new connections have to wait",
		    address_text(client->address, text));
}

static ssize_t
expect(struct st_h2o_http2_conn_t *arg, const uint8_t *src, size_t len, const char **err_desc)
{
	struct http2_connection *conn = (struct http2_connection *)arg;
	struct client *client = conn->sock->on_close.data;
	struct flood *flood = &client->flood;
	ssize_t taken;

	flood->given_up = false;
	taken = flood->expect(arg, src, len, err_desc);

	if (conn->expect != expect) {
		flood->expect = conn->expect;
		conn->expect = expect;
	}
	if (taken > 0 && !is_affordable(flood, conn, src, (size_t)taken)) {
		counter_add(client->http->counters, COUNTER_HTTP2_FLOODS, 1);
		*err_desc = "too many frames that ask for nothing";
		taken = H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM;
	}
	if (taken < 0 && taken != H2O_HTTP2_ERROR_INCOMPLETE)
		note(client);
	if (taken > 0 && client->expelled != NULL) {
		*err_desc = client->expelled;
		taken = H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM;
	}
	/* h2o would go on to read, though nobody takes it, until its last words are sent. */
	if (taken < 0 && taken != H2O_HTTP2_ERROR_INCOMPLETE)
		h2o_socket_read_stop(conn->sock);
	return (taken);
}

static bool
guard(struct http2_connection *conn, h2o_context_t *ctx)
{
	struct flood *flood;

	assert(conn->super.ctx == ctx && conn->sock->data == conn);
	flood = &((struct client *)conn->sock->on_close.data)->flood;
	if (flood->expect != NULL)
		return (false);
	flood->expect = conn->expect;
	flood->since_ms = h2o_now(ctx->loop);
	flood->written = conn->sock->bytes_written;
	flood->idle = IDLE_MAX * 1000;
	flood->resets = RESETS_MAX * 1000;
	conn->expect = expect;
	return (true);
}

/* Where the connection itself ends, nobody asks any more. */
void
flood_given_up(h2o_req_t *req)
{
	h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);

	((struct client *)sock->on_close.data)->flood.given_up = true;
}

void
flood_guard(struct http *http)
{
	h2o_linklist_t *anchor = &http->ctx.http2._conns, *link;

	/* New ones are linked at the end. */
	for (link = anchor->prev; link != anchor; link = link->prev)
		if (!guard(H2O_STRUCT_FROM_MEMBER(struct http2_connection, link, link), &http->ctx))
			break;
}
