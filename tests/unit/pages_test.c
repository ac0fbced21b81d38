/*
 * The pages that tell of a node: their form to the byte where clients rely on it,
 * what they count, and what is shown when a sibling did not answer or lied.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc/http/http.h"
#include "proc/http/metrics.h"
#include "proc/http/pages.h"
#include "proc/http/pages_private.h"

#define MASTER                                                                                \
	"{\"pid\":7,\"ppid\":6,\"node_restarts\":2,\"generation\":1,\"cpu_ms\":1500,"         \
	"\"pss_kb\":3,\"workers\":[{\"role\":\"http\",\"number\":0,\"restarts\":4,\"pid\":8," \
	"\"cpu_ms\":20,\"sandbox\":\"a ] } , b\"},{\"role\":\"read\",\"number\":1,"           \
	"\"restarts\":0}]}"

static char here[] = "127.0.0.1:4001", api[] = "localhost:4001", addr[] = "localhost:4002",
	    id[] = "n\"1", data[] = "/data", none[] = "";
static const struct http_conf conf = { .http_addr = here,
	.http_adv_addr = api,
	.raft_adv_addr = addr,
	.node_id = id,
	.data_dir = data,
	.allow_origin = none,
	.log_level = none };
static struct http http;
static struct counters pages[2];

const struct board_state *
http_state(struct http *of)
{
	return (&of->state);
}

/* A clock of which each look takes a microsecond. */
int64_t
http_now_ns(void)
{
	static int64_t now;

	return (now += 1000);
}

static int
set_up(void **state)
{
	memset(&http, 0, sizeof(http));
	memset(pages, 0, sizeof(pages));
	http.conf = conf;
	http.state.role = BOARD_LEADER;
	http.state.open = 1;
	http.state.last = 9;
	http.all[0] = &pages[0];
	http.all[1] = &pages[1];
	http.nall = 2;
	http.cpus = 3;
	(void)snprintf(http.bound, sizeof(http.bound), "127.0.0.1:4001");
	return (0);
}

static const char *
text_of(struct buf *out)
{
	buf_add_u8(out, '\0');
	return ((const char *)buf_bytes(out));
}

static void
assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("%s is not in %s", part, text);
}

static void
assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("%s is in %s", part, text);
}

/* ---- key= ---- */

static void
selects(const char *key, const char *expected)
{
	struct buf out = BUF_INIT;

	pages_select(
	    "{\"a\":{\"b\":[1,{\"c\":2}],\"s\":\"x\\\"},{\"},\"n\":-1.5,\"e\":{}}", key, &out);
	assert_string_equal(text_of(&out), expected);
	buf_fini(&out);
}

static void
test_select(void **state)
{
	selects("a", "{\"b\":[1,{\"c\":2}],\"s\":\"x\\\"},{\"}");
	selects("a.b", "[1,{\"c\":2}]");
	selects("a.s", "\"x\\\"},{\"");
	selects("n", "-1.5");
	selects("e", "{}");
	selects("e.x", "{}");
	selects("x", "{}");
	selects("a.x.y", "{}");
	selects("", "{}");
	/* A value that is no object ends the walk. */
	selects("n.x.y", "-1.5");
	selects("a.b.c", "[1,{\"c\":2}]");
}

/* ---- /nodes and /leader ---- */

#define NODE                                                                                     \
	"{\"id\":\"n\\\"1\",\"api_addr\":\"http://localhost:4001\",\"addr\":\"localhost:4002\"," \
	"\"version\":\"" RQLITED_VERSION "\",\"voter\":true,\"reachable\":true,\"leader\":true," \
	"\"time\":0.000001,\"time_s\":\"1µs\"}"

static void
nodes(const struct params *params, const char *expected)
{
	struct buf out = BUF_INIT;

	pages_nodes(&http, params, &out);
	assert_string_equal(text_of(&out), expected);
	buf_fini(&out);
}

static void
test_nodes(void **state)
{
	struct params plain = { 0 }, second = { .ver2 = true }, pretty = { .pretty = true };
	struct buf out = BUF_INIT;

	nodes(&plain, "{\"n\\\"1\":" NODE "}");
	nodes(&second, "{\"nodes\":[" NODE "]}");
	pages_leader(&http, &plain, &out);
	assert_string_equal(text_of(&out), NODE);
	buf_fini(&out);
	http.tls = true;
	http.state.role = BOARD_FOLLOWER;
	pages_leader(&http, &pretty, &out);
	assert_has(text_of(&out),
	    "{\n    \"id\": \"n\\\"1\",\n    \"api_addr\": \"https://localhost:4001\",\n");
	assert_has((const char *)buf_bytes(&out), "\"leader\": false,\n");
	buf_fini(&out);
	/* A node of no cluster. */
	http.state.last = 0;
	nodes(&plain, "{}");
	nodes(&second, "{\"nodes\":[]}");
}

/* ---- /debug/vars ---- */

static void
test_vars_of_one(void **state)
{
	struct params params = { .key = "queue" };
	struct buf out = BUF_INIT;

	pages_vars(&http, &params, &out);
	assert_string_equal(text_of(&out), "{\n\"queue\": {\"num_flush\": 0, \"num_timeout\": 0, "
					   "\"objects_rx\": 0, \"objects_tx\": 0}\n}\n");
	buf_fini(&out);
	params.key = "que";
	pages_vars(&http, &params, &out);
	assert_string_equal(text_of(&out), "{\n\n}\n");
	buf_fini(&out);
	params.key = "memstats";
	pages_vars(&http, &params, &out);
	assert_string_equal(text_of(&out), "{\n\"memstats\": {}\n}\n");
	buf_fini(&out);
}

/* One variable a line, sorted; what two workers counted is added up. */
static void
test_vars(void **state)
{
	struct params params = { .key = "" };
	struct buf out = BUF_INIT;
	char before[64] = "", name[64];
	const char *line;
	int variables = 0;

	counter_add(&pages[0], COUNTER_AUTH_OK, 3);
	counter_add(&pages[1], COUNTER_AUTH_OK, 4);
	counter_add(&pages[1], COUNTER_DB_CHECKPOINTS, 1);
	pages_vars(&http, &params, &out);
	line = text_of(&out);
	assert_has(line, "\"http\": {\"auth_fail\": 0, \"auth_ok\": 7, ");
	assert_has(line, "\"checkpoints\": 1, ");
	assert_has(line, "\"db.wal\": {\"compact_frames_input\": 0, ");
	for (line = strchr(line, '\n') + 1; *line == '"'; line = strchr(line, '\n') + 1) {
		assert_int_equal(sscanf(line, "\"%63[a-z.]\": ", name), 1);
		assert_true(strcmp(before, name) < 0);
		(void)snprintf(before, sizeof(before), "%s", name);
		variables++;
	}
	assert_string_equal(line, "}\n");
	assert_int_equal(variables, 17);
	buf_fini(&out);
}

/* ---- /metrics ---- */

static const char *
metrics(const char *master, const char *raft, struct buf *out)
{
	struct pages_status status = { .http = &http, .master = master, .raft = raft };

	pages_metrics(&status, out);
	return (text_of(out));
}

static void
test_metrics(void **state)
{
	struct buf out = BUF_INIT;
	const char *text;

	counter_add(&pages[0], COUNTER_EXECUTIONS, 5);
	counter_add(&pages[1], COUNTER_EXECUTIONS, 2);
	counter_set(&pages[0], COUNTER_JOBS, 3);
	http.state.commit = 8;
	text = metrics(MASTER, "{\"log_size\":4096}", &out);
	assert_has(text,
	    "# TYPE rqlited_http_executions_total counter\nrqlited_http_executions_total 7\n");
	assert_has(text, "# TYPE rqlited_requests_in_flight gauge\nrqlited_requests_in_flight 3\n");
	assert_has(text, "rqlited_raft_last_index 9\n");
	assert_has(text, "rqlited_raft_commit_index 8\n");
	assert_has(text, "rqlited_log_size_bytes 4096\n");
	assert_has(text, "rqlited_node_restarts_total 2\n");
	assert_has(text, "rqlited_worker_restarts_total{role=\"http\",number=\"0\"} 4\n"
			 "rqlited_worker_restarts_total{role=\"read\",number=\"1\"} 0\n");
	assert_has(text, "rqlited_worker_cpu_seconds_total{role=\"master\",number=\"0\"} 1.5\n"
			 "rqlited_worker_cpu_seconds_total{role=\"http\",number=\"0\"} 0.02\n");
	assert_has(text, "rqlited_worker_proportional_bytes{role=\"master\",number=\"0\"} 3072\n");
	/* A reader that is dead has no processor time. */
	assert_lacks(text, "rqlited_worker_cpu_seconds_total{role=\"read\"");
	buf_fini(&out);
}

static void
test_metrics_answers(void **state)
{
	struct buf out = BUF_INIT;
	const char *text;

	metrics_count(&pages[0], route_find("/db/query", 9), 200);
	metrics_count(&pages[1], route_find("/db/query", 9), 200);
	metrics_count(&pages[0], route_find("/db/query", 9), 503);
	metrics_count(&pages[0], route_find("/debug/pprof", 12), 404);
	metrics_count(&pages[0], NULL, 404);
	metrics_count(&pages[0], NULL, 431);
	text = metrics(NULL, NULL, &out);
	assert_has(text, "# TYPE rqlited_requests_total counter\n"
			 "rqlited_requests_total{route=\"/db/query\",status=\"200\"} 2\n"
			 "rqlited_requests_total{route=\"/db/query\",status=\"503\"} 1\n"
			 "rqlited_requests_total{route=\"/debug/pprof\",status=\"404\"} 1\n"
			 "rqlited_requests_total{route=\"none\",status=\"404\"} 1\n"
			 "rqlited_requests_total{route=\"none\",status=\"other\"} 1\n#");
	buf_fini(&out);
}

static void
test_metrics_histogram(void **state)
{
	struct buf out = BUF_INIT;
	const char *text;

	counters_observe(&pages[0], HISTOGRAM_QUERY, 0);
	counters_observe(&pages[0], HISTOGRAM_QUERY, 15999);
	counters_observe(&pages[1], HISTOGRAM_QUERY, 16000);
	counters_observe(&pages[1], HISTOGRAM_QUERY, 400000000000);
	text = metrics(NULL, NULL, &out);
	assert_has(text, "_seconds_bucket{route=\"/db/query\",le=\"1.6e-05\"} 2\n");
	assert_has(text, "_seconds_bucket{route=\"/db/query\",le=\"3.2e-05\"} 3\n");
	assert_has(text, "_seconds_bucket{route=\"/db/query\",le=\"134.217728\"} 3\n");
	assert_has(text, "_seconds_bucket{route=\"/db/query\",le=\"+Inf\"} 4\n"
			 "rqlited_request_seconds_sum{route=\"/db/query\"} 400.000031999\n"
			 "rqlited_request_seconds_count{route=\"/db/query\"} 4\n");
	assert_has(text, "rqlited_log_sync_seconds_bucket{le=\"+Inf\"} 0\n");
	buf_fini(&out);
}

/* Every line is a type or a sample, each metric is told once, whatever siblings said. */
static void
check_lines(const char *text)
{
	char *copy = strdup(text), *line, *save = NULL, *end;
	struct buf types = BUF_INIT;

	assert_non_null(copy);
	buf_add_text(&types, "\n");
	for (line = strtok_r(copy, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		char name[100], kind[20];

		if (sscanf(line, "# TYPE %99s %19s", name, kind) == 2) {
			buf_add_u8(&types, '\0');
			assert_null(strstr((const char *)buf_bytes(&types), name));
			types.len--;
			buf_printf(&types, "%s \n", name);
			continue;
		}
		assert_int_equal(strncmp(line, "rqlited_", 8), 0);
		assert_non_null(strrchr(line, ' '));
		(void)strtod(strrchr(line, ' ') + 1, &end);
		assert_true(*end == '\0' && end[-1] != ' ');
	}
	buf_fini(&types);
	free(copy);
}

/* The master's text with a byte changed, and cut off behind it if cut. */
static void
lie_about(size_t at, char wrong, bool cut)
{
	/* Of its exact size, so that a sanitizer sees a byte too far. */
	size_t size = cut ? at + 2 : sizeof(MASTER);
	char *lie = malloc(size);
	struct buf out = BUF_INIT;

	assert_non_null(lie);
	memcpy(lie, MASTER, size);
	lie[at] = wrong;
	lie[size - 1] = '\0';
	check_lines(metrics(lie, lie, &out));
	free(lie);
	buf_fini(&out);
}

static void
test_metrics_of_liars(void **state)
{
	static const char wrong[] = "\"\\{}[],:9x";
	size_t i, k;

	for (i = 0; i + 1 < sizeof(MASTER); i++)
		for (k = 0; k < sizeof(wrong); k++) {
			lie_about(i, wrong[k], false);
			lie_about(i, wrong[k], true);
		}
}

/* ---- /status ---- */

static const char *
status(
    struct params *params, const char *master, const char *raft, const char *sql, struct buf *out)
{
	struct pages_status parts = { &http, master, raft, sql };

	pages_status(&parts, params, out);
	return (text_of(out));
}

static void
status_key(const char *key, const char *expected)
{
	struct params params = { .key = key, .pretty = true };
	struct buf out = BUF_INIT;

	assert_string_equal(status(&params, MASTER, "{\"last_term\":5,\"log_size\":4096}",
				"{\"db_size\":8192,\"wal_size\":1,\"command\":6,\"command_ns\":"
				"1000000000000000005}",
				&out),
	    expected);
	buf_fini(&out);
}

static void
test_status(void **state)
{
	http.state.ready = 1;
	http.state.term = 5;
	status_key("http.auth", "\"disabled\"");
	status_key("http.tls", "{\"enabled\":\"false\"}");
	status_key("os.pid", "7");
	status_key("store.db_applied_index", "6");
	status_key("store.ready", "true");
	status_key("store.fsm_update_time", "\"2001-09-09T01:46:40.000000005Z\"");
	status_key("store.leader_appended_at_time", "\"0001-01-01T00:00:00Z\"");
	status_key("runtime.num_cpu", "3");
	status_key("store.raft.state", "\"Leader\"");
	status_key("store.raft.last_log_term", "5");
	status_key("store.raft.log_size_friendly", "\"4.1 kB\"");
	status_key("store.dir_size", "12289");
	status_key("store.sqlite3.db_size_friendly", "\"8.2 kB\"");
	status_key("store.nodes",
	    "[{\"addr\":\"localhost:4002\",\"id\":\"n\\\"1\",\"suffrage\":\"voter\"}]");
	status_key("http.bind_addr", "\"127.0.0.1:4001\"");
	status_key("extensions", "{\"dir\":\"/data/extensions\",\"names\":[]}");
	status_key("store.observer", "{\"dropped\":0,\"observed\":0}");
	http.state.applied = 4;
	status_key("store.raft.applied_index", "6");
	http.state.applied = 7;
	status_key("store.raft.applied_index", "7");
	status_key("store.raft.bolt.x", "{}");
	status_key("runtime.processes.workers.pid",
	    "[{\"role\":\"http\",\"number\":0,\"restarts\":4,\"pid\":8,\"cpu_ms\":20,\"sandbox\":"
	    "\"a ] } , b\"},{\"role\":\"read\",\"number\":1,\"restarts\":0}]");
}

static void
size_is(const char *bytes, const char *friendly)
{
	struct params params = { .key = "store.sqlite3.db_size_friendly" };
	struct buf out = BUF_INIT;
	char sql[64];

	(void)snprintf(sql, sizeof(sql), "{\"db_size\":%s}", bytes);
	assert_string_equal(status(&params, NULL, NULL, sql, &out), friendly);
	buf_fini(&out);
}

/* Rounded to one decimal, and that to none from 10 on. */
static void
test_sizes(void **state)
{
	size_is("0", "\"0 B\"");
	size_is("999", "\"999 B\"");
	size_is("1000", "\"1.0 kB\"");
	size_is("9949", "\"9.9 kB\"");
	size_is("9950", "\"10 kB\"");
	size_is("11449", "\"11 kB\"");
	size_is("11450", "\"12 kB\"");
	size_is("999950", "\"1000 kB\"");
	size_is("1000000", "\"1.0 MB\"");
}

static void
time_is(const char *ns, const char *expected)
{
	struct params params = { .key = "store.fsm_update_time" };
	struct buf out = BUF_INIT;
	char sql[64];

	(void)snprintf(sql, sizeof(sql), "{\"command_ns\":%s}", ns);
	assert_string_equal(status(&params, NULL, NULL, sql, &out), expected);
	buf_fini(&out);
}

static void
test_times_end_without_zeros(void **state)
{
	time_is("1000000000000000000", "\"2001-09-09T01:46:40Z\"");
	time_is("1000000000100000000", "\"2001-09-09T01:46:40.1Z\"");
	time_is("1000000000000000010", "\"2001-09-09T01:46:40.00000001Z\"");
}

/* The order of a structure in the whole, by name in a part. */
static void
test_raft_config(void **state)
{
	static const char *const names[] = { "LocalID", "HeartbeatTimeout", "ElectionTimeout",
		"LeaderLeaseTimeout", "CommitTimeout", "SnapshotInterval", "SnapshotThreshold",
		"MaxAppendEntries", "ShutdownOnRemove", "LogLevel", "NoSnapshotRestoreOnStart" };
	struct params params = { 0 };
	struct buf out = BUF_INIT;
	const char *at = status(&params, NULL, NULL, NULL, &out);
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		at = strstr(at, names[i]);
		assert_non_null(at);
	}
	buf_fini(&out);
	status_key("store.raft.config",
	    "{\"CommitTimeout\":0,\"ElectionTimeout\":0,\"HeartbeatTimeout\":0,"
	    "\"LeaderLeaseTimeout\":500000000,\"LocalID\":\"n\\\"1\",\"LogLevel\":\"\","
	    "\"MaxAppendEntries\":64,\"NoSnapshotRestoreOnStart\":false,\"ShutdownOnRemove\":false,"
	    "\"SnapshotInterval\":0,\"SnapshotThreshold\":0}");
}

static void
test_status_parts_missing(void **state)
{
	struct params params = { 0 };
	struct buf out = BUF_INIT;
	const char *text = status(&params, NULL, NULL, NULL, &out);

	assert_has(text, "\"processes\":{\"error\":\"no answer in time\"}");
	assert_has(text, "\"db_size\":0");
	buf_fini(&out);
	http.state.open = 0;
	text = status(&params, NULL, NULL, NULL, &out);
	assert_has(text, "\"store\":{\"open\":false}");
	assert_lacks(text, "\"mux\"");
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_select),
		cmocka_unit_test_setup(test_nodes, set_up),
		cmocka_unit_test_setup(test_vars_of_one, set_up),
		cmocka_unit_test_setup(test_vars, set_up),
		cmocka_unit_test_setup(test_metrics, set_up),
		cmocka_unit_test_setup(test_metrics_answers, set_up),
		cmocka_unit_test_setup(test_metrics_histogram, set_up),
		cmocka_unit_test_setup(test_metrics_of_liars, set_up),
		cmocka_unit_test_setup(test_status, set_up),
		cmocka_unit_test_setup(test_sizes, set_up),
		cmocka_unit_test_setup(test_times_end_without_zeros, set_up),
		cmocka_unit_test_setup(test_raft_config, set_up),
		cmocka_unit_test_setup(test_status_parts_missing, set_up),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
