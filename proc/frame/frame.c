/*
 * A worker's life cycle and dispatch: see frame.h.  Trust: the master is
 * believed; every other peer is a sibling that may have been taken over, and
 * ipc_decode() is what stands between it and the handlers.
 */
#include "proc/frame/frame.h"

#include <sys/resource.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

static struct chan *
chan_make(const struct proc *proc, int fd, enum role role, unsigned number, uint32_t incarnation)
{
	struct chan *chan = malloc(sizeof(*chan));

	if (chan == NULL)
		fatal("malloc");
	chan_init(chan, fd, ipc_payload_max(role, proc->role));
	chan->role = role;
	chan->number = number;
	chan->incarnation = incarnation;
	return (chan);
}

char *
proc_text(const struct ipc_bytes *bytes)
{
	char *text = malloc(bytes->len + 1);

	if (text == NULL)
		fatal("malloc");
	if (bytes->len > 0)
		memcpy(text, bytes->data, bytes->len);
	text[bytes->len] = '\0';
	return (text);
}

/* Decodes or ends the process: the sender is not what it should be. */
static void
decode(struct proc *proc, const struct chan *chan, const struct frame *frame, union msg *msg)
{
	const char *wrong = ipc_decode(frame, (enum role)chan->role, proc->role, msg);

	if (wrong != NULL)
		fatalx("%s %u: message %u: %s", role_name((enum role)chan->role), chan->number,
		    frame->type, wrong);
}

/* The next message from the master, before the loop runs. */
static void
wait_control(struct proc *proc, struct frame *frame, union msg *msg)
{
	if (chan_wait(proc->control, frame, WORKER_START_MS) != CHAN_OK)
		fatalx("no word from the master");
	decode(proc, proc->control, frame, msg);
}

void
proc_hello(struct proc *proc, enum role role)
{
	static char module[32];
	struct frame frame;
	union msg msg;
	struct msg_hello_back back = { 0 };

	log_init(role_name(role), LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	memset(proc, 0, sizeof(*proc));
	proc->role = role;
	proc->control = chan_make(proc, PROC_CONTROL_FD, ROLE_MASTER, 0, 0);
	wait_control(proc, &frame, &msg);
	if (frame.type != MSG_HELLO || msg.hello.role != role ||
	    msg.hello.revision != ipc_revision() ||
	    msg.hello.build.len != strlen(RQLITED_VERSION) ||
	    memcmp(msg.hello.build.data, RQLITED_VERSION, msg.hello.build.len) != 0)
		fatalx("this worker is not of the master's build");
	proc->number = msg.hello.number;
	proc->incarnation = msg.hello.incarnation;
	(void)snprintf(module, sizeof(module), "%s", role_name(role));
	back.role = (uint8_t)role;
	back.build = ipc_text(RQLITED_VERSION);
	back.revision = ipc_revision();
	msg_hello_back_send(proc->control, &back, -1);
	if (chan_flush_wait(proc->control, WORKER_START_MS) != CHAN_OK)
		fatalx("the master does not listen");
}

/* Settings that are the frame's own: where and how to confine, what to log. */
static bool
frame_setting(struct sandbox_place *place, const char *name, char *value)
{
	if (strcmp(name, "sandbox") == 0)
		place->mode = strcmp(value, "off") == 0	      ? SANDBOX_OFF
			      : strcmp(value, "require") == 0 ? SANDBOX_REQUIRE
							      : SANDBOX_WARN;
	else if (strcmp(name, "directory") == 0) {
		place->directory = value;
		return (true);
	} else if (strcmp(name, "uid") == 0)
		place->uid = (uid_t)strtoul(value, NULL, 10);
	else if (strcmp(name, "gid") == 0)
		place->gid = (gid_t)strtoul(value, NULL, 10);
	else if (strcmp(name, "master") == 0)
		place->master = (pid_t)strtol(value, NULL, 10);
	else if (strcmp(name, "log-level") == 0)
		log_set_level(value);
	else
		return (false);
	free(value);
	return (true);
}

static void
store_setting(const struct proc_setting *setting, void *state, char *value)
{
	void *at = (char *)state + setting->offset;

	switch (setting->kind) {
	case SETTING_TEXT:
		free(*(char **)at);
		*(char **)at = value;
		return;
	case SETTING_I64:
		*(int64_t *)at = strtoll(value, NULL, 10);
		break;
	case SETTING_BOOL:
		*(bool *)at = strcmp(value, "true") == 0;
		break;
	}
	free(value);
}

static void
gather_setting(struct proc *proc, const struct proc_gather *gather, const struct msg_conf *conf)
{
	char *name = proc_text(&conf->name);
	char *value = proc_text(&conf->value);
	size_t i;

	if (!frame_setting(&proc->place, name, value)) {
		for (i = 0; i < gather->count; i++)
			if (strcmp(gather->settings[i].name, name) == 0)
				break;
		if (i == gather->count)
			fatalx("setting %s is not for this worker", name);
		store_setting(&gather->settings[i], proc->state, value);
	}
	free(name);
}

static void
add_peer(struct proc *proc, const struct msg_peer *peer, int fd)
{
	struct chan *old = proc_peer(proc, (enum role)peer->role, peer->number);
	struct chan *chan;

	if (old != NULL)
		proc_drop(proc, old);
	if (proc->npeers == WORKERS_MAX)
		fatalx("too many peers");
	chan = chan_make(proc, fd, (enum role)peer->role, peer->number, peer->incarnation);
	proc->peers[proc->npeers++] = chan;
	if (proc->ops.attach != NULL)
		proc->ops.attach(proc, chan);
	if (proc->ops.peer_new != NULL)
		proc->ops.peer_new(proc->state, chan);
}

void
proc_gather(struct proc *proc, const struct proc_gather *gather, void *state)
{
	struct frame frame;
	union msg msg;

	proc->state = state;
	proc->gather = gather;
	for (;;) {
		wait_control(proc, &frame, &msg);
		switch (frame.type) {
		case MSG_CONF:
			gather_setting(proc, gather, &msg.conf);
			break;
		case MSG_CONF_FILE:
			gather->file(state, (enum ipc_file)msg.conf_file.kind,
			    (enum role)msg.conf_file.role, msg.conf_file.number, frame.fd);
			break;
		case MSG_PEER:
			add_peer(proc, &msg.peer, frame.fd);
			break;
		case MSG_GATHERED:
			proc->generation = msg.gathered.generation;
			return;
		default:
			fatalx("master: message %u in mid-gathering", frame.type);
		}
	}
}

void
proc_confine(struct proc *proc, const struct sandbox *sandbox)
{
	sandbox_enter(sandbox, &proc->place, proc->sandbox_report, sizeof(proc->sandbox_report));
	if (proc->place.uid != 0 && proc->place.directory != NULL)
		proc->place.directory = "/";
}

void
proc_install(struct proc *proc, const struct proc_ops *ops, const struct proc_handler *handlers,
    size_t count)
{
	size_t i;

	proc->ops = *ops;
	for (i = 0; i < count; i++)
		proc->handlers[handlers[i].type] = &handlers[i];
	if (proc->ops.attach != NULL)
		proc->ops.attach(proc, proc->control);
	for (i = 0; i < proc->npeers; i++) {
		if (proc->ops.attach != NULL)
			proc->ops.attach(proc, proc->peers[i]);
		if (proc->ops.peer_new != NULL)
			proc->ops.peer_new(proc->state, proc->peers[i]);
	}
}

void
proc_ready(struct proc *proc)
{
	struct msg_ready ready = { ipc_text(proc->sandbox_report) };

	msg_ready_send(proc->control, &ready, -1);
	/* What came behind the last of gathering was read with it: no loop would wake for that. */
	proc_dispatch(proc, proc->control);
}

struct chan *
proc_peer(struct proc *proc, enum role role, unsigned number)
{
	size_t i;

	for (i = 0; i < proc->npeers; i++)
		if (proc->peers[i]->role == (int)role && proc->peers[i]->number == number)
			return (proc->peers[i]);
	return (NULL);
}

void
proc_drop(struct proc *proc, struct chan *chan)
{
	size_t i;

	for (i = 0; i < proc->npeers && proc->peers[i] != chan; i++)
		continue;
	if (i == proc->npeers)
		return;
	proc->peers[i] = proc->peers[--proc->npeers];
	if (proc->ops.detach != NULL)
		proc->ops.detach(proc, chan);
	if (proc->ops.peer_gone != NULL)
		proc->ops.peer_gone(proc->state, chan);
	chan_fini(chan);
	free(chan);
}

/* What it all came to is said to the master, which commits if every worker can. */
static void
prepare_reload(struct proc *proc, const struct msg_reload *reload)
{
	struct msg_drained drained = { true, { NULL, 0 } };
	struct error error;

	if (proc->ops.reload(proc->state, reload->generation, &error) == -1) {
		drained.good = false;
		drained.reason = ipc_text(error.text);
	}
	msg_drained_send(proc->control, &drained, -1);
}

/* Messages of a reload; false if the role handles them itself. */
static bool
handle_reload(struct proc *proc, const struct frame *frame, const union msg *msg)
{
	if (proc->ops.reload == NULL)
		return (false);
	switch (frame->type) {
	case MSG_CONF_FILE:
		proc->gather->file(proc->state, (enum ipc_file)msg->conf_file.kind,
		    (enum role)msg->conf_file.role, msg->conf_file.number, frame->fd);
		return (true);
	case MSG_RELOAD:
		prepare_reload(proc, &msg->reload);
		return (true);
	case MSG_RELOADED:
		if (msg->reloaded.commit)
			proc->generation = msg->reloaded.generation;
		proc->ops.reloaded(proc->state, msg->reloaded.commit);
		return (true);
	default:
		return (false);
	}
}

/* Messages of the life cycle; false if it is one of the role's. */
static bool
handle_own(struct proc *proc, const struct frame *frame, const union msg *msg)
{
	struct msg_pong pong;

	switch (frame->type) {
	case MSG_PING:
		pong.serial = msg->ping.serial;
		msg_pong_send(proc->control, &pong, -1);
		return (true);
	case MSG_PEER:
		add_peer(proc, &msg->peer, frame->fd);
		return (true);
	case MSG_STOP:
		if (proc->ops.stop != NULL)
			proc->ops.stop(proc->state, msg->stop.deadline_ms);
		else
			proc_stopped(proc);
		return (true);
	default:
		return (handle_reload(proc, frame, msg));
	}
}

static bool
is_connected(const struct proc *proc, const struct chan *chan)
{
	size_t i;

	if (chan == proc->control)
		return (true);
	for (i = 0; i < proc->npeers; i++)
		if (proc->peers[i] == chan)
			return (true);
	return (false);
}

/* Handles every whole frame that was read, unless a handler pauses or drops the channel. */
void
proc_dispatch(struct proc *proc, struct chan *chan)
{
	enum chan_result result;
	struct frame frame;
	union msg msg;

	while (!chan->paused && (result = chan_next(chan, &frame)) != CHAN_AGAIN) {
		if (result != CHAN_OK)
			fatalx("%s %u: broken framing", role_name((enum role)chan->role),
			    chan->number);
		decode(proc, chan, &frame, &msg);
		if (handle_own(proc, &frame, &msg))
			continue;
		if (proc->handlers[frame.type] == NULL)
			fatalx("%s %u: unexpected %s", role_name((enum role)chan->role),
			    chan->number, ipc_entry(frame.type)->name);
		proc->handlers[frame.type]->handle(proc->state, chan, &msg, frame.fd);
		if (!is_connected(proc, chan))
			return;
	}
	chan_shrink(chan);
}

void
proc_read(struct proc *proc, struct chan *chan)
{
	switch (chan_read(chan)) {
	case CHAN_OK:
		proc_dispatch(proc, chan);
		break;
	case CHAN_AGAIN:
		break;
	case CHAN_BROKEN:
		fatalx("%s %u: broken framing", role_name((enum role)chan->role), chan->number);
	case CHAN_CLOSED:
		if (chan == proc->control)
			exit(0);
		proc_drop(proc, chan);
		break;
	}
}

void
proc_hear(struct proc *proc)
{
	enum chan_result result;

	while ((result = chan_read(proc->control)) == CHAN_OK)
		proc_dispatch(proc, proc->control);
	if (result != CHAN_AGAIN)
		exit(0);
}

static void
flush_one(struct proc *proc, struct chan *chan)
{
	enum chan_result result = chan_flush(chan);

	if (result == CHAN_CLOSED) {
		if (chan == proc->control)
			exit(0);
		proc_drop(proc, chan);
		return;
	}
	if (chan->writing != (result == CHAN_AGAIN)) {
		chan->writing = result == CHAN_AGAIN;
		proc->ops.update(proc, chan);
	}
}

void
proc_write(struct proc *proc, struct chan *chan)
{
	flush_one(proc, chan);
}

/*
 * A captured http could ask and never read, until the answers fill our memory.  Only http
 * is given up like this: between all others who asks waits for the answer.
 */
static bool
is_overfull(const struct proc *proc, const struct chan *chan)
{
	bool rows = proc->role == ROLE_SQL || proc->role == ROLE_READ;

	return (chan->role == ROLE_HTTP &&
		chan_queued(chan) > (rows ? RESULT_QUEUE_MAX : ANSWER_QUEUE_MAX));
}

/*
 * In one long turn we may say more than the socket takes, however fast the other side reads:
 * as long as it does, we wait, until there is room again.  Whoever reads nothing for so long
 * is not well.
 */
static bool
is_read(const struct proc *proc, struct chan *chan)
{
	size_t before;
	int i;

	for (i = 0; i < WORKER_SILENT_MS / READ_WAIT_MS; i++) {
		before = chan_queued(chan);
		if (chan_flush_wait(chan, READ_WAIT_MS) == CHAN_OK || !is_overfull(proc, chan))
			return (true);
		if (chan_queued(chan) == before)
			break;
	}
	return (false);
}

void
proc_relieve(struct proc *proc, struct chan *chan)
{
	struct msg_gave_up gave_up = { (uint8_t)chan->number, chan->incarnation };

	if (!is_overfull(proc, chan) || is_read(proc, chan))
		return;
	log_warnx("http %u does not read, giving it up", chan->number);
	proc_drop(proc, chan);
	msg_gave_up_send(proc->control, &gave_up, -1);
	flush_one(proc, proc->control);
}

static void
flush_peer(struct proc *proc, struct chan *chan)
{
	if (is_overfull(proc, chan))
		proc_relieve(proc, chan);
	else if (chan_queued(chan) > 0 && !chan->writing)
		flush_one(proc, chan);
}

static void
flush_peers(struct proc *proc, bool http)
{
	size_t i;

	for (i = proc->npeers; i > 0; i--)
		if (i <= proc->npeers && (proc->peers[i - 1]->role == ROLE_HTTP) == http)
			flush_peer(proc, proc->peers[i - 1]);
}

/* http first: a client waits behind it, and who is woken first runs first on a busy core. */
void
proc_flush(struct proc *proc)
{
	if (chan_queued(proc->control) > 0 && !proc->control->writing)
		flush_one(proc, proc->control);
	flush_peers(proc, true);
	flush_peers(proc, false);
}

void
proc_pause(struct proc *proc, struct chan *chan)
{
	if (!chan->paused) {
		chan->paused = true;
		proc->ops.update(proc, chan);
	}
}

void
proc_resume(struct proc *proc, struct chan *chan)
{
	if (chan->paused) {
		chan->paused = false;
		proc->ops.update(proc, chan);
		proc_dispatch(proc, chan);
	}
}

void
proc_stopped(struct proc *proc)
{
	struct msg_stopped stopped = { 0 };

	msg_stopped_send(proc->control, &stopped, -1);
	(void)chan_flush_wait(proc->control, 1000);
	proc->done = true;
}

noreturn void
proc_fail(struct proc *proc, const char *format, ...)
{
	struct msg_failed failed = { 0 };
	char text[IPC_TEXT_MAX];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	failed.reason = ipc_text(text);
	msg_failed_send(proc->control, &failed, -1);
	(void)chan_flush_wait(proc->control, 1000);
	fatalx("%s", text);
}
