/*
 * The pages that tell of the node: /status, /nodes, /leader, /debug/vars,
 * /metrics, /licenses.  Pure printing: what they show is in struct http (its
 * settings, the board, the counter pages) or was gathered from siblings.
 */
#ifndef PROC_HTTP_PAGES_H
#define PROC_HTTP_PAGES_H

#include "common/buf.h"
#include "proc/http/http.h"
#include "proc/http/params.h"

/* JSON objects of siblings, NUL-terminated; NULL: it did not answer in time. Hostile text. */
struct pages_status {
	struct http *http;
	const char *master;
	const char *raft;
	const char *sql;
};

/* Pretty and key= are the params'. */
void pages_status(const struct pages_status *, const struct params *, struct buf *out);
void pages_nodes(struct http *, const struct params *, struct buf *out);
void pages_leader(struct http *, const struct params *, struct buf *out);
void pages_vars(struct http *, const struct params *, struct buf *out);
/* Prometheus' text form; what siblings did not tell is left out. */
void pages_metrics(const struct pages_status *, struct buf *out);
void pages_licenses(struct http *, const struct params *, struct buf *out);

#endif
