/*
 * What each endpoint does.  Reads at level none, and weak ones on a leader, go
 * straight to a reader; linearizable ones first get a read index, strong ones a
 * barrier through the log; writes go to raft, and sql answers.
 */
#include "proc/http/work.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/pulse.h"
#include "proc/http/answer.h"
#include "proc/http/body.h"
#include "proc/http/http.h"
#include "proc/http/job.h"
#include "proc/http/pragma.h"
#include "proc/http/status.h"
#include "proc/http/upload.h"
#include "proto/command.h"

#define CHANNEL_FULL (96 * MIB) /* unsent to a sibling: then 503 */

static const char type_json[] = "application/json; charset=utf-8";

static bool
is_leader(struct http *http)
{
	const struct board_state *state = http_state(http);

	return (state->role == BOARD_LEADER && state->ready &&
	    (state->lease_until == UINT64_MAX || (uint64_t)http_now_ns() < state->lease_until));
}

static bool
is_get(const struct job *job)
{
	return (h2o_memis(job->req->method.base, job->req->method.len, "GET", 3));
}

/* ---- answers that need nobody ---- */

void
work_no_leader(struct job *job)
{
	counter_add(job->http->counters, COUNTER_LEADER_NOT_FOUND, 1);
	answer_error(job, job->params.redirect ? 500 : 503, "leader not found");
}

static void
answer_not_open(struct job *job)
{
	switch (job->route->endpoint) {
	case ENDPOINT_EXECUTE:
	case ENDPOINT_QUERY:
	case ENDPOINT_REQUEST:
	case ENDPOINT_LOAD:
		answer_envelope_error(job, "store not open");
		break;
	default:
		answer_error(job, 503, "store not open");
	}
}

static void
redirect_to_console(struct job *job, int status)
{
	static const char found[] = "<a href=\"/console/\">Found</a>.\n\n";
	static const char moved[] = "<a href=\"/console/\">Moved Permanently</a>.\n\n";
	const char *body = status == 302 ? found : moved;
	bool get = is_get(job);

	h2o_add_header(&job->req->pool, &job->req->res.headers, H2O_TOKEN_LOCATION, "Location",
	    H2O_STRLIT("/console/"));
	answer_body(job, status, get || job->head ? "text/html; charset=utf-8" : NULL, body,
	    get ? strlen(body) : 0);
}

static void
answer_not_built(struct job *job)
{
	static const char body[] = "{\"error\":\"not supported by this version\"}";

	answer_body(job, 501, type_json, body, sizeof(body) - 1);
}

/* ---- bodies ---- */

static enum command_kind
kind_of(const struct job *job)
{
	switch (job->route->endpoint) {
	case ENDPOINT_EXECUTE:
		return (COMMAND_EXECUTE);
	case ENDPOINT_REQUEST:
		return (COMMAND_REQUEST);
	default:
		return (COMMAND_QUERY);
	}
}

static uint16_t
flags_of(const struct job *job)
{
	const struct params *params = &job->params;

	return ((uint16_t)((params->transaction ? COMMAND_TRANSACTION : 0) |
	    (params->timings ? COMMAND_TIMINGS : 0) | (params->pretty ? COMMAND_PRETTY : 0) |
	    (params->associative ? COMMAND_ASSOCIATIVE : 0) |
	    (params->blob_array ? COMMAND_BLOB_ARRAY : 0) |
	    (params->qualify_columns ? COMMAND_QUALIFY : 0) |
	    (params->level == LEVEL_STRONG ? COMMAND_STRONG : 0) |
	    (params->norwrandom ? COMMAND_KEEP_RANDOM : 0) |
	    (params->norwtime ? COMMAND_KEEP_TIME : 0)));
}

static bool
is_plain_text(const struct job *job)
{
	ssize_t i = h2o_find_header(&job->req->headers, H2O_TOKEN_CONTENT_TYPE, -1);
	h2o_iovec_t value;

	if (i == -1 ||
	    (job->route->endpoint != ENDPOINT_EXECUTE && job->route->endpoint != ENDPOINT_QUERY))
		return (false);
	value = job->req->headers.entries[i].value;
	return (value.len >= 10 && memcmp(value.base, "text/plain", 10) == 0);
}

static enum counter
statements_counter(const struct job *job)
{
	switch (job->route->endpoint) {
	case ENDPOINT_EXECUTE:
		return (COUNTER_EXECUTE_STMTS_RX);
	case ENDPOINT_REQUEST:
		return (COUNTER_REQUEST_STMTS_RX);
	default:
		return (COUNTER_QUERY_STMTS_RX);
	}
}

/* What is to be run: one statement in q or a plain body, or the list of a JSON body. */
static int
add_statements(struct job *job, struct buf *out, struct body_error *error)
{
	enum endpoint endpoint = job->route->endpoint;
	h2o_iovec_t body = job->req->entity;
	size_t at = out->len;

	command_begin(out, kind_of(job), flags_of(job), job->params.db_timeout_ns);
	if ((endpoint == ENDPOINT_QUERY || endpoint == ENDPOINT_SQL) && is_get(job))
		return (body_text(job->params.q, job->params.q_len, out, at, error));
	if (is_plain_text(job))
		return (body_text(body.base, body.len, out, at, error));
	return (body_json(body.base, body.len, out, at, error));
}

/* Forbidden PRAGMAs by how a statement begins: the whole request is refused. */
static bool
has_forbidden_pragma(const struct buf *command)
{
	struct command_statement statement;
	struct command walk;

	/* We made it, so it opens; if it should not, nobody else is to find out what it holds. */
	if (!command_open(&walk, buf_bytes(command), buf_size(command)))
		return (true);
	while (command_next(&walk, &statement))
		if (pragma_is_forbidden(statement.sql, statement.sql_len))
			return (true);
	return (false);
}

/* Once for each request, however often it is encoded. */
static void
count_received(struct job *job, const struct buf *encoded)
{
	struct command command;

	if (!job->counted && command_open(&command, buf_bytes(encoded), buf_size(encoded)))
		counter_add(job->http->counters, statements_counter(job), command.statements);
	job->counted = true;
}

/* The request as a command, in the worker's scratch buffer; false if it was answered. */
static bool
encode(struct job *job)
{
	struct buf *out = &job->http->scratch;
	bool analyze = job->route->endpoint == ENDPOINT_SQL;
	struct body_error error;

	buf_reset(out, MIB);
	if (add_statements(job, out, &error) == -1) {
		answer_error(job, error.status, "%s", error.text);
		return (false);
	}
	if (buf_size(out) > (analyze ? ANALYZE_MAX : COMMAND_MAX - 64)) {
		answer_error(job, 413, "request too large: %lu bytes in binary form is the limit",
		    analyze ? ANALYZE_MAX : COMMAND_MAX);
		return (false);
	}
	if (analyze)
		return (true);
	/* What is refused below was received all the same. */
	count_received(job, out);
	if (has_forbidden_pragma(out)) {
		answer_envelope_error(job, "disallowed pragma");
		return (false);
	}
	return (true);
}

/* ---- to raft ---- */

static struct ipc_bytes
ticket_of(const struct job *job)
{
	return ((struct ipc_bytes){ job->ticket, job->ticket_len });
}

static bool
is_full(struct job *job, struct chan *chan)
{
	if (chan != NULL && chan_queued(chan) < CHANNEL_FULL)
		return (false);
	answer_error(job, 503, "too much is waiting");
	return (true);
}

/* Sends what encode() made. */
static void
send_execute(struct job *job)
{
	struct chan *raft = proc_peer(&job->http->proc, ROLE_RAFT, 0);
	struct buf *command = &job->http->scratch;
	struct msg_execute execute = { job->id, ticket_of(job),
		{ buf_bytes(command), buf_size(command) } };
	struct msg_execute_begin begin = { job->id, ticket_of(job), (uint32_t)buf_size(command) };

	if (raft == NULL) {
		answer_not_open(job);
		return;
	}
	if (is_full(job, raft))
		return;
	if (buf_size(command) > COMMAND_WHOLE_MAX) {
		msg_execute_begin_send(raft, &begin, -1);
		upload_keep(job);
	} else {
		msg_execute_send(raft, &execute, -1);
	}
	job->phase = JOB_LOG;
	job_hold(job);
}

void
work_log(struct job *job)
{
	if (!is_leader(job->http))
		work_no_leader(job);
	else if (encode(job))
		send_execute(job);
}

static void
ask_barrier(struct job *job)
{
	struct chan *raft = proc_peer(&job->http->proc, ROLE_RAFT, 0);
	struct msg_barrier barrier = { job->id, ticket_of(job) };

	if (raft == NULL || !is_leader(job->http)) {
		work_no_leader(job);
		return;
	}
	if (is_full(job, raft))
		return;
	msg_barrier_send(raft, &barrier, -1);
	job->phase = JOB_INDEX;
	job_hold(job);
}

/* All linearizable reads that came since the last round share the next one. */
void
work_turn(struct http *http)
{
	struct msg_read_index ask;
	struct chan *raft;
	struct job *job;

	http->state_fresh = false;
	if (http->index_out || TAILQ_EMPTY(&http->index_next))
		return;
	raft = proc_peer(&http->proc, ROLE_RAFT, 0);
	if (raft == NULL)
		return;
	while ((job = TAILQ_FIRST(&http->index_next)) != NULL)
		job_wait(job, &http->index_wait, JOB_INDEX);
	ask.request = http->index_serial = (1ULL << 63) | (http->index_serial + 1);
	http->index_out = true;
	msg_read_index_send(raft, &ask, -1);
}

/* ---- to a reader ---- */

/* The first reader that is not inside a long statement; any, if all are. */
static struct chan *
choose_reader(struct http *http)
{
	struct chan *any = NULL;
	size_t i;

	for (i = 0; i < http->nall; i++) {
		const struct pulse *pulse = pulse_of_other(http->all[i]);
		struct chan *chan;
		int64_t since;

		if (http->all_of[i].role != ROLE_READ)
			continue;
		chan = proc_peer(&http->proc, ROLE_READ, http->all_of[i].number);
		if (chan == NULL)
			continue;
		since = atomic_load_explicit(&pulse->busy_since, memory_order_relaxed);
		if (since == 0 || http_now_ns() - since < 10000000)
			return (chan);
		any = any != NULL ? any : chan;
	}
	return (any);
}

void
work_read(struct job *job)
{
	struct http *http = job->http;
	struct chan *reader = choose_reader(http);
	struct msg_query query = {
		.request = job->id, .mode = job->mode, .ticket = ticket_of(job)
	};

	if (reader == NULL) {
		if (http_state(http)->open)
			job_wait(job, &http->reader_wait, JOB_READER);
		else if (job->read_check)
			status_readyz(job, "store not open");
		else
			answer_not_open(job);
		return;
	}
	if (job->mode != QUERY_CHECK && !encode(job))
		return;
	if (is_full(job, reader))
		return;
	if (job->mode != QUERY_CHECK)
		query.command =
		    (struct ipc_bytes){ buf_bytes(&http->scratch), buf_size(&http->scratch) };
	job_unwait(job);
	job->reader = reader->number;
	job->phase = JOB_READ;
	msg_query_send(reader, &query, -1);
	job_hold(job);
}

void
work_resume_readers(struct http *http)
{
	struct job_list waiting = TAILQ_HEAD_INITIALIZER(waiting);
	struct job *job;

	while ((job = TAILQ_FIRST(&http->reader_wait)) != NULL)
		job_wait(job, &waiting, JOB_READER);
	while ((job = TAILQ_FIRST(&waiting)) != NULL) {
		job_unwait(job);
		work_read(job);
	}
}

/* Level none: how old may what this node knows be? */
static bool
is_stale(struct job *job)
{
	const struct board_state *state = http_state(job->http);
	int64_t freshness = job->params.freshness_ns;

	if (freshness == 0 || state->role == BOARD_LEADER)
		return (false);
	return (state->contact == 0 || http_now_ns() - (int64_t)state->contact > freshness);
}

/* A body that is wrong is told so first, whatever else is the matter. */
static void
refuse_read(struct job *job, bool open)
{
	if (!encode(job))
		return;
	if (open)
		work_no_leader(job);
	else
		answer_not_open(job);
}

static void
read_at_level(struct job *job)
{
	struct http *http = job->http;

	if (!http_state(http)->open) {
		refuse_read(job, false);
		return;
	}
	switch (job->params.level) {
	case LEVEL_NONE:
		/* Of a request only a reader can tell whether it is a read. */
		job->stale = is_stale(job);
		if (!job->stale || job->mode == QUERY_REQUEST)
			work_read(job);
		else if (encode(job))
			answer_envelope_error(job, "stale read");
		return;
	case LEVEL_LINEARIZABLE:
		if (!is_leader(http)) {
			refuse_read(job, true);
			return;
		}
		job_wait(job, &http->index_next, JOB_INDEX);
		job_hold(job);
		return;
	case LEVEL_STRONG:
		if (encode(job))
			ask_barrier(job);
		return;
	case LEVEL_WEAK:
	case LEVEL_AUTO:
		if (is_leader(http))
			work_read(job);
		else
			refuse_read(job, true);
		return;
	}
}

/* ---- endpoints ---- */

static void
start_execute(struct job *job)
{
	if (job->params.queue) {
		answer_not_built(job);
		return;
	}
	if (!encode(job))
		return;
	if (!http_state(job->http)->open)
		answer_not_open(job);
	else if (!is_leader(job->http))
		work_no_leader(job);
	else
		send_execute(job);
}

static void
start_query(struct job *job)
{
	job->mode = QUERY_QUERY;
	read_at_level(job);
}

/* Whether it writes is for a reader to find out, which compiles it; at level strong all is logged. */
static void
start_request(struct job *job)
{
	job->mode = QUERY_REQUEST;
	if (job->params.level == LEVEL_STRONG && http_state(job->http)->open)
		work_log(job);
	else
		read_at_level(job);
}

static void
start_sql(struct job *job)
{
	if (is_get(job) && !job->params.has_q) {
		answer_error(job, 400, "query not specified");
		return;
	}
	job->mode = QUERY_ANALYZE;
	work_read(job);
}

static void
start_leader(struct job *job)
{
	if (is_get(job))
		status_leader(job);
	else
		answer_not_built(job);
}

/* /readyz: what is known at once, then whether the database answers. */
static void
start_readyz(struct job *job)
{
	static const char type_text[] = "text/plain; charset=utf-8";
	static const char node[] = "[+]node ok";
	static const char no_leader[] = "[+]node ok\n[+]leader does not exist";
	static const char not_ready[] = "[+]node ok\n[+]leader ok\n[+]store not ready";
	const struct board_state *state = http_state(job->http);

	if (job->params.noleader) {
		answer_body(job, 200, type_text, node, sizeof(node) - 1);
	} else if (!state->open || state->leader_id[0] == '\0') {
		answer_body(job, 503, type_text, no_leader, sizeof(no_leader) - 1);
	} else if (!state->ready || state->stalled) {
		answer_body(job, 503, type_text, not_ready, sizeof(not_ready) - 1);
	} else {
		job->read_check = true;
		job->mode = QUERY_CHECK;
		work_read(job);
	}
}

void
work_start(struct job *job)
{
	switch (job->route->endpoint) {
	case ENDPOINT_ROOT:
		redirect_to_console(job, 302);
		break;
	case ENDPOINT_CONSOLE_REDIRECT:
		redirect_to_console(job, 301);
		break;
	case ENDPOINT_EXECUTE:
		start_execute(job);
		break;
	case ENDPOINT_QUERY:
		start_query(job);
		break;
	case ENDPOINT_REQUEST:
		start_request(job);
		break;
	case ENDPOINT_SQL:
		start_sql(job);
		break;
	case ENDPOINT_STATUS:
	case ENDPOINT_METRICS:
		status_start(job);
		break;
	case ENDPOINT_NODES:
		status_nodes(job);
		break;
	case ENDPOINT_LEADER:
		start_leader(job);
		break;
	case ENDPOINT_READYZ:
		start_readyz(job);
		break;
	case ENDPOINT_LICENSES:
		status_licenses(job);
		break;
	case ENDPOINT_VARS:
		status_vars(job);
		break;
	case ENDPOINT_PPROF:
		answer_empty(job, 404, NULL);
		break;
	default:
		answer_not_built(job);
	}
}
