/*
 * Takes a request in: framing as it was sent, parameters, route, permission,
 * method, in this order (that of rqlite), and hands it to what the endpoint does.
 *
 * Requests of HTTP/2 are taken in a turn of the loop after they have come, so that one
 * which is reset at once costs nobody but h2o.
 */
#include "proc/http/handler.h"

#include "common/log.h"
#include "proc/http/answer.h"
#include "proc/http/framing.h"
#include "proc/http/http.h"
#include "proc/http/job.h"
#include "proc/http/server.h"
#include "proc/http/tickets.h"
#include "proc/http/work.h"

/* The raw head of an HTTP/1 request is still in the connection's buffer: h2o hides duplicates. */
static bool
framing_is_good(struct job *job)
{
	h2o_req_t *req = job->req;
	h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);
	struct framing_verdict verdict;

	if (req->version >= 0x200 || sock->input == NULL || sock->input->size == 0)
		return (true);
	if (framing_check(sock->input->bytes, sock->input->size, req->version, &verdict) == 0) {
		/* h2o lets odd chunk lines pass and hides them: nothing behind them is believed. */
		if (verdict.chunked)
			req->http1_is_persistent = 0;
		return (true);
	}
	counter_add(job->http->counters, COUNTER_FRAMING_REFUSED, 1);
	answer_protocol_error(job, verdict.status, verdict.body);
	return (false);
}

static void
echo_request_id(struct job *job)
{
	ssize_t i = h2o_find_header_by_str(&job->req->headers, "x-request-id", 12, -1);
	size_t n, k;

	if (i == -1)
		return;
	n = job->req->headers.entries[i].value.len;
	if (n > REQUEST_ID_MAX)
		n = REQUEST_ID_MAX;
	/* It goes into headers and log lines: printable ASCII only. */
	for (k = 0; k < n; k++) {
		char c = job->req->headers.entries[i].value.base[k];

		job->request_id[k] = c > ' ' && c <= '~' ? c : '_';
	}
	job->request_id_len = n;
}

static bool
is_method(const h2o_req_t *req, const char *name)
{
	return (h2o_memis(req->method.base, req->method.len, name, strlen(name)));
}

/*
 * The target without scheme and authority (absolute form), of which nothing may
 * be left; false if it is of no form that a path can be taken from.
 */
static bool
origin_form(const char *path, size_t len, const char **out, size_t *out_len)
{
	size_t skip = 0;

	if (len > 7 && memcmp(path, "http://", 7) == 0)
		skip = 7;
	else if (len > 8 && memcmp(path, "https://", 8) == 0)
		skip = 8;
	while (skip > 0 && skip < len && path[skip] != '/')
		skip++;
	*out = path + skip;
	*out_len = len - skip;
	if (skip == len)
		return (len > 0);
	return (path[skip] == '/' || (len == 1 && *path == '*'));
}

/*
 * Path and query string, each decoded once; false if the request was answered, as
 * OPTIONS is whatever the path and the query are.
 */
static bool
parse_target(struct job *job)
{
	h2o_req_t *req = job->req;
	size_t path_len = req->query_at == SIZE_MAX ? req->path.len : req->query_at;
	const char *query = req->query_at == SIZE_MAX ? "" : req->path.base + req->query_at + 1;
	size_t query_len = req->query_at == SIZE_MAX ? 0 : req->path.len - req->query_at - 1;
	char *path = h2o_mem_alloc_pool(&req->pool, path_len + 1), *room;
	struct error error;
	const char *raw;
	int n;

	if (!origin_form(req->path.base, path_len, &raw, &path_len) ||
	    (n = path_decode(raw, path_len, path)) == -1) {
		answer_protocol_error(job, 400, "400 Bad Request");
		return (false);
	}
	if (is_method(req, "OPTIONS")) {
		answer_empty(job, 200, NULL);
		return (false);
	}
	room = query_len > 0 ? h2o_mem_alloc_pool(&req->pool, query_len + 1) : NULL;
	if (params_parse(query, query_len, room, &job->params, &error) == -1) {
		answer_error(job, 400, "%s", error.text);
		return (false);
	}
	job->route = route_find(path, (size_t)n);
	if (job->route == NULL) {
		answer_empty(job, 404, NULL);
		return (false);
	}
	return (true);
}

static void
count_route(struct job *job)
{
	static const enum counter counters[ENDPOINT__COUNT] = {
		[ENDPOINT_EXECUTE] = COUNTER_EXECUTIONS,
		[ENDPOINT_QUERY] = COUNTER_QUERIES,
		[ENDPOINT_REQUEST] = COUNTER_REQUESTS,
		[ENDPOINT_BACKUP] = COUNTER_BACKUPS,
		[ENDPOINT_LOAD] = COUNTER_LOADS,
		[ENDPOINT_BOOT] = COUNTER_BOOT,
		[ENDPOINT_SNAPSHOT] = COUNTER_USER_SNAPSHOTS,
		[ENDPOINT_REAP] = COUNTER_USER_REAPS,
		[ENDPOINT_SQL] = COUNTER_SQL_ANALYZE,
		[ENDPOINT_STATUS] = COUNTER_NUM_STATUS,
		[ENDPOINT_READYZ] = COUNTER_NUM_READYZ,
		[ENDPOINT_CONSOLE] = COUNTER_UI,
	};
	enum counter counter = counters[job->route->endpoint];

	if (counter != 0)
		counter_add(job->http->counters, counter, 1);
}

/* What needs no permission is not asked about. */
static bool
needs_nobody(const struct route *route)
{
	return (route->perms == 0);
}

static void
take(struct job *job)
{
	echo_request_id(job);
	job->head = is_method(job->req, "HEAD");
	if (!parse_target(job))
		return;
	if (job->id == UINT64_MAX) {
		answer_error(job, 503, "too many requests are in flight");
		return;
	}
	count_route(job);
	if (needs_nobody(job->route) || tickets_get(job))
		handler_authorized(job);
}

int
handler_on_request(h2o_handler_t *handler, h2o_req_t *req)
{
	h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);
	struct client *client = sock->on_close.data;
	struct job *job = job_new(client->http, req);

	if (req->version >= 0x200 && job->id != UINT64_MAX)
		job_wait(job, &client->http->fresh, JOB_NEW);
	else if (framing_is_good(job))
		take(job);
	return (0);
}

/* What was reset by the bytes that came with it, or right after, is gone from the lists by now. */
int32_t
handler_turn(struct http *http)
{
	struct job *job;

	while ((job = TAILQ_FIRST(&http->ripe)) != NULL) {
		job_unwait(job);
		take(job);
	}
	while ((job = TAILQ_FIRST(&http->fresh)) != NULL)
		job_wait(job, &http->ripe, JOB_NEW);
	return (TAILQ_EMPTY(&http->ripe) ? INT32_MAX : 0);
}

static bool
is_permitted(const struct job *job)
{
	return ((job->perms & job->route->perms) == job->route->perms);
}

void
handler_authorized(struct job *job)
{
	const struct route *route = job->route;

	if (!needs_nobody(route)) {
		if (!is_permitted(job)) {
			counter_add(job->http->counters, COUNTER_AUTH_FAIL, 1);
			answer_empty(job, 401, route->content_type);
			return;
		}
		counter_add(job->http->counters, COUNTER_AUTH_OK, 1);
	}
	if (route->methods != METHOD_ANY &&
	    (method_bit(job->req->method.base, job->req->method.len) & route->methods) == 0) {
		answer_empty(job, 405, route->content_type);
		return;
	}
	if (job->req->entity.len > (size_t)job->http->conf.body_max) {
		answer_error(job, 413, "request body too large (-http-body-max is %lld)",
		    (long long)job->http->conf.body_max);
		return;
	}
	work_start(job);
}
