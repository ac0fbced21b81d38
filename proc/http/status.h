/*
 * The requests that ask of the node itself: /readyz, /status, /metrics, /nodes,
 * /leader, /debug/vars, /licenses.
 */
#ifndef PROC_HTTP_STATUS_H
#define PROC_HTTP_STATUS_H

#include "proc/frame/frame.h"

struct job;

/* /status and /metrics: asks siblings for their parts. */
void status_start(struct job *);
/* STATUS: a part is here; after the last the job is answered. */
void status_on_part(void *http, struct chan *, const union msg *, int fd);
/* Answers a job whose parts had a second to come.  To be called for each in JOB_STATUS. */
void status_sweep(struct job *);
/* The end of /readyz; NULL: the database answered. */
void status_readyz(struct job *, const char *db_error);
void status_nodes(struct job *);
void status_leader(struct job *);
void status_vars(struct job *);
void status_licenses(struct job *);

#endif
