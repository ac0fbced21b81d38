/*
 * What a worker counts: one page of its own, written by it alone, read by http
 * (which sums all workers' pages) and kept by the master over a restart.
 *
 * One list names every counter, as /debug/vars shows it (group and key) and as
 * /metrics does.
 */
#ifndef COMMON_COUNTERS_H
#define COMMON_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*	name				group		key	(of /debug/vars; "" : only in /metrics) */
#define COUNTERS_LIST(X)								\
	X(AUTH_OK,			"http",		"auth_ok")			\
	X(AUTH_FAIL,			"http",		"auth_fail")			\
	X(BACKUPS,			"http",		"backups")			\
	X(BOOT,				"http",		"boot")				\
	X(EXECUTE_STMTS_RX,		"http",		"execute_stmts_rx")		\
	X(EXECUTIONS,			"http",		"executions")			\
	X(LEADER_NOT_FOUND,		"http",		"leader_not_found")		\
	X(LOADS,			"http",		"loads")			\
	X(NUM_READYZ,			"http",		"num_readyz")			\
	X(NUM_STATUS,			"http",		"num_status")			\
	X(QUERIES,			"http",		"queries")			\
	X(QUERY_STMTS_RX,		"http",		"query_stmts_rx")		\
	X(REQUEST_STMTS_RX,		"http",		"request_stmts_rx")		\
	X(REQUESTS,			"http",		"requests")			\
	X(SQL_ANALYZE,			"http",		"sql_analyze")			\
	X(TLS_CERT_FETCHED,		"http",		"tls_cert_fetched")		\
	X(UI,				"http",		"ui")				\
	X(USER_REAPS,			"http",		"user_reaps")			\
	X(USER_SNAPSHOTS,		"http",		"user_snapshots")		\
	X(DB_EXECUTIONS,		"db",		"executions")			\
	X(DB_EXECUTE_TRANSACTIONS,	"db",		"execute_transactions")		\
	X(DB_QUERIES,			"db",		"queries")			\
	X(DB_QUERY_TRANSACTIONS,	"db",		"query_transactions")		\
	X(DB_REQUESTS,			"db",		"requests")			\
	X(DB_REQUEST_TRANSACTIONS,	"db",		"request_transactions")		\
	X(NUM_SNAPSHOTS,		"store",	"num_snapshots")		\
	X(NUM_SNAPSHOTS_FAILED,		"store",	"num_snapshots_failed")		\
	X(NUM_COMMANDS,			"store",	"num_uncompressed_commands")	\
	X(DB_CHECKPOINTS,		"db",		"checkpoints")			\
	X(DB_CHECKPOINT_ERRORS,		"db",		"checkpoint_errors")		\
	X(CONNECTIONS,			"",		"connections")			\
	X(CONNECTIONS_FULL,		"",		"connections_full")		\
	X(CONNECTIONS_DELAYED,		"",		"connections_delayed")		\
	X(CONNECTIONS_REFUSED,		"",		"connections_refused")		\
	X(CLIENTS_GONE,			"",		"clients_gone")			\
	X(FRAMING_REFUSED,		"",		"framing_refused")		\
	X(HTTP2_FLOODS,			"",		"http2_floods")			\
	X(INTAKE_REFUSED,		"",		"intake_refused")		\
	X(LOG_FLUSHES,			"",		"log_flushes")			\
	X(LOG_BYTES,			"",		"log_bytes")			\
	X(LOG_ENTRIES,			"",		"log_entries")			\
	X(APPLY_BATCHES,		"",		"apply_batches")		\
	X(APPLY_ENTRIES,		"",		"apply_entries")		\
	X(APPLY_STALLS,			"",		"apply_stalls")

/* What goes up and down, or is of the last time: set, not added to. */
#define GAUGES_LIST(X)									\
	X(DB_CHECKPOINT_MS,		"db",		"checkpoint_duration_ms")	\
	X(DB_OPEN_MS,			"db",		"open_duration_ms")		\
	X(FSM_APPLY_US,			"store",	"fsm_apply_duration_us")	\
	X(SNAPSHOT_CREATE_MS,		"store",	"snapshot_create_duration")	\
	X(CONNECTIONS_OPEN,		"",		"connections_open")		\
	X(JOBS,				"",		"requests_in_flight")		\
	X(WAITING_AUTH,			"",		"requests_at_auth")		\
	X(WAITING_RAFT,			"",		"requests_at_raft")		\
	X(WAITING_READ,			"",		"requests_at_read")		\
	X(WAL_BYTES,			"",		"wal_bytes")			\
	X(WAL_PRESSURE,			"",		"wal_pressure")			\
	X(DATABASE_BYTES,		"",		"database_bytes")

#define COUNTERS_ENUM(name, group, key) COUNTER_##name,
enum counter { COUNTERS_LIST(COUNTERS_ENUM) GAUGES_LIST(COUNTERS_ENUM) COUNTER__COUNT };

/* Answers by route and status; how these are numbered is http's. */
#define COUNTERS_ROUTES 22
#define COUNTERS_STATUSES 13

/* Distributions, in nanoseconds; bucket n counts what is below 2^n * 16 us. */
enum histogram {
	HISTOGRAM_EXECUTE,
	HISTOGRAM_QUERY,
	HISTOGRAM_REQUEST,
	HISTOGRAM_OTHER,
	HISTOGRAM_LOG_SYNC,
	HISTOGRAM__COUNT
};
#define HISTOGRAM_BUCKETS 24
#define HISTOGRAM_FIRST_NS 16000

struct histogram_counts {
	_Atomic uint64_t buckets[HISTOGRAM_BUCKETS + 1]; /* the last: above all */
	_Atomic uint64_t sum_ns;
};

struct counters {
	_Atomic uint64_t values[COUNTER__COUNT];
	struct histogram_counts histograms[HISTOGRAM__COUNT];
	_Atomic uint64_t answers[COUNTERS_ROUTES][COUNTERS_STATUSES];
};

#define COUNTERS_PAGE_SIZE 4096
_Static_assert(sizeof(struct counters) <= COUNTERS_PAGE_SIZE - 64, "the pulse has room behind");

/* Maps a page; exits if it can't be done. The descriptor stays the caller's. */
struct counters *counters_map(int fd, bool writable);
/* The sum of a counter over several pages. */
uint64_t counters_sum(const struct counters *const *, size_t n, enum counter);
void counters_observe(struct counters *, enum histogram, uint64_t ns);
void counters_answer(struct counters *, unsigned route, unsigned status);

struct counter_info {
	const char *group;
	const char *key;
	bool gauge;
};
const struct counter_info *counter_info(enum counter);

static inline void
counter_add(struct counters *counters, enum counter counter, uint64_t n)
{
	/* One writer: no atomic addition needed, only that readers see whole numbers. */
	uint64_t value = atomic_load_explicit(&counters->values[counter], memory_order_relaxed);

	atomic_store_explicit(&counters->values[counter], value + n, memory_order_relaxed);
}

static inline uint64_t
counter_get(const struct counters *counters, enum counter counter)
{
	return (atomic_load_explicit(&counters->values[counter], memory_order_relaxed));
}

static inline void
counter_set(struct counters *counters, enum counter counter, uint64_t value)
{
	atomic_store_explicit(&counters->values[counter], value, memory_order_relaxed);
}

#endif
