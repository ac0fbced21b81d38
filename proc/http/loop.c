/*
 * http's loop is h2o's: our channels are h2o sockets that h2o does not read
 * itself, so that one epoll serves clients and siblings.  The callback is
 * level-triggered.
 */
#include "proc/http/loop.h"

#include "proc/http/http.h"

static void
on_readable(h2o_socket_t *sock, const char *error)
{
	struct chan *chan = sock->data;

	proc_read(chan->owner, chan);
}

static void
on_writable(h2o_socket_t *sock, const char *error)
{
	struct chan *chan = sock->data;

	chan->writing = false;
	proc_write(chan->owner, chan);
}

static void
attach(struct proc *proc, struct chan *chan)
{
	struct http *http = proc->state;
	h2o_socket_t *sock =
	    h2o_evloop_socket_create(http->ctx.loop, chan->fd, H2O_SOCKET_FLAG_DONT_READ);

	sock->data = chan;
	chan->loop = sock;
	chan->owner = proc;
	h2o_socket_read_start(sock, on_readable);
}

static void
detach(struct proc *proc, struct chan *chan)
{
	h2o_socket_t *sock = chan->loop;

	/* Closes the descriptor. */
	chan->loop = NULL;
	chan->fd = -1;
	h2o_socket_close(sock);
}

static void
update(struct proc *proc, struct chan *chan)
{
	h2o_socket_t *sock = chan->loop;

	if (chan->paused)
		h2o_socket_read_stop(sock);
	else
		h2o_socket_read_start(sock, on_readable);
	if (chan->writing && !h2o_socket_is_writing(sock))
		h2o_socket_notify_write(sock, on_writable);
}

void
loop_ops(struct proc_ops *ops)
{
	ops->attach = attach;
	ops->detach = detach;
	ops->update = update;
}
