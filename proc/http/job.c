/*
 * Requests in flight.  A job lives in its request's pool; siblings know it by
 * an id of slot and serial, so that an answer that comes late, or from a former
 * life, finds nothing.
 *
 * h2o does not read a connection while its request is processed, so a client
 * that leaves would go unnoticed.  For HTTP/1 the read is kept armed meanwhile,
 * without reading: job_hold().  It also saves two system calls a request.
 */
#include "proc/http/job.h"

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "common/log.h"
#include "proc/http/answer.h"
#include "proc/http/http.h"
#include "proc/http/server.h"
#include "proc/http/status.h"
#include "proc/http/upload.h"

#define NO_SLOT UINT32_MAX
#define AUTH_WAIT_NS (5LL * 1000000000)
#define READER_WAIT_NS (10LL * 1000000000)

void
jobs_init(struct http *http)
{
	uint32_t i;

	http->slots = calloc(REQUESTS_WAITING_MAX, sizeof(*http->slots));
	if (http->slots == NULL)
		fatal("calloc");
	for (i = 0; i < REQUESTS_WAITING_MAX; i++)
		http->slots[i].next_free = i + 1 < REQUESTS_WAITING_MAX ? i + 1 : NO_SLOT;
	http->free_slot = 0;
	TAILQ_INIT(&http->fresh);
	TAILQ_INIT(&http->ripe);
	TAILQ_INIT(&http->auth_wait);
	TAILQ_INIT(&http->index_wait);
	TAILQ_INIT(&http->index_next);
	TAILQ_INIT(&http->reader_wait);
}

void
job_unwait(struct job *job)
{
	if (job->list != NULL)
		TAILQ_REMOVE(job->list, job, entry);
	job->list = NULL;
}

void
job_wait(struct job *job, struct job_list *list, enum job_phase phase)
{
	job_unwait(job);
	job->phase = phase;
	job->list = list;
	job->waits_ns = http_now_ns();
	TAILQ_INSERT_TAIL(list, job, entry);
}

/* What a sibling still does for it is in vain. */
void
job_cancel(struct job *job)
{
	struct msg_cancel cancel = { job->id };
	struct chan *reader;

	if (job->phase != JOB_READ || job->ended)
		return;
	reader = proc_peer(&job->http->proc, ROLE_READ, job->reader);
	if (reader != NULL)
		msg_cancel_send(reader, &cancel, -1);
}

void
job_end(struct job *job)
{
	struct http *http = job->http;
	uint32_t slot = (uint32_t)job->id;

	if (job->id == UINT64_MAX)
		return;
	job_unwait(job);
	upload_drop(job);
	http->slots[slot].job = NULL;
	http->slots[slot].next_free = http->free_slot;
	http->free_slot = slot;
	http->jobs--;
	job->id = UINT64_MAX;
}

/* The request's memory goes: it was answered, or its connection is lost. */
static void
job_gone(void *arg)
{
	struct job *job = *(struct job **)arg;
	size_t i;

	if (job->id != UINT64_MAX) {
		job_cancel(job);
		if (job->phase != JOB_ANSWERED) {
			counter_add(job->http->counters, COUNTER_CLIENTS_GONE, 1);
			if (job->req->version >= 0x200)
				flood_given_up(job->req);
		}
		job_end(job);
	}
	job->req = NULL;
	buf_fini(&job->parts);
	buf_fini(&job->flight);
	for (i = 0; i < sizeof(job->status_parts) / sizeof(job->status_parts[0]); i++)
		buf_fini(&job->status_parts[i]);
}

struct job *
job_new(struct http *http, h2o_req_t *req)
{
	struct job *job = h2o_mem_alloc_pool(&req->pool, sizeof(*job));
	uint32_t slot = http->free_slot;

	/* A small block of malloc(3)'s tells us when the pool goes: it does so before its memory. */
	*(struct job **)h2o_mem_alloc_shared(&req->pool, sizeof(job), job_gone) = job;
	memset(job, 0, sizeof(*job));
	job->http = http;
	job->req = req;
	job->id = UINT64_MAX;
	job->started_ns = http_now_ns();
	if (slot == NO_SLOT)
		return (job);
	http->free_slot = http->slots[slot].next_free;
	http->slots[slot].job = job;
	http->slots[slot].serial++;
	job->id = (uint64_t)http->slots[slot].serial << 32 | slot;
	http->jobs++;
	return (job);
}

struct job *
job_find(struct http *http, uint64_t id)
{
	uint32_t slot = (uint32_t)id;

	if (slot >= REQUESTS_WAITING_MAX || http->slots[slot].job == NULL ||
	    http->slots[slot].serial != (uint32_t)(id >> 32))
		return (NULL);
	return (http->slots[slot].job);
}

/* ---- clients that leave ---- */

/* Ends the connection of a job whose client is gone, or that can not go on. */
static void
cut(struct job *job)
{
	h2o_req_t *req = job->req;

	job_cancel(job);
	counter_add(job->http->counters, COUNTER_CLIENTS_GONE, 1);
	job_end(job);
	req->http1_is_persistent = 0;
	if (!job->started) {
		req->res.status = 503;
		h2o_start_response(req, &job->generator);
	}
	h2o_send(req, NULL, 0, H2O_SEND_STATE_ERROR);
}

/* Whether nothing can come any more; over TLS a farewell may stand before the end. */
static bool
is_at_end(h2o_socket_t *sock)
{
	struct pollfd pfd = { h2o_socket_get_fd(sock), POLLRDHUP, 0 };
	char byte;
	ssize_t n = recv(pfd.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n == -1)
		return (errno != EAGAIN && errno != EINTR);
	return (n == 0 || (sock->ssl != NULL && poll(&pfd, 1, 0) == 1));
}

/*
 * Something came on a connection whose request is being processed: the next
 * request of a pipeline, which h2o finds in the kernel after the answer, or the
 * client's end.
 */
static void
on_held(h2o_socket_t *sock, const char *error)
{
	struct client *client = sock->on_close.data;
	struct job *job = client->job;

	h2o_socket_read_stop(sock);
	if (job == NULL)
		return;
	job->heard = true;
	if (is_at_end(sock))
		cut(job);
}

/* Over TLS the end may have come after the farewell: looked for once a second. */
static void
sweep_held(struct job *job)
{
	h2o_socket_t *sock;

	if (!job->held || !job->heard)
		return;
	sock = job->req->conn->callbacks->get_socket(job->req->conn);
	if (sock->ssl != NULL && is_at_end(sock))
		cut(job);
}

void
job_hold(struct job *job)
{
	h2o_socket_t *sock = job->req->conn->callbacks->get_socket(job->req->conn);
	struct client *client = sock->on_close.data;

	if (job->held || job->req->version >= 0x200)
		return;
	job->held = true;
	client->job = job;
	h2o_socket_dont_read(sock, 1);
	h2o_socket_read_start(sock, on_held);
}

void
job_release(struct job *job)
{
	h2o_socket_t *sock;

	if (!job->held)
		return;
	job->held = false;
	sock = job->req->conn->callbacks->get_socket(job->req->conn);
	((struct client *)sock->on_close.data)->job = NULL;
	/* Or else what has come would be read before what is there already is handled. */
	h2o_socket_read_stop(sock);
	h2o_socket_dont_read(sock, 0);
}

/* ---- those that wait too long ---- */

static void
give_up(struct http *http, struct job_list *list, int64_t limit_ns, const char *text)
{
	int64_t now = http_now_ns();
	struct job *job, *next;

	for (job = TAILQ_FIRST(list); job != NULL; job = next) {
		next = TAILQ_NEXT(job, entry);
		if (now - job->waits_ns > limit_ns)
			answer_error(job, 503, "%s", text);
	}
}

/* What requests wait for, as of this second. */
static void
gauge_jobs(struct http *http)
{
	uint64_t phases[JOB_ANSWERED + 1] = { 0 };
	size_t i;

	for (i = 0; i < REQUESTS_WAITING_MAX && http->jobs > 0; i++)
		if (http->slots[i].job != NULL)
			phases[http->slots[i].job->phase]++;
	counter_set(http->counters, COUNTER_JOBS, http->jobs);
	counter_set(http->counters, COUNTER_WAITING_AUTH, phases[JOB_AUTH]);
	counter_set(http->counters, COUNTER_WAITING_RAFT, phases[JOB_INDEX] + phases[JOB_LOG]);
	counter_set(http->counters, COUNTER_WAITING_READ, phases[JOB_READ] + phases[JOB_READER]);
}

void
jobs_sweep(struct http *http)
{
	int64_t now = http_now_ns();
	struct job_list *lists[] = { &http->index_next, &http->index_wait };
	struct job *job, *next;
	size_t i;

	give_up(http, &http->auth_wait, AUTH_WAIT_NS, "credentials can not be checked now");
	give_up(http, &http->reader_wait, READER_WAIT_NS, "no reader is there");
	for (i = 0; i < 2; i++)
		for (job = TAILQ_FIRST(lists[i]); job != NULL; job = next) {
			char text[64];

			next = TAILQ_NEXT(job, entry);
			if (now - job->started_ns <= job->params.linearizable_timeout_ns)
				continue;
			(void)snprintf(text, sizeof(text), "index %llu: timeout waiting for fsm",
			    (unsigned long long)http_state(http)->commit);
			answer_envelope_error(job, text);
		}
	for (i = 0; i < REQUESTS_WAITING_MAX && http->jobs > 0; i++) {
		if (http->slots[i].job != NULL && http->slots[i].job->phase == JOB_STATUS)
			status_sweep(http->slots[i].job);
		if (http->slots[i].job != NULL)
			sweep_held(http->slots[i].job);
	}
	gauge_jobs(http);
}
