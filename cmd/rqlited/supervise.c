/*
 * The master's loop: messages of workers, their log lines, deaths and signals.
 *
 * http and read are expendable: one that dies is started again alone, and its
 * peers get a fresh socket.  When any other worker dies, the rest is stopped and
 * the whole node starts again, the listeners staying open.  Five times in a
 * minute, and the master gives up with the reason.
 *
 * Stopping goes in the order in which work flows: http drains first, then read,
 * raft and sql, and last those who only answer questions.
 */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/rqlited/master.h"
#include "cmd/rqlited/relay.h"
#include "cmd/rqlited/reload.h"
#include "common/counters.h"
#include "common/log.h"
#include "proto/board.h"

#define TICK_MS 250
#define STUCK_MS 1000 /* past its deadline without progress: a reader is killed */
#define STUCK_FOREVER_MS 60000 /* the same without a deadline */
#define STOPPED_MS 15000 /* raft or sql may be stopped for so long */
#define STOP_MS 20000 /* for all workers to stop in order */
#define STOP_HTTP_MS 10000 /* of it for http to finish what it serves */

static volatile sig_atomic_t got_stop, got_reload, got_child;

int64_t
master_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

static void
on_signal(int sig)
{
	if (sig == SIGCHLD)
		got_child = 1;
	else if (sig == SIGHUP)
		got_reload = 1;
	else
		got_stop = sig;
}

static void
catch_signals(sigset_t *waiting)
{
	static const int signals[] = { SIGCHLD, SIGHUP, SIGTERM, SIGINT };
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t blocked;
	size_t i;

	sigemptyset(&blocked);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&blocked, signals[i]);
	if (sigprocmask(SIG_BLOCK, &blocked, waiting) == -1)
		fatal("sigprocmask");
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigdelset(waiting, signals[i]);
		if (sigaction(signals[i], &action, NULL) == -1)
			fatal("sigaction");
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
}

void
master_kill(struct worker *worker)
{
	if (worker->state != WORKER_DEAD)
		kill(worker->pid, SIGKILL);
}

static bool
is_expendable(enum role role)
{
	return (role == ROLE_HTTP || role == ROLE_READ);
}

/* readers need the database, which sql opens; all others start at once. */
static void
start_workers(struct master *master)
{
	size_t i;

	for (i = 0; i < master->nworkers; i++) {
		struct worker *worker = &master->workers[i];

		if (worker->state == WORKER_DEAD && (worker->role != ROLE_READ || master->opened))
			spawn_worker(master, worker);
	}
}

/* Waits for every worker to be gone; those that do not go are killed. */
static void
reap_all(struct master *master)
{
	size_t i;

	for (i = 0; i < master->nworkers; i++)
		master_kill(&master->workers[i]);
	for (i = 0; i < master->nworkers; i++) {
		struct worker *worker = &master->workers[i];

		if (worker->state == WORKER_DEAD)
			continue;
		while (waitpid(worker->pid, NULL, 0) == -1 && errno == EINTR)
			continue;
		chan_fini(&worker->chan);
		worker->state = WORKER_DEAD;
	}
}

/* The end after a failure: whoever starts the node again must find ports and lock free. */
static void
give_up(struct master *master)
{
	reap_all(master);
	exit(1);
}

/* Counts a restart; ends the process when there were too many of late. */
static void
count_restart(struct master *master, const char *reason)
{
	int64_t now = master_now_ms();
	size_t last = RESTARTS_IN_A_MINUTE - 1;

	memmove(&master->restarts_ms[1], &master->restarts_ms[0], last * sizeof(now));
	master->restarts_ms[0] = now;
	if (master->restarts_ms[last] == 0 || now - master->restarts_ms[last] > 60000)
		return;
	relay_copy(master);
	log_as("rqlited", "giving up: %d worker failures within a minute, the last: %s",
	    RESTARTS_IN_A_MINUTE, reason);
	give_up(master);
}

/*
 * What the former raft said is true no more, and http may read it before the next says
 * anything.  It may also have died while it wrote.
 */
static void
clear_board(const struct master *master)
{
	static const uint8_t zeros[BOARD_SIZE];

	if (pwrite(master->board, zeros, sizeof(zeros), 0) != (ssize_t)sizeof(zeros))
		fatal("write of the board");
}

static void
restart_node(struct master *master, const char *reason)
{
	log_as("rqlited", "restarting the node: %s", reason);
	reap_all(master);
	count_restart(master, reason);
	clear_board(master);
	master->node_restarts++;
	master->opened = false;
	reload_worker_died(master, false);
	start_workers(master);
}

static void
describe_death(const struct worker *worker, int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		(void)snprintf(text, size, "worker %s %u (pid %d) was killed by signal %d%s",
		    role_name(worker->role), worker->number, (int)worker->pid, WTERMSIG(status),
		    WTERMSIG(status) == SIGSYS ? " (forbidden system call)" : "");
	else
		(void)snprintf(text, size, "worker %s %u (pid %d) exited with status %d",
		    role_name(worker->role), worker->number, (int)worker->pid, WEXITSTATUS(status));
}

static void
worker_died(struct master *master, struct worker *worker, int status)
{
	char reason[256];

	describe_death(worker, status, reason, sizeof(reason));
	chan_fini(&worker->chan);
	worker->state = WORKER_DEAD;
	worker->restarts++;
	if (master->stopping) {
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			log_as("rqlited", "%s while stopping", reason);
		return;
	}
	if (master->failed) {
		relay_copy(master);
		log_as("rqlited", "%s", master->failure);
		give_up(master);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == LOG_STATUS_SYNC) {
		relay_copy(master);
		log_as("rqlited", "%s: a flush to disk failed, not starting again", reason);
		give_up(master);
	}
	if (!is_expendable(worker->role)) {
		restart_node(master, reason);
		return;
	}
	log_as("rqlited", "%s, starting it again", reason);
	/* A client's statement is no failure of ours: nobody shall end the node by asking. */
	if (!worker->stuck)
		count_restart(master, reason);
	reload_worker_died(master, true);
	start_workers(master);
}

static void
reap_children(struct master *master)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		size_t i;

		for (i = 0; i < master->nworkers; i++)
			if (master->workers[i].state != WORKER_DEAD &&
			    master->workers[i].pid == pid)
				break;
		if (i < master->nworkers)
			worker_died(master, &master->workers[i], status);
	}
}

static void
worker_failed(struct master *master, const struct worker *worker, const struct msg_failed *failed)
{
	(void)snprintf(master->failure, sizeof(master->failure), "%.*s", (int)failed->reason.len,
	    (const char *)failed->reason.data);
	master->failed = true;
	relay_copy(master);
	reload_name_files(master, worker->role);
}

/* The one that a worker has closed its channel to; its successor gets a new one. */
static void
http_given_up(struct master *master, const struct worker *by, const struct msg_gave_up *gave_up)
{
	size_t i;

	for (i = 0; i < master->nworkers; i++) {
		struct worker *worker = &master->workers[i];

		if (worker->role != ROLE_HTTP || worker->number != gave_up->number ||
		    worker->incarnation != gave_up->incarnation || worker->state == WORKER_DEAD)
			continue;
		log_as("rqlited", "worker http %u does not read what %s %u says, killing it",
		    worker->number, role_name(by->role), by->number);
		master_kill(worker);
	}
}

static void
worker_ready(struct worker *worker, const struct msg_ready *ready)
{
	char *c;

	(void)snprintf(worker->sandbox, sizeof(worker->sandbox), "%.*s", (int)ready->sandbox.len,
	    (const char *)ready->sandbox.data);
	/* It is printed within JSON, and a worker is not believed. */
	for (c = worker->sandbox; *c != '\0'; c++)
		if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
			*c = '?';
	if (worker->state == WORKER_STARTING)
		worker->state = WORKER_READY;
	worker->pong_ms = master_now_ms();
}

static void
handle(
    struct master *master, struct worker *worker, const struct frame *frame, const union msg *msg)
{
	switch (frame->type) {
	case MSG_HELLO_BACK:
		break;
	case MSG_READY:
		worker_ready(worker, &msg->ready);
		break;
	case MSG_OPENED:
		master->opened = true;
		if (!master->stopping)
			start_workers(master);
		break;
	case MSG_PONG:
		worker->pong_ms = master_now_ms();
		reload_pong(master, worker, msg->pong.serial);
		break;
	case MSG_FAILED:
		worker_failed(master, worker, &msg->failed);
		break;
	case MSG_GAVE_UP:
		http_given_up(master, worker, &msg->gave_up);
		break;
	case MSG_DRAINED:
		reload_drained(master, worker, &msg->drained);
		break;
	case MSG_STATUS_ASK:
		report_send(master, worker, msg->status_ask.request);
		break;
	case MSG_STOPPED:
		break;
	default:
		master_kill(worker);
	}
}

/* A worker that sends what it may not is killed: it has been taken over or is broken. */
static void
refuse(struct worker *worker)
{
	log_as("rqlited", "worker %s %u broke the protocol, killing it", role_name(worker->role),
	    worker->number);
	worker->chan.paused = true; /* nothing more of it is heard */
	master_kill(worker);
}

static void
read_worker(struct master *master, struct worker *worker)
{
	struct frame frame = { .fd = -1 };
	union msg msg;

	switch (chan_read(&worker->chan)) {
	case CHAN_OK:
		break;
	case CHAN_AGAIN:
		return;
	case CHAN_BROKEN:
		refuse(worker);
		return;
	case CHAN_CLOSED:
		/* It is dying; SIGCHLD says how.  Until then there is nothing to hear. */
		worker->chan.paused = true;
		return;
	}
	while (worker->state != WORKER_DEAD) {
		enum chan_result result = chan_next(&worker->chan, &frame);

		if (result == CHAN_AGAIN)
			break;
		if (result != CHAN_OK ||
		    ipc_decode(&frame, worker->role, ROLE_MASTER, &msg) != NULL) {
			if (frame.fd != -1)
				close(frame.fd);
			refuse(worker);
			return;
		}
		handle(master, worker, &frame, &msg);
	}
}

/* Whether a reader is inside a statement. */
static bool
is_busy(const struct worker *worker)
{
	return (worker->role == ROLE_READ &&
		atomic_load_explicit(&worker->pulse->busy_since, memory_order_relaxed) != 0);
}

/*
 * Whether a reader is stuck: inside one opcode past its statement's deadline, or
 * for so long that nobody waits any more.  One that makes progress is never.
 */
static bool
is_stuck(struct worker *worker, int64_t now)
{
	uint64_t beats = atomic_load_explicit(&worker->pulse->beats, memory_order_relaxed);
	int64_t until = atomic_load_explicit(&worker->pulse->busy_until, memory_order_relaxed);

	if (beats != worker->beats) {
		worker->beats = beats;
		worker->beats_ms = worker->pong_ms = now;
		return (false);
	}
	if (!is_busy(worker))
		return (now - worker->pong_ms > WORKER_SILENT_MS);
	/* It could not answer meanwhile: its silence begins when this is over. */
	worker->pong_ms = now;
	if (until != 0 && now > until / 1000000 + STUCK_MS)
		return (now - worker->beats_ms > STUCK_MS);
	return (now - worker->beats_ms > STUCK_FOREVER_MS);
}

/* Whether somebody has stopped the process (SIGSTOP, a debugger): it does nothing. */
static bool
is_stopped(pid_t pid)
{
	char path[32], text[512], *behind;
	ssize_t n = -1;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd != -1) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (n <= 0)
		return (false);
	text[n] = '\0';
	behind = strrchr(text, ')');
	return (behind != NULL && behind[1] == ' ' && (behind[2] == 'T' || behind[2] == 't'));
}

/*
 * A worker that does not answer is killed.  sql and raft may be inside one long
 * statement or flush, and what they do must not be cut short; who is stopped does
 * nothing, and clients must not wait for him for ever.
 */
static bool
is_silent(struct worker *worker, int64_t now)
{
	switch (worker->role) {
	case ROLE_READ:
		return (is_stuck(worker, now));
	case ROLE_HTTP:
	case ROLE_AUTH:
	case ROLE_KEY:
		return (now - worker->pong_ms > WORKER_SILENT_MS);
	default:
		return (now - worker->pong_ms > STOPPED_MS && is_stopped(worker->pid));
	}
}

static void
check_alive(struct master *master, struct worker *worker, int64_t now)
{
	struct msg_ping ping = { ++master->pings };

	if (worker->state == WORKER_STARTING && now - worker->started_ms > WORKER_START_MS) {
		log_as("rqlited", "worker %s %u did not get ready, killing it",
		    role_name(worker->role), worker->number);
		worker->started_ms = now;
		master_kill(worker);
		return;
	}
	if (worker->state != WORKER_READY)
		return;
	if (is_silent(worker, now)) {
		log_as("rqlited", "worker %s %u is stuck or silent, killing it",
		    role_name(worker->role), worker->number);
		worker->pong_ms = worker->beats_ms = now;
		worker->stuck = is_busy(worker);
		master_kill(worker);
		return;
	}
	if (chan_queued(&worker->chan) < FRAME_SMALL_MAX)
		msg_ping_send(&worker->chan, &ping, -1);
}

static void
check_all(struct master *master)
{
	int64_t now = master_now_ms();
	size_t i;

	if (now - master->tick_ms < 1000)
		return;
	master->tick_ms = now;
	for (i = 0; i < master->nworkers; i++)
		check_alive(master, &master->workers[i], now);
	if (!master->stopping)
		reload_tick(master);
}

/* ---- stopping ---- */

static const enum role stop_order[] = { ROLE_HTTP, ROLE_READ, ROLE_RAFT, ROLE_SQL, ROLE_AUTH,
	ROLE_KEY };

/* Tells the next roles in order to stop, once those before them are gone. True: all are gone. */
static bool
stop_next(struct master *master)
{
	size_t step, i;

	for (step = 0; step < sizeof(stop_order) / sizeof(stop_order[0]); step++) {
		bool waiting = false;

		for (i = 0; i < master->nworkers; i++) {
			struct worker *worker = &master->workers[i];
			struct msg_stop stop = { STOP_HTTP_MS };

			if (worker->role != stop_order[step] || worker->state == WORKER_DEAD)
				continue;
			waiting = true;
			if (worker->state != WORKER_STOPPING) {
				msg_stop_send(&worker->chan, &stop, -1);
				worker->state = WORKER_STOPPING;
			}
		}
		if (waiting)
			return (false);
	}
	return (true);
}

static void
begin_stop(struct master *master, int sig)
{
	log_as("rqlited", "received signal \"%s\"", sig == SIGINT ? "interrupt" : "terminated");
	if (master->stopping)
		return;
	master->stopping = true;
	master->stop_deadline_ms = master_now_ms() + STOP_MS;
	close(master->listener);
	master->listener = -1;
}

/* ---- the loop ---- */

/* Once: where clients find the node, now that they are served. */
static void
announce(struct master *master)
{
	const struct flags *flags = master->flags;
	const char *host = flags->http_adv_addr, *colon = strrchr(host, ':');
	int bracket = host[0] == '[' ? 1 : 0;
	struct board_state state;

	if (master->announced || !board_read(master->look, &state) || state.ready == 0)
		return;
	master->announced = true;
	relay_copy(master);
	log_as("rqlited", "node HTTP API available at %s://%s",
	    flags->http_cert[0] != '\0' ? "https" : "http", flags->http_adv_addr);
	log_as("rqlited", "connect using the command-line tool via 'rqlite -H %.*s -p %s'",
	    (int)(colon - host) - 2 * bracket, host + bracket, colon + 1);
}

static void
poll_once(struct master *master, const sigset_t *waiting)
{
	struct pollfd fds[WORKERS_MAX + 1];
	struct worker *of[WORKERS_MAX + 1];
	struct timespec timeout = { 0, TICK_MS * 1000000L };
	size_t i, n = 0;

	fds[n] = relay_wait(master);
	of[n++] = NULL;
	for (i = 0; i < master->nworkers; i++) {
		struct worker *worker = &master->workers[i];

		if (worker->state == WORKER_DEAD || worker->chan.paused)
			continue;
		fds[n] = (struct pollfd){ worker->chan.fd, POLLIN, 0 };
		if (chan_queued(&worker->chan) > 0 && chan_flush(&worker->chan) == CHAN_AGAIN)
			fds[n].events |= POLLOUT;
		of[n++] = worker;
	}
	if (ppoll(fds, (nfds_t)n, &timeout, waiting) <= 0)
		return;
	for (i = 0; i < n; i++) {
		if (fds[i].revents == 0)
			continue;
		if (of[i] == NULL)
			relay_copy(master);
		else if (of[i]->state != WORKER_DEAD && of[i]->chan.fd == fds[i].fd)
			read_worker(master, of[i]);
	}
}

static void
act_on_signals(struct master *master)
{
	int sig = got_stop;

	if (sig != 0) {
		got_stop = 0;
		begin_stop(master, sig);
	}
	if (got_reload) {
		got_reload = 0;
		master->reload_asked = true;
		if (!master->stopping)
			reload_tick(master);
	}
	if (got_child) {
		got_child = 0;
		reap_children(master);
	}
}

int
supervise(struct master *master)
{
	sigset_t waiting;

	catch_signals(&waiting);
	start_workers(master);
	for (;;) {
		poll_once(master, &waiting);
		act_on_signals(master);
		check_all(master);
		if (!master->stopping) {
			announce(master);
			continue;
		}
		if (stop_next(master))
			break;
		if (master_now_ms() > master->stop_deadline_ms) {
			log_as("rqlited", "workers did not stop in time, killing them");
			reap_all(master);
			break;
		}
	}
	relay_copy(master);
	log_as("rqlited", "rqlite server stopped");
	return (0);
}
