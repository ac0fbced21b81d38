/*
 * A request in flight: from its head to its answer.  It lives in the pool of its
 * h2o request; siblings know it by its id, which means nothing any more once it
 * is answered or its client is gone.
 */
#ifndef PROC_HTTP_JOB_H
#define PROC_HTTP_JOB_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <h2o.h>

#include "common/buf.h"
#include "proc/http/params.h"
#include "proc/http/path.h"

#define REQUEST_ID_MAX 128 /* bytes of X-Request-Id that are echoed */

struct http;
struct job;
TAILQ_HEAD(job_list, job);

enum job_phase {
	JOB_NEW,
	JOB_AUTH, /* auth is asked who this is */
	JOB_INDEX, /* waits for raft: a read index or a barrier */
	JOB_LOG, /* raft has it, sql will answer */
	JOB_READ, /* a reader has it */
	JOB_READER, /* waits for a reader to be there */
	JOB_STATUS, /* waits for parts of /status */
	JOB_ANSWERED,
};

/* All is zero to begin with but for what job_new() sets. */
struct job {
	h2o_generator_t generator; /* first: h2o hands it back */
	struct http *http;
	h2o_req_t *req; /* NULL once the client is gone */
	uint64_t id; /* serial << 32 | slot */
	enum job_phase phase;
	const struct route *route;
	struct params params;
	bool head; /* HEAD: no body */
	bool bare; /* an answer below the interface: without its headers */
	bool retried; /* its reader died once already */
	uint8_t renewals; /* tickets found void under way */
	struct job_list *list; /* the one it waits in */
	TAILQ_ENTRY(job) entry;
	unsigned reader; /* JOB_READ: which one */
	uint8_t mode; /* enum ipc_query */
	bool stale; /* a request at level none: if it only reads, it may not */
	uint64_t index;
	struct buf upload; /* the rest of a command that goes to raft in parts */
	int64_t started_ns;
	int64_t waits_ns; /* since when, in `list` */
	uint32_t perms;
	uint8_t ticket[64];
	size_t ticket_len;
	uint64_t auth_key[2]; /* of the ticket cache */
	char request_id[REQUEST_ID_MAX];
	size_t request_id_len;
	/* An answer in parts. */
	bool started; /* headers are out */
	bool sending; /* h2o holds `flight` */
	bool ended; /* the last part is in `parts` */
	bool broken; /* to be cut as soon as h2o has sent `flight` */
	bool held; /* the connection's read is armed meanwhile */
	bool heard; /* and something came, which was not the end */
	struct buf parts;
	struct buf flight;
	/* /status */
	unsigned waiting; /* parts not here yet */
	struct buf status_parts[3];
	bool read_check; /* /readyz: a reader is asked for SELECT 1 */
	bool counted; /* its statements are in the counters */
};

/* A place in the table of jobs. */
struct slot {
	struct job *job;
	uint32_t serial;
	uint32_t next_free;
};

/* The table and the lists, empty. */
void jobs_init(struct http *);
/* Never NULL; its id is UINT64_MAX if too many are in flight. */
struct job *job_new(struct http *, h2o_req_t *);
/* NULL if there is none of this id (any more). */
struct job *job_find(struct http *, uint64_t id);
/* Puts it at the end of a list, out of the one it was in. */
void job_wait(struct job *, struct job_list *, enum job_phase);
void job_unwait(struct job *);
/* The reader that is at work for it, if any, need not go on. */
void job_cancel(struct job *);
/* Answered, or its client left: the id means nothing from here on. */
void job_end(struct job *);
/* Lets a leaving client be noticed while a sibling works for it, until job_release(). */
void job_hold(struct job *);
void job_release(struct job *);
/* Gives up jobs that have waited too long.  To be called once a second. */
void jobs_sweep(struct http *);

#endif
