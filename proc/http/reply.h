/*
 * The envelope around results: {"results":R,"time":T,"raft_index":N}.  R is
 * printed by who ran the statements, as the member of an outermost object.
 */
#ifndef PROC_HTTP_REPLY_H
#define PROC_HTTP_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

struct reply {
	bool pretty;
	bool timings;
	int64_t time_ns;     /* since the request came; 0 is not shown */
	uint64_t raft_index; /* 0 is not shown */
};

/* What comes before R, and what comes behind it. */
void reply_begin(struct buf *, const struct reply *);
void reply_end(struct buf *, const struct reply *);
/* A request that failed as a whole: results are []. */
void reply_error(struct buf *, const struct reply *, const char *text);

#endif
