/*
 * The raft worker's life and its loop turn: everything that arrived is appended
 * to one batch, which is written and flushed once, here in the loop; then what
 * it committed goes to sql in one write.  Batches grow by themselves while the
 * disk is busy; no delay is ever added on purpose.
 */
#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sandbox.h"
#include "proc/frame/loop.h"
#include "proc/raft/raft.h"

#define PREPARE_TURNS 16 /* under load, a piece of the spare segment every so many flushes */

static const struct sandbox raft_sandbox = {
	.role = "raft",
	.promises = "stdio rpath wpath cpath inet",
	.sets = SANDBOX_STDIO | SANDBOX_FILES | SANDBOX_ACCEPT,
	.paths = { { ".", "rwc" } },
	.open_max = 1024,
	.writes_files = true,
};

static const struct proc_setting settings[] = {
	{ "node-id", SETTING_TEXT, offsetof(struct raft, settings.node_id) },
	{ "raft-adv-addr", SETTING_TEXT, offsetof(struct raft, settings.raft_adv_addr) },
	{ "raft-log-level", SETTING_TEXT, offsetof(struct raft, settings.log_level) },
	{ "bootstrap", SETTING_BOOL, offsetof(struct raft, settings.bootstrap) },
	{ "auth", SETTING_BOOL, offsetof(struct raft, settings.auth) },
	{ "raft-heartbeat-timeout", SETTING_I64, offsetof(struct raft, settings.heartbeat_ns) },
	{ "raft-election-timeout", SETTING_I64, offsetof(struct raft, settings.election_ns) },
	{ "raft-leader-lease-timeout", SETTING_I64, offsetof(struct raft, settings.lease_ns) },
	{ "raft-commit-timeout", SETTING_I64, offsetof(struct raft, settings.commit_ns) },
	{ "raft-snap", SETTING_I64, offsetof(struct raft, settings.snap) },
	{ "vm-steps-max", SETTING_I64, offsetof(struct raft, settings.vm_steps_max) },
	{ "disk-scale", SETTING_I64, offsetof(struct raft, settings.disk_scale) },
};

int64_t
raft_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
}

static void
on_file(void *state, enum ipc_file kind, enum role role, unsigned number, int fd)
{
	struct raft *raft = state;

	switch (kind) {
	case FILE_BOARD:
		raft->board = board_map(fd, true);
		break;
	case FILE_COUNTERS:
		raft->counters = counters_map(fd, true);
		raft->pulse = pulse_of(raft->counters);
		break;
	case FILE_RAFT_LISTENER:
		raft->listener = fd;
		return;
	case FILE_LOCK:
		return; /* held while we live */
	case FILE_TICKET_KEY:
		if (pread(fd, raft->key.bytes, sizeof(raft->key.bytes), 0) !=
		    sizeof(raft->key.bytes))
			fatalx("no ticket key");
		break;
	default:
		fatalx("unexpected descriptor");
	}
	close(fd);
}

void
raft_publish(struct raft *raft)
{
	struct board_state *state = &raft->state;
	bool ready = raft->leader && raft->applied >= raft->noop;

	state->open = raft->sql_open;
	state->ready = ready;
	state->stalled = raft->stalled;
	state->voter = true;
	/* Leadership and readiness show together: what was acknowledged before is applied. */
	state->role = ready ? BOARD_LEADER : BOARD_FOLLOWER;
	state->term = raft->vote.term;
	state->commit = raft->commit;
	state->applied = raft->applied;
	state->last = raft->log != NULL ? log_last(raft->log) : 0;
	state->generation = raft->proc.generation;
	state->lease_until = ready ? UINT64_MAX : 0;
	state->contact = ready ? (uint64_t)raft_now_ns() : 0;
	(void)snprintf(state->leader_id, sizeof(state->leader_id), "%s",
	    ready ? raft->settings.node_id : "");
	(void)snprintf(state->leader_addr, sizeof(state->leader_addr), "%s",
	    ready ? raft->settings.raft_adv_addr : "");
	board_publish(raft->board, state);
	raft->changed = false;
}

void
raft_append(struct raft *raft, enum entry_kind kind, const struct iovec *parts, int count,
    const struct origin *origin)
{
	if (!log_is_building(raft->log)) {
		log_begin(raft->log);
		raft->batch_first = log_last(raft->log) + 1;
		raft->batch_count = 0;
	}
	log_add(raft->log, raft->vote.term, (uint8_t)kind, parts, count);
	raft->origins[raft->batch_count++] =
	    origin != NULL ? *origin : (struct origin){ .known = false };
	if (raft->batch_count == LOG_BATCH_ENTRIES_MAX ||
	    log_building_bytes(raft->log) > LOG_BATCH_MAX)
		raft_flush(raft);
}

/* The batch could not be written: nothing of it happened, and its senders are told. */
static void
refuse_batch(struct raft *raft, int error)
{
	size_t i, kept = 0;

	log_warnx("raft log: a batch could not be written: %s", strerror(error));
	for (i = 0; i < raft->batch_count; i++)
		serve_refuse(raft, &raft->origins[i], REFUSED_DISK,
		    error == ENOSPC ? "database or disk is full" : "the log could not be written");
	for (i = 0; i < raft->nwaiters; i++) {
		if (raft->waiters[i].index > log_last(raft->log))
			serve_refuse(raft, &raft->waiters[i].origin, REFUSED_DISK,
			    "database or disk is full");
		else
			raft->waiters[kept++] = raft->waiters[i];
	}
	raft->nwaiters = kept;
	raft->batch_count = 0;
}

void
raft_flush(struct raft *raft)
{
	int64_t begun = raft_now_ns();
	size_t bytes = log_building_bytes(raft->log);

	if (log_commit(raft->log) == -1) {
		refuse_batch(raft, errno);
		return;
	}
	counters_observe(raft->counters, HISTOGRAM_LOG_SYNC, (uint64_t)(raft_now_ns() - begun));
	counter_add(raft->counters, COUNTER_LOG_FLUSHES, 1);
	counter_add(raft->counters, COUNTER_LOG_BYTES, bytes);
	counter_add(raft->counters, COUNTER_LOG_ENTRIES, raft->batch_count);
	/* A sole voter's quorum is its own disk. */
	if (raft->leader)
		raft->commit = log_last(raft->log);
	raft->changed = true;
	feed_sql(raft);
}

/* When nothing waits, the next segment is made ready, a piece a turn. */
static void
prepare(struct raft *raft, bool busy)
{
	if (raft->log == NULL || (busy && ++raft->turns % PREPARE_TURNS != 0))
		return;
	if (log_prepare(raft->log) && !busy)
		raft->proc.more = true;
}

static void
turn(void *state)
{
	struct raft *raft = state;
	bool busy = raft->log != NULL && log_is_building(raft->log);

	pulse_beat(raft->pulse);
	if (busy)
		raft_flush(raft);
	else
		feed_sql(raft);
	prepare(raft, busy);
	if (raft->changed)
		raft_publish(raft);
}

/* No cluster yet: whoever connects is sent away at once. */
static void
on_peer_node(evutil_socket_t fd, short what, void *arg)
{
	int peer = accept4((int)fd, NULL, NULL, SOCK_CLOEXEC);

	if (peer != -1)
		close(peer);
}

static void
on_reloaded(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct raft *raft = state;

	if (msg->reloaded.commit) {
		raft->proc.generation = msg->reloaded.generation;
		raft->changed = true;
	}
}

/* A clean stop notes how far the log is on the disk: less than that, found later, is damage. */
static void
stop(void *state, unsigned deadline_ms)
{
	struct raft *raft = state;

	if (raft->log != NULL) {
		if (log_is_building(raft->log))
			raft_flush(raft);
		raft->vote.synced = log_last(raft->log);
		(void)vote_write(raft->dir, raft->identity.instance, &raft->vote);
	}
	log_as("store", "store closed with node ID %s, listening on %s", raft->settings.node_id,
	    raft->settings.raft_adv_addr);
	proc_stopped(&raft->proc);
}

static const struct proc_handler handlers[] = {
	{ MSG_EXECUTE, serve_on_execute },
	{ MSG_BARRIER, serve_on_barrier },
	{ MSG_READ_INDEX, serve_on_read_index },
	{ MSG_STATUS_ASK, serve_on_status_ask },
	{ MSG_PICKED, start_on_picked },
	{ MSG_OPENED, start_on_opened },
	{ MSG_APPLIED, feed_on_applied },
	{ MSG_STALLED, feed_on_stalled },
	{ MSG_BASE, feed_on_base },
	{ MSG_RELOADED, on_reloaded },
};

int
main(void)
{
	static struct raft raft;
	static const struct proc_gather gather = { settings, sizeof(settings) / sizeof(settings[0]),
		on_file };
	static const struct proc_ops ops = { .turn = turn, .stop = stop };
	struct event *event;

	proc_hello(&raft.proc, ROLE_RAFT);
	proc_gather(&raft.proc, &gather, &raft);
	start_init(&raft);
	proc_loop_make(&raft.proc);
	event = event_new(raft.proc.loop, raft.listener, EV_READ | EV_PERSIST, on_peer_node, &raft);
	if (event == NULL || event_add(event, NULL) == -1)
		fatalx("cannot watch the inter-node port");
	proc_confine(&raft.proc, &raft_sandbox);
	raft_publish(&raft);
	return (proc_run(&raft.proc, &ops, handlers, sizeof(handlers) / sizeof(handlers[0])));
}
