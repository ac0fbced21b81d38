/*
 * The loop of every worker but http, on libevent: one thread, level-triggered.
 * A turn reads each ready channel once, lets the role act on all that came
 * (proc_ops.turn), and sends what it queued with one write a channel.
 */
#include <event2/event.h>

#include <signal.h>
#include <stdlib.h>

#include "common/log.h"
#include "proc/frame/frame.h"
#include "proc/frame/loop.h"

struct watch {
	struct proc *proc;
	struct chan *chan;
	struct event *readable;
	struct event *writable;
};

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;

	proc_read(watch->proc, watch->chan);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;

	proc_write(watch->proc, watch->chan);
}

static void
attach(struct proc *proc, struct chan *chan)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		fatal("calloc");
	watch->proc = proc;
	watch->chan = chan;
	watch->readable = event_new(proc->loop, chan->fd, EV_READ | EV_PERSIST, on_readable, watch);
	watch->writable =
	    event_new(proc->loop, chan->fd, EV_WRITE | EV_PERSIST, on_writable, watch);
	if (watch->readable == NULL || watch->writable == NULL ||
	    event_add(watch->readable, NULL) == -1)
		fatalx("cannot watch a channel");
	chan->loop = watch;
}

static void
detach(struct proc *proc, struct chan *chan)
{
	struct watch *watch = chan->loop;

	event_free(watch->readable);
	event_free(watch->writable);
	free(watch);
	chan->loop = NULL;
}

static void
update(struct proc *proc, struct chan *chan)
{
	struct watch *watch = chan->loop;

	if (chan->paused)
		event_del(watch->readable);
	else
		event_add(watch->readable, NULL);
	if (chan->writing)
		event_add(watch->writable, NULL);
	else
		event_del(watch->writable);
}

void
proc_loop_make(struct proc *proc)
{
	struct event_config *config = event_config_new();

	if (config == NULL)
		fatalx("event_config_new");
	event_config_avoid_method(config, "select");
	event_config_set_flag(config,
	    EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
	proc->loop = event_base_new_with_config(config);
	event_config_free(config);
	if (proc->loop == NULL)
		fatalx("event_base_new");
}

int
proc_run(struct proc *proc, const struct proc_ops *ops, const struct proc_handler *handlers,
    size_t count)
{
	struct proc_ops all = *ops;

	all.attach = attach;
	all.detach = detach;
	all.update = update;
	if (proc->loop == NULL)
		proc_loop_make(proc);
	proc_install(proc, &all, handlers, count);
	proc_ready(proc);
	while (!proc->done) {
		/* ONCE in any case: NONBLOCK alone stays in the loop as long as messages come. */
		int flags = EVLOOP_ONCE | (proc->more ? EVLOOP_NONBLOCK : 0);

		proc_flush(proc);
		if (event_base_loop(proc->loop, flags) == -1)
			fatalx("event_base_loop");
		proc->more = false;
		if (proc->ops.turn != NULL)
			proc->ops.turn(proc->state);
	}
	proc_flush(proc);
	return (0);
}
