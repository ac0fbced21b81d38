/*
 * The writer: the only process that can change the database, and only by
 * applying committed entries in order.  Entries carry SQL of clients, which is
 * hostile; the authorizer and limits of proc/sql confine it.
 *
 * A turn: everything raft sent is applied in batches, each one transaction; then
 * results go to http, and now and then a record to the ledger and word to raft.
 */
#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/counters.h"
#include "common/log.h"
#include "common/pulse.h"
#include "common/sandbox.h"
#include "proc/frame/loop.h"
#include "proc/sql/apply.h"
#include "proc/sql/connection.h"
#include "proc/sql/memory.h"
#include "proc/sql/sqlvfs.h"
#include "proc/sql/store.h"
#include "proto/command.h"
#include "proto/entry.h"

#define ENTRIES_MAX 8192 /* waiting to be applied; raft's channel bounds their bytes */
#define UNTOLD_MAX \
	64 /* entries, or as many times UNTOLD_BYTES, that ledger and raft may not know of */
#define UNTOLD_BYTES (16 * KIB)
#define TELL_MS 5 /* how long they may not know */
#define RETRY_MS_MIN 100
#define RETRY_MS_MAX 2000

static const struct sandbox sql_sandbox = {
	.role = "sql",
	.promises = "stdio rpath wpath cpath flock",
	.sets = SANDBOX_STDIO | SANDBOX_FILES,
	.paths = { { ".", "rwc" } },
	.open_max = 64,
	.writes_files = true,
};

struct origin {
	unsigned worker; /* of http, number + 1; 0: nobody waits */
	uint32_t incarnation;
	uint64_t request;
};

struct sql {
	struct proc proc;
	bool fk;
	int64_t value_max;
	int64_t snap;
	int64_t snap_wal_size;
	int64_t snap_int_ns;
	int64_t disk_scale;
	struct counters *counters;
	struct pulse *pulse;
	struct file_dir *dir;
	struct store *store;
	struct apply *apply;
	struct apply_entry entries[ENTRIES_MAX];
	struct origin origins[ENTRIES_MAX];
	size_t head, count; /* a queue: the first `head` are applied */
	struct buf data; /* their commands */
	size_t offsets[ENTRIES_MAX];
	bool stranger; /* one of them came from an http worker that is not known */
	bool opened;
	bool stalled;
	bool refusing; /* writes, since readers do not let go of a huge WAL */
	uint64_t told; /* raft knows that this is applied */
	uint64_t asked; /* and wants to know at once when this is */
	size_t untold; /* what lies between, see UNTOLD_MAX */
	bool telling; /* the timer is set */
	struct event *tell;
	unsigned retry_ms;
	struct event *retry;
	uint64_t base_told;
	int64_t checkpoint_ns; /* when the last one was tried, or the store opened */
	uint64_t command, command_term; /* index and term of the last command applied */
	int64_t command_ns; /* CLOCK_REALTIME of then; 0: none since the start */
	uint64_t bytes_since_base; /* of entries applied: what the log holds for us */
};

static const struct proc_setting settings[] = {
	{ "fk", SETTING_BOOL, offsetof(struct sql, fk) },
	{ "sql-value-max", SETTING_I64, offsetof(struct sql, value_max) },
	{ "raft-snap", SETTING_I64, offsetof(struct sql, snap) },
	{ "raft-snap-wal-size", SETTING_I64, offsetof(struct sql, snap_wal_size) },
	{ "raft-snap-int", SETTING_I64, offsetof(struct sql, snap_int_ns) },
	{ "disk-scale", SETTING_I64, offsetof(struct sql, disk_scale) },
};

static void
on_file(void *state, enum ipc_file kind, enum role role, unsigned number, int fd)
{
	struct sql *sql = state;

	if (kind == FILE_LOCK)
		return; /* held while we live */
	if (kind != FILE_COUNTERS)
		fatalx("unexpected descriptor");
	sql->counters = counters_map(fd, true);
	sql->pulse = pulse_of(sql->counters);
	close(fd);
}

static struct chan *
raft_of(struct sql *sql)
{
	return (proc_peer(&sql->proc, ROLE_RAFT, 0));
}

/* ---- recovery ---- */

static void
on_peer_new(void *state, struct chan *chan)
{
	struct sql *sql = state;
	struct store_config config = { .snap_entries = (uint64_t)sql->snap,
		.snap_wal = (uint64_t)sql->snap_wal_size,
		.scale = (uint64_t)sql->disk_scale };
	struct store_position at;
	struct msg_picked picked;
	struct error error;

	if (chan->role != ROLE_RAFT || sql->store != NULL)
		return;
	sql->dir = file_dir_open(sql->proc.place.directory);
	if (sql->dir == NULL)
		proc_fail(&sql->proc, "failed to open store: %s", strerror(errno));
	config.path = sql->proc.place.directory;
	config.dir = sql->dir;
	sql->store = store_pick(&config, &error);
	if (sql->store == NULL)
		proc_fail(&sql->proc, "failed to open store: %s", error.text);
	store_get_position(sql->store, &at);
	picked = (struct msg_picked){ at.index, at.term, at.chain, store_is_installed(sql->store),
		store_base_index(sql->store) };
	msg_picked_send(chan, &picked, -1);
}

static void on_result(
    void *arg, const struct apply_entry *entry, const struct buf *results, const char *error);

/* raft's log agrees with what was picked: now the WAL may be cut there. */
static void
on_log_ok(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct sql *sql = state;
	struct apply_config config = { sql->fk, on_result, sql };
	struct msg_opened opened;
	struct error error;
	int64_t begun;

	if (sql->opened)
		fatalx("raft: log judged twice");
	connection_set_value_max(sql->value_max);
	begun = clock_monotonic_ns();
	if (store_open(sql->store, &error) == -1)
		proc_fail(&sql->proc, "failed to open store: %s", error.text);
	sql->apply = apply_new(sql->store, &config, &error);
	if (sql->apply == NULL)
		proc_fail(&sql->proc, "failed to open store: %s", error.text);
	sql->opened = true;
	sql->checkpoint_ns = clock_monotonic_ns();
	counter_set(
	    sql->counters, COUNTER_DB_OPEN_MS, (uint64_t)(sql->checkpoint_ns - begun) / 1000000);
	opened = (struct msg_opened){ apply_index(sql->apply), apply_chain(sql->apply) };
	sql->told = opened.index;
	msg_opened_send(chan, &opened, -1);
	msg_opened_send(sql->proc.control, &opened, -1);
}

/* ---- applying ---- */

/* The http worker that an entry came from, if that one is connected. */
static struct chan *
asker_of(struct sql *sql, const struct origin *origin)
{
	struct chan *chan = proc_peer(&sql->proc, ROLE_HTTP, origin->worker - 1U);

	return (chan != NULL && chan->incarnation == origin->incarnation ? chan : NULL);
}

static void
on_apply(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct sql *sql = state;
	const struct msg_apply *apply = &msg->apply;
	struct apply_entry *entry;
	struct entry_head head = { 0 };

	if (!sql->opened || sql->head + sql->count >= ENTRIES_MAX)
		fatalx("raft: more entries than there is room for");
	entry = &sql->entries[sql->head + sql->count];
	memset(entry, 0, sizeof(*entry));
	entry->index = apply->index;
	entry->term = apply->term;
	entry->type = APPLY_NOOP;
	if (apply->type == ENTRY_COMMAND) {
		if (!entry_decode(apply->entry.data, apply->entry.len, &head))
			proc_fail(&sql->proc, "log entry %" PRIu64 " is of another version",
			    apply->index);
		entry->type = APPLY_COMMAND;
		entry->time_ns = head.time_ns;
		entry->seed = head.seed;
		entry->vm_steps = head.vm_steps;
		entry->len = apply->entry.len - ENTRY_HEAD_SIZE;
		sql->offsets[sql->head + sql->count] = sql->data.len;
		buf_add(&sql->data, apply->entry.data + ENTRY_HEAD_SIZE, entry->len);
		sql->bytes_since_base += apply->entry.len;
	}
	sql->origins[sql->head + sql->count] =
	    (struct origin){ apply->worker, apply->incarnation, apply->request };
	if (apply->worker != 0 && asker_of(sql, &sql->origins[sql->head + sql->count]) == NULL)
		sql->stranger = true;
	sql->count++;
	if (sql->head + sql->count == ENTRIES_MAX)
		proc_pause(&sql->proc, chan);
}

/* A result in frames; to whom asked, if it is still the same http. */
static void
on_result(void *arg, const struct apply_entry *entry, const struct buf *results, const char *error)
{
	struct sql *sql = arg;
	const struct origin *origin = entry->origin;
	struct chan *chan = asker_of(sql, origin);
	const uint8_t *data = buf_bytes(results);
	size_t left = buf_size(results);

	if (chan == NULL)
		return;
	do {
		struct msg_result result = { .request = origin->request, .index = entry->index };
		size_t n = left < RESULT_PART_MAX ? left : RESULT_PART_MAX;

		result.status = error != NULL ? RESULT_ERROR
				: n == left   ? RESULT_DONE
					      : RESULT_PART;
		result.error = ipc_text(error);
		if (error == NULL)
			result.body = (struct ipc_bytes){ data, n };
		msg_result_send(chan, &result, -1);
		data += n;
		left -= error != NULL ? left : n;
	} while (left > 0);
	proc_relieve(&sql->proc, chan);
}

static void
tell_applied(struct sql *sql)
{
	struct msg_applied applied = { apply_index(sql->apply), apply_chain(sql->apply) };

	if (raft_of(sql) == NULL || applied.index == sql->told)
		return;
	msg_applied_send(raft_of(sql), &applied, -1);
	sql->told = applied.index;
	sql->untold = 0;
}

/* A record and a message for each write alone would be a tenth of all that it costs. */
static void
tell_in_time(struct sql *sql)
{
	static const struct timeval wait = { 0, TELL_MS * 1000 };

	if (sql->untold >= UNTOLD_MAX ||
	    (sql->asked > sql->told && apply_index(sql->apply) >= sql->asked)) {
		store_record(sql->store);
		tell_applied(sql);
	} else if (!sql->telling) {
		event_add(sql->tell, &wait);
		sql->telling = true;
	}
}

static void
on_tell(evutil_socket_t fd, short what, void *arg)
{
	struct sql *sql = arg;

	sql->telling = false;
	store_record(sql->store);
	tell_applied(sql);
}

static void
on_applied_ask(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct sql *sql = state;

	sql->asked = msg->applied_ask.index;
	if (sql->opened && sql->asked > sql->told && apply_index(sql->apply) >= sql->asked)
		tell_applied(sql);
}

static void
tell_stalled(struct sql *sql, bool stalled, int code)
{
	struct msg_stalled msg = { stalled, { NULL, 0 } };
	char cause[256];

	(void)snprintf(cause, sizeof(cause), "%s (applying waits at index %" PRIu64 ")",
	    sqlite3_errstr(code), apply_index(sql->apply) + 1);
	msg.cause = ipc_text(stalled ? cause : "");
	sql->stalled = stalled;
	sql->refusing = false; /* if it must go on, raft is told again */
	tell_applied(sql);
	if (raft_of(sql) != NULL)
		msg_stalled_send(raft_of(sql), &msg, -1);
}

/* The machine failed, no entry did: applying waits and is tried again. */
static void
stall(struct sql *sql, int code)
{
	struct timeval tv;

	if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB)
		proc_fail(&sql->proc,
		    "db/db.sqlite is damaged (%s): restore this node from a backup; if other nodes "
		    "have the "
		    "data, remove its data directory and let it join again",
		    sqlite3_errstr(code));
	if (code == SQLITE_IOERR_FSYNC)
		proc_fail(&sql->proc, "db: sync failed");
	if (!sql->stalled) {
		log_warnx("applying stands still at index %" PRIu64 ": %s",
		    apply_index(sql->apply) + 1, sqlite3_errstr(code));
		counter_add(sql->counters, COUNTER_APPLY_STALLS, 1);
		tell_stalled(sql, true, code);
		sql->retry_ms = RETRY_MS_MIN;
	} else if (sql->retry_ms < RETRY_MS_MAX)
		sql->retry_ms *= 2;
	tv.tv_sec = sql->retry_ms / 1000;
	tv.tv_usec = (suseconds_t)(sql->retry_ms % 1000) * 1000;
	event_add(sql->retry, &tv);
}

/* Entries of one transaction: bounded in number and bytes. */
static size_t
batch_size(const struct sql *sql)
{
	size_t n = 0, bytes = 0;

	while (n < sql->count && n < APPLY_ENTRIES_MAX && bytes < APPLY_BYTES_MAX)
		bytes += sql->entries[sql->head + n++].len;
	return (n);
}

/* The statements that ran, by the kind of request they came in. */
static void
count_statements(struct sql *sql, const struct apply_entry *entry)
{
	struct command c;

	if (!command_open(&c, entry->command, entry->len))
		return;
	counter_add(sql->counters, COUNTER_NUM_COMMANDS, 1);
	if (c.kind == COMMAND_EXECUTE) {
		counter_add(sql->counters, COUNTER_DB_EXECUTIONS, c.statements);
		counter_add(sql->counters, COUNTER_DB_EXECUTE_TRANSACTIONS,
		    (c.flags & COMMAND_TRANSACTION) != 0);
	} else if (c.kind == COMMAND_REQUEST) {
		counter_add(sql->counters, COUNTER_DB_REQUESTS, c.statements);
		counter_add(sql->counters, COUNTER_DB_REQUEST_TRANSACTIONS,
		    (c.flags & COMMAND_TRANSACTION) != 0);
	}
}

static void
note_commands(struct sql *sql, size_t done)
{
	size_t i;

	for (i = sql->head; i < sql->head + done; i++) {
		sql->untold += 1 + sql->entries[i].len / UNTOLD_BYTES;
		if (sql->entries[i].type == APPLY_COMMAND) {
			sql->command = sql->entries[i].index;
			sql->command_term = sql->entries[i].term;
			sql->command_ns = clock_wall_ns();
			count_statements(sql, &sql->entries[i]);
		}
	}
}

static void
apply_all(struct sql *sql)
{
	size_t i;

	for (i = sql->head; i < sql->head + sql->count; i++) {
		sql->entries[i].command = sql->data.data + sql->offsets[i];
		sql->entries[i].origin = sql->origins[i].worker != 0 ? &sql->origins[i] : NULL;
	}
	while (sql->count > 0) {
		size_t n = batch_size(sql), done;
		int64_t begun = clock_monotonic_ns();
		int code = 0;

		pulse_beat(sql->pulse);
		done = apply_batch(sql->apply, &sql->entries[sql->head], n, &code);
		counter_set(sql->counters, COUNTER_FSM_APPLY_US,
		    (uint64_t)(clock_monotonic_ns() - begun) / 1000);
		note_commands(sql, done);
		sql->head += done;
		sql->count -= done;
		counter_add(sql->counters, COUNTER_APPLY_BATCHES, 1);
		counter_add(sql->counters, COUNTER_APPLY_ENTRIES, done);
		if (done > 0)
			tell_in_time(sql);
		if (done < n) {
			stall(sql, code);
			return;
		}
		if (sql->stalled)
			tell_stalled(sql, false, 0);
		/* Answers do not wait for the batches behind them. */
		if (sql->count > 0)
			proc_flush(&sql->proc);
	}
	sql->head = 0;
	buf_reset(&sql->data, 4 * MIB);
	if (raft_of(sql) != NULL)
		proc_resume(&sql->proc, raft_of(sql));
}

/* ---- checkpoints ---- */

static bool
is_due(const struct sql *sql)
{
	struct store_demand demand = { .idle = sql->count == 0,
		.tick = clock_monotonic_ns() - sql->checkpoint_ns >= sql->snap_int_ns,
		.log_bytes = sql->bytes_since_base };

	return (store_wants_checkpoint(sql->store, &demand));
}

static void
checkpoint(struct sql *sql)
{
	struct msg_base base;
	uint64_t took;
	int rc;

	sql->checkpoint_ns = clock_monotonic_ns();
	rc = apply_checkpoint(sql->apply);
	took = (uint64_t)(clock_monotonic_ns() - sql->checkpoint_ns) / 1000000;
	counter_set(sql->counters, COUNTER_DB_CHECKPOINT_MS, took);
	counter_add(sql->counters,
	    rc == SQLITE_OK ? COUNTER_DB_CHECKPOINTS : COUNTER_DB_CHECKPOINT_ERRORS, 1);
	if (rc != SQLITE_OK) {
		counter_add(sql->counters, COUNTER_NUM_SNAPSHOTS_FAILED, 1);
		log_warnx("checkpoint: %s", sqlite3_errstr(rc));
	}
	if (store_base_index(sql->store) == sql->base_told)
		return;
	/* All before the base is in the database file now: a snapshot of it. */
	counter_add(sql->counters, COUNTER_NUM_SNAPSHOTS, 1);
	counter_set(sql->counters, COUNTER_SNAPSHOT_CREATE_MS, took);
	if (raft_of(sql) == NULL)
		return;
	sql->base_told = store_base_index(sql->store);
	sql->bytes_since_base = 0;
	tell_applied(sql);
	base = (struct msg_base){ sql->base_told, store_base_term(sql->store) };
	msg_base_send(raft_of(sql), &base, -1);
}

/* A WAL that readers keep from starting anew must not fill the disk. */
static void
watch_wal(struct sql *sql)
{
	bool refuse = store_get_pressure(sql->store) == STORE_REFUSE;
	struct msg_stalled msg = { refuse, ipc_text(refuse ? "readers hold a large WAL" : "") };

	if (refuse == sql->refusing || sql->stalled || raft_of(sql) == NULL)
		return;
	sql->refusing = refuse;
	log_warnx("db: writes are %s: the WAL has %" PRIu64 " bytes",
	    refuse ? "refused" : "taken again", store_wal_bytes(sql->store));
	msg_stalled_send(raft_of(sql), &msg, -1);
}

static void
turn(void *state)
{
	struct sql *sql = state;

	pulse_beat(sql->pulse);
	if (sql->stranger) {
		sql->stranger = false;
		proc_hear(&sql->proc);
	}
	if (!sql->opened)
		return;
	if (sql->count > 0 && !sql->stalled)
		apply_all(sql);
	/* Answers leave before a checkpoint takes its time. */
	if (!sql->stalled && is_due(sql)) {
		proc_flush(&sql->proc);
		checkpoint(sql);
	}
	watch_wal(sql);
	/* read looks here whether it has to end what keeps the WAL from starting anew. */
	counter_set(sql->counters, COUNTER_WAL_PRESSURE, store_get_pressure(sql->store));
	counter_set(sql->counters, COUNTER_WAL_BYTES, store_wal_bytes(sql->store));
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct sql *sql = arg;

	/* Space is what lacks most often: a checkpoint may free some, then the ballast. */
	(void)apply_checkpoint(sql->apply);
	store_give_reserve(sql->store);
	apply_all(sql);
	if (!sql->stalled)
		store_keep_reserve(sql->store);
}

static void
on_status_ask(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct sql *sql = state;
	struct msg_status status = { msg->status_ask.request, { NULL, 0 } };
	uint64_t size = sql->opened ? store_database_bytes(sql->store) : 0;
	struct buf out = BUF_INIT;

	/* Of each commit it would cost a read of the WAL; /metrics asks as /status does. */
	counter_set(sql->counters, COUNTER_DATABASE_BYTES, size);
	buf_printf(&out,
	    "{\"index\":%" PRIu64 ",\"base\":%" PRIu64 ",\"base_term\":%" PRIu64
	    ",\"wal_size\":%" PRIu64 ",\"page_size\":%" PRIu32 ",\"db_size\":%" PRIu64
	    ",\"command\":%" PRIu64 ",\"command_term\":%" PRIu64 ",\"command_ns\":%" PRId64
	    ",\"stalled\":%s}",
	    sql->opened ? apply_index(sql->apply) : 0,
	    sql->store != NULL ? store_base_index(sql->store) : 0,
	    sql->store != NULL ? store_base_term(sql->store) : 0,
	    sql->opened ? store_wal_bytes(sql->store) : 0,
	    sql->opened ? store_page_size(sql->store) : 0, size, sql->command, sql->command_term,
	    sql->command_ns, sql->stalled ? "true" : "false");
	status.json = (struct ipc_bytes){ buf_bytes(&out), buf_size(&out) };
	msg_status_send(chan, &status, -1);
	buf_fini(&out);
}

static void
stop(void *state, unsigned deadline_ms)
{
	struct sql *sql = state;

	if (sql->opened) {
		if (!sql->stalled) {
			apply_all(sql);
			checkpoint(sql);
			tell_applied(sql);
		}
		apply_free(sql->apply);
		store_close(sql->store);
	}
	proc_stopped(&sql->proc);
	exit(0);
}

static const struct proc_handler handlers[] = {
	{ MSG_APPLY, on_apply },
	{ MSG_APPLIED_ASK, on_applied_ask },
	{ MSG_LOG_OK, on_log_ok },
	{ MSG_STATUS_ASK, on_status_ask },
};

int
main(void)
{
	static struct sql sql;
	static const struct proc_gather gather = { settings, sizeof(settings) / sizeof(settings[0]),
		on_file };
	static const struct proc_ops ops = { .turn = turn, .stop = stop, .peer_new = on_peer_new };

	proc_hello(&sql.proc, ROLE_SQL);
	log_keep_zone();
	proc_gather(&sql.proc, &gather, &sql);
	/* The limit is set for each statement (exec.c). */
	if (memory_install(0) != SQLITE_OK)
		fatalx("sqlite: can't replace the allocator");
	sqlvfs_init();
	proc_loop_make(&sql.proc);
	sql.retry = event_new(sql.proc.loop, -1, 0, on_retry, &sql);
	sql.tell = event_new(sql.proc.loop, -1, 0, on_tell, &sql);
	if (sql.retry == NULL || sql.tell == NULL)
		fatalx("event_new");
	proc_confine(&sql.proc, &sql_sandbox);
	return (proc_run(&sql.proc, &ops, handlers, sizeof(handlers) / sizeof(handlers[0])));
}
