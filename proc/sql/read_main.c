/*
 * The reader: runs read-only queries for http.  Its input is hostile; it has no
 * right to write the database, and checks each client's ticket itself.
 *
 * All short queries of a loop turn share one read transaction.  A long result
 * becomes a stream: it keeps a connection to itself and is stepped in turn with
 * the others, as far as http has given credit.
 */
#include <sys/random.h>

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
#include "proc/sql/connection.h"
#include "proc/sql/query.h"
#include "proc/sql/sqlpage.h"
#include "proto/command.h"
#include "proto/perm.h"
#include "proto/ticket.h"

#define CONNECTIONS 16
#define WAITING_MAX 8192
#define COMMAND_KEEP 1024 /* bytes of memory for the next command in the same place */
#define MEMORY_MAX (512 * MIB)
#define STALL_NS (1LL * 1000000000) /* who takes nothing for so long makes room for others */
#define STREAM_LIFE_NS (10LL * 60 * 1000000000) /* an open snapshot keeps the WAL from restarting */
#define OPEN_TRIES 100

static const struct sandbox read_sandbox = {
	.role = "read",
	.promises = "stdio rpath flock",
	.sets = SANDBOX_STDIO | SANDBOX_FILES_READ,
	.paths = { { ".", "r" } },
	.open_max = 256,
};

/* A request that waits for the turn, or whose result is being sent. */
struct waiting {
	uint64_t request;
	unsigned worker; /* of http */
	uint32_t incarnation;
	uint8_t mode;
	struct query *query; /* NULL: not started */
	int64_t credit;
	int64_t stalled_ns; /* without credit since then */
	bool stream; /* keeps a connection to itself */
	int64_t deadline_ns; /* of its db_timeout, 0: none */
	bool cancelled;
	struct buf command;
};

struct reader {
	struct proc proc;
	bool auth;
	bool fk;
	int64_t value_max;
	int64_t connections;
	struct ticket_key key;
	struct counters *counters;
	const struct counters *writers; /* sql's */
	struct pulse *pulse;
	struct query_pool *pool;
	struct waiting
	    *waiting[WAITING_MAX]; /* the first `count` are in use; they stay where they are */
	size_t count;
	unsigned streams;
	struct buf out;
};

static const struct proc_setting settings[] = {
	{ "auth", SETTING_BOOL, offsetof(struct reader, auth) },
	{ "fk", SETTING_BOOL, offsetof(struct reader, fk) },
	{ "sql-value-max", SETTING_I64, offsetof(struct reader, value_max) },
	{ "db-max-ro-conns", SETTING_I64, offsetof(struct reader, connections) },
};

static void
on_file(void *state, enum ipc_file kind, enum role role, unsigned number, int fd)
{
	struct reader *reader = state;

	if (kind == FILE_COUNTERS && role == ROLE_SQL)
		reader->writers = counters_map(fd, false);
	else if (kind == FILE_COUNTERS) {
		reader->counters = counters_map(fd, true);
		reader->pulse = pulse_of(reader->counters);
		/* What the one before was killed in. */
		pulse_end(reader->pulse);
	} else if (kind == FILE_TICKET_KEY) {
		if (pread(fd, reader->key.bytes, sizeof(reader->key.bytes), 0) !=
		    sizeof(reader->key.bytes))
			fatalx("no ticket key");
	} else
		fatalx("unexpected descriptor");
	close(fd);
}

/* ---- answers ---- */

static struct chan *
http_of(struct reader *reader, const struct waiting *waiting)
{
	struct chan *chan = proc_peer(&reader->proc, ROLE_HTTP, waiting->worker);

	return (chan != NULL && chan->incarnation == waiting->incarnation ? chan : NULL);
}

static void
send_result(
    struct reader *reader, const struct waiting *waiting, enum ipc_result status, const char *error)
{
	struct chan *chan = http_of(reader, waiting);
	struct msg_result result = { .request = waiting->request, .status = (uint8_t)status };

	if (chan == NULL)
		return;
	result.error = ipc_text(error);
	msg_result_send(chan, &result, -1);
}

/* What is in the out-buffer, in frames; the last one has the final status. */
static void
send_body(struct reader *reader, struct waiting *waiting, bool last)
{
	struct chan *chan = http_of(reader, waiting);
	const uint8_t *data = buf_bytes(&reader->out);
	size_t left = buf_size(&reader->out);

	while (chan != NULL && (left > 0 || last)) {
		struct msg_result result = { .request = waiting->request };
		size_t n = left < RESULT_PART_MAX ? left : RESULT_PART_MAX;

		result.status = last && n == left ? RESULT_DONE : RESULT_PART;
		result.body.data = data;
		result.body.len = n;
		msg_result_send(chan, &result, -1);
		data += n;
		left -= n;
		if (left == 0)
			break;
	}
	waiting->credit -= (int64_t)buf_size(&reader->out);
	if (waiting->credit <= 0)
		waiting->stalled_ns = clock_monotonic_ns();
	buf_reset(&reader->out, MIB);
	if (chan != NULL)
		proc_relieve(&reader->proc, chan);
}

static void
end_query(struct reader *reader, struct waiting *waiting)
{
	if (waiting->query != NULL)
		query_free(waiting->query);
	waiting->query = NULL;
	if (waiting->stream)
		reader->streams--;
	waiting->stream = false;
}

static void
forget(struct reader *reader, size_t i)
{
	struct waiting *waiting = reader->waiting[i];

	end_query(reader, waiting);
	buf_reset(&waiting->command, COMMAND_KEEP);
	reader->waiting[i] = reader->waiting[--reader->count];
	reader->waiting[reader->count] = waiting;
}

/* ---- running ---- */

/* From within a long statement: whether its client is gone; and a sign of life. */
static bool
is_cancelled(void *arg, void *token)
{
	struct reader *reader = arg;
	struct waiting *waiting = token;
	struct chan *chan = http_of(reader, waiting);
	struct frame frame;
	size_t offset = 0;
	union msg msg;

	pulse_beat(reader->pulse);
	if (chan == NULL)
		return (true);
	if (buf_size(&chan->in) < MIB && chan_read(chan) == CHAN_CLOSED)
		return (true);
	while (chan_scan(chan, &offset, &frame) == CHAN_OK)
		if (frame.type == MSG_CANCEL &&
		    ipc_decode(&frame, ROLE_HTTP, ROLE_READ, &msg) == NULL &&
		    msg.cancel.request == waiting->request)
			return (true);
	return (false);
}

/* The WAL is large: nobody may keep an old state of the database for long. */
static bool
is_pressed(void *arg)
{
	const struct reader *reader = arg;

	return (reader->writers != NULL && counter_get(reader->writers, COUNTER_WAL_PRESSURE) != 0);
}

static bool
is_granted(struct reader *reader, const struct msg_query *query)
{
	uint32_t needed = query->mode == QUERY_REQUEST ? PERM_QUERY | PERM_EXECUTE : PERM_QUERY;
	struct ticket ticket;

	if (!reader->auth || query->mode == QUERY_CHECK)
		return (true);
	return (ticket_open(query->ticket.data, query->ticket.len, TICKET_READ, &reader->key,
		    &ticket) == 0 &&
		ticket_grants(
		    &ticket, reader->proc.generation, clock_monotonic_ns() / 1000000, needed));
}

/* One connection is left to short queries, where there are several. */
static unsigned
streams_max(const struct reader *reader)
{
	return (reader->connections > 1 ? (unsigned)reader->connections - 1 : 1);
}

/*
 * Takes the connection of the stream that has waited for its client longest, and
 * long enough.  Its entry goes in this turn or the next.
 */
static bool
cut_stalled(struct reader *reader)
{
	struct waiting *stalled = NULL;
	size_t i;

	for (i = 0; i < reader->count; i++) {
		struct waiting *at = reader->waiting[i];

		if (at->stream && at->credit <= 0 &&
		    (stalled == NULL || at->stalled_ns < stalled->stalled_ns))
			stalled = at;
	}
	if (stalled == NULL || clock_monotonic_ns() - stalled->stalled_ns < STALL_NS)
		return (false);
	send_result(reader, stalled, RESULT_ERROR, "the result was cut off");
	end_query(reader, stalled);
	stalled->cancelled = true;
	reader->proc.more = true;
	return (true);
}

/* A result that does not fit one part begins; true when there is no room for one more. */
static bool
send_first_part(struct reader *reader, struct waiting *waiting)
{
	if (reader->streams == streams_max(reader) && !cut_stalled(reader)) {
		buf_reset(&reader->out, MIB);
		send_result(reader, waiting, RESULT_BUSY, "too many open results");
		return (true);
	}
	waiting->stream = true;
	reader->streams++;
	send_body(reader, waiting, false);
	return (false);
}

/* Steps one request; true when it is over and its entry may go. */
static bool
step(struct reader *reader, struct waiting *waiting)
{
	enum query_state state;

	pulse_begin(reader->pulse, waiting->request, waiting->deadline_ns);
	state = query_step(waiting->query, &reader->out);
	pulse_end(reader->pulse);
	switch (state) {
	case QUERY_DONE:
		send_body(reader, waiting, true);
		return (true);
	case QUERY_PART:
		if (!waiting->stream)
			return (send_first_part(reader, waiting));
		send_body(reader, waiting, false);
		return (false);
	case QUERY_NEEDS_LOG:
		send_result(reader, waiting, RESULT_NEEDS_LOG, "");
		return (true);
	case QUERY_ENVELOPE:
		buf_reset(&reader->out, MIB);
		send_result(reader, waiting, RESULT_ERROR, query_error(waiting->query));
		return (true);
	case QUERY_BROKEN:
		buf_reset(&reader->out, MIB);
		send_result(reader, waiting, RESULT_ERROR, "the result was cut off");
		return (true);
	}
	return (true);
}

/* Starts what came this turn; true when it is over already. */
static bool
start(struct reader *reader, struct waiting *waiting)
{
	struct error error;

	if (reader->streams == (unsigned)reader->connections)
		(void)cut_stalled(reader);
	waiting->query = query_start(reader->pool, buf_bytes(&waiting->command),
	    buf_size(&waiting->command), waiting, &error);
	if (waiting->query == NULL) {
		send_result(reader, waiting, RESULT_BUSY, error.text);
		return (true);
	}
	buf_reset(&waiting->command, COMMAND_KEEP);
	return (step(reader, waiting));
}

/* A stream holds a snapshot whether its client takes the rest or not. */
static bool
has_to_end(const struct query *query)
{
	return (query_is_pressed(query) ||
		clock_monotonic_ns() - query_started_ns(query) >= STREAM_LIFE_NS);
}

static void
turn(void *state)
{
	struct reader *reader = state;
	bool open = false;
	size_t i;

	/* What is_cancelled() has read meanwhile. */
	for (i = 0; i < reader->proc.npeers; i++)
		proc_dispatch(&reader->proc, reader->proc.peers[i]);
	for (i = 0; i < reader->count;) {
		struct waiting *waiting = reader->waiting[i];
		bool over = waiting->cancelled || http_of(reader, waiting) == NULL;

		if (!over && waiting->query == NULL) {
			if (!open)
				query_turn_begin(reader->pool);
			open = true;
			over = start(reader, waiting);
		} else if (!over && has_to_end(waiting->query)) {
			send_result(reader, waiting, RESULT_ERROR, "the result was cut off");
			over = true;
		} else if (!over && waiting->credit > 0) {
			over = step(reader, waiting);
			reader->proc.more = reader->proc.more || (!over && waiting->credit > 0);
		}
		if (over)
			forget(reader, i);
		else
			i++;
	}
	if (open)
		query_turn_end(reader->pool);
}

/* ---- /db/sql ---- */

static uint64_t
any_number(void *arg)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		fatal("getrandom");
	return (number);
}

/* What rqlite would rewrite; the database is not asked. */
static void
analyze(struct reader *reader, struct waiting *waiting, const struct ipc_bytes *command)
{
	struct sqlpage_clock clock = { .random = any_number };

	clock.julian_day = sqlpage_julian_day(clock_wall_ns());
	if (sqlpage_print(command->data, command->len, &clock, &reader->out) == 0)
		send_body(reader, waiting, true);
	else
		send_result(reader, waiting, RESULT_ERROR, "too much to analyze");
}

/* ---- messages ---- */

/* What needs no ticket is asked in our own words: those of a captured http would read anything. */
static void
make_check(struct buf *command)
{
	command_begin(command, COMMAND_QUERY, 0, 0);
	command_set_parameters(command, command_add_statement(command, "SELECT 1", 8), 0);
	command_set_statements(command, 0, 1);
}

static void
on_query(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct reader *reader = state;
	const struct msg_query *query = &msg->query;
	struct waiting *waiting = reader->waiting[reader->count];
	struct command command;

	*waiting = (struct waiting){ .command = waiting->command };
	waiting->request = query->request;
	waiting->worker = chan->number;
	waiting->incarnation = chan->incarnation;
	waiting->mode = query->mode;
	waiting->credit = RESULT_WINDOW;
	if (!is_granted(reader, query)) {
		send_result(reader, waiting, RESULT_TICKET, "");
		return;
	}
	if (reader->count == WAITING_MAX - 1) {
		send_result(reader, waiting, RESULT_BUSY, "too many reads are waiting");
		return;
	}
	if (query->mode == QUERY_CHECK) {
		make_check(&waiting->command);
		reader->count++;
		return;
	}
	if (!command_check(query->command.data, query->command.len))
		fatalx("http %u sent a malformed command", chan->number);
	if (query->mode == QUERY_ANALYZE) {
		analyze(reader, waiting, &query->command);
		return;
	}
	(void)command_open(&command, query->command.data, query->command.len);
	if (command.kind == COMMAND_QUERY) {
		counter_add(reader->counters, COUNTER_DB_QUERIES, command.statements);
		counter_add(reader->counters, COUNTER_DB_QUERY_TRANSACTIONS,
		    (command.flags & COMMAND_TRANSACTION) != 0);
	}
	/* Longer than any clock is none. */
	if (command.timeout_ns > 0 && command.timeout_ns < INT64_MAX - clock_monotonic_ns())
		waiting->deadline_ns = clock_monotonic_ns() + command.timeout_ns;
	buf_add(&waiting->command, query->command.data, query->command.len);
	reader->count++;
}

static struct waiting *
find(struct reader *reader, const struct chan *chan, uint64_t request)
{
	size_t i;

	for (i = 0; i < reader->count; i++)
		if (reader->waiting[i]->request == request &&
		    reader->waiting[i]->worker == chan->number &&
		    reader->waiting[i]->incarnation == chan->incarnation)
			return (reader->waiting[i]);
	return (NULL);
}

static void
on_credit(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct waiting *waiting = find(state, chan, msg->credit.request);

	if (waiting != NULL && waiting->credit < (int64_t)RESULT_WINDOW)
		waiting->credit += msg->credit.size;
}

static void
on_cancel(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct waiting *waiting = find(state, chan, msg->cancel.request);

	if (waiting != NULL)
		waiting->cancelled = true;
}

static void
on_reloaded(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct reader *reader = state;

	if (msg->reloaded.commit)
		reader->proc.generation = msg->reloaded.generation;
}

static const struct proc_handler handlers[] = {
	{ MSG_QUERY, on_query },
	{ MSG_CREDIT, on_credit },
	{ MSG_CANCEL, on_cancel },
	{ MSG_RELOADED, on_reloaded },
};

static void
open_pool(struct reader *reader)
{
	struct query_config config = {
		.path = "db.sqlite",
		.foreign_keys = reader->fk,
		.connections = CONNECTIONS,
		.memory_max = MEMORY_MAX,
		.cancelled = is_cancelled,
		.pressed = is_pressed,
		.arg = reader,
	};
	static char path[4096];
	struct error error;

	if (reader->connections <= 0 || reader->connections > CONNECTIONS)
		reader->connections = CONNECTIONS;
	config.connections = (unsigned)reader->connections;
	(void)snprintf(path, sizeof(path), "%s/db.sqlite", reader->proc.place.directory);
	config.path = path;
	connection_set_value_max(reader->value_max);
	reader->pool = query_pool_open(&config, &error);
	if (reader->pool == NULL)
		fatalx("%s: %s", path, error.text);
}

static void
make_slots(struct reader *reader)
{
	struct waiting *all = calloc(WAITING_MAX, sizeof(*all));
	size_t i;

	if (all == NULL)
		fatal("calloc");
	for (i = 0; i < WAITING_MAX; i++)
		reader->waiting[i] = &all[i];
}

int
main(void)
{
	static struct reader reader;
	static const struct proc_gather gather = { settings, sizeof(settings) / sizeof(settings[0]),
		on_file };
	static const struct proc_ops ops = { .turn = turn };

	proc_hello(&reader.proc, ROLE_READ);
	log_keep_zone();
	proc_gather(&reader.proc, &gather, &reader);
	make_slots(&reader);
	proc_loop_make(&reader.proc);
	proc_confine(&reader.proc, &read_sandbox);
	open_pool(&reader);
	return (proc_run(&reader.proc, &ops, handlers, sizeof(handlers) / sizeof(handlers[0])));
}
