/*
 * /nodes, /leader, /debug/vars, /licenses, and the walk over JSON objects of our
 * own printing that /status (key=) and /metrics use.
 */
#include "proc/http/pages.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/duration.h"
#include "common/json.h"
#include "proc/http/pages_private.h"

/* ---- selecting ---- */

const char *
pages_skip(const char *at)
{
	int depth = 0;
	bool quoted = false;

	for (; *at != '\0'; at++) {
		if (quoted) {
			if (*at == '\\' && at[1] != '\0')
				at++;
			else if (*at == '"')
				quoted = false;
		} else if (*at == '"')
			quoted = true;
		else if (*at == '{' || *at == '[')
			depth++;
		else if (*at == '}' || *at == ']') {
			if (depth == 0)
				return (at);
			depth--;
		} else if (*at == ',' && depth == 0)
			return (at);
	}
	return (at);
}

const char *
pages_find(const char *object, const char *key, size_t len)
{
	const char *at = object + 1;

	while (*at == '"') {
		const char *end = pages_skip(at);
		const char *name = at + 1;
		const char *value = memchr(name, '"', (size_t)(end - name));

		if (value == NULL || value[1] != ':')
			return (NULL);
		if ((size_t)(value - name) == len && memcmp(name, key, len) == 0)
			return (value + 2);
		at = *end == ',' ? end + 1 : end;
	}
	return (NULL);
}

void
pages_select(const char *json, const char *key, struct buf *out)
{
	while (*json == '{') {
		const char *dot = strchr(key, '.');
		size_t len = dot != NULL ? (size_t)(dot - key) : strlen(key);

		json = pages_find(json, key, len);
		if (json == NULL) {
			buf_add_text(out, "{}");
			return;
		}
		if (dot == NULL)
			break;
		key = dot + 1;
	}
	buf_add(out, json, (size_t)(pages_skip(json) - json));
}

/* ---- nodes ---- */

static void
add_node(struct json *j, struct http *http)
{
	int64_t begun = http_now_ns();
	const struct board_state *board = http_state(http);
	int64_t took = http_now_ns() - begun;
	char url[600], time[40];

	(void)snprintf(
	    url, sizeof(url), "%s://%s", http->tls ? "https" : "http", http->conf.http_adv_addr);
	(void)duration_format(took, time, sizeof(time));
	json_begin_object(j);
	json_key(j, "id");
	json_string(j, http->conf.node_id);
	json_key(j, "api_addr");
	json_string(j, url);
	json_key(j, "addr");
	json_string(j, http->conf.raft_adv_addr);
	json_key(j, "version");
	json_string(j, RQLITED_VERSION);
	json_key(j, "voter");
	json_bool(j, true);
	json_key(j, "reachable");
	json_bool(j, true);
	json_key(j, "leader");
	json_bool(j, board->role == BOARD_LEADER);
	if (took > 0) {
		json_key(j, "time");
		json_double(j, (double)took / 1e9);
		json_key(j, "time_s");
		json_string(j, time);
	}
	json_end_object(j);
}

void
pages_nodes(struct http *http, const struct params *params, struct buf *out)
{
	bool member = http_state(http)->last > 0;
	struct json j;

	json_init(&j, out, params->pretty, 0);
	json_begin_object(&j);
	if (params->ver2) {
		json_key(&j, "nodes");
		json_begin_array(&j);
		if (member)
			add_node(&j, http);
		json_end_array(&j);
	} else if (member) {
		json_key(&j, http->conf.node_id);
		add_node(&j, http);
	}
	json_end_object(&j);
}

void
pages_leader(struct http *http, const struct params *params, struct buf *out)
{
	struct json j;

	json_init(&j, out, params->pretty, 0);
	add_node(&j, http);
}

/* ---- /debug/vars ---- */

/* Sorted by name.  Of the maps' counters those that belong to what is not built stay 0. */
static const struct {
	const char *name;
	const char *keys; /* of a map */
	const char *value; /* or what is there instead */
} vars[] = {
	{ "cdc.service",
	    "batcher_events_write batcher_reads batcher_write_ignored batcher_writes "
	    "dropped_failed_to_send fifo_enqueue_ignored fifo_size hwm_ignored num_bytes_tx "
	    "num_events_tx_failed num_events_tx_ok retries snapshot_sync",
	    NULL },
	{ "cluster",
	    "num_backup_req num_broadcast_hwm_req num_client_execute_retries "
	    "num_client_force_new_conn "
	    "num_client_load_retries num_client_query_retries num_client_read_timeouts "
	    "num_client_request_retries num_client_retries num_client_write_timeouts "
	    "num_conn_rejected "
	    "num_execute_req num_get_node_api_req num_get_node_api_req_local "
	    "num_get_node_api_req_retries "
	    "num_get_node_api_resp num_hwm_update_dropped num_join_req num_load_req num_notify_req "
	    "num_query_req num_remove_node_req num_request_req num_stepdown_req",
	    NULL },
	{ "cmdline", NULL, "[\"rqlited\"]" },
	{ "db",
	    "backup_sleeps backup_step_dones backup_step_errors checkpoint_busy_errors "
	    "checkpoint_duration_ms checkpoint_errors checkpoint_invariant_errors "
	    "checkpoint_partial "
	    "checkpoint_total checkpoint_wal_truncated checkpointed_moves checkpoints commit_hooks "
	    "compacted_wal_size create_compacted_wal_duration_ms dropped_cdc_events "
	    "execute_transactions "
	    "execution_errors executions executions_force_queries open_duration_ms "
	    "precompact_wal_size "
	    "preupdates preupdates_callback_errors preupdates_errors queries query_errors "
	    "query_transactions request_transactions requests update_hooks "
	    "update_hooks_callback_errors "
	    "update_hooks_errors",
	    NULL },
	{ "db.wal",
	    "compact_frames_input compact_frames_output compact_frames_ratio "
	    "compact_scan_duration_ms "
	    "compact_scan_errors compact_write_duration_ms",
	    NULL },
	{ "downloader", "download_bytes num_downloads_fail num_downloads_ok", NULL },
	{ "http",
	    "auth_fail auth_ok backups boot execute_stmts_rx executions leader_not_found loads "
	    "num_readyz "
	    "num_status queries query_stmts_rx queued_executions queued_executions_failed "
	    "queued_executions_leadership_lost queued_executions_no_leader "
	    "queued_executions_not_leader "
	    "queued_executions_num_stmts_rx queued_executions_num_stmts_tx queued_executions_ok "
	    "queued_executions_unknown_error queued_executions_wait queued_executions_wait_timeout "
	    "request_stmts_rx requests sql_analyze tls_cert_fetched ui user_reaps user_snapshots",
	    NULL },
	{ "memstats", NULL, "{}" },
	{ "mux", "num_connections_handled num_tls_cert_fetched num_unregistered_handlers", NULL },
	{ "proto",
	    "num_compressed_bytes num_compressed_requests num_compression_misses "
	    "num_precompressed_bytes "
	    "num_requests num_uncompressed_bytes num_uncompressed_requests",
	    NULL },
	{ "proxy",
	    "remote_backups remote_executions remote_executions_failed remote_loads remote_queries "
	    "remote_queries_failed remote_remove_node remote_requests remote_requests_failed "
	    "remote_stepdowns",
	    NULL },
	{ "queue", "num_flush num_timeout objects_rx objects_tx", NULL },
	{ "snapshot",
	    "auto_reap_duration_ms persist_duration_ms persist_size read_timeout_total reap_errors "
	    "reap_execute_duration_ms reap_plan_recovered reap_snapshots reap_total reap_wals "
	    "sink_errors "
	    "sink_full_crc32_duration_ms sink_full_total sink_incremental_total upgrade_fail "
	    "upgrade_ok",
	    NULL },
	{ "snapshot.plan", "calc_crc32_duration_ms checkpoint_duration_ms", NULL },
	{ "sql.processor", "num_parser_panics num_rewritten_stmts", NULL },
	{ "store",
	    "auto_optimize_duration auto_vacuum_duration failed_heartbeat_observed "
	    "fsm_apply_duration_us "
	    "leader_changes_dropped leader_changes_observed nodes_reaped_failed nodes_reaped_ok "
	    "num_auto_optimizes num_auto_optimizes_failed num_auto_restores "
	    "num_auto_restores_failed "
	    "num_auto_restores_skipped num_auto_vacuums num_auto_vacuums_failed num_backups "
	    "num_boots "
	    "num_compressed_commands num_db_stats_errors num_ignored_joins num_joins num_loads "
	    "num_provider_checks num_provider_provides num_provider_provides_fail num_recoveries "
	    "num_removed_before_joins num_restores num_restores_failed num_restores_start "
	    "num_restores_start_skipped num_snapshot_persists num_snapshot_persists_failed "
	    "num_snapshots "
	    "num_snapshots_failed num_snapshots_full num_snapshots_incremental "
	    "num_uncompressed_commands "
	    "num_user_snapshots num_user_snapshots_failed num_verify_leader "
	    "num_verify_leader_failed "
	    "num_wal_snapshots num_wal_snapshots_failed snapshot_crc32_create_duration "
	    "snapshot_create_duration snapshot_persist_duration snapshot_sync_duration "
	    "verify_leader_duration",
	    NULL },
	{ "uploader",
	    "last_upload_bytes num_sum_get_fail num_uploads_fail num_uploads_ok "
	    "num_uploads_skipped "
	    "num_uploads_skipped_id total_upload_bytes",
	    NULL },
};

static uint64_t
counter_value(const struct http *http, const char *group, const char *key, size_t len)
{
	int i;

	for (i = 0; i < COUNTER__COUNT; i++) {
		const struct counter_info *info = counter_info((enum counter)i);

		if (strcmp(info->group, group) == 0 && strlen(info->key) == len &&
		    memcmp(info->key, key, len) == 0)
			return (counters_sum(http->all, http->nall, (enum counter)i));
	}
	return (0);
}

static void
add_map(const struct http *http, size_t i, struct buf *out)
{
	const char *key = vars[i].keys;

	buf_add_text(out, "{");
	while (*key != '\0') {
		size_t len = strcspn(key, " ");

		buf_printf(out, "%s\"%.*s\": %" PRIu64, key == vars[i].keys ? "" : ", ", (int)len,
		    key, counter_value(http, vars[i].name, key, len));
		key += len;
		key += *key == ' ';
	}
	buf_add_text(out, "}");
}

void
pages_vars(struct http *http, const struct params *params, struct buf *out)
{
	const char *wanted = params->key != NULL && params->key[0] != '\0' ? params->key : NULL;
	bool first = true;
	size_t i;

	buf_add_text(out, "{\n");
	for (i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) {
		if (wanted != NULL && strcmp(wanted, vars[i].name) != 0)
			continue;
		buf_printf(out, "%s\"%s\": ", first ? "" : ",\n", vars[i].name);
		if (vars[i].value != NULL)
			buf_add_text(out, vars[i].value);
		else
			add_map(http, i, out);
		first = false;
	}
	buf_add_text(out, "\n}\n");
}

/* ---- /licenses ---- */

void
pages_licenses(struct http *http, const struct params *params, struct buf *out)
{
	buf_add_text(out, "rqlited is built on these libraries:\n\n"
			  "SQLite      public domain\n"
			  "h2o         MIT License\n"
			  "yajl        ISC License\n"
			  "libevent    3-clause BSD License\n"
			  "OpenSSL     Apache License 2.0\n"
			  "libtls      ISC License\n");
}
