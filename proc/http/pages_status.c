/*
 * /status: one JSON object, keys sorted, as rqlite has them where that makes
 * sense for this server.  What siblings said of themselves is text from a
 * sibling: numbers are read out of it, nothing is copied blindly but the
 * master's list of workers, whose fields the master made itself.
 */
#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/duration.h"
#include "common/json.h"
#include "common/version.h"
#include "proc/http/pages.h"
#include "proc/http/pages_private.h"

/* Of the machine, as Go names them. */
#if defined(__x86_64__)
#define ARCH "amd64"
#elif defined(__aarch64__)
#define ARCH "arm64"
#else
#define ARCH "unknown"
#endif
#ifdef __OpenBSD__
#define SYSTEM "openbsd"
#else
#define SYSTEM "linux"
#endif

/* A number of a flat JSON object of our own making; 0 if it is not there. */
static uint64_t
number_of(const char *text, const char *name)
{
	char key[64];
	const char *at;

	if (text == NULL)
		return (0);
	(void)snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(text, key);
	return (at == NULL ? 0 : strtoull(at + strlen(key), NULL, 10));
}

static void
text(struct json *j, const char *key, const char *value)
{
	json_key(j, key);
	json_string(j, value != NULL ? value : "");
}

static void
number(struct json *j, const char *key, uint64_t value)
{
	json_key(j, key);
	json_uint(j, value);
}

static void
truth(struct json *j, const char *key, bool value)
{
	json_key(j, key);
	json_bool(j, value);
}

static void
duration(struct json *j, const char *key, int64_t ns)
{
	char out[40];

	(void)duration_format(ns, out, sizeof(out));
	text(j, key, out);
}

/* 1000-based sizes with one decimal below 10, as rqlite prints them: "512 B", "4.1 kB". */
static void
friendly(struct json *j, const char *key, uint64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double value = (double)bytes;
	size_t unit = 0;
	char out[32];

	while (value >= 1000 && unit < 6) {
		value /= 1000;
		unit++;
	}
	/* To one decimal first, and that is printed: 9,960 bytes are 10 kB. */
	value = floor(value * 10 + 0.5) / 10;
	(void)snprintf(
	    out, sizeof(out), unit > 0 && value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
	text(j, key, out);
}

/* A time since 1970; 0 is never, which clients know as the year 1. */
static void
when(struct json *j, const char *key, int64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	char out[64];
	size_t n;

	if (ns <= 0) {
		text(j, key, "0001-01-01T00:00:00Z");
		return;
	}
	gmtime_r(&seconds, &tm);
	n = strftime(out, sizeof(out), "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(out + n, sizeof(out) - n, ".%09lld", (long long)(ns % 1000000000));
	while (out[n - 1] == '0')
		n--;
	n -= out[n - 1] == '.';
	(void)snprintf(out + n, sizeof(out) - n, "Z");
	text(j, key, out);
}

static void
add_build(struct json *j)
{
	json_key(j, "build");
	json_begin_object(j);
	text(j, "build_time", version_build_time);
	text(j, "commit", version_commit);
	text(j, "compiler_command", version_compiler);
	text(j, "compiler_toolchain", version_toolchain);
	text(j, "version", RQLITED_VERSION);
	json_end_object(j);
}

static void
add_cluster(struct json *j, const struct http *http)
{
	json_key(j, "cluster");
	json_begin_object(j);
	text(j, "addr", http->conf.raft_adv_addr);
	text(j, "api_addr", http->conf.http_adv_addr);
	text(j, "https", http->tls ? "true" : "false");
	json_end_object(j);
}

static void
add_tls(struct json *j, const struct http *http)
{
	json_key(j, "tls");
	json_begin_object(j);
	if (http->tls) {
		text(j, "ca_file", http->conf.ca_path);
		text(j, "cert_file", http->conf.cert_path);
		text(j, "client_auth",
		    http->conf.verify_client ? "RequireAndVerifyClientCert" : "NoClientCert");
	}
	text(j, "enabled", http->tls ? "true" : "false");
	if (http->tls) {
		text(j, "key_file", http->conf.key_path);
		json_key(j, "next_protos");
		json_begin_array(j);
		if (http->conf.http2)
			json_string(j, "h2");
		json_string(j, "http/1.1");
		json_end_array(j);
	}
	json_end_object(j);
}

static void
add_http(struct json *j, const struct http *http)
{
	json_key(j, "http");
	json_begin_object(j);
	if (http->conf.allow_origin[0] != '\0')
		text(j, "allow_origin", http->conf.allow_origin);
	text(j, "auth", http->conf.auth ? "enabled" : "disabled");
	text(j, "bind_addr", http->bound);
	json_key(j, "cluster");
	json_begin_object(j);
	text(j, "local_node_addr", http->conf.raft_adv_addr);
	text(j, "timeout", "30s");
	json_end_object(j);
	json_key(j, "queue");
	json_begin_object(j);
	json_key(j, "_default");
	json_begin_object(j);
	number(j, "batch_size", 128);
	number(j, "max_size", 1024);
	number(j, "sequence_number", 0);
	text(j, "timeout", "50ms");
	json_end_object(j);
	json_end_object(j);
	add_tls(j, http);
	json_end_object(j);
}

static void
add_node(struct json *j, const struct http *http)
{
	int64_t now = clock_wall_ns();

	json_key(j, "node");
	json_begin_object(j);
	when(j, "current_time", now);
	when(j, "start_time", http->start_ns);
	duration(j, "uptime", now - http->start_ns);
	json_end_object(j);
}

static void
add_os(struct json *j, const struct pages_status *status)
{
	json_key(j, "os");
	json_begin_object(j);
	text(j, "executable", "rqlited");
	text(j, "hostname", status->http->hostname);
	number(j, "page_size", (uint64_t)sysconf(_SC_PAGESIZE));
	number(j, "pid", number_of(status->master, "pid"));
	number(j, "ppid", number_of(status->master, "ppid"));
	json_end_object(j);
}

static void
add_part(struct json *j, const char *key, const char *part)
{
	json_key(j, key);
	if (part != NULL)
		json_raw(j, part, strlen(part));
	else {
		json_begin_object(j);
		text(j, "error", "no answer in time");
		json_end_object(j);
	}
}

static void
add_runtime(struct json *j, const struct pages_status *status)
{
	json_key(j, "runtime");
	json_begin_object(j);
	text(j, "GOARCH", ARCH);
	number(j, "GOMAXPROCS", status->http->cpus);
	text(j, "GOOS", SYSTEM);
	number(j, "num_cpu", status->http->cpus);
	number(j, "num_goroutine", status->http->nall + 1); /* processes */
	add_part(j, "processes", status->master);
	text(j, "version", version_toolchain);
	json_end_object(j);
}

struct raft_setting {
	const char *name;
	uint64_t value;
	const char *text; /* instead of it */
	bool truth; /* the value is none but true or false */
};

static int
compare_settings(const void *a, const void *b)
{
	const struct raft_setting *x = a, *y = b;

	return (strcmp(x->name, y->name));
}

/* In the order of rqlite's structure; a part that key= selects has its keys sorted. */
static void
add_raft_config(struct json *j, const struct http *http, bool sorted)
{
	const struct http_conf *conf = &http->conf;
	struct raft_setting all[] = {
		{ .name = "LocalID", .text = conf->node_id },
		{ .name = "HeartbeatTimeout", .value = (uint64_t)conf->heartbeat_ns },
		{ .name = "ElectionTimeout", .value = (uint64_t)conf->election_ns },
		{ .name = "LeaderLeaseTimeout",
		    .value = conf->lease_ns > 0 ? (uint64_t)conf->lease_ns : 500000000 },
		{ .name = "CommitTimeout", .value = (uint64_t)conf->commit_ns },
		{ .name = "SnapshotInterval", .value = (uint64_t)conf->raft_snap_int_ns },
		{ .name = "SnapshotThreshold", .value = (uint64_t)conf->raft_snap },
		{ .name = "MaxAppendEntries", .value = 64 },
		{ .name = "ShutdownOnRemove", .truth = true },
		{ .name = "LogLevel", .text = conf->log_level },
		{ .name = "NoSnapshotRestoreOnStart", .truth = true },
	};
	size_t i, count = sizeof(all) / sizeof(all[0]);

	if (sorted)
		qsort(all, count, sizeof(all[0]), compare_settings);
	json_key(j, "config");
	json_begin_object(j);
	for (i = 0; i < count; i++)
		if (all[i].text != NULL)
			text(j, all[i].name, all[i].text);
		else if (all[i].truth)
			truth(j, all[i].name, all[i].value != 0);
		else
			number(j, all[i].name, all[i].value);
	json_end_object(j);
}

static void
add_raft(
    struct json *j, const struct pages_status *status, const struct board_state *board, bool sorted)
{
	static const char *const roles[] = { "Follower", "Candidate", "Leader", "Shutdown" };
	const struct http *http = status->http;
	uint64_t command = number_of(status->sql, "command");
	char members[1200];

	(void)snprintf(members, sizeof(members), "[{Suffrage:Voter ID:%s Address:%s}]",
	    http->conf.node_id, http->conf.raft_adv_addr);
	json_key(j, "raft");
	json_begin_object(j);
	/* The database says so to the client first, and then to raft. */
	number(j, "applied_index", command > board->applied ? command : board->applied);
	number(j, "commit_index", board->commit);
	add_raft_config(j, http, sorted);
	number(j, "fsm_pending", 0);
	json_key(j, "last_contact");
	if (board->role == BOARD_LEADER)
		json_int(j, 0);
	else
		json_string(j, "never");
	number(j, "last_log_index", board->last);
	number(j, "last_log_term", number_of(status->raft, "last_term"));
	number(j, "last_snapshot_index", number_of(status->sql, "base"));
	number(j, "last_snapshot_term", number_of(status->sql, "base_term"));
	text(j, "latest_configuration", board->last > 0 ? members : "[]");
	number(j, "latest_configuration_index", 0);
	number(j, "log_size", number_of(status->raft, "log_size"));
	friendly(j, "log_size_friendly", number_of(status->raft, "log_size"));
	number(j, "num_peers", 0);
	number(j, "protocol_version", 3);
	number(j, "protocol_version_max", 3);
	number(j, "protocol_version_min", 0);
	number(j, "snapshot_version_max", 1);
	number(j, "snapshot_version_min", 0);
	text(j, "state", roles[board->role < 4 ? board->role : 0]);
	number(j, "term", board->term);
	json_key(j, "transport");
	json_begin_object(j);
	number(j, "command_commit_index", 0);
	truth(j, "compress_snap", false);
	number(j, "leader_commit_index", 0);
	json_end_object(j);
	truth(j, "voter", board->voter);
	json_end_object(j);
}

static void
add_pragmas(struct json *j, bool fk, const char *autocheckpoint)
{
	json_begin_object(j);
	text(j, "busy_timeout", "5000");
	text(j, "foreign_keys", fk ? "1" : "0");
	text(j, "journal_mode", "wal");
	text(j, "synchronous", "1");
	text(j, "wal_autocheckpoint", autocheckpoint);
	json_end_object(j);
}

static void
add_options(struct json *j, const char *options)
{
	json_key(j, "compile_options");
	json_begin_array(j);
	while (options != NULL && *options != '\0') {
		size_t len = strcspn(options, " ");

		json_string_n(j, options, len);
		options += len;
		options += *options == ' ';
	}
	json_end_array(j);
}

static void
add_sqlite(struct json *j, const struct pages_status *status)
{
	const struct http *http = status->http;
	uint64_t size = number_of(status->sql, "db_size");
	uint64_t page = number_of(status->sql, "page_size");
	char path[4200], dsn[4400];

	(void)snprintf(path, sizeof(path), "%s/db.sqlite", http->conf.data_dir);
	json_key(j, "sqlite3");
	json_begin_object(j);
	add_options(j, http->conf.sqlite_options);
	number(j, "db_size", size);
	friendly(j, "db_size_friendly", size);
	json_key(j, "extensions");
	json_begin_array(j);
	json_end_array(j);
	when(j, "last_modified", (int64_t)number_of(status->sql, "command_ns"));
	json_key(j, "mem_stats");
	json_begin_object(j);
	json_key(j, "cache_size");
	json_int(j, -2000);
	number(j, "freelist_count", 0);
	number(j, "hard_heap_limit", 0);
	number(j, "max_page_count", 1073741823);
	number(j, "page_count", page > 0 ? size / page : 0);
	number(j, "page_size", page);
	number(j, "soft_heap_limit", 0);
	json_end_object(j);
	text(j, "path", path);
	json_key(j, "pragmas");
	json_begin_object(j);
	json_key(j, "ro");
	add_pragmas(j, http->conf.fk, "0");
	json_key(j, "rw");
	add_pragmas(j, http->conf.fk, "0");
	json_end_object(j);
	(void)snprintf(dsn, sizeof(dsn),
	    "file:%s?_fk=%s&_journal=WAL&_query_only=true&_sync=1&mode=ro", path,
	    http->conf.fk ? "true" : "false");
	text(j, "ro_dsn", dsn);
	(void)snprintf(dsn, sizeof(dsn), "file:%s?_fk=%s&_journal=WAL&_sync=1", path,
	    http->conf.fk ? "true" : "false");
	text(j, "rw_dsn", dsn);
	number(j, "size", size);
	json_key(j, "transaction");
	json_begin_object(j);
	truth(j, "ro", false);
	truth(j, "rw", false);
	json_end_object(j);
	text(j, "version", SQLITE_VERSION);
	number(j, "wal_size", number_of(status->sql, "wal_size"));
	json_end_object(j);
}

/* A part that key= selects has all its keys sorted. */
static void
add_members(struct json *j, const struct http *http, const struct board_state *board, bool sorted)
{
	json_key(j, "nodes");
	json_begin_array(j);
	if (board->last > 0) {
		json_begin_object(j);
		if (!sorted)
			text(j, "id", http->conf.node_id);
		text(j, "addr", http->conf.raft_adv_addr);
		if (sorted)
			text(j, "id", http->conf.node_id);
		text(j, "suffrage", "voter");
		json_end_object(j);
	}
	json_end_array(j);
}

static void
add_store_settings(struct json *j, const struct http *http)
{
	duration(j, "apply_timeout", 10000000000);
	json_key(j, "cdc");
	json_begin_object(j);
	truth(j, "enabled", false);
	truth(j, "registered", false);
	json_end_object(j);
	duration(j, "commit_timeout", http->conf.commit_ns);
}

static void
add_store_rest(
    struct json *j, const struct pages_status *status, const struct board_state *board, bool sorted)
{
	const struct http *http = status->http;

	text(j, "node_id", http->conf.node_id);
	add_members(j, http, board, sorted);
	json_key(j, "observer");
	json_begin_object(j);
	number(j, "dropped", 0);
	number(j, "observed", 0);
	json_end_object(j);
	json_key(j, "open");
	json_begin_object(j);
	json_end_object(j);
	add_raft(j, status, board, sorted);
	truth(j, "ready", board->ready);
	text(j, "reap_read_only_timeout", "0s");
	text(j, "reap_timeout", "0s");
	json_key(j, "request_marshaler");
	json_begin_object(j);
	number(j, "compression_batch", 512);
	number(j, "compression_size", 4096);
	truth(j, "force_compression", false);
	json_end_object(j);
	json_key(j, "snapshot_cas");
	json_begin_object(j);
	json_key(j, "owner");
	json_null(j);
	json_end_object(j);
	duration(j, "snapshot_interval", http->conf.raft_snap_int_ns);
	json_key(j, "snapshot_store");
	json_begin_object(j);
	text(j, "dir", http->conf.data_dir);
	number(j, "dir_size", 0);
	json_key(j, "snapshots");
	json_begin_array(j);
	json_end_array(j);
	json_end_object(j);
	number(j, "snapshot_threshold", (uint64_t)http->conf.raft_snap);
	add_sqlite(j, status);
	number(j, "strong_read_term", 0);
	number(j, "trailing_logs", (uint64_t)http->conf.raft_snap * 5 / 4);
}

static void
add_store(
    struct json *j, const struct pages_status *status, const struct board_state *board, bool sorted)
{
	const struct http *http = status->http;
	uint64_t size = number_of(status->raft, "log_size") + number_of(status->sql, "db_size") +
			number_of(status->sql, "wal_size");

	json_key(j, "store");
	json_begin_object(j);
	if (!board->open) {
		truth(j, "open", false);
		json_end_object(j);
		return;
	}
	text(j, "addr", http->conf.raft_adv_addr);
	add_store_settings(j, http);
	number(j, "db_applied_index", number_of(status->sql, "command"));
	json_key(j, "db_conf");
	json_begin_object(j);
	truth(j, "fk_constraints", http->conf.fk);
	json_end_object(j);
	text(j, "dir", http->conf.data_dir);
	number(j, "dir_size", size);
	friendly(j, "dir_size_friendly", size);
	duration(j, "election_timeout", http->conf.election_ns);
	number(j, "fsm_index", number_of(status->sql, "command"));
	number(j, "fsm_term", number_of(status->sql, "command_term"));
	when(j, "fsm_update_time", (int64_t)number_of(status->sql, "command_ns"));
	duration(j, "heartbeat_timeout", http->conf.heartbeat_ns);
	json_key(j, "leader");
	json_begin_object(j);
	text(j, "addr", board->leader_addr);
	text(j, "node_id", board->leader_id);
	json_end_object(j);
	text(j, "leader_appended_at_time", "0001-01-01T00:00:00Z");
	truth(j, "no_freelist_sync", false);
	add_store_rest(j, status, board, sorted);
	json_end_object(j);
}

static void
add_extensions(struct json *j, const struct http *http)
{
	char path[4200];

	(void)snprintf(path, sizeof(path), "%s/extensions", http->conf.data_dir);
	json_key(j, "extensions");
	json_begin_object(j);
	text(j, "dir", path);
	json_key(j, "names");
	json_begin_array(j);
	json_end_array(j);
	json_end_object(j);
}

void
pages_status(const struct pages_status *status, const struct params *params, struct buf *out)
{
	const struct board_state *board = http_state(status->http);
	const struct http *http = status->http;
	struct buf whole = BUF_INIT;
	struct json j;

	json_init(&j, params->key != NULL ? &whole : out, params->pretty && params->key == NULL, 0);
	json_begin_object(&j);
	add_build(&j);
	if (board->open)
		add_cluster(&j, http);
	if (board->open)
		add_extensions(&j, http);
	add_http(&j, http);
	if (board->open) {
		json_key(&j, "mux");
		json_begin_object(&j);
		text(&j, "addr", http->conf.raft_adv_addr);
		text(&j, "handlers", "");
		text(&j, "timeout", "30s");
		text(&j, "tls", "disabled");
		json_end_object(&j);
	}
	add_node(&j, http);
	add_os(&j, status);
	add_runtime(&j, status);
	add_store(&j, status, board, params->key != NULL);
	json_end_object(&j);
	if (params->key != NULL) {
		buf_add_u8(&whole, '\0');
		pages_select((const char *)buf_bytes(&whole), params->key, out);
	}
	buf_fini(&whole);
}
