/*
 * Wiring: the slice of the configuration each role gets, as named settings and
 * open descriptors, and one socketpair for each pair of roles that have a
 * message for each other (proto/ipc_list.h).
 */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/rqlited/master.h"
#include "common/log.h"
#include "proc/frame/frame.h"

static void
tell(struct worker *worker, const char *name, const char *value)
{
	struct msg_conf conf = { ipc_text(name), ipc_text(value) };

	msg_conf_send(&worker->chan, &conf, -1);
}

static void
tell_number(struct worker *worker, const char *name, int64_t value)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRId64, value);
	tell(worker, name, text);
}

static void
tell_bool(struct worker *worker, const char *name, bool value)
{
	tell(worker, name, value ? "true" : "false");
}

static int
duplicate(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, PROC_FD_LOWEST);

	if (copy == -1)
		fatal("dup");
	return (copy);
}

/* A description of its own that can only be read, of a file that may have no name. */
static int
reopen_readonly(int fd)
{
	char path[64];
	int copy;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	copy = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (copy == -1)
		fatal("open %s", path);
	return (copy);
}

static void
hand(struct worker *worker, enum ipc_file kind, enum role of, unsigned number, int fd)
{
	struct msg_conf_file file = { (uint8_t)kind, (uint8_t)of, (uint8_t)number };

	msg_conf_file_send(&worker->chan, &file, fd);
}

static void
tell_place(const struct master *master, struct worker *worker)
{
	const char *directory = data_directory(master, worker->role);

	tell(worker, "sandbox", master->flags->sandbox);
	if (directory != NULL)
		tell(worker, "directory", directory);
	tell_number(worker, "master", getpid());
	if (master->root) {
		tell_number(worker, "uid", data_uid(worker->role));
		tell_number(worker, "gid", data_gid(worker->role));
	}
}

/* http has no SQLite to ask. */
static void
tell_sqlite_options(struct worker *worker)
{
	char list[IPC_TEXT_MAX] = "";
	const char *option;
	size_t len = 0;
	int i;

	for (i = 0; (option = sqlite3_compileoption_get(i)) != NULL &&
	     len + strlen(option) + 2 < sizeof(list); i++)
		len += (size_t)snprintf(
		    list + len, sizeof(list) - len, "%s%s", i > 0 ? " " : "", option);
	tell(worker, "sqlite-options", list);
}

/* Another worker's page, to look at. */
static void
hand_counters(struct worker *worker, const struct worker *other)
{
	hand(worker, FILE_COUNTERS, other->role, other->number, reopen_readonly(other->counters));
}

static void
wire_http(struct master *master, struct worker *worker)
{
	const struct flags *flags = master->flags;
	size_t i;

	tell(worker, "http-addr", flags->http_addr);
	tell(worker, "http-adv-addr", flags->http_adv_addr);
	tell(worker, "raft-adv-addr", flags->raft_adv_addr);
	tell(worker, "node-id", flags->node_id);
	tell(worker, "data-dir", flags->data_dir);
	tell(worker, "http-allow-origin", flags->http_allow_origin);
	tell(worker, "raft-log-level", flags->raft_log_level);
	tell_sqlite_options(worker);
	tell(worker, "http-cert", flags->http_cert);
	tell(worker, "http-key", flags->http_key);
	tell(worker, "http-ca-cert", flags->http_ca_cert);
	tell_bool(worker, "http-verify-client", flags->http_verify_client);
	tell(worker, "http-verify-common-name", flags->http_verify_common_name);
	tell_bool(worker, "http2", flags->http2);
	tell_bool(worker, "auth", flags->auth[0] != '\0');
	tell_bool(worker, "fk", flags->fk);
	tell_bool(worker, "access-log", flags->access_log);
	tell_number(worker, "http-body-max", (int64_t)flags->http_body_max);
	tell_number(worker, "max-connections", flags->max_connections);
	tell_number(worker, "slow-query-time", flags->slow_query_time);
	tell_number(worker, "raft-snap", (int64_t)flags->raft_snap);
	tell_number(worker, "raft-snap-int", flags->raft_snap_int);
	tell_number(worker, "raft-heartbeat-timeout", flags->raft_heartbeat_timeout);
	tell_number(worker, "raft-election-timeout", flags->raft_election_timeout);
	tell_number(worker, "raft-leader-lease-timeout", flags->raft_leader_lease_timeout);
	tell_number(worker, "raft-commit-timeout", flags->raft_commit_timeout);
	listen_again(master->listener);
	hand(worker, FILE_LISTENER, ROLE_HTTP, 0, duplicate(master->listener));
	hand(worker, FILE_BOARD, ROLE_RAFT, 0, reopen_readonly(master->board));
	for (i = 0; i < master->nworkers; i++)
		if (&master->workers[i] != worker)
			hand_counters(worker, &master->workers[i]);
}

static void
wire_raft(struct master *master, struct worker *worker)
{
	const struct flags *flags = master->flags;

	tell(worker, "node-id", flags->node_id);
	tell(worker, "raft-adv-addr", flags->raft_adv_addr);
	tell_bool(worker, "bootstrap", flags->join[0] == '\0');
	tell_bool(worker, "auth", flags->auth[0] != '\0');
	tell_number(worker, "raft-heartbeat-timeout", flags->raft_heartbeat_timeout);
	tell_number(worker, "raft-leader-lease-timeout", flags->raft_leader_lease_timeout);
	tell_number(worker, "raft-snap", (int64_t)flags->raft_snap);
	tell_number(worker, "vm-steps-max", (int64_t)flags->vm_steps_max);
	tell_number(worker, "disk-scale", (int64_t)flags->disk_scale);
	tell(worker, "log-level", flags->raft_log_level);
	listen_again(master->raft_listener);
	hand(worker, FILE_RAFT_LISTENER, ROLE_RAFT, 0, duplicate(master->raft_listener));
	hand(worker, FILE_BOARD, ROLE_RAFT, 0, duplicate(master->board));
	hand(worker, FILE_LOCK, ROLE_RAFT, 0, duplicate(master->lock));
}

static void
wire_sql(struct master *master, struct worker *worker)
{
	const struct flags *flags = master->flags;
	bool seldom = flags->raft_snap_int == 0;
	size_t i;

	tell_bool(worker, "fk", flags->fk);
	tell_number(worker, "sql-value-max", (int64_t)flags->sql_value_max);
	if (worker->role == ROLE_READ) {
		tell_bool(worker, "auth", flags->auth[0] != '\0');
		tell_number(worker, "db-max-ro-conns", flags->db_max_ro_conns);
		for (i = 0; i < master->nworkers; i++)
			if (master->workers[i].role == ROLE_SQL)
				hand_counters(worker, &master->workers[i]);
		return;
	}
	tell_number(worker, "raft-snap", (int64_t)flags->raft_snap);
	/* As rqlite: without an interval entries are counted at times, and the WAL is not looked at. */
	tell_number(
	    worker, "raft-snap-wal-size", seldom ? 0 : (int64_t)flags->raft_snap_wal_size);
	tell_number(worker, "raft-snap-int", seldom ? FLAGS_S(120) : flags->raft_snap_int);
	tell_number(worker, "disk-scale", (int64_t)flags->disk_scale);
	hand(worker, FILE_LOCK, ROLE_SQL, 0, duplicate(master->lock));
}

/*
 * The files a role is to read: those in force, or those of a reload under way.  A
 * missing one is the role's to complain of.
 */
void
wire_files(struct master *master, struct worker *worker, bool next)
{
	size_t i;

	for (i = 0; i < WATCHED_MAX; i++) {
		const struct watched *watched = &master->watched[i];
		int file = next ? watched->next : watched->held;

		if (file != -1 && watched->to == worker->role)
			hand(worker, watched->kind, worker->role, worker->number,
			    reopen_readonly(file));
	}
}

/* One socketpair with each living peer it has a message for. */
static void
wire_peers(struct master *master, struct worker *worker)
{
	size_t i;

	for (i = 0; i < master->nworkers; i++) {
		struct worker *other = &master->workers[i];
		struct msg_peer here = { (uint8_t)other->role, (uint8_t)other->number,
			other->incarnation };
		struct msg_peer there = { (uint8_t)worker->role, (uint8_t)worker->number,
			worker->incarnation };
		int pair[2];

		if (other == worker || other->state == WORKER_DEAD ||
		    !ipc_has_edge(worker->role, other->role))
			continue;
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
			fatal("socketpair");
		msg_peer_send(&worker->chan, &here, pair[0]);
		msg_peer_send(&other->chan, &there, pair[1]);
		/* It must be there before the new worker can do anything: proc_hear(). */
		(void)chan_flush(&other->chan);
	}
}

/* Each verifier of tickets gets its own key, auth both; http none of them. */
static void
wire_keys(struct master *master, struct worker *worker)
{
	if (worker->role == ROLE_AUTH || worker->role == ROLE_RAFT)
		hand(
		    worker, FILE_TICKET_KEY, ROLE_RAFT, 0, reopen_readonly(master->ticket_keys[0]));
	if (worker->role == ROLE_AUTH || worker->role == ROLE_READ)
		hand(
		    worker, FILE_TICKET_KEY, ROLE_READ, 0, reopen_readonly(master->ticket_keys[1]));
	if (worker->role == ROLE_HTTP && master->flags->http_cert[0] != '\0')
		hand(worker, FILE_SESSION_KEY, ROLE_HTTP, 0, reopen_readonly(master->session_key));
}

void
wire_worker(struct master *master, struct worker *worker)
{
	struct msg_gathered gathered = { master->generation };

	tell_place(master, worker);
	switch (worker->role) {
	case ROLE_HTTP:
		wire_http(master, worker);
		break;
	case ROLE_RAFT:
		wire_raft(master, worker);
		break;
	case ROLE_SQL:
	case ROLE_READ:
		wire_sql(master, worker);
		break;
	case ROLE_AUTH:
		tell(worker, "auth", master->flags->auth);
		tell(worker, "join-as", master->flags->join_as);
		break;
	case ROLE_KEY:
		tell(worker, "http-key", master->flags->http_key);
		break;
	case ROLE_MASTER:
	case ROLE__COUNT:
		fatalx("no such worker");
	}
	hand(worker, FILE_COUNTERS, worker->role, worker->number, duplicate(worker->counters));
	wire_keys(master, worker);
	wire_files(master, worker, false);
	wire_peers(master, worker);
	msg_gathered_send(&worker->chan, &gathered, -1);
}
