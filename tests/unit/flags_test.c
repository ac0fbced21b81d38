/*
 * The command line: every row of its grammar, of its rules and of their texts.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/rqlited/flags_private.h"

#define WORDS_MAX 16

/* A parsed command line: blanks separate words, '' is an empty word, ~ a blank in one. */
struct run {
	char line[256];
	char *argv[WORDS_MAX];
	int argc;
	struct flags flags;
	int status;
	char *out;
	size_t out_len;
};

static void
run_line(struct run *run, const char *line)
{
	char *save = NULL;
	FILE *out;

	memset(run, 0, sizeof(*run));
	(void)snprintf(run->line, sizeof(run->line), "rqlited %s", line);
	for (char *word = strtok_r(run->line, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save)) {
		if (strcmp(word, "''") == 0)
			word[0] = '\0';
		for (char *p = word; *p != '\0'; p++)
			if (*p == '~')
				*p = ' ';
		assert_true(run->argc < WORDS_MAX);
		run->argv[run->argc++] = word;
	}
	out = open_memstream(&run->out, &run->out_len);
	assert_non_null(out);
	run->status = flags_parse_to(run->argc, run->argv, &run->flags, out);
	fclose(out);
}

static void
run_done(struct run *run)
{
	flags_fini(&run->flags);
	free(run->out);
}

/* Status, first line (its time of day cut out), and whether usage follows. */
static void
expect(const char *line, int status, const char *text, bool usage)
{
	struct run run;
	char first[1024];

	run_line(&run, line);
	(void)snprintf(first, sizeof(first), "%.*s", (int)strcspn(run.out, "\n"), run.out);
	if (strncmp(first, "[rqlited] ", 10) == 0 && strlen(first) > 30)
		memmove(first + 10, first + 30, strlen(first + 30) + 1);
	if (strcmp(first, text) != 0 || run.status != status)
		print_message("for: rqlited %s\n", line);
	assert_string_equal(first, text);
	assert_int_equal(run.status, status);
	assert_int_equal(usage, strstr(run.out, "\n\nrqlited is a ") != NULL);
	assert_int_equal(usage,
	    strstr(run.out, "\nUsage: rqlited [flags] <data directory>\n  -access-log\n") != NULL);
	run_done(&run);
}

static void
expect_good(const char *line)
{
	struct run run;

	run_line(&run, line);
	if (run.status != FLAGS_GO)
		print_message("for: rqlited %s\n%.200s\n", line, run.out);
	assert_int_equal(run.status, FLAGS_GO);
	assert_int_equal(run.out_len, 0);
	run_done(&run);
}

static void
test_syntax_errors(void **state)
{
	static const struct {
		const char *line;
		const char *text;
	} rows[] = {
		{ "-foo", "flag provided but not defined: -foo" },
		{ "--foo=3 d", "flag provided but not defined: -foo" },
		{ "-on-disk-path x d", "flag provided but not defined: -on-disk-path" },
		{ "-http_addr x d", "flag provided but not defined: -http_addr" },
		{ "-join-attempts", "flag needs an argument: -join-attempts" },
		{ "--- d", "bad flag syntax: ---" },
		{ "-=x d", "bad flag syntax: -=x" },
		{ "--=x d", "bad flag syntax: --=x" },
		{ "-join-attempts abc d",
		    "invalid value \"abc\" for flag -join-attempts: parse error" },
		{ "-join-attempts= d", "invalid value \"\" for flag -join-attempts: parse error" },
		{ "-join-attempts 9223372036854775808 d",
		    "invalid value \"9223372036854775808\" for flag -join-attempts: value out of "
		    "range" },
		{ "-join-attempts -9223372036854775809 d",
		    "invalid value \"-9223372036854775809\" for flag -join-attempts: value out of "
		    "range" },
		{ "-raft-snap 18446744073709551616 d", "invalid value \"18446744073709551616\" for "
						       "flag -raft-snap: value out of range" },
		{ "-raft-snap -1 d", "invalid value \"-1\" for flag -raft-snap: parse error" },
		{ "-raft-snap +1 d", "invalid value \"+1\" for flag -raft-snap: parse error" },
		{ "-raft-snap 1__0 d", "invalid value \"1__0\" for flag -raft-snap: parse error" },
		{ "-raft-snap 09 d", "invalid value \"09\" for flag -raft-snap: parse error" },
		{ "-raft-snap 0x d", "invalid value \"0x\" for flag -raft-snap: parse error" },
		{ "-raft-snap-int 10 d",
		    "invalid value \"10\" for flag -raft-snap-int: parse error" },
		{ "-raft-snap-int '' d",
		    "invalid value \"\" for flag -raft-snap-int: parse error" },
		{ "-raft-snap-int 9999999h d",
		    "invalid value \"9999999h\" for flag -raft-snap-int: parse error" },
		{ "-raft-snap-int a\"\\ d",
		    "invalid value \"a\\\"\\\\\" for flag -raft-snap-int: parse error" },
		{ "-fk=maybe d", "invalid boolean value \"maybe\" for -fk: parse error" },
		{ "-fk= d", "invalid boolean value \"\" for -fk: parse error" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(rows[i].line, 2, rows[i].text, true);
}

static void
test_words(void **state)
{
	expect("", 1,
	    "[rqlited] failed to parse command-line flags: missing required argument: DataPath",
	    false);
	expect("''", 1, "fatal: data directory path is required", false);
	expect("~~", 1, "fatal: data directory path is required", false);
	expect("-fk", 1, "fatal: data directory path is required", false);
	expect("-fk --", 1, "fatal: data directory path is required", false);
	expect("-fk false d", 1, "arguments after data directory (false) are not accepted ([d])",
	    false);
	expect(
	    "d w1 w2", 1, "arguments after data directory (d) are not accepted ([w1 w2])", false);
	expect("d -fk", 1, "arguments after data directory (d) are not accepted ([-fk])", false);
	/* The reap times come before the words, the words before all else. */
	expect("-raft-reap-node-timeout 0s d w", 1,
	    "fatal: -raft-reap-node-timeout must be greater than 0", false);
	expect("-http-cert x d w", 1, "arguments after data directory (d) are not accepted ([w])",
	    false);
}

static void
test_help_and_version(void **state)
{
	static const char *const asks[] = { "-h", "-help", "--help", "-fk -h d" };
	struct run run;

	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		run_line(&run, asks[i]);
		assert_int_equal(run.status, 0);
		assert_non_null(strstr(run.out, "\n  -http-addr string\n\tAddress the HTTP API "
						"listens on (default \"localhost:4001\")\n"));
		assert_non_null(strstr(run.out, "\n  -auto-optimize-int duration\n\t"));
		assert_non_null(strstr(run.out, " (default 24h0m0s)\n"));
		assert_non_null(strstr(run.out, "\n  -raft-snap uint\n\t"));
		assert_non_null(strstr(run.out, " (default 8192)\n"));
		assert_non_null(strstr(run.out, "\n  -fk\n\tEnforce foreign keys\n"));
		assert_non_null(strstr(run.out, "\n  -bootstrap-expect int\n\t"));
		run_done(&run);
	}
	run_line(&run, "-version -http-cert x");
	assert_int_equal(run.status, 0);
	assert_int_equal(strncmp(run.out, "rqlited v", 9), 0);
	assert_non_null(strstr(run.out, " sqlite3."));
	assert_non_null(strstr(run.out, " (commit "));
	assert_string_equal(strchr(run.out, '\n'), "\n");
	run_done(&run);
	expect("-version -foo", 2, "flag provided but not defined: -foo", true);
}

static void
test_usage_is_sorted(void **state)
{
	struct run run;
	char before[64] = "", name[64];
	unsigned count = 0;

	run_line(&run, "-h");
	for (const char *p = run.out; (p = strstr(p, "\n  -")) != NULL; p += 4) {
		assert_int_equal(sscanf(p + 4, "%63s", name), 1);
		assert_true(strcmp(before, name) < 0);
		memcpy(before, name, sizeof(before));
		count++;
	}
	assert_int_equal(count, FLAGS__COUNT);
	run_done(&run);
}

/* What is refused, or has no effect, is not offered as if it were there. */
static void
test_usage_is_true(void **state)
{
	static const char mark[] = "; not supported by this version";
	const struct flag_info *info;
	struct run run;
	char name[64], head[80];

	run_line(&run, "-h");
	for (size_t i = 0; (info = flags_info(i)) != NULL; i++) {
		const char *at, *end;

		flags_name(info, name, sizeof(name));
		(void)snprintf(head, sizeof(head),
		    info->kind == FLAG_BOOL ? "\n  -%s\n" : "\n  -%s ", name);
		at = strstr(run.out, head);
		assert_non_null(at);
		at = strstr(at, info->text);
		assert_non_null(at);
		end = at + strlen(info->text);
		assert_int_equal(info->built, strncmp(end, mark, strlen(mark)) != 0);
	}
	run_done(&run);
}

static void
test_values(void **state)
{
	struct run run;

	run_line(&run,
	    "-fk -fk=F --http-workers=0x3 -read-workers 0b11 -raft-snap 1_000 -raft-snap=077 "
	    "-slow-query-time 1h2m3.5s -db-max-ro-conns -5 -http2=0 ./d/../e//f/");
	assert_int_equal(run.status, FLAGS_GO);
	assert_false(run.flags.fk);
	assert_true(run.flags.given[FLAGS__fk]);
	assert_false(run.flags.given[FLAGS__http_addr]);
	assert_int_equal(run.flags.http_workers, 3);
	assert_int_equal(run.flags.read_workers, 3);
	assert_int_equal(run.flags.raft_snap, 63);
	assert_int_equal(run.flags.slow_query_time, INT64_C(3723500000000));
	assert_int_equal(run.flags.db_max_ro_conns, -5);
	assert_false(run.flags.http2);
	assert_int_equal(run.flags.data_dir[0], '/');
	assert_non_null(strstr(run.flags.data_dir, "/e/f"));
	assert_null(strstr(run.flags.data_dir, "/d"));
	run_done(&run);

	run_line(&run, "-http-body-max 0xFFFF_F -sandbox off -- -odd");
	assert_int_equal(run.status, FLAGS_GO);
	assert_int_equal(run.flags.http_body_max, 0xFFFFF);
	assert_int_equal(run.flags.sandbox_mode, SANDBOX_OFF);
	assert_string_equal(strrchr(run.flags.data_dir, '/'), "/-odd");
	run_done(&run);

	run_line(&run, "-slow-query-time 0 -");
	assert_int_equal(run.status, FLAGS_GO);
	assert_string_equal(strrchr(run.flags.data_dir, '/'), "/-");
	run_done(&run);

	run_line(&run, "-hash-password");
	assert_int_equal(run.status, FLAGS_GO);
	assert_true(run.flags.hash_password);
	run_done(&run);
}

static void
test_defaults(void **state)
{
	struct run run;

	run_line(&run, "/data");
	assert_int_equal(run.status, FLAGS_GO);
	assert_string_equal(run.flags.data_dir, "/data");
	assert_string_equal(run.flags.http_addr, "localhost:4001");
	assert_string_equal(run.flags.http_adv_addr, "localhost:4001");
	assert_string_equal(run.flags.raft_adv_addr, "localhost:4002");
	assert_string_equal(run.flags.node_id, "localhost:4002");
	assert_int_equal(run.flags.raft_leader_lease_timeout, FLAGS_MS(500));
	assert_int_equal(run.flags.raft_snap_wal_size, 4194304);
	assert_int_equal(run.flags.http_body_max, BODY_MAX_DEFAULT);
	assert_int_equal(run.flags.sandbox_mode, SANDBOX_WARN);
	assert_true(run.flags.http2);
	run_done(&run);
}

/* An empty host is bound as such and advertised as something a peer can use. */
static void
test_empty_hosts(void **state)
{
	struct run run;
	char host[256], text[300];

	run_line(&run, "-http-addr localhost:4003 -raft-addr :4004 d");
	assert_int_equal(run.status, FLAGS_GO);
	assert_string_equal(run.flags.raft_addr, ":4004");
	assert_string_equal(run.flags.raft_adv_addr, "localhost:4004");
	assert_string_equal(run.flags.node_id, "localhost:4004");
	run_done(&run);

	run_line(&run, "-http-addr :4003 -raft-addr [::1]:4004 d");
	assert_int_equal(run.status, FLAGS_GO);
	assert_string_equal(run.flags.http_adv_addr, "[::1]:4003");
	run_done(&run);

	assert_int_equal(gethostname(host, sizeof(host)), 0);
	run_line(&run, "-http-addr :4003 -raft-addr :4004 d");
	assert_int_equal(run.status, FLAGS_GO);
	(void)snprintf(text, sizeof(text), "%s:4003", host);
	assert_string_equal(run.flags.http_adv_addr, text);
	(void)snprintf(text, sizeof(text), "%s:4004", host);
	assert_string_equal(run.flags.raft_adv_addr, text);
	run_done(&run);
}

/* rqlite's, in its order. */
static const struct {
	const char *line;
	const char *text;
} rules[] = {
	{ "-raft-reap-node-timeout 0s d", "-raft-reap-node-timeout must be greater than 0" },
	{ "-raft-reap-read-only-node-timeout -1s d",
	    "-raft-reap-read-only-node-timeout must be greater than 0" },
	{ "-extensions-path nope d", "extension path does not exist: nope" },
	{ "-extensions-path /,nope d", "extension path does not exist: nope" },
	{ "-extensions-path /, d", "extension path does not exist: " },
	{ "-http-cert c d", "either both -http-cert and -http-key must be set, or neither" },
	{ "-http-key c d", "either both -http-cert and -http-key must be set, or neither" },
	{ "-node-cert c d", "either both -node-cert and -node-key must be set, or neither" },
	{ "-http-verify-common-name x d", "-http-verify-common-name requires -http-verify-client" },
	{ "-node-verify-common-name x d", "-node-verify-common-name requires -node-verify-client" },
	{ "-http-addr localhost:4002 d", "HTTP and Raft addresses must differ" },
	{ "-http-addr http://localhost:4001 d",
	    "HTTP options should not include protocol (http:// or https://)" },
	{ "-http-adv-addr HTTPS://x:1 d",
	    "HTTP options should not include protocol (http:// or https://)" },
	{ "-http-addr localhost d", "HTTP bind address not valid" },
	{ "-http-addr ::1:4001 d", "HTTP bind address not valid" },
	{ "-http-addr [::1]4001 d", "HTTP bind address not valid" },
	{ "-http-addr [::1]:40]01 d", "HTTP bind address not valid" },
	{ "-http-adv-addr localhost d", "HTTP advertised HTTP address not valid" },
	{ "-http-addr 0.0.0.0:1 d",
	    "advertised HTTP address is not routable (0.0.0.0), specify it via -http-addr "
	    "or -http-adv-addr" },
	{ "-http-addr [::]:1 d",
	    "advertised HTTP address is not routable (::), specify it via -http-addr or "
	    "-http-adv-addr" },
	{ "-raft-addr localhost d", "raft bind address not valid" },
	{ "-raft-addr localhost:abc d", "raft bind port not valid" },
	{ "-raft-addr localhost: d", "raft bind port not valid" },
	{ "-raft-adv-addr localhost d", "raft advertised address not valid" },
	{ "-raft-addr 0.0.0.0:2 d",
	    "advertised Raft address is not routable (0.0.0.0), specify it via -raft-addr "
	    "or -raft-adv-addr" },
	{ "-raft-adv-addr foo:abc d", "raft advertised port is not valid" },
	{ "-http-adv-addr a:1 -raft-adv-addr a:1 d",
	    "advertised HTTP and Raft addresses must differ" },
	{ "-bootstrap-expect 3 -raft-non-voter d",
	    "bootstrapping only applicable to voting nodes" },
	{ "-join nonsense d", "nonsense is an invalid join address" },
	{ "-join a:1,~b:2: d", " b:2: is an invalid join address" },
	{ "-join a:1, d", " is an invalid join address" },
	{ "-join localhost:4002 d", "node cannot join with itself unless bootstrapping" },
	{ "-raft-adv-addr h:2 -join h:2 d", "node cannot join with itself unless bootstrapping" },
	{ "-join localhost:4002,nonsense d", "node cannot join with itself unless bootstrapping" },
	{ "-join a:1 -auto-restore x d", "auto-restoring cannot be used when joining a cluster" },
	{ "-join a:1 -disco-mode dns d",
	    "disco mode cannot be used when also explicitly joining a cluster" },
	{ "-cdc-config stdout -raft-non-voter d", "CDC cannot be enabled on non-voting nodes" },
	{ "-otlp-cert x d", "either both -otlp-cert and -otlp-key must be set, or neither" },
	{ "-otlp-ca-cert x d", "OTLP options require -otlp-endpoint" },
	{ "-otlp-insecure d", "OTLP options require -otlp-endpoint" },
	{ "-otlp-no-verify d", "OTLP options require -otlp-endpoint" },
	{ "-otlp-endpoint http://x:1 d", "-otlp-endpoint must not include a protocol scheme" },
	{ "-otlp-endpoint x d", "-otlp-endpoint is not a valid address" },
	{ "-otlp-endpoint x:1 -otlp-interval 0s d", "-otlp-interval must be greater than zero" },
	{ "-otlp-endpoint x:1 -otlp-insecure -otlp-no-verify d",
	    "-otlp-insecure cannot be used with other OTLP TLS options" },
	{ "-disco-mode consul-kv -bootstrap-expect 3 d",
	    "bootstrapping not applicable when using consul-kv" },
	{ "-disco-mode etcd-kv -bootstrap-expect 3 d",
	    "bootstrapping not applicable when using etcd-kv" },
	{ "-disco-mode dns d",
	    "bootstrap-expect value required when using dns with a voting node" },
	{ "-disco-mode dns-srv d",
	    "bootstrap-expect value required when using dns-srv with a voting node" },
	{ "-disco-mode foo d", "disco mode must be one of consul-kv, etcd-kv, dns, or dns-srv" },
};

static void
test_rules(void **state)
{
	char text[256];

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		(void)snprintf(text, sizeof(text), "fatal: %s", rules[i].text);
		expect(rules[i].line, 1, text, false);
	}
}

/* What rqlite takes and should not. */
static void
test_own_rules(void **state)
{
	static const struct {
		const char *line;
		const char *text;
	} rows[] = {
		{ "-http-verify-client d",
		    "-http-verify-client requires -http-cert and -http-key" },
		{ "-http-ca-cert c d", "-http-ca-cert requires -http-cert and -http-key" },
		{ "-http-cert c -http-key k -http-verify-client d",
		    "-http-verify-client requires -http-ca-cert" },
		{ "-node-verify-client d",
		    "-node-verify-client requires -node-cert and -node-key" },
		{ "-node-ca-cert c d", "-node-ca-cert requires -node-cert and -node-key" },
		{ "-node-no-verify d", "-node-no-verify requires -node-cert and -node-key" },
		{ "-node-verify-server-name x d",
		    "-node-verify-server-name requires -node-cert and -node-key" },
		{ "-node-cert c -node-key k -node-verify-client d",
		    "-node-verify-client requires -node-ca-cert" },
		{ "-join a:1 -join-as bob d", "-join-as requires -auth" },
		{ "-bootstrap-expect 3 d", "-bootstrap-expect requires -join or -disco-mode" },
		{ "-write-queue-capacity -1 d",
		    "-write-queue-capacity must be between 1 and 1000000" },
		{ "-auto-vacuum-int -1s d", "-auto-vacuum-int must not be negative" },
		{ "-bootstrap-expect -1 d", "-bootstrap-expect must be between 0 and 1000" },
		{ "-bootstrap-expect-timeout 0s d",
		    "-bootstrap-expect-timeout must be at least 1ns" },
		{ "-http-workers 0 d", "-http-workers must be between 1 and 16" },
		{ "-vm-steps-max 18446744073709551615 d", "-vm-steps-max must be at least 1000" },
		{ "-sandbox maybe d", "-sandbox must be one of require, warn, or off" },
	};
	char text[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(text, sizeof(text), "fatal: %s", rows[i].text);
		expect(rows[i].line, 1, text, false);
	}
	/* rqlite refuses host names that begin with "http". */
	expect_good("-http-addr httpd.local:4001 d");
	expect_good("-http-addr [::1]:http d");
	expect_good("-bootstrap-expect 3 -join localhost:4002,a:1 d");
	expect_good("-bootstrap-expect 1 d");
	expect_good("-join http://nonsense d");
	expect_good("-http-cert c -http-key k -http-ca-cert a -http-verify-client "
		    "-http-verify-common-name x d");
	expect_good("-auth a -join a:1 -join-as bob -http-no-verify d");
}

static void
test_not_built_yet(void **state)
{
	const struct flag_info *info;
	char name[64], line[128], text[128];

	for (size_t i = 0; (info = flags_info(i)) != NULL; i++) {
		const char *value = info->kind == FLAG_DURATION ? "7s"
				    : info->kind == FLAG_STRING ? "x:1"
								: "7";

		if (info->built || strncmp(info->name, "node_", 5) == 0 ||
		    strncmp(info->name, "otlp_", 5) == 0 || strncmp(info->name, "ext", 3) == 0 ||
		    strcmp(info->name, "disco_mode") == 0)
			continue;
		flags_name(info, name, sizeof(name));
		if (info->kind == FLAG_BOOL)
			value = info->def.BOOL ? "false" : "true";
		(void)snprintf(line, sizeof(line), "-%s=%s d", name, value);
		(void)snprintf(
		    text, sizeof(text), "fatal: -%s: not supported by this version", name);
		expect(line, 1, text, false);
	}
	expect("-node-cert c -node-key k d", 1, "fatal: -node-cert: not supported by this version",
	    false);
	expect("-extensions-path / d", 1, "fatal: -extensions-path: not supported by this version",
	    false);
	expect("-otlp-endpoint x:1 d", 1, "fatal: -otlp-endpoint: not supported by this version",
	    false);
	expect(
	    "-disco-mode etcd-kv d", 1, "fatal: -disco-mode: not supported by this version", false);
	/* The default, spelled out, is fine. */
	expect_good("-join-attempts 5 -disco-key rqlite -auto-optimize-int 1440m "
		    "-raft-shutdown-stepdown d");
}

static void
test_raft_times(void **state)
{
	static const struct {
		const char *line;
		const char *text;
	} rows[] = {
		{ "-raft-heartbeat-timeout 1ms d", "HeartbeatTimeout is too low" },
		{ "-raft-heartbeat-timeout -1s d", "HeartbeatTimeout is too low" },
		{ "-raft-election-timeout 4ms d", "ElectionTimeout is too low" },
		{ "-raft-commit-timeout 1us d", "CommitTimeout is too low" },
		{ "-raft-snap-int 1ms d", "SnapshotInterval is too low" },
		{ "-raft-leader-lease-timeout 1ms d", "LeaderLeaseTimeout is too low" },
		{ "-raft-heartbeat-timeout 100ms d",
		    "LeaderLeaseTimeout (500ms) cannot be larger than heartbeat timeout (100ms)" },
		{ "-raft-heartbeat-timeout 2s d",
		    "ElectionTimeout (1s) must be equal or greater than Heartbeat Timeout (2s)" },
	};
	char text[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(text, sizeof(text),
		    "[rqlited] failed to open store: creating the raft system failed: %s",
		    rows[i].text);
		expect(rows[i].line, 1, text, false);
	}
	expect_good("-raft-heartbeat-timeout 100ms -raft-leader-lease-timeout 100ms d");
	expect_good("-raft-snap-int 0 -raft-heartbeat-timeout 0 -raft-commit-timeout 0s d");
}

static void
test_files(void **state)
{
	struct run run;
	struct error error;

	run_line(&run, "-auth nope.json d");
	assert_int_equal(flags_check_files(&run.flags, &error), -1);
	assert_string_equal(error.text,
	    "failed to get credential store: open nope.json: no such file or directory");
	run_done(&run);
	run_line(&run, "-auth / d");
	assert_int_equal(flags_check_files(&run.flags, &error), -1);
	assert_string_equal(error.text, "failed to get credential store: read /: is a directory");
	run_done(&run);
	run_line(&run, "-http-cert nope.crt -http-key /dev/null d");
	assert_int_equal(flags_check_files(&run.flags, &error), -1);
	assert_string_equal(
	    error.text, "failed to start HTTP server: open nope.crt: no such file or directory");
	run_done(&run);
	run_line(&run, "d");
	assert_int_equal(flags_check_files(&run.flags, &error), 0);
	run_done(&run);
}

static void
test_lists(void **state)
{
	size_t len;

	assert_null(flags_list_item("", 0, &len));
	assert_string_equal(flags_list_item("a,b", 1, &len), "b");
	assert_int_equal(len, 1);
	assert_string_equal(flags_list_item("a,", 1, &len), "");
	assert_int_equal(len, 0);
	assert_null(flags_list_item("a,", 2, &len));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syntax_errors),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_help_and_version),
		cmocka_unit_test(test_usage_is_sorted),
		cmocka_unit_test(test_usage_is_true),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_empty_hosts),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_own_rules),
		cmocka_unit_test(test_not_built_yet),
		cmocka_unit_test(test_raft_times),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_lists),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
