/*
 * /metrics, in Prometheus' text form: what all workers counted, the board, and
 * what siblings said of themselves (numbers are read out of their texts, nothing
 * is copied but a worker's role, which is letters only).
 */
#include "proc/http/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc/http/pages.h"
#include "proc/http/pages_private.h"

/* Statuses that are counted apart; whatever else is answered counts as the last. */
static const int statuses[COUNTERS_STATUSES] = { 200, 204, 301, 302, 400, 401, 404, 405, 413, 500,
	501, 503, 0 };

_Static_assert(ENDPOINT__COUNT < COUNTERS_ROUTES, "every endpoint has its row, and those of none");

void
metrics_count(struct counters *counters, const struct route *route, int status)
{
	unsigned i = 0;

	while (i < COUNTERS_STATUSES - 1 && statuses[i] != status)
		i++;
	counters_answer(counters, route != NULL ? route->endpoint : ENDPOINT__COUNT, i);
}

/* ---- printing ---- */

static void
add_type(struct buf *out, const char *name, const char *type)
{
	buf_printf(out, "# TYPE rqlited_%s %s\n", name, type);
}

static void
add_value(struct buf *out, const char *name, const char *type, uint64_t value)
{
	add_type(out, name, type);
	buf_printf(out, "rqlited_%s %" PRIu64 "\n", name, value);
}

static void
add_answers(const struct http *http, struct buf *out)
{
	unsigned route, status;
	size_t i;

	add_type(out, "requests_total", "counter");
	for (route = 0; route <= ENDPOINT__COUNT; route++)
		for (status = 0; status < COUNTERS_STATUSES; status++) {
			uint64_t sum = 0;

			for (i = 0; i < http->nall; i++)
				sum += http->all[i]->answers[route][status];
			if (sum == 0)
				continue;
			buf_printf(out, "rqlited_requests_total{route=\"%s\",status=\"",
			    route_path((enum endpoint)route));
			if (statuses[status] != 0)
				buf_printf(out, "%d", statuses[status]);
			else
				buf_add_text(out, "other");
			buf_printf(out, "\"} %" PRIu64 "\n", sum);
		}
}

static void
add_counters(const struct http *http, struct buf *out)
{
	int i;

	for (i = 0; i < COUNTER__COUNT; i++) {
		const struct counter_info *info = counter_info((enum counter)i);
		char name[80];

		(void)snprintf(name, sizeof(name), "%s%s%s%s", info->group,
		    info->group[0] != '\0' ? "_" : "", info->key, info->gauge ? "" : "_total");
		add_value(out, name, info->gauge ? "gauge" : "counter",
		    counters_sum(http->all, http->nall, (enum counter)i));
	}
}

static void
add_histogram(const struct http *http, enum histogram histogram, const char *name,
    const char *label, struct buf *out)
{
	uint64_t sum = 0, count = 0, limit = HISTOGRAM_FIRST_NS;
	const char *comma = label[0] != '\0' ? "," : "";
	size_t b, i;

	for (i = 0; i < http->nall; i++)
		sum += http->all[i]->histograms[histogram].sum_ns;
	for (b = 0; b <= HISTOGRAM_BUCKETS; b++, limit *= 2) {
		for (i = 0; i < http->nall; i++)
			count += http->all[i]->histograms[histogram].buckets[b];
		buf_printf(out, "rqlited_%s_bucket{%s%sle=\"", name, label, comma);
		if (b < HISTOGRAM_BUCKETS)
			buf_printf(out, "%.9g", (double)limit / 1e9);
		else
			buf_add_text(out, "+Inf");
		buf_printf(out, "\"} %" PRIu64 "\n", count);
	}
	buf_printf(out, "rqlited_%s_sum{%s} %.9f\nrqlited_%s_count{%s} %" PRIu64 "\n", name, label,
	    (double)sum / 1e9, name, label, count);
}

static void
add_histograms(const struct http *http, struct buf *out)
{
	add_type(out, "request_seconds", "histogram");
	add_histogram(http, HISTOGRAM_EXECUTE, "request_seconds", "route=\"/db/execute\"", out);
	add_histogram(http, HISTOGRAM_QUERY, "request_seconds", "route=\"/db/query\"", out);
	add_histogram(http, HISTOGRAM_REQUEST, "request_seconds", "route=\"/db/request\"", out);
	add_histogram(http, HISTOGRAM_OTHER, "request_seconds", "route=\"other\"", out);
	add_type(out, "log_sync_seconds", "histogram");
	add_histogram(http, HISTOGRAM_LOG_SYNC, "log_sync_seconds", "", out);
}

static void
add_board(const struct board_state *board, struct buf *out)
{
	add_value(out, "raft_term", "gauge", board->term);
	add_value(out, "raft_last_index", "gauge", board->last);
	add_value(out, "raft_commit_index", "gauge", board->commit);
	add_value(out, "raft_applied_index", "gauge", board->applied);
	add_value(out, "raft_leader", "gauge", board->role == BOARD_LEADER);
	add_value(out, "ready", "gauge", board->ready != 0);
	add_value(out, "stalled", "gauge", board->stalled != 0);
}

/* ---- what siblings said ---- */

/* A number of an object; false if the object, or the number in it, is not there. */
static bool
find_number(const char *object, const char *key, uint64_t *value)
{
	const char *at = object == NULL ? NULL : pages_find(object, key, strlen(key));

	if (at == NULL || *at < '0' || *at > '9')
		return (false);
	*value = strtoull(at, NULL, 10);
	return (true);
}

static void
add_role(const char *worker, struct buf *out)
{
	const char *role = pages_find(worker, "role", 4);
	uint64_t number = 0;
	size_t n;

	role = role != NULL && *role == '"' ? role + 1 : "";
	n = strspn(role, "abcdefghijklmnopqrstuvwxyz");
	(void)find_number(worker, "number", &number);
	buf_printf(out, "{role=\"%.*s\",number=\"%" PRIu64 "\"} ", (int)n, role, number);
}

/* One figure of every worker that has it, in units of `unit`. */
static void
add_of_workers(const char *workers, const char *key, const char *name, double unit, struct buf *out)
{
	const char *worker = workers + 1;
	uint64_t value;

	while (*worker == '{') {
		const char *end = pages_skip(worker);

		if (find_number(worker, key, &value)) {
			buf_printf(out, "rqlited_%s", name);
			add_role(worker, out);
			buf_printf(out, "%.15g\n", (double)value * unit);
		}
		worker = *end == ',' ? end + 1 : end;
	}
}

static void
add_master(const char *master, struct buf *out)
{
	const char *workers = pages_find(master, "workers", 7);
	uint64_t value;

	if (find_number(master, "node_restarts", &value))
		add_value(out, "node_restarts_total", "counter", value);
	if (workers == NULL || *workers != '[')
		return;
	add_type(out, "worker_restarts_total", "counter");
	add_of_workers(workers, "restarts", "worker_restarts_total", 1, out);
	add_type(out, "worker_cpu_seconds_total", "counter");
	if (find_number(master, "cpu_ms", &value))
		buf_printf(out, "rqlited_worker_cpu_seconds_total{role=\"master\",number=\"0\"} %.15g\n",
		    (double)value / 1000);
	add_of_workers(workers, "cpu_ms", "worker_cpu_seconds_total", 0.001, out);
	add_type(out, "worker_resident_bytes", "gauge");
	if (find_number(master, "rss_kb", &value))
		buf_printf(out, "rqlited_worker_resident_bytes{role=\"master\",number=\"0\"} %.15g\n",
		    (double)value * 1024);
	add_of_workers(workers, "rss_kb", "worker_resident_bytes", 1024, out);
	add_type(out, "worker_proportional_bytes", "gauge");
	if (find_number(master, "pss_kb", &value))
		buf_printf(out, "rqlited_worker_proportional_bytes{role=\"master\",number=\"0\"} %.15g\n",
		    (double)value * 1024);
	add_of_workers(workers, "pss_kb", "worker_proportional_bytes", 1024, out);
}

void
pages_metrics(const struct pages_status *status, struct buf *out)
{
	struct http *http = status->http;
	uint64_t value;

	add_answers(http, out);
	add_histograms(http, out);
	add_counters(http, out);
	add_board(http_state(http), out);
	if (find_number(status->raft, "log_size", &value))
		add_value(out, "log_size_bytes", "gauge", value);
	if (status->master != NULL && status->master[0] == '{')
		add_master(status->master, out);
}
