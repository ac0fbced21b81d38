/*
 * The raft worker's life and its loop turn: everything that arrived is proposed to
 * the core, and becomes one batch that is written and flushed once, here in the
 * loop; then what it committed goes to sql in one write.  Batches grow by
 * themselves while the disk is busy; no delay is ever added on purpose.
 */
#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
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
	{ "bootstrap", SETTING_BOOL, offsetof(struct raft, settings.bootstrap) },
	{ "auth", SETTING_BOOL, offsetof(struct raft, settings.auth) },
	{ "raft-heartbeat-timeout", SETTING_I64, offsetof(struct raft, settings.heartbeat_ns) },
	{ "raft-leader-lease-timeout", SETTING_I64, offsetof(struct raft, settings.lease_ns) },
	{ "raft-snap", SETTING_I64, offsetof(struct raft, settings.snap) },
	{ "vm-steps-max", SETTING_I64, offsetof(struct raft, settings.vm_steps_max) },
	{ "disk-scale", SETTING_I64, offsetof(struct raft, settings.disk_scale) },
};

uint64_t
raft_now_ns(void)
{
	return ((uint64_t)clock_monotonic_ns());
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

/* Who leads, as the core knows him: by the members' names; us by the name we go by now. */
static void
publish_leader(struct raft *raft, const struct core_status *status, bool ready)
{
	struct board_state *state = &raft->state;
	const struct peer_member *leader = NULL;
	const char *name = "", *address = "";

	if (status->role == CORE_LEADER && ready) {
		name = raft->settings.node_id;
		address = raft->settings.raft_adv_addr;
	} else if (status->role != CORE_LEADER && status->leader != 0) {
		leader = peer_configuration_find(core_members(raft->core), status->leader);
	}
	if (leader != NULL) {
		name = leader->name;
		address = leader->address;
	}
	(void)snprintf(state->leader_id, sizeof(state->leader_id), "%s", name);
	(void)snprintf(state->leader_addr, sizeof(state->leader_addr), "%s", address);
}

/* Tells the board what the core and sql say. */
static void
publish(struct raft *raft)
{
	struct board_state *state = &raft->state;
	struct core_status status = { 0 };
	bool ready = false;

	if (raft->core != NULL) {
		core_status(raft->core, &status);
		/* Leadership and readiness show together: what was acknowledged before is applied. */
		ready = status.role == CORE_LEADER && raft->applied >= status.term_start;
		publish_leader(raft, &status, ready);
	}
	state->open = raft->sql_open;
	state->ready = ready;
	state->stalled = raft->stalled;
	state->voter = status.voter;
	state->role = ready ? BOARD_LEADER : BOARD_FOLLOWER;
	state->term = status.term;
	state->commit = raft->commit;
	state->applied = raft->applied;
	state->last = raft->log != NULL ? log_last(raft->log) : 0;
	state->generation = raft->proc.generation;
	state->lease_until = ready ? status.lease_until : 0;
	state->contact = ready ? raft_now_ns() : status.contact;
	board_publish(raft->board, state);
	raft->changed = false;
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
	bool busy = false;

	pulse_beat(raft->pulse);
	if (raft->core != NULL) {
		feed_resume(raft);
		busy = raft->proposed > 0;
		consensus_run(raft);
	}
	if (raft->changed)
		publish(raft);
	proc_flush(&raft->proc); /* nobody is to wait for what comes next */
	prepare(raft, busy);
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

	if (raft->core != NULL) {
		consensus_run(raft);
		raft->vote.synced = log_last(raft->log);
		(void)vote_write(raft->dir, raft->identity.instance, &raft->vote);
	}
	log_as("store", "store closed with node ID %s, listening on %s", raft->settings.node_id,
	    raft->settings.raft_adv_addr);
	proc_stopped(&raft->proc);
}

static const struct proc_handler handlers[] = {
	{ MSG_EXECUTE, serve_on_execute },
	{ MSG_EXECUTE_BEGIN, upload_on_begin },
	{ MSG_EXECUTE_PART, upload_on_part },
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
	static const struct proc_ops ops = {
		.turn = turn, .stop = stop, .peer_gone = upload_peer_gone
	};
	struct event *event;

	proc_hello(&raft.proc, ROLE_RAFT);
	proc_gather(&raft.proc, &gather, &raft);
	start_init(&raft);
	proc_loop_make(&raft.proc);
	event = event_new(raft.proc.loop, raft.listener, EV_READ | EV_PERSIST, on_peer_node, &raft);
	if (event == NULL || event_add(event, NULL) == -1)
		fatalx("cannot watch the inter-node port");
	proc_confine(&raft.proc, &raft_sandbox);
	publish(&raft);
	return (proc_run(&raft.proc, &ops, handlers, sizeof(handlers) / sizeof(handlers[0])));
}
