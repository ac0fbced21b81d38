/*
 * What a command line must satisfy before anything is opened.  The first part
 * has rqlite's rules, in its order and with its texts; then come settings that
 * rqlite takes although they cannot mean what they say (mutual TLS without a
 * certificate, negative sizes), and last what this version cannot do.
 */
#include "cmd/rqlited/flags_private.h"

#include <sys/stat.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/duration.h"
#include "common/log.h"

#define HOST_MAX 256

struct host_port {
	char host[HOST_MAX]; /* without brackets; may be empty */
	const char *port; /* the rest of the address; may be empty */
};

static bool
is_set(const char *value)
{
	return (value[0] != '\0');
}

/* One separating colon, IPv6 in brackets; the port may be anything. */
static bool
split_address(const char *address, struct host_port *out)
{
	const char *colon = strrchr(address, ':'), *end = colon;
	const char *start = address;

	if (colon == NULL)
		return (false);
	if (*address == '[') {
		start++;
		end = strchr(address, ']');
		if (end == NULL || end + 1 != colon)
			return (false);
	} else if (memchr(address, ':', (size_t)(colon - address)) != NULL)
		return (false);
	for (const char *p = start; *p != '\0'; p++)
		if (*p == '[' || (*p == ']' && p != end))
			return (false);
	if ((size_t)(end - start) >= sizeof(out->host))
		return (false);
	memcpy(out->host, start, (size_t)(end - start));
	out->host[end - start] = '\0';
	out->port = colon + 1;
	return (true);
}

static bool
is_decimal(const char *port)
{
	if (*port == '+' || *port == '-')
		port++;
	return (*port != '\0' && strspn(port, "0123456789") == strlen(port));
}

/* 0.0.0.0, ::, and other ways to write them. */
static bool
is_unspecified(const char *host)
{
	static const uint8_t zero[16], mapped[16] = { [10] = 0xff, [11] = 0xff };
	uint8_t raw[16];

	if (inet_pton(AF_INET, host, raw) == 1)
		return (memcmp(raw, zero, 4) == 0);
	if (inet_pton(AF_INET6, host, raw) == 1)
		return (memcmp(raw, zero, 16) == 0 || memcmp(raw, mapped, 16) == 0);
	return (false);
}

static bool
has_scheme(const char *address)
{
	return (
	    strncasecmp(address, "http://", 7) == 0 || strncasecmp(address, "https://", 8) == 0);
}

/* Reap times that are given must mean something. */
static int
check_reaping(const struct flags *flags, struct error *error)
{
	if (flags->given[FLAGS__raft_reap_node_timeout] && flags->raft_reap_node_timeout <= 0)
		return (error_set(error, "-raft-reap-node-timeout must be greater than 0"));
	if (flags->given[FLAGS__raft_reap_read_only_node_timeout] &&
	    flags->raft_reap_read_only_node_timeout <= 0)
		return (
		    error_set(error, "-raft-reap-read-only-node-timeout must be greater than 0"));
	return (0);
}

static int
refuse_words(int words, char **argv, struct error *error)
{
	char text[400];
	size_t len = 0;

	text[0] = '\0';
	for (int i = 1; i < words && len < sizeof(text); i++)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%s%s", i > 1 ? " " : "", argv[i]);
	return (error_set(
	    error, "arguments after data directory (%s) are not accepted ([%s])", argv[0], text));
}

static int
check_extensions(const struct flags *flags, struct error *error)
{
	const char *item;
	struct stat st;
	size_t len;

	for (size_t i = 0; (item = flags_list_item(flags->extensions_path, i, &len)) != NULL; i++) {
		char path[PATH_MAX];

		if (len >= sizeof(path))
			return (error_set(
			    error, "extension path does not exist: %.*s", (int)len, item));
		memcpy(path, item, len);
		path[len] = '\0';
		if (stat(path, &st) == -1)
			return (error_set(error, "extension path does not exist: %s", path));
	}
	return (0);
}

static int
check_pairs(const struct flags *flags, struct error *error)
{
	if (is_set(flags->http_cert) != is_set(flags->http_key))
		return (error_set(
		    error, "either both -http-cert and -http-key must be set, or neither"));
	if (is_set(flags->node_cert) != is_set(flags->node_key))
		return (error_set(
		    error, "either both -node-cert and -node-key must be set, or neither"));
	if (is_set(flags->http_verify_common_name) && !flags->http_verify_client)
		return (error_set(error, "-http-verify-common-name requires -http-verify-client"));
	if (is_set(flags->node_verify_common_name) && !flags->node_verify_client)
		return (error_set(error, "-node-verify-common-name requires -node-verify-client"));
	if (strcmp(flags->raft_addr, flags->http_addr) == 0)
		return (error_set(error, "HTTP and Raft addresses must differ"));
	return (0);
}

/*
 * An advertised address without a host would be of use to nobody: it gets the
 * host of the other one, else this machine's name.
 */
static const char *
fill_host(struct flags *flags, const char *address, const char *other)
{
	struct host_port own, others;
	char *text = NULL;

	if (!split_address(address, &own) || own.host[0] != '\0')
		return (address);
	if (!split_address(other, &others) || others.host[0] == '\0' ||
	    is_unspecified(others.host)) {
		if (gethostname(others.host, sizeof(others.host)) == -1)
			return (address);
		others.host[sizeof(others.host) - 1] = '\0';
	}
	if (asprintf(&text, strchr(others.host, ':') != NULL ? "[%s]:%s" : "%s:%s", others.host,
		own.port) < 0)
		text = NULL;
	return (flags_own(flags, text));
}

static void
fill_in(struct flags *flags)
{
	const char *http_adv, *raft_adv;

	http_adv = is_set(flags->http_adv_addr) ? flags->http_adv_addr : flags->http_addr;
	raft_adv = is_set(flags->raft_adv_addr) ? flags->raft_adv_addr : flags->raft_addr;
	flags->http_adv_addr = fill_host(flags, http_adv, raft_adv);
	flags->raft_adv_addr = fill_host(flags, raft_adv, flags->http_adv_addr);
	if (!is_set(flags->node_id))
		flags->node_id = flags->raft_adv_addr;
}

static int
check_http_addresses(const struct flags *flags, struct error *error)
{
	struct host_port bind, adv;

	if (has_scheme(flags->http_addr) || has_scheme(flags->http_adv_addr))
		return (error_set(
		    error, "HTTP options should not include protocol (http:// or https://)"));
	if (!split_address(flags->http_addr, &bind))
		return (error_set(error, "HTTP bind address not valid"));
	if (!split_address(flags->http_adv_addr, &adv))
		return (error_set(error, "HTTP advertised HTTP address not valid"));
	if (is_unspecified(adv.host))
		return (error_set(error,
		    "advertised HTTP address is not routable (%s), specify it via -http-addr or "
		    "-http-adv-addr",
		    adv.host));
	return (0);
}

static int
check_raft_addresses(const struct flags *flags, struct error *error)
{
	struct host_port bind, adv;

	if (!split_address(flags->raft_addr, &bind))
		return (error_set(error, "raft bind address not valid"));
	if (!is_decimal(bind.port))
		return (error_set(error, "raft bind port not valid"));
	if (!split_address(flags->raft_adv_addr, &adv))
		return (error_set(error, "raft advertised address not valid"));
	if (is_unspecified(adv.host))
		return (error_set(error,
		    "advertised Raft address is not routable (%s), specify it via -raft-addr or "
		    "-raft-adv-addr",
		    adv.host));
	if (!is_decimal(adv.port))
		return (error_set(error, "raft advertised port is not valid"));
	if (strcmp(flags->http_adv_addr, flags->raft_adv_addr) == 0)
		return (error_set(error, "advertised HTTP and Raft addresses must differ"));
	return (0);
}

static int
check_join_item(const struct flags *flags, const char *item, size_t len, struct error *error)
{
	struct host_port parts;
	char address[HOST_MAX + 64];

	(void)snprintf(address, sizeof(address), "%.*s", (int)len, item);
	if (len >= sizeof(address) || !split_address(address, &parts))
		return (error_set(error, "%.*s is an invalid join address", (int)len, item));
	if (flags->bootstrap_expect != 0)
		return (0);
	if (strcmp(address, flags->raft_adv_addr) == 0 || strcmp(address, flags->raft_addr) == 0)
		return (error_set(error, "node cannot join with itself unless bootstrapping"));
	if (is_set(flags->auto_restore))
		return (error_set(error, "auto-restoring cannot be used when joining a cluster"));
	return (0);
}

static int
check_join(const struct flags *flags, struct error *error)
{
	const char *item;
	size_t len;

	if (flags->bootstrap_expect > 0 && flags->raft_non_voter)
		return (error_set(error, "bootstrapping only applicable to voting nodes"));
	for (size_t i = 0; (item = flags_list_item(flags->join, i, &len)) != NULL; i++)
		if (check_join_item(flags, item, len, error) == -1)
			return (-1);
	if (is_set(flags->join) && is_set(flags->disco_mode))
		return (error_set(
		    error, "disco mode cannot be used when also explicitly joining a cluster"));
	if (is_set(flags->cdc_config) && flags->raft_non_voter)
		return (error_set(error, "CDC cannot be enabled on non-voting nodes"));
	return (0);
}

static int
check_otlp(const struct flags *flags, struct error *error)
{
	bool tls = is_set(flags->otlp_cert) || is_set(flags->otlp_ca_cert) || flags->otlp_no_verify;
	struct host_port parts;

	if (is_set(flags->otlp_cert) != is_set(flags->otlp_key))
		return (error_set(
		    error, "either both -otlp-cert and -otlp-key must be set, or neither"));
	if (!is_set(flags->otlp_endpoint)) {
		if (tls || flags->otlp_insecure)
			return (error_set(error, "OTLP options require -otlp-endpoint"));
		return (0);
	}
	if (strstr(flags->otlp_endpoint, "://") != NULL)
		return (error_set(error, "-otlp-endpoint must not include a protocol scheme"));
	if (!split_address(flags->otlp_endpoint, &parts))
		return (error_set(error, "-otlp-endpoint is not a valid address"));
	if (flags->otlp_interval <= 0)
		return (error_set(error, "-otlp-interval must be greater than zero"));
	if (flags->otlp_insecure && tls)
		return (
		    error_set(error, "-otlp-insecure cannot be used with other OTLP TLS options"));
	return (0);
}

static int
check_disco(const struct flags *flags, struct error *error)
{
	const char *mode = flags->disco_mode;

	if (!is_set(mode))
		return (0);
	if (strcmp(mode, "consul-kv") == 0 || strcmp(mode, "etcd-kv") == 0) {
		if (flags->bootstrap_expect > 0)
			return (
			    error_set(error, "bootstrapping not applicable when using %s", mode));
		return (0);
	}
	if (strcmp(mode, "dns") == 0 || strcmp(mode, "dns-srv") == 0) {
		if (flags->bootstrap_expect == 0 && !flags->raft_non_voter)
			return (error_set(error,
			    "bootstrap-expect value required when using %s with a voting node",
			    mode));
		return (0);
	}
	return (error_set(error, "disco mode must be one of consul-kv, etcd-kv, dns, or dns-srv"));
}

/*
 * Settings that ask for verification which could not happen: the operator
 * would believe in mutual TLS and get plain text, or trust every public CA.
 */
static int
check_tls_sense(const struct flags *flags, struct error *error)
{
	const struct {
		bool given;
		const char *name;
		const char *needed;
		bool present;
	} rules[] = {
		{ flags->http_verify_client, "-http-verify-client", "-http-cert and -http-key",
		    is_set(flags->http_cert) },
		{ is_set(flags->http_ca_cert), "-http-ca-cert", "-http-cert and -http-key",
		    is_set(flags->http_cert) },
		{ flags->http_verify_client, "-http-verify-client", "-http-ca-cert",
		    is_set(flags->http_ca_cert) },
		{ flags->node_verify_client, "-node-verify-client", "-node-cert and -node-key",
		    is_set(flags->node_cert) },
		{ is_set(flags->node_ca_cert), "-node-ca-cert", "-node-cert and -node-key",
		    is_set(flags->node_cert) },
		{ flags->node_no_verify, "-node-no-verify", "-node-cert and -node-key",
		    is_set(flags->node_cert) },
		{ is_set(flags->node_verify_server_name), "-node-verify-server-name",
		    "-node-cert and -node-key", is_set(flags->node_cert) },
		{ flags->node_verify_client, "-node-verify-client", "-node-ca-cert",
		    is_set(flags->node_ca_cert) },
		{ is_set(flags->join_as), "-join-as", "-auth", is_set(flags->auth) },
		/* Alone it would make as many clusters as there are nodes; one voter is no other. */
		{ flags->bootstrap_expect > 1, "-bootstrap-expect", "-join or -disco-mode",
		    is_set(flags->join) || is_set(flags->disco_mode) },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].given && !rules[i].present)
			return (error_set(error, "%s requires %s", rules[i].name, rules[i].needed));
	return (0);
}

/* Least and greatest values; what is not listed may be anything. */
static const struct {
	enum flag_id id;
	int64_t min;
	int64_t max;
} ranges[] = {
	{ FLAGS__auto_optimize_int, 0, INT64_MAX },
	{ FLAGS__auto_vacuum_int, 0, INT64_MAX },
	{ FLAGS__bootstrap_expect, 0, 1000 },
	{ FLAGS__bootstrap_expect_timeout, 1, INT64_MAX },
	{ FLAGS__cluster_connect_timeout, 1, INT64_MAX },
	{ FLAGS__disk_scale, 1, 1024 },
	{ FLAGS__http_body_max, 1024, BODIES_SUM_MAX },
	{ FLAGS__http_workers, 1, HTTP_WORKERS_MAX },
	{ FLAGS__join_interval, 0, INT64_MAX },
	{ FLAGS__max_connections, 1, 1000000 },
	{ FLAGS__raft_apply_timeout, 1, INT64_MAX },
	{ FLAGS__raft_snap_int, 0, INT64_MAX },
	{ FLAGS__read_workers, 1, READ_WORKERS_MAX },
	{ FLAGS__slow_query_time, 0, INT64_MAX },
	{ FLAGS__sql_value_max, 1024, 1000000000 },
	{ FLAGS__vm_steps_max, 1000, INT64_MAX },
	{ FLAGS__write_queue_batch_size, 1, STATEMENTS_MAX },
	{ FLAGS__write_queue_capacity, 1, 1000000 },
	{ FLAGS__write_queue_timeout, 0, INT64_MAX },
};

static int
check_range(
    const struct flag_info *info, int64_t value, int64_t min, int64_t max, struct error *error)
{
	char name[64], low[64], high[64];

	/* An unsigned value past INT64_MAX looks negative here, and is out of every range. */
	if (value >= min && value <= max)
		return (0);
	flags_name(info, name, sizeof(name));
	if (info->kind == FLAG_DURATION) {
		(void)duration_format(min, low, sizeof(low));
		(void)duration_format(max, high, sizeof(high));
	} else {
		(void)snprintf(low, sizeof(low), "%lld", (long long)min);
		(void)snprintf(high, sizeof(high), "%lld", (long long)max);
	}
	if (max == INT64_MAX && min == 0)
		return (error_set(error, "-%s must not be negative", name));
	if (max == INT64_MAX)
		return (error_set(error, "-%s must be at least %s", name, low));
	return (error_set(error, "-%s must be between %s and %s", name, low, high));
}

static int
check_ranges(struct flags *flags, struct error *error)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		const struct flag_info *info = flags_info(ranges[i].id);
		int64_t value;

		memcpy(&value, (const char *)flags + info->offset, sizeof(value));
		if (check_range(info, value, ranges[i].min, ranges[i].max, error) == -1)
			return (-1);
	}
	if (strcmp(flags->sandbox, "require") == 0)
		flags->sandbox_mode = SANDBOX_REQUIRE;
	else if (strcmp(flags->sandbox, "warn") == 0)
		flags->sandbox_mode = SANDBOX_WARN;
	else if (strcmp(flags->sandbox, "off") == 0)
		flags->sandbox_mode = SANDBOX_OFF;
	else
		return (error_set(error, "-sandbox must be one of require, warn, or off"));
	return (0);
}

static bool
is_default(const struct flags *flags, const struct flag_info *info)
{
	const void *member = (const char *)flags + info->offset;

	switch (info->kind) {
	case FLAG_STRING:
		return (strcmp(*(const char *const *)member, info->def.STRING) == 0);
	case FLAG_BOOL:
		return (*(const bool *)member == info->def.BOOL);
	default:
		return (memcmp(member, &info->def.INT, sizeof(info->def.INT)) == 0);
	}
}

static int
refuse_later(const struct flags *flags, struct error *error)
{
	const struct flag_info *info;
	char name[64];

	for (size_t i = 0; (info = flags_info(i)) != NULL; i++) {
		if (info->built || is_default(flags, info))
			continue;
		flags_name(info, name, sizeof(name));
		return (error_set(error, "-%s: not supported by this version", name));
	}
	return (0);
}

/* 0 stands for a default in some places; after this none is left. */
static void
fill_in_times(struct flags *flags)
{
	if (flags->raft_heartbeat_timeout == 0)
		flags->raft_heartbeat_timeout = FLAGS_S(1);
	if (flags->raft_election_timeout == 0)
		flags->raft_election_timeout = FLAGS_S(1);
	if (flags->raft_commit_timeout == 0)
		flags->raft_commit_timeout = FLAGS_MS(50);
	if (flags->raft_leader_lease_timeout == 0)
		flags->raft_leader_lease_timeout = FLAGS_MS(500);
	if (flags->raft_snap == 0)
		flags->raft_snap = 8192;
}

/* How the times of consensus must relate; texts without the start-up's prefix. */
static int
check_raft_times(const struct flags *flags, struct error *error)
{
	char a[64], b[64];

	if (flags->raft_heartbeat_timeout < FLAGS_MS(5))
		return (error_set(error, "HeartbeatTimeout is too low"));
	if (flags->raft_election_timeout < FLAGS_MS(5))
		return (error_set(error, "ElectionTimeout is too low"));
	if (flags->raft_commit_timeout < FLAGS_MS(1))
		return (error_set(error, "CommitTimeout is too low"));
	if (flags->raft_snap_int != 0 && flags->raft_snap_int < FLAGS_MS(5))
		return (error_set(error, "SnapshotInterval is too low"));
	if (flags->raft_leader_lease_timeout < FLAGS_MS(5))
		return (error_set(error, "LeaderLeaseTimeout is too low"));
	(void)duration_format(flags->raft_heartbeat_timeout, b, sizeof(b));
	if (flags->raft_leader_lease_timeout > flags->raft_heartbeat_timeout) {
		(void)duration_format(flags->raft_leader_lease_timeout, a, sizeof(a));
		return (error_set(error,
		    "LeaderLeaseTimeout (%s) cannot be larger than heartbeat timeout (%s)", a, b));
	}
	if (flags->raft_election_timeout < flags->raft_heartbeat_timeout) {
		(void)duration_format(flags->raft_election_timeout, a, sizeof(a));
		return (error_set(error,
		    "ElectionTimeout (%s) must be equal or greater than Heartbeat Timeout (%s)", a,
		    b));
	}
	return (0);
}

/* Puts what kind of failure it is before the text. */
static int
prefixed(const char *prefix, const struct error *inner, struct error *error)
{
	return (error_set(error, "%s%.480s", prefix, inner->text));
}

int
flags_check(struct flags *flags, int words, char **argv, struct error *error)
{
	struct error inner;

	if (check_reaping(flags, &inner) == -1)
		return (prefixed("fatal: ", &inner, error));
	if (words > 1)
		return (refuse_words(words, argv, error));
	if (!is_set(flags->data_dir))
		return (error_set(error, "fatal: data directory path is required"));
	if (check_extensions(flags, &inner) == -1 || check_pairs(flags, &inner) == -1)
		return (prefixed("fatal: ", &inner, error));
	fill_in(flags);
	if (check_http_addresses(flags, &inner) == -1 ||
	    check_raft_addresses(flags, &inner) == -1 || check_join(flags, &inner) == -1 ||
	    check_otlp(flags, &inner) == -1 || check_disco(flags, &inner) == -1 ||
	    check_tls_sense(flags, &inner) == -1 || check_ranges(flags, &inner) == -1 ||
	    refuse_later(flags, &inner) == -1)
		return (prefixed("fatal: ", &inner, error));
	fill_in_times(flags);
	if (check_raft_times(flags, &inner) == -1)
		return (prefixed(
		    "failed to open store: creating the raft system failed: ", &inner, error));
	return (0);
}

/* strerror() as these texts have it: in lower case. */
static void
reason(char *out, size_t cap)
{
	(void)snprintf(out, cap, "%s", strerror(errno));
	out[0] = (char)tolower((unsigned char)out[0]);
}

static int
check_file(const char *path, const char *prefix, struct error *error)
{
	char text[128];
	struct stat st;
	int fd;

	if (!is_set(path))
		return (0);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) == -1) {
		reason(text, sizeof(text));
		return (error_set(error, "%s: open %s: %s", prefix, path, text));
	}
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		(void)close(fd);
		return (error_set(error, "%s: read %s: is a directory", prefix, path));
	}
	(void)close(fd);
	return (0);
}

int
flags_check_files(const struct flags *flags, struct error *error)
{
	if (check_file(flags->auth, "failed to get credential store", error) == -1 ||
	    check_file(flags->http_cert, "failed to start HTTP server", error) == -1 ||
	    check_file(flags->http_key, "failed to start HTTP server", error) == -1 ||
	    check_file(flags->http_ca_cert, "failed to start HTTP server", error) == -1)
		return (-1);
	return (0);
}
