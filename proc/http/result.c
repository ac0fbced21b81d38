/*
 * What siblings answer.  A short result is one response; a long one is streamed
 * in parts, each handed to h2o only when the last has left, and a reader gets
 * credit for what the client took, so that memory does not grow with results.
 * A failure after the first byte cuts the connection: never a well-formed lie.
 */
#include "proc/http/result.h"

#include <sys/socket.h>

#include "common/log.h"
#include "common/pulse.h"
#include "proc/http/answer.h"
#include "proc/http/http.h"
#include "proc/http/job.h"
#include "proc/http/reply.h"
#include "proc/http/server.h"
#include "proc/http/status.h"
#include "proc/http/tickets.h"
#include "proc/http/work.h"

#define PARTS_MAX (64 * MIB) /* of a result of sql, which has no credit */

static const char type_json[] = "application/json; charset=utf-8";

/* A result that came in one piece. */
static void
answer_whole(struct job *job, const struct ipc_bytes *body)
{
	struct buf *out = &job->http->scratch;
	struct reply reply = answer_reply(job);

	buf_reset(out, MIB);
	reply_begin(out, &reply);
	buf_add(out, body->data, body->len);
	reply_end(out, &reply);
	if (job->mode != QUERY_ANALYZE)
		answer_served_by(job);
	answer_body(job, 200, type_json, buf_bytes(out), buf_size(out));
}

/* The client must not take what it has for the whole. */
static void
cut_stream(struct job *job)
{
	h2o_req_t *req = job->req;
	struct linger linger = { 1, 0 };

	/* h2o takes no word, not even the last, before it has sent what it holds. */
	if (job->sending) {
		job->broken = job->ended = true;
		buf_reset(&job->parts, 0);
		return;
	}
	/* An HTTP/1.0 body ends with its connection: it has to end in an error. */
	if (req->version < 0x101)
		(void)setsockopt(server_fd(req), SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	job->phase = JOB_ANSWERED;
	job_end(job);
	req->http1_is_persistent = 0;
	h2o_send(req, NULL, 0, H2O_SEND_STATE_ERROR);
}

/* Hands h2o what has gathered, if it is not busy with the last. */
static void
push(struct job *job)
{
	h2o_req_t *req = job->req;
	h2o_iovec_t iov;
	struct buf empty;

	if (job->sending || (buf_size(&job->parts) == 0 && !job->ended))
		return;
	empty = job->flight;
	buf_reset(&empty, 0);
	job->flight = job->parts;
	job->parts = empty;
	job->sending = true;
	iov = h2o_iovec_init(buf_bytes(&job->flight), buf_size(&job->flight));
	if (job->ended) {
		job->phase = JOB_ANSWERED;
		job_end(job);
		h2o_send(req, &iov, iov.len > 0, H2O_SEND_STATE_FINAL);
	} else
		h2o_send(req, &iov, 1, H2O_SEND_STATE_IN_PROGRESS);
}

static void
on_proceed(h2o_generator_t *generator, h2o_req_t *req)
{
	struct job *job = (struct job *)generator;
	struct msg_credit credit = { job->id, (uint32_t)buf_size(&job->flight) };
	struct chan *reader;

	job->sending = false;
	if (job->phase == JOB_READ && !job->ended) {
		reader = proc_peer(&job->http->proc, ROLE_READ, job->reader);
		if (reader != NULL)
			msg_credit_send(reader, &credit, -1);
	}
	buf_reset(&job->flight, 0);
	if (job->broken)
		cut_stream(job);
	else
		push(job);
}

static void
on_stop(h2o_generator_t *generator, h2o_req_t *req)
{
	/* The pool's dispose (job_gone) follows, and cancels what is left. */
}

static void
start_stream(struct job *job)
{
	struct reply reply = answer_reply(job);

	if (job->mode != QUERY_ANALYZE)
		answer_served_by(job);
	answer_headers(job, 200, type_json);
	job->started = true;
	job->generator.proceed = on_proceed;
	job->generator.stop = on_stop;
	reply_begin(&job->parts, &reply);
	h2o_start_response(job->req, &job->generator);
}

static void
add_part(struct job *job, const struct ipc_bytes *body, bool last)
{
	if (!job->started)
		start_stream(job);
	buf_add(&job->parts, body->data, body->len);
	if (last) {
		struct reply reply = answer_reply(job);

		reply_end(&job->parts, &reply);
		job->ended = true;
	}
	if (buf_size(&job->parts) > PARTS_MAX) {
		cut_stream(job);
		return;
	}
	push(job);
}

static void
fail(struct job *job, const char *text)
{
	if (job->started)
		cut_stream(job);
	else
		answer_envelope_error(job, text);
}

/* A request that was found to read only; false if it is of no such kind. */
static bool
refuse_stale(struct job *job, uint8_t status)
{
	if (!job->stale ||
	    (status != RESULT_PART && status != RESULT_DONE && status != RESULT_ERROR))
		return (false);
	if (status == RESULT_PART)
		job_cancel(job);
	answer_envelope_error(job, "stale read");
	return (true);
}

static void
finish_with(struct job *job, const struct msg_result *result)
{
	char text[1025];

	if (refuse_stale(job, result->status))
		return;

	text[0] = '\0';
	if (result->error.len > 0)
		(void)snprintf(text, sizeof(text), "%.*s", (int)result->error.len,
		    (const char *)result->error.data);
	switch (result->status) {
	case RESULT_PART:
		add_part(job, &result->body, false);
		break;
	case RESULT_DONE:
		if (job->read_check)
			status_readyz(job, NULL);
		else if (job->started)
			add_part(job, &result->body, true);
		else
			answer_whole(job, &result->body);
		break;
	case RESULT_ERROR:
		if (job->read_check)
			status_readyz(job, text);
		else
			fail(job, text);
		break;
	case RESULT_NEEDS_LOG:
		job->stale = false;
		work_log(job);
		break;
	case RESULT_TICKET:
		tickets_renew(job);
		break;
	case RESULT_BUSY:
		if (job->started)
			cut_stream(job);
		else
			answer_error(job, 503, "%s", text);
		break;
	}
}

void
result_on_result(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct http *http = state;
	struct job *job = job_find(http, msg->result.request);

	/* Only who was asked may answer. */
	if (job == NULL ||
	    !((job->phase == JOB_LOG && chan->role == ROLE_SQL) ||
		(job->phase == JOB_READ && chan->role == ROLE_READ && job->reader == chan->number)))
		return;
	if (job->ended)
		return;
	if (chan->role == ROLE_SQL)
		job->index = msg->result.index;
	finish_with(job, &msg->result);
}

/* raft says: applied here up to the index the reads had to wait for. */
void
result_on_read_at(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct http *http = state;
	struct job_list done = TAILQ_HEAD_INITIALIZER(done);
	struct job *job;

	if (msg->read_at.logged) {
		job = job_find(http, msg->read_at.request);
		if (job == NULL || job->phase != JOB_INDEX)
			return;
		job_unwait(job);
		job->index = msg->read_at.index;
		work_read(job);
		return;
	}
	if (!http->index_out || msg->read_at.request != http->index_serial)
		return;
	http->index_out = false;
	while ((job = TAILQ_FIRST(&http->index_wait)) != NULL) {
		job_unwait(job);
		work_read(job);
	}
}

static void
refuse(struct job *job, enum ipc_refused reason, const char *text)
{
	switch (reason) {
	case REFUSED_NO_LEADER:
		work_no_leader(job);
		break;
	case REFUSED_NOT_OPEN:
		answer_envelope_error(job, "store not open");
		break;
	case REFUSED_NOT_READY:
		answer_envelope_error(job, "store not ready");
		break;
	case REFUSED_LOST:
		answer_envelope_error(job, "leadership lost while committing log");
		break;
	case REFUSED_BUSY:
	case REFUSED_DISK:
		answer_error(job, 503, "%s", text);
		break;
	case REFUSED_LARGE:
		answer_error(job, 413, "%s", text);
		break;
	case REFUSED_TICKET:
		tickets_renew(job);
		break;
	case REFUSED__COUNT:
		break;
	}
}

void
result_on_refused(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct http *http = state;
	struct job *job = job_find(http, msg->refused.request);
	char text[513];

	(void)snprintf(text, sizeof(text), "%.*s", (int)msg->refused.text.len,
	    (const char *)msg->refused.text.data);
	if (http->index_out && msg->refused.request == http->index_serial) {
		http->index_out = false;
		while ((job = TAILQ_FIRST(&http->index_wait)) != NULL)
			refuse(job, (enum ipc_refused)msg->refused.reason, text);
		return;
	}
	if (job != NULL && (job->phase == JOB_LOG || job->phase == JOB_INDEX))
		refuse(job, (enum ipc_refused)msg->refused.reason, text);
}

/* ---- siblings that die ---- */

/* A reader died: the request it was stuck in is told so, others get another reader once. */
static void
reader_gone(struct job *job, uint64_t stuck)
{
	if (job->started)
		cut_stream(job);
	else if (job->id == stuck)
		fail(job, "query timeout");
	else if (job->retried)
		answer_error(job, 503, "the reader failed");
	else {
		job->retried = true;
		job_wait(job, &job->http->reader_wait, JOB_READER);
	}
}

static uint64_t
stuck_request(const struct http *http, unsigned number)
{
	size_t i;

	for (i = 0; i < http->nall; i++)
		if (http->all_of[i].role == ROLE_READ && http->all_of[i].number == number) {
			const struct pulse *pulse = pulse_of_other(http->all[i]);

			return (pulse->busy_since != 0 ? pulse->busy_request : UINT64_MAX);
		}
	return (UINT64_MAX);
}

void
result_peer_gone(void *state, struct chan *chan)
{
	struct http *http = state;
	uint64_t stuck = chan->role == ROLE_READ ? stuck_request(http, chan->number) : UINT64_MAX;
	uint32_t i;

	if (chan->role == ROLE_RAFT || chan->role == ROLE_SQL)
		http->index_out = false;
	for (i = 0; i < REQUESTS_WAITING_MAX && http->jobs > 0; i++) {
		struct job *job = http->slots[i].job;

		if (job == NULL)
			continue;
		if (chan->role == ROLE_READ && job->phase == JOB_READ &&
		    job->reader == chan->number)
			reader_gone(job, stuck);
		else if ((chan->role == ROLE_RAFT || chan->role == ROLE_SQL) &&
			 job->phase == JOB_LOG)
			fail(job, "leadership lost while committing log");
		else if (chan->role == ROLE_RAFT && job->phase == JOB_INDEX)
			work_no_leader(job);
		else if (chan->role == ROLE_AUTH && job->phase == JOB_AUTH)
			answer_error(job, 503, "credentials can not be checked now");
	}
}
