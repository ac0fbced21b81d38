/*
 * The http worker: parses what clients send, asks its siblings, prints what
 * they answer.  Its network input is hostile.  It holds no authority: no file,
 * no private key, no password file, no ticket key; what it can do for a client
 * is what that client's ticket lets it.
 *
 *	server.c  accepts, limits, drains (h2o)
 *	sip.c     reads a little at a time from each
 *	flood.c   ends HTTP/2 connections that flood
 *	shun.c    who floods again and again; door.c lets these in slowly
 *	intake.c  gives up requests that come in too slowly, or are too much in all
 *	linger.c  lets last words arrive at clients that are still sending
 *	handler.c takes a request in: framing, parameters, route, permission
 *	job.c     a request in flight: found again by id, given up when its client leaves
 *	work.c    what each endpoint does: to raft, to a reader, or answered at once
 *	upload.c  commands too long for one message to raft
 *	result.c  what siblings answer, streamed with back-pressure
 *	answer.c  the headers and bodies clients get
 *	tickets.c who a client is: auth's answers, cached
 *	wipe.c    takes passwords out of h2o's memory
 *	cert.c    the certificate and its renewal; tls.c makes its TLS context
 *	status.c  gathers the parts of /status and /metrics; pages*.c and metrics.c print them
 *	loop.c    lets h2o's loop serve our channels too
 *
 * Here is what these share: the state of the worker.
 */
#ifndef PROC_HTTP_HTTP_H
#define PROC_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <h2o.h>

#include "common/address.h"
#include "common/buf.h"
#include "common/counters.h"
#include "common/limits.h"
#include "proc/frame/frame.h"
#include "proc/http/answer.h"
#include "proc/http/conf.h"
#include "proc/http/door.h"
#include "proc/http/job.h"
#include "proc/http/linger.h"
#include "proc/http/server.h"
#include "proc/http/shun.h"
#include "proc/http/tickets.h"
#include "proto/board.h"

struct http {
	struct proc proc;
	struct http_conf conf;
	h2o_globalconf_t h2o;
	h2o_context_t ctx;
	h2o_accept_ctx_t accept;
	h2o_socket_t *listener;
	int listen_fd;
	char bound[ADDRESS_PORT_TEXT_SIZE]; /* its address, numeric */
	h2o_hostconf_t *host;
	bool accepting;
	bool draining;
	bool tls;
	const struct board *board;
	struct board_state state; /* of this turn; read lazily */
	bool state_fresh;
	struct counters *counters;
	const struct counters *all[WORKERS_MAX]; /* of every worker, ours too */
	struct counters_of {
		enum role role;
		unsigned number;
	} all_of[WORKERS_MAX];
	size_t nall;
	unsigned connections;
	struct address_count addresses[ADDRESSES + 1]; /* the last: who has none */
	struct shun shun;
	struct door door;
	uint64_t looked_ms; /* when bodies were summed up last */
	struct lingerer lingers[LINGERS];
	struct slot *slots;
	uint32_t free_slot;
	unsigned jobs; /* in flight */
	struct job_list fresh; /* of HTTP/2, came in this turn */
	struct job_list ripe; /* and in the one before */
	struct job_list auth_wait;
	struct job_list index_wait; /* linearizable reads whose round is out */
	struct job_list index_next; /* those that came since */
	struct job_list reader_wait;
	bool index_out;
	uint64_t index_serial;
	struct ticket_entry tickets[TICKET_CACHE];
	uint8_t ticket_secret[16];
	struct buf scratch; /* a command being encoded */
	h2o_header_t standing[STANDING_MAX]; /* of every answer */
	h2o_iovec_t standing_names[STANDING_MAX];
	size_t nstanding;
	int64_t start_ns; /* CLOCK_REALTIME, of this worker */
	char hostname[256]; /* asked for before the sandbox, as is the next */
	unsigned cpus;
	struct cert *cert;
	h2o_timeout_t sweep_timeout;
	h2o_timeout_entry_t sweep_entry;
	h2o_timeout_t hold_timeout;
	int64_t drain_until_ns;
};

/* CLOCK_MONOTONIC. */
int64_t http_now_ns(void);
/* The board as of this turn of the loop. */
const struct board_state *http_state(struct http *);

#endif
