/*
 * Requests on read-only connections; see query.h.  A query is a small machine:
 * it stands between two strings of the request or inside the rows of one, and
 * query_step() moves it on until its result ends or a part of it is full.
 */
#include "proc/sql/query.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/log.h"
#include "proc/sql/bind.h"
#include "proc/sql/memory.h"
#include "proc/sql/roconn.h"
#include "proc/sql/render.h"
#include "proc/sql/sqltext.h"
#include "proto/command.h"

#define ROCONNS_MAX 16
#define STEPS_PER_CALL 1000 /* opcodes between two calls of the progress handler */
#define CALLS_PER_ASK 16 /* of them between two questions whether the client is still there */
#define AGAIN_MAX 1000 /* attempts while the writer recovers the WAL index, 1 ms each */
#define COMMAND_KEEP (64 * KIB)

#define CHANGE_TEXT "attempt to change database via query operation"
#define TIMEOUT_TEXT "query timeout"
#define ENDED_TEXT "sql: transaction has already been committed or rolled back"

enum stop { STOP_NONE, STOP_TIMEOUT, STOP_CANCELLED, STOP_PRESSED };

struct query {
	struct query_pool *pool;
	struct query *next_free;
	struct roconn *roconn; /* while it runs, and from part to part */
	void *token;
	struct buf bytes;
	struct command command;
	int64_t started_ns;
	int64_t deadline_ns; /* 0: none */
	unsigned calls; /* of the progress handler */
	enum stop stop;
	bool begun; /* the array is opened */
	bool timed_out;
	bool sent; /* a part has left */
	unsigned seen; /* by the authorizer */
	const char *error; /* of the whole request */
	char error_text[256];

	/* The string that is run. */
	const char *pos;
	size_t left;
	struct bind_list binds;
	bool in_string;
	struct statement *statement; /* being stepped */
	bool statement_sent; /* a part with some of its rows has left */
	int64_t statement_ns;
	struct render render;
	struct json json, json_before;
	size_t out_before;
};

struct query_pool {
	struct query_config config;
	struct roconn roconns[ROCONNS_MAX];
	unsigned count;
	bool in_turn;
	struct query *free;
};

bool
query_is_pressed(const struct query *q)
{
	const struct query_config *config = &q->pool->config;

	return (config->pressed != NULL && config->pressed(config->arg) &&
		clock_monotonic_ns() - q->started_ns > QUERY_OLD_NS);
}

/* Asks whether somebody still wants the result, and whether he may have it. */
static enum stop
ask(struct query *q)
{
	const struct query_config *config = &q->pool->config;

	if (config->cancelled != NULL && config->cancelled(config->arg, q->token))
		return (STOP_CANCELLED);
	return (query_is_pressed(q) ? STOP_PRESSED : STOP_NONE);
}

/* Asked by SQLite every STEPS_PER_CALL opcodes. */
static int
watch(void *arg)
{
	struct roconn *r = arg;
	struct query *q = r->running;

	if (q == NULL)
		return (0);
	if (q->deadline_ns != 0 && clock_monotonic_ns() > q->deadline_ns)
		q->stop = STOP_TIMEOUT;
	else if (++q->calls % CALLS_PER_ASK == 0 && q->stop == STOP_NONE)
		q->stop = ask(q);
	return (q->stop != STOP_NONE);
}

struct query_pool *
query_pool_open(const struct query_config *config, struct error *e)
{
	struct query_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		fatal("calloc");
	pool->config = *config;
	/*
	 * Refused by SQLite if it is in use already: then a limit was set before, or none is
	 * wanted.
	 */
	if (config->memory_max > 0)
		(void)memory_install(config->memory_max);
	assert(config->connections >= 1 && config->connections <= ROCONNS_MAX);
	for (; pool->count < config->connections; pool->count++) {
		struct roconn *r = &pool->roconns[pool->count];

		if (roconn_open(r, config->path, config->foreign_keys, e) == -1) {
			query_pool_close(pool);
			return (NULL);
		}
		sqlite3_progress_handler(r->db, STEPS_PER_CALL, watch, r);
	}
	return (pool);
}

void
query_pool_close(struct query_pool *pool)
{
	struct query *q;
	unsigned i;

	for (i = 0; i < pool->count; i++)
		roconn_close(&pool->roconns[i]);
	while ((q = pool->free) != NULL) {
		pool->free = q->next_free;
		render_fini(&q->render);
		buf_fini(&q->bytes);
		free(q);
	}
	free(pool);
}

void
query_turn_begin(struct query_pool *pool)
{
	pool->in_turn = true;
}

void
query_turn_end(struct query_pool *pool)
{
	unsigned i;

	for (i = 0; i < pool->count; i++)
		if (pool->roconns[i].owner == NULL && pool->roconns[i].begun)
			roconn_end(&pool->roconns[i]);
	pool->in_turn = false;
}

/* The connection of short queries: the first that no stream keeps. */
static struct roconn *
free_roconn(struct query_pool *pool)
{
	unsigned i;

	for (i = 0; i < pool->count; i++)
		if (pool->roconns[i].owner == NULL)
			return (&pool->roconns[i]);
	return (NULL);
}

static struct query *
take_query(struct query_pool *pool)
{
	struct query *q = pool->free;
	struct render render;
	struct buf bytes;

	if (q == NULL) {
		q = calloc(1, sizeof(*q));
		if (q == NULL)
			fatal("calloc");
	} else
		pool->free = q->next_free;
	render = q->render;
	bytes = q->bytes;
	memset(q, 0, sizeof(*q));
	q->render = render;
	q->bytes = bytes;
	q->pool = pool;
	return (q);
}

struct query *
query_start(struct query_pool *pool, const void *command, size_t len, void *token, struct error *e)
{
	struct query *q;

	if (free_roconn(pool) == NULL) {
		(void)error_set(e, "too many open results");
		return (NULL);
	}
	if (!command_check(command, len)) {
		(void)error_set(e, "malformed command");
		return (NULL);
	}
	q = take_query(pool);
	q->token = token;
	buf_add(&q->bytes, command, len);
	(void)command_open(&q->command, buf_bytes(&q->bytes), len);
	q->started_ns = clock_monotonic_ns();
	if (q->command.timeout_ns > 0 && q->command.timeout_ns < INT64_MAX - q->started_ns)
		q->deadline_ns = q->started_ns + q->command.timeout_ns;
	return (q);
}

const char *
query_error(const struct query *q)
{
	return (q->error != NULL ? q->error : "");
}

int64_t
query_started_ns(const struct query *q)
{
	return (q->started_ns);
}

static void
leave_statement(struct query *q)
{
	if (q->statement != NULL)
		stmtcache_put(&q->roconn->cache, q->statement);
	q->statement = NULL;
}

/* The request no longer needs its connection, which becomes as it was. */
static void
release_roconn(struct query *q)
{
	struct roconn *r = q->roconn;

	if (r == NULL)
		return;
	leave_statement(q);
	if (q->seen & (SEEN_PRAGMA_SET | SEEN_TEMP | SEEN_TRANSACTION))
		roconn_reset(r);
	else if (r->owner != NULL || !q->pool->in_turn)
		roconn_end(r);
	r->owner = NULL;
	r->running = NULL;
	q->roconn = NULL;
}

void
query_free(struct query *q)
{
	release_roconn(q);
	memory_give_back();
	buf_reset(&q->bytes, COMMAND_KEEP);
	q->next_free = q->pool->free;
	q->pool->free = q;
}

static enum query_state
fail_request(struct query *q, const char *text)
{
	snprintf(q->error_text, sizeof(q->error_text), "%s", text);
	q->error = q->error_text;
	return (q->sent ? QUERY_BROKEN : QUERY_ENVELOPE);
}

/* True if the first statement of the string only reads. */
static bool
string_reads(struct query *q, const struct command_statement *s)
{
	struct stmtcache *cache = &q->roconn->cache;
	size_t len = sqltext_length(s->sql, s->sql_len);
	struct statement *st;
	bool reads;

	/* Refused here as well as there. */
	if (sqltext_is_complex(s->sql, len))
		return (true);
	st = stmtcache_get(cache, s->sql, len);
	/* Some settings are changed by compiling alone. */
	q->seen |= q->roconn->authorizer.seen;
	if (st == NULL)
		return (false);
	q->seen |= st->seen;
	reads = st->readonly || st->explain;
	stmtcache_put(cache, st);
	return (reads);
}

/* A /db/request may run here if all it holds only reads. */
static bool
needs_log(struct query *q)
{
	struct command c = q->command;
	struct command_statement s;

	if (c.kind == COMMAND_EXECUTE || (c.flags & COMMAND_STRONG) != 0)
		return (true);
	while (command_next(&c, &s))
		if (s.sql_len > 0 && !string_reads(q, &s))
			return (true);
	return (false);
}

/* The statement asks for a connection without our transaction around it. */
static void
step_out_of_transaction(struct query *q)
{
	struct roconn *r = q->roconn;

	if ((q->statement->seen & (SEEN_TRANSACTION | SEEN_PRAGMA_SET | SEEN_KEYWORD)) != 0 &&
	    r->begun && (q->command.flags & COMMAND_TRANSACTION) == 0)
		roconn_end(r);
}

static double
seconds_of_statement(const struct query *q)
{
	if ((q->command.flags & COMMAND_TIMINGS) == 0)
		return (0);
	return ((double)(clock_monotonic_ns() - q->statement_ns) / 1e9);
}

/* The string ends with an error in place of its result. */
static enum query_state
fail_string(struct query *q, const char *text)
{
	if (q->statement_sent)
		return (fail_request(q, text));
	q->json = q->json_before;
	q->json.out->len = q->out_before;
	render_error(&q->json, q->command.flags, true, text);
	leave_statement(q);
	q->in_string = false;
	return (QUERY_DONE);
}

static const char *
error_text(struct query *q, int rc)
{
	if (q->stop == STOP_TIMEOUT) {
		q->timed_out = true;
		return (TIMEOUT_TEXT);
	}
	if (q->stop == STOP_PRESSED)
		return (QUERY_PRESSED_TEXT);
	if (q->roconn->authorizer.seen & SEEN_FORBIDDEN)
		return (AUTHORIZER_FORBIDDEN_TEXT);
	if ((rc & 0xff) == SQLITE_READONLY)
		return (CHANGE_TEXT);
	return (sqlite3_errmsg(q->roconn->db));
}

/*
 * Prepares statements up to the one whose rows are the result, and binds it; QUERY_DONE: the
 * string has ended.
 */
static enum query_state
open_statement(struct query *q)
{
	struct roconn *r = q->roconn;
	struct statement *st;
	struct error e;

	for (;;) {
		st = stmtcache_get(&r->cache, q->pos, q->left);
		if (st == NULL)
			return (fail_string(q, error_text(q, sqlite3_errcode(r->db))));
		q->statement = st;
		q->seen |= st->seen;
		if (st->stmt == NULL) {
			render_blank_rows(&q->json, q->command.flags, seconds_of_statement(q));
			leave_statement(q);
			q->in_string = false;
			return (QUERY_DONE);
		}
		if ((st->parameters > 0 || q->binds.total > 0) &&
		    bind_statement(&q->binds, st, true, &e) == -1)
			return (fail_string(q, e.text));
		if (st->last)
			break;
		q->pos += st->text_len;
		q->left -= st->text_len;
		leave_statement(q);
		/* SQLite does not ask within so few opcodes. */
		if (watch(r) != 0)
			return (q->stop == STOP_CANCELLED
				    ? QUERY_BROKEN
				    : fail_string(q, error_text(q, SQLITE_INTERRUPT)));
	}
	step_out_of_transaction(q);
	/* rqlite looks up the tables of the first statement only. */
	render_begin(&q->render, &q->json, st,
	    q->binds.all.sql == q->pos ? q->command.flags
				       : (uint16_t)(q->command.flags & ~COMMAND_QUALIFY));
	return (QUERY_PART);
}

/* Begins the next string that is not empty; QUERY_PART: there are rows to step. */
static enum query_state
open_string(struct query *q, const struct command_statement *s)
{
	struct error e;

	q->pos = s->sql;
	q->left = sqltext_length(s->sql, s->sql_len);
	bind_list_init(&q->binds, s);
	q->in_string = true;
	q->statement_sent = false;
	q->json_before = q->json;
	q->out_before = q->json.out->len;
	if ((q->command.flags & COMMAND_TIMINGS) || q->deadline_ns != 0)
		q->statement_ns = clock_monotonic_ns();
	if (q->timed_out || (q->deadline_ns != 0 && q->statement_ns > q->deadline_ns)) {
		q->timed_out = true;
		return (fail_string(q, TIMEOUT_TEXT));
	}
	if (sqltext_is_complex(q->pos, q->left))
		return (fail_string(q, SQLTEXT_COMPLEX_TEXT));
	if (bind_check_names(&q->binds, &e) == -1)
		return (fail_string(q, e.text));
	return (open_statement(q));
}

/* One row or the end; waits while the writer rebuilds the index of the WAL. */
static int
step(struct query *q)
{
	struct roconn *r = q->roconn;
	int rc, i;

	r->authorizer.seen = 0;
	r->authorizer.stepping = true;
	for (i = 0; i < AGAIN_MAX; i++) {
		rc = sqlite3_step(q->statement->stmt);
		if (rc != SQLITE_READONLY_RECOVERY && rc != SQLITE_READONLY_CANTLOCK)
			break;
		sqlite3_reset(q->statement->stmt);
		(void)poll(NULL, 0, 1);
	}
	r->authorizer.stepping = false;
	q->seen |= r->authorizer.seen;
	return (rc);
}

/* Steps rows until the statement ends (QUERY_DONE) or `limit` bytes are in the buffer. */
static enum query_state
run_rows(struct query *q, size_t limit)
{
	int rc;

	while ((rc = step(q)) == SQLITE_ROW) {
		if (!render_row(&q->render))
			return (fail_string(q, q->render.error));
		if (q->json.out->len > limit)
			return (QUERY_PART);
	}
	if (q->stop == STOP_CANCELLED)
		return (QUERY_BROKEN);
	if (rc != SQLITE_DONE)
		return (fail_string(q, error_text(q, rc)));
	render_end(&q->render, seconds_of_statement(q));
	leave_statement(q);
	q->in_string = false;
	return (QUERY_DONE);
}

static enum query_state
finish(struct query *q)
{
	bool transaction = (q->command.flags & COMMAND_TRANSACTION) != 0;

	if (transaction && q->timed_out)
		return (fail_request(q, ENDED_TEXT));
	if (transaction && sqlite3_get_autocommit(q->roconn->db))
		return (fail_request(q, "cannot commit - no transaction is active"));
	json_end_array(&q->json);
	return (QUERY_DONE);
}

/* Runs string after string; `limit`: length of the buffer at which a part is full. */
static enum query_state
run_strings(struct query *q, size_t limit)
{
	struct command_statement s;
	enum query_state state;

	for (;;) {
		state = QUERY_PART;
		if (!q->in_string) {
			do {
				if (!command_next(&q->command, &s))
					return (finish(q));
			} while (s.sql_len == 0);
			state = open_string(q, &s);
		}
		if (state == QUERY_PART)
			state = run_rows(q, limit);
		if (state != QUERY_DONE)
			return (state);
		if (q->json.out->len > limit)
			return (QUERY_PART);
	}
}

/* The first step: a connection, the way it goes, and the beginning of the array. */
static enum query_state
begin(struct query *q)
{
	bool pretty = (q->command.flags & COMMAND_PRETTY) != 0;
	struct roconn *r = free_roconn(q->pool);

	if (r == NULL)
		return (fail_request(q, "too many open results"));
	q->roconn = r;
	r->running = q;
	if (q->command.kind != COMMAND_QUERY && needs_log(q))
		return (QUERY_NEEDS_LOG);
	if (!r->begun && (q->pool->in_turn || (q->command.flags & COMMAND_TRANSACTION)))
		roconn_begin(r);
	json_init(&q->json, NULL, pretty, pretty ? 1 : 0);
	q->begun = true;
	return (QUERY_PART);
}

enum query_state
query_step(struct query *q, struct buf *out)
{
	size_t start = out->len;
	enum query_state state;

	if (!q->begun) {
		state = begin(q);
		if (state != QUERY_PART) {
			release_roconn(q);
			return (state);
		}
		q->json.out = out;
		json_begin_array(&q->json);
	}
	q->json.out = out;
	q->roconn->running = q;
	state = run_strings(q, start + RESULT_PART_MAX);
	q->roconn->running = NULL;
	if (state == QUERY_PART) {
		q->sent = true;
		q->statement_sent = q->in_string;
		q->roconn->owner = q;
		return (state);
	}
	if (state != QUERY_DONE)
		out->len = start;
	release_roconn(q);
	return (state);
}
