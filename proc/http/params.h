/*
 * The query string of a request, parsed and validated once, whatever the path.
 */
#ifndef PROC_HTTP_PARAMS_H
#define PROC_HTTP_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* Read consistency; an unknown word means weak. */
enum level { LEVEL_NONE, LEVEL_WEAK, LEVEL_LINEARIZABLE, LEVEL_STRONG, LEVEL_AUTO };

struct params {
	const char *q; /* NUL-terminated, q_len without it */
	size_t q_len;
	const char *key; /* NULL: not given */
	const char *fmt;
	const char *tables;
	enum level level;
	int64_t timeout_ns;
	int64_t db_timeout_ns;
	int64_t freshness_ns;
	int64_t linearizable_timeout_ns;
	int64_t retries;
	int64_t trailing_logs;
	bool has_q;
	bool pretty;
	bool timings;
	bool transaction;
	bool queue;
	bool wait;
	bool associative;
	bool blob_array;
	bool qualify_columns;
	bool raft_index;
	bool noparse;
	bool norwrandom;
	bool norwtime;
	bool redirect;
	bool noleader;
	bool sync;
	bool nonvoters;
	bool freshness_strict;
	bool vacuum;
	bool compress;
	bool ver2; /* ver is exactly 2 */
};

/*
 * Parses a raw query string (without '?').  Decoded texts go into the room, which
 * has len + 1 bytes and lives as long as the params are used.  -1: a 400 with the
 * error's text.
 */
int params_parse(const char *query, size_t len, char *room, struct params *, struct error *);

#endif
