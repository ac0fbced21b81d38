/*
 * The settings of http: its slice of the command line, as main.c's table takes
 * it from the master.  Texts are never NULL; one that was not given is "".
 */
#ifndef PROC_HTTP_CONF_H
#define PROC_HTTP_CONF_H

#include <stdbool.h>
#include <stdint.h>

struct http_conf {
	char *http_addr;
	char *http_adv_addr;
	char *raft_adv_addr;
	char *node_id;
	char *data_dir;
	char *allow_origin;
	char *log_level;
	char *sqlite_options; /* what SQLite was compiled with, blanks between */
	char *cert_path;
	char *key_path;
	char *ca_path;
	char *common_name;
	bool verify_client;
	bool http2;
	bool auth;
	bool fk;
	bool access_log;
	int64_t body_max;
	int64_t max_connections;
	int64_t slow_query_ns;
	int64_t raft_snap;
	int64_t raft_snap_int_ns;
	int64_t heartbeat_ns;
	int64_t election_ns;
	int64_t lease_ns;
	int64_t commit_ns;
};

#endif
