/*
 * The one table of flags.  From it follow struct flags, the parser, -h, the
 * refusal of what this version cannot do, and the test that rqlited(8) names
 * every flag.
 *
 * A flag's name is its member's with '-' for '_'.  BUILT flags work; LATER ones
 * are parsed and checked, and refused with any value but the default.  The
 * group is the subsection of rqlited(8) where the flag stands.
 */
#ifndef RQLITED_FLAGS_LIST_H
#define RQLITED_FLAGS_LIST_H

#define FLAGS_MS(n) (INT64_C(1000000) * (n))
#define FLAGS_S(n) (FLAGS_MS(1000) * (n))

/* clang-format off */
/*	kind	  member		default		 group	  state	 text */
#define FLAGS_LIST(X)									\
X(BOOL,	    access_log,			false,		 GENERAL, BUILT, "Log every request, but no body and no SQL") \
X(STRING,   auth,			"",		 HTTP,	  BUILT, "Credential and permission file; without it nobody is asked") \
X(STRING,   auto_backup,		"",		 OPS,	  LATER, "Configuration file of the periodic upload") \
X(DURATION, auto_optimize_int,		FLAGS_S(86400),	 SQL,	  LATER, "Least time between two PRAGMA optimize runs, 0h for never") \
X(STRING,   auto_restore,		"",		 OPS,	  LATER, "Configuration file of the one-time download into an empty node") \
X(DURATION, auto_vacuum_int,		0,		 SQL,	  LATER, "Least time between two VACUUM runs, unset for never") \
X(INT,	    bootstrap_expect,		0,		 CLUSTER, BUILT, "Voters that must announce themselves before a cluster is made; more than 1 need -join") \
X(DURATION, bootstrap_expect_timeout,	FLAGS_S(120),	 CLUSTER, LATER, "Time after which waiting for them ends the process") \
X(STRING,   cdc_config,			"",		 OPS,	  LATER, "Receiver of change events: a URL, the word stdout, or a configuration file") \
X(BOOL,	    check,			false,		 GENERAL, BUILT, "Check flags, files and what confinement this system offers, then exit") \
X(DURATION, cluster_connect_timeout,	FLAGS_S(30),	 NODE,	  LATER, "Limit for connecting to another node, handshake included") \
X(BOOL,	    compress_snap_transport,	false,		 NODE,	  LATER, "Compress snapshots sent to other nodes; must be equal on all nodes") \
X(STRING,   cpu_profile,		"",		 OPS,	  LATER, "File for a processor profile") \
X(INT,	    db_max_ro_conns,		256,		 SQL,	  BUILT, "Read connections to SQLite at the same time, in each reader; 16 is the most it has") \
X(STRING,   disco_config,		"",		 CLUSTER, LATER, "Discovery configuration, as a file path or as JSON text") \
X(STRING,   disco_key,			"rqlite",	 CLUSTER, LATER, "Key prefix in Consul or etcd") \
X(STRING,   disco_mode,			"",		 CLUSTER, LATER, "How other nodes are found: consul-kv, etcd-kv, dns, dns-srv") \
X(UINT,	    disk_scale,			1,		 RAFT,	  BUILT, "Divisor of the sizes reserved on disk, for tests on small file systems") \
X(STRING,   extensions_path,		"",		 SQL,	  LATER, "SQLite extensions: files, directories, zip or tar.gz archives, comma-separated") \
X(BOOL,	    fk,				false,		 SQL,	  BUILT, "Enforce foreign keys") \
X(BOOL,	    hash_password,		false,		 GENERAL, BUILT, "Read a password, print a password_hash for the credential file, exit") \
X(STRING,   http_addr,			"localhost:4001", HTTP,	  BUILT, "Address the HTTP API listens on") \
X(STRING,   http_adv_addr,		"",		 HTTP,	  BUILT, "API address told to others; empty: http-addr") \
X(STRING,   http_allow_origin,		"",		 HTTP,	  BUILT, "Value of Access-Control-Allow-Origin on every response; empty: header left out") \
X(UINT,	    http_body_max,		BODY_MAX_DEFAULT, HTTP,	  BUILT, "Largest request body, in bytes") \
X(STRING,   http_ca_cert,		"",		 HTTP,	  BUILT, "CA certificates that client certificates must chain to") \
X(STRING,   http_cert,			"",		 HTTP,	  BUILT, "Certificate chain of the HTTPS API; with http-key switches HTTPS on") \
X(STRING,   http_key,			"",		 HTTP,	  BUILT, "Private key belonging to http-cert") \
X(BOOL,	    http_no_verify,		false,		 HTTP,	  BUILT, "Accepted without effect, with a warning") \
X(BOOL,	    http_verify_client,		false,		 HTTP,	  BUILT, "Demand and verify a certificate of every API client") \
X(STRING,   http_verify_common_name,	"",		 HTTP,	  BUILT, "Common name the client certificate must bear; needs http-verify-client") \
X(INT,	    http_workers,		1,		 HTTP,	  BUILT, "Processes that serve the HTTP API") \
X(BOOL,	    http2,			true,		 HTTP,	  BUILT, "Offer HTTP/2 on the HTTPS API") \
X(STRING,   join,			"",		 CLUSTER, BUILT, "Inter-node addresses, comma-separated, through which to join a cluster; this version stays without a leader") \
X(STRING,   join_as,			"",		 CLUSTER, BUILT, "User of the credential file to join, notify and leave as; empty: anonymous") \
X(INT,	    join_attempts,		5,		 CLUSTER, LATER, "Rounds over the join list before giving up") \
X(DURATION, join_interval,		FLAGS_S(3),	 CLUSTER, LATER, "Pause between those rounds") \
X(INT,	    max_connections,		10000,		 HTTP,	  BUILT, "Connections one HTTP process holds at the same time") \
X(STRING,   mem_profile,		"",		 OPS,	  LATER, "File for a memory profile") \
X(STRING,   node_ca_cert,		"",		 NODE,	  LATER, "CA certificates that other nodes' certificates must chain to") \
X(STRING,   node_cert,			"",		 NODE,	  LATER, "Certificate of this node towards others; with node-key switches node TLS on") \
X(STRING,   node_id,			"",		 NODE,	  BUILT, "Name of this node, unique in the cluster; empty: the advertised inter-node address") \
X(STRING,   node_key,			"",		 NODE,	  LATER, "Private key belonging to node-cert") \
X(BOOL,	    node_no_verify,		false,		 NODE,	  LATER, "Accept any certificate from the nodes this one dials") \
X(BOOL,	    node_verify_client,		false,		 NODE,	  LATER, "Demand and verify a certificate of every node that dials in") \
X(STRING,   node_verify_common_name,	"",		 NODE,	  LATER, "Common name the dialling node's certificate must bear; needs node-verify-client") \
X(STRING,   node_verify_server_name,	"",		 NODE,	  LATER, "Host name to expect in the dialled node's certificate instead of the dialled one") \
X(STRING,   otlp_ca_cert,		"",		 OPS,	  LATER, "CA certificates for the metrics collector") \
X(STRING,   otlp_cert,			"",		 OPS,	  LATER, "Client certificate towards the collector") \
X(STRING,   otlp_endpoint,		"",		 OPS,	  LATER, "host:port of an OpenTelemetry collector; empty: no export") \
X(BOOL,	    otlp_insecure,		false,		 OPS,	  LATER, "Speak to the collector without TLS") \
X(DURATION, otlp_interval,		FLAGS_S(30),	 OPS,	  LATER, "Time between two exports") \
X(STRING,   otlp_key,			"",		 OPS,	  LATER, "Private key belonging to otlp-cert") \
X(BOOL,	    otlp_no_verify,		false,		 OPS,	  LATER, "Accept any certificate from the collector") \
X(STRING,   raft_addr,			"localhost:4002", NODE,	  BUILT, "Address the inter-node port listens on") \
X(STRING,   raft_adv_addr,		"",		 NODE,	  BUILT, "Inter-node address told to others; empty: raft-addr") \
X(DURATION, raft_apply_timeout,		FLAGS_S(10),	 RAFT,	  LATER, "Limit for handing an entry to the leader's queue") \
X(BOOL,	    raft_cluster_remove_shutdown, false,	 CLUSTER, LATER, "Leave the cluster on an orderly stop") \
X(DURATION, raft_commit_timeout,	FLAGS_MS(50),	 RAFT,	  BUILT, "Checked and shown, without effect: a commit index goes with what is sent next") \
X(DURATION, raft_election_timeout,	FLAGS_S(1),	 RAFT,	  BUILT, "Checked and shown, without effect: a candidate is as patient as a follower") \
X(DURATION, raft_heartbeat_timeout,	FLAGS_S(1),	 RAFT,	  BUILT, "Patience of a follower before it stands for election") \
X(DURATION, raft_leader_lease_timeout,	0,		 RAFT,	  BUILT, "Time without a quorum after which a leader resigns; 0s: 500ms") \
X(STRING,   raft_log_level,		"WARN",		 RAFT,	  BUILT, "Least level of consensus messages logged: ERROR, WARN, INFO, DEBUG") \
X(BOOL,	    raft_non_voter,		false,		 CLUSTER, LATER, "Join as a read replica") \
X(DURATION, raft_reap_node_timeout,	0,		 CLUSTER, LATER, "Silence after which the leader removes a voter; unset: never") \
X(DURATION, raft_reap_read_only_node_timeout, 0,	 CLUSTER, LATER, "Silence after which the leader removes a read replica; unset: never") \
X(BOOL,	    raft_remove_shutdown,	false,		 CLUSTER, LATER, "A leader that removes itself stops its consensus engine") \
X(BOOL,	    raft_shutdown_stepdown,	true,		 CLUSTER, LATER, "A leader hands leadership over before an orderly stop") \
X(UINT,	    raft_snap,			8192,		 RAFT,	  BUILT, "Log entries since the last snapshot that call for the next") \
X(DURATION, raft_snap_int,		FLAGS_S(10),	 RAFT,	  BUILT, "How often the snapshot triggers are looked at") \
X(UINT,	    raft_snap_wal_size,		4194304,	 RAFT,	  BUILT, "Size of SQLite's WAL file, in bytes, that calls for a snapshot; 0: off") \
X(INT,	    read_workers,		1,		 SQL,	  BUILT, "Processes that run read-only queries") \
X(STRING,   sandbox,			"warn",		 GENERAL, BUILT, "What missing confinement means: require (an error), warn, or off (use none)") \
X(DURATION, slow_query_time,		0,		 GENERAL, BUILT, "Requests that take longer are logged; 0s: none") \
X(UINT,	    sql_value_max,		SQL_LENGTH_MAX,	 SQL,	  BUILT, "Largest text or blob in SQLite, in bytes; must be equal on all nodes") \
X(STRING,   trace_profile,		"",		 OPS,	  LATER, "File for an execution trace") \
X(BOOL,	    version,			false,		 GENERAL, BUILT, "Print the version on standard error, exit 0") \
X(UINT,	    vm_steps_max,		SQL_VM_STEPS_DEFAULT, SQL, BUILT, "SQLite VM steps after which a write without db_timeout is ended") \
X(INT,	    write_queue_batch_size,	128,		 QUEUE,	  LATER, "Queued writes merged into one log entry") \
X(INT,	    write_queue_capacity,	1024,		 QUEUE,	  LATER, "Queued writes held at most") \
X(DURATION, write_queue_timeout,	FLAGS_MS(50),	 QUEUE,	  LATER, "Longest time a queued write waits for company") \
X(BOOL,	    write_queue_tx,		false,		 QUEUE,	  LATER, "Run each batch of queued writes in a transaction")
/* clang-format on */

#endif
