/*
 * Answers counted by route and status, for /metrics.
 */
#ifndef PROC_HTTP_METRICS_H
#define PROC_HTTP_METRICS_H

#include "common/counters.h"
#include "proc/http/path.h"

/* One answer; the route may be NULL (no route matched, or it was refused before). */
void metrics_count(struct counters *, const struct route *, int status);

#endif
