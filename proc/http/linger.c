/*
 * Last words to clients that are still sending.  A socket that is closed with
 * unread bytes in it sends a reset, which may overtake the answer on its way.  So
 * a copy of the descriptor stays behind for a moment, takes what still comes and
 * drops it, until the client has seen our end and closes its own.
 */
#include "proc/http/linger.h"

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "proc/http/http.h"
#include "proc/http/server.h"

#define LINGER_NS (2LL * 1000000000)
#define DROPS 16 /* reads at a time */

/* The connection's h2o socket is to be closed soon, by h2o. */
void
linger_start(struct http *http, h2o_socket_t *sock)
{
	struct client *client = sock->on_close.data;
	struct lingerer *linger;

	if (client->linger != NULL)
		return;
	for (linger = http->lingers; linger < http->lingers + LINGERS; linger++) {
		if (linger->fd != -1)
			continue;
		linger->fd = fcntl(h2o_socket_get_fd(sock), F_DUPFD_CLOEXEC, 0);
		client->linger = linger->fd == -1 ? NULL : linger;
		return;
	}
}

static void
end(struct lingerer *linger)
{
	if (linger->sock != NULL)
		h2o_socket_close(linger->sock);
	linger->sock = NULL;
	linger->fd = -1;
}

static void
on_readable(h2o_socket_t *sock, const char *error)
{
	static uint8_t dropped[65536];
	struct lingerer *linger = sock->data;
	ssize_t n = -1;
	int i;

	for (i = 0; i < DROPS; i++) {
		n = recv(linger->fd, dropped, sizeof(dropped), MSG_DONTWAIT);
		if (n <= 0)
			break;
	}
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		end(linger);
}

void
linger_closed(struct client *client)
{
	struct lingerer *linger = client->linger;

	if (linger == NULL)
		return;
	linger->until_ns = http_now_ns() + LINGER_NS;
	linger->sock =
	    h2o_evloop_socket_create(client->http->ctx.loop, linger->fd, H2O_SOCKET_FLAG_DONT_READ);
	linger->sock->data = linger;
	shutdown(linger->fd, SHUT_WR);
	h2o_socket_read_start(linger->sock, on_readable);
}

void
linger_sweep(struct http *http)
{
	int64_t now = http_now_ns();
	struct lingerer *linger;

	for (linger = http->lingers; linger < http->lingers + LINGERS; linger++)
		if (linger->sock != NULL && now > linger->until_ns)
			end(linger);
}

void
linger_init(struct http *http)
{
	struct lingerer *linger;

	for (linger = http->lingers; linger < http->lingers + LINGERS; linger++)
		linger->fd = -1;
}
