/*
 * What clients get: the headers on every response, and the forms of bodies.
 * Header values are not copied by h2o, so they are literals, settings, or in
 * the request's pool.
 */
#include "proc/http/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "proc/http/http.h"
#include "proc/http/job.h"
#include "proc/http/metrics.h"
#include "proc/http/server.h"
#include "proc/http/wipe.h"

#define LOGGED_PATH_MAX 1024

static const char type_text[] = "text/plain; charset=utf-8";
static const char type_json[] = "application/json; charset=utf-8";

const char *
answer_reason(int status)
{
	switch (status) {
	case 200:
		return ("OK");
	case 204:
		return ("No Content");
	case 301:
		return ("Moved Permanently");
	case 302:
		return ("Found");
	case 400:
		return ("Bad Request");
	case 401:
		return ("Unauthorized");
	case 404:
		return ("Not Found");
	case 405:
		return ("Method Not Allowed");
	case 408:
		return ("Request Timeout");
	case 413:
		return ("Request Entity Too Large");
	case 417:
		return ("Expectation Failed");
	case 500:
		return ("Internal Server Error");
	case 501:
		return ("Not Implemented");
	case 503:
		return ("Service Unavailable");
	default:
		return ("Unknown");
	}
}

static void
add(struct job *job, const char *lower, const char *name, const char *value, size_t len)
{
	h2o_add_header_by_str(
	    &job->req->pool, &job->req->res.headers, lower, strlen(lower), 0, name, value, len);
}

static void
add_text(struct job *job, const char *lower, const char *name, const char *value)
{
	add(job, lower, name, value, strlen(value));
}

static void
add_standing(struct http *http, const char *lower, const char *name, const char *value)
{
	size_t n = http->nstanding++;

	http->standing_names[n] = h2o_iovec_init(lower, strlen(lower));
	http->standing[n] = (h2o_header_t){ .name = &http->standing_names[n],
		.orig_name = name,
		.value = h2o_iovec_init(value, strlen(value)) };
}

void
answer_init(struct http *http)
{
	const struct http_conf *conf = &http->conf;

	add_standing(http, "x-rqlite-version", "X-Rqlite-Version", RQLITED_VERSION);
	if (conf->allow_origin != NULL && conf->allow_origin[0] != '\0')
		add_standing(http, "access-control-allow-origin", "Access-Control-Allow-Origin",
		    conf->allow_origin);
	add_standing(http, "access-control-allow-methods", "Access-Control-Allow-Methods",
	    "OPTIONS, GET, POST");
	add_standing(http, "access-control-allow-headers", "Access-Control-Allow-Headers",
	    conf->auth ? "Content-Type, Authorization" : "Content-Type");
	if (conf->auth) {
		add_standing(http, "access-control-allow-credentials",
		    "Access-Control-Allow-Credentials", "true");
		add_standing(
		    http, "www-authenticate", "Www-Authenticate", "Basic realm=\"rqlite\"");
	}
}

/* Headers of every response that came to be after the protocol was understood. */
static void
add_common(struct job *job)
{
	const struct http *http = job->http;
	h2o_headers_t *headers = &job->req->res.headers;

	h2o_vector_reserve(&job->req->pool, headers, headers->size + http->nstanding);
	memcpy(headers->entries + headers->size, http->standing,
	    http->nstanding * sizeof(http->standing[0]));
	headers->size += http->nstanding;
	if (job->request_id_len > 0)
		add(job, "x-request-id", "X-Request-Id", job->request_id, job->request_id_len);
}

/* The access log, and the requests that took too long; never a body or a parameter. */
static void
log_request(struct job *job, int status, int64_t took)
{
	const struct http_conf *conf = &job->http->conf;
	h2o_req_t *req = job->req;
	size_t path = req->query_at == SIZE_MAX ? req->path.len : req->query_at;
	bool slow = conf->slow_query_ns > 0 && took > conf->slow_query_ns;
	char text[ADDRESS_TEXT_SIZE];
	uint8_t address[ADDRESS_SIZE];

	if (!conf->access_log && !slow)
		return;
	server_address(req, address);
	/* A long path shall not push the rest off the line. */
	if (path > LOGGED_PATH_MAX)
		path = LOGGED_PATH_MAX;
	log_as(slow ? "slow" : "access", "%s %.*s %.*s %d %.6fs id=%.*s",
	    address_text(address, text), (int)req->method.len, req->method.base, (int)path,
	    req->path.base, status, (double)took / 1e9, (int)job->request_id_len, job->request_id);
}

static void
count_request(struct job *job, int status, int64_t took)
{
	struct counters *counters = job->http->counters;

	metrics_count(counters, job->route, status);
	if (job->route != NULL)
		counters_observe(counters, route_histogram(job->route), (uint64_t)took);
}

void
answer_headers(struct job *job, int status, const char *content_type)
{
	int64_t took = http_now_ns() - job->started_ns;
	h2o_req_t *req = job->req;

	wipe_authorization(req);
	job_release(job);
	job_unwait(job);
	req->res.status = status;
	req->res.reason = answer_reason(status);
	if (!job->bare)
		add_common(job);
	if (content_type != NULL)
		h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE,
		    "Content-Type", content_type, strlen(content_type));
	log_request(job, status, took);
	count_request(job, status, took);
}

void
answer_body(struct job *job, int status, const char *content_type, const void *body, size_t len)
{
	h2o_req_t *req = job->req;
	h2o_iovec_t iov = { NULL, len };

	answer_headers(job, status, content_type);
	if (len > 0) {
		iov.base = h2o_mem_alloc_pool(&req->pool, len);
		memcpy(iov.base, body, len);
	}
	req->res.content_length = len;
	job->phase = JOB_ANSWERED;
	job_end(job);
	h2o_start_response(req, &job->generator);
	h2o_send(req, &iov, len > 0 && !job->head, H2O_SEND_STATE_FINAL);
}

void
answer_empty(struct job *job, int status, const char *content_type)
{
	answer_body(job, status, content_type, NULL, 0);
}

void
answer_protocol_error(struct job *job, int status, const char *text)
{
	job->bare = true;
	job->req->http1_is_persistent = 0;
	answer_body(job, status, *text != '\0' ? type_text : NULL, text, strlen(text));
}

void
answer_error(struct job *job, int status, const char *format, ...)
{
	char text[2048];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text) - 1, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n > sizeof(text) - 2)
		n = (int)sizeof(text) - 2;
	text[n++] = '\n';
	add_text(job, "x-content-type-options", "X-Content-Type-Options", "nosniff");
	answer_body(job, status, type_text, text, (size_t)n);
}

struct reply
answer_reply(const struct job *job)
{
	struct reply reply = {
		.pretty = job->params.pretty,
		.timings = job->params.timings,
		.time_ns = http_now_ns() - job->started_ns,
		.raft_index = job->params.raft_index ? job->index : 0,
	};

	return (reply);
}

void
answer_envelope_error(struct job *job, const char *text)
{
	struct buf *out = &job->http->scratch;
	struct reply reply = answer_reply(job);

	buf_reset(out, MIB);
	reply_error(out, &reply, text);
	answer_body(job, 200, type_json, buf_bytes(out), buf_size(out));
}

void
answer_served_by(struct job *job)
{
	add_text(job, "x-rqlite-served-by", "X-Rqlite-Served-By", job->http->conf.http_adv_addr);
}
