/*
 * /readyz, and the gathering of /status and /metrics: their parts come from raft,
 * sql and the master, each within a second; a part that does not come is an error
 * member, or left out.  What they are made into is pages_status.c's and metrics.c's.
 */
#include "proc/http/status.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "proc/http/answer.h"
#include "proc/http/http.h"
#include "proc/http/job.h"
#include "proc/http/pages.h"

enum part { PART_MASTER, PART_RAFT, PART_SQL, PART__COUNT };

static const char type_text[] = "text/plain; charset=utf-8";

void
status_readyz(struct job *job, const char *db_error)
{
	const char *sync = job->params.sync ? "\n[+]sync ok" : "";
	char text[1024];
	int n;

	if (db_error == NULL)
		n = snprintf(text, sizeof(text), "[+]node ok\n[+]leader ok\n[+]store ok%s\n[+]db ok", sync);
	else
		n = snprintf(text, sizeof(text), "[+]node ok\n[+]leader ok\n[+]store ok%s\n[+]db not ok: (%s, [])",
		    sync, db_error);
	answer_body(job, db_error == NULL ? 200 : 503, type_text, text, (size_t)n);
}

/* ---- gathering ---- */

static void
ask(struct job *job, struct chan *chan)
{
	struct msg_status_ask message = { .request = job->id };

	if (chan != NULL) {
		msg_status_ask_send(chan, &message, -1);
		job->waiting++;
	}
}

static void
finish(struct job *job)
{
	const struct buf *parts = job->status_parts;
	struct pages_status status = {
		.http = job->http,
		.master = parts[PART_MASTER].len > 0 ? (const char *)parts[PART_MASTER].data : NULL,
		.raft = parts[PART_RAFT].len > 0 ? (const char *)parts[PART_RAFT].data : NULL,
		.sql = parts[PART_SQL].len > 0 ? (const char *)parts[PART_SQL].data : NULL,
	};
	struct buf out = BUF_INIT;

	if (job->route->endpoint == ENDPOINT_METRICS)
		pages_metrics(&status, &out);
	else
		pages_status(&status, &job->params, &out);
	answer_body(job, 200, job->route->content_type, buf_bytes(&out), buf_size(&out));
	buf_fini(&out);
}

void
status_start(struct job *job)
{
	struct http *http = job->http;

	job->phase = JOB_STATUS;
	ask(job, http->proc.control);
	ask(job, proc_peer(&http->proc, ROLE_RAFT, 0));
	ask(job, proc_peer(&http->proc, ROLE_SQL, 0));
	job_hold(job);
	if (job->waiting == 0)
		finish(job);
}

void
status_on_part(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct job *job = job_find(state, msg->status.request);
	enum part part = chan->role == ROLE_MASTER ? PART_MASTER :
	    chan->role == ROLE_RAFT		   ? PART_RAFT :
						     PART_SQL;

	if (job == NULL || job->phase != JOB_STATUS || job->status_parts[part].len > 0)
		return;
	buf_add(&job->status_parts[part], msg->status.json.data, msg->status.json.len);
	buf_add_u8(&job->status_parts[part], '\0');
	if (--job->waiting == 0)
		finish(job);
}

/* A second has passed: what is not here will not come. */
void
status_sweep(struct job *job)
{
	if (http_now_ns() - job->started_ns > STATUS_WAIT_MS * 1000000LL)
		finish(job);
}

/* ---- pages that need no gathering ---- */

static void
answer_page(struct job *job, void (*print)(struct http *, const struct params *, struct buf *))
{
	struct buf out = BUF_INIT;

	print(job->http, &job->params, &out);
	answer_body(job, 200, job->route->content_type, buf_bytes(&out), buf_size(&out));
	buf_fini(&out);
}

void
status_nodes(struct job *job)
{
	if (!http_state(job->http)->open)
		answer_error(job, 503, "store nodes: store not open");
	else
		answer_page(job, pages_nodes);
}

void
status_leader(struct job *job)
{
	if (http_state(job->http)->leader_id[0] == '\0')
		answer_error(job, 503, "leader not found");
	else
		answer_page(job, pages_leader);
}

void
status_vars(struct job *job)
{
	answer_page(job, pages_vars);
}

void
status_licenses(struct job *job)
{
	answer_page(job, pages_licenses);
}
