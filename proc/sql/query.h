/*
 * Runs read-only requests in a read worker: a pool of read-only connections,
 * requests that are stepped until their result is complete or a part of it is
 * full, all short ones of a loop turn in one read transaction.
 *
 * The shape of the caller's loop:
 *	query_turn_begin(pool);
 *	for each request that arrived: q = query_start(...); state = query_step(q, out)
 *	for each open stream with credit: state = query_step(q, out)
 *	query_turn_end(pool);
 *
 * The command bytes are hostile; the worker has no right to write, and the
 * connections are query_only and guarded by the authorizer besides.
 */
#ifndef PROC_SQL_QUERY_H
#define PROC_SQL_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"

/* Age at which a read must not keep a large WAL from starting anew. */
#define QUERY_OLD_NS 1000000000LL
#define QUERY_PRESSED_TEXT "query ended: it kept the WAL from being emptied"

struct query;
struct query_pool;

enum query_state {
	QUERY_DONE, /* what was appended ends the result */
	QUERY_PART, /* a part is full: call query_step() again when the client took it */
	QUERY_NEEDS_LOG, /* a /db/request that holds a write; nothing was appended */
	QUERY_ENVELOPE, /* failed as a whole: query_error() is the text; nothing was appended */
	QUERY_BROKEN, /* failed after a part was sent: the connection must be cut */
};

struct query_config {
	const char *path; /* of the database */
	bool foreign_keys; /* -fk: what PRAGMA foreign_keys answers */
	unsigned connections; /* short queries use one, each stream another; 1 to 16 */
	size_t memory_max; /* bytes SQLite may allocate, 0: no limit (memory.h) */
	/*
	 * Asked every few 10,000 opcodes of a running statement: true ends the query as
	 * cancelled.
	 */
	bool (*cancelled)(void *arg, void *token);
	/* Asked as often: true ends it if it is older than QUERY_OLD_NS.  NULL: never. */
	bool (*pressed)(void *arg);
	void *arg;
};

/* Opens all connections (they can not be opened once sandboxed).  NULL and the error on failure. */
struct query_pool *query_pool_open(const struct query_config *, struct error *);
void query_pool_close(struct query_pool *);

/* Between the two, short queries share one snapshot of the database. */
void query_turn_begin(struct query_pool *);
void query_turn_end(struct query_pool *);

/*
 * Takes a request up; the command is copied.  NULL: no connection is free (too
 * many streams) or the command is malformed, error says which.
 */
struct query *query_start(
    struct query_pool *, const void *command, size_t len, void *token, struct error *);
/*
 * Runs on and appends the value of "results" to the buffer (an array, see
 * apply.h), at most RESULT_PART_MAX bytes more than one row.  After any state
 * but QUERY_PART the query has ended and must be freed.
 */
enum query_state query_step(struct query *, struct buf *out);
/* The text of QUERY_ENVELOPE. */
const char *query_error(const struct query *);
/* Whether it must end because of the WAL; for streams that wait for their client. */
bool query_is_pressed(const struct query *);
/* Monotonic nanoseconds at which it was started, for deadlines of streams. */
int64_t query_started_ns(const struct query *);
/* Ends it, finished or not, and gives its connection back. */
void query_free(struct query *);

#endif
