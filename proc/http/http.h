/*
 * The http worker: parses what clients send, asks its siblings, prints what
 * they answer.  Its network input is hostile.  It holds no authority: no file,
 * no private key, no password file, no ticket key; what it can do for a client
 * is what that client's ticket lets it.
 *
 *	server.c  accepts, limits, drains (h2o)
 *	flood.c   ends HTTP/2 connections that flood
 *	intake.c  gives up requests that come in too slowly, or are too much in all
 *	linger.c  lets last words arrive at clients that are still sending
 *	handler.c takes a request in: framing, parameters, route, permission
 *	job.c     a request in flight: found again by id, given up when its client leaves
 *	work.c    what each endpoint does: to raft, to a reader, or answered at once
 *	result.c  what siblings answer, streamed with back-pressure
 *	answer.c  the headers and bodies clients get
 *	tickets.c who a client is: auth's answers, cached
 *	cert.c    the TLS context and its renewal
 *	status.c  gathers the parts of /status and /metrics
 */
#ifndef PROC_HTTP_HTTP_H
#define PROC_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <h2o.h>

#include "common/buf.h"
#include "common/counters.h"
#include "common/limits.h"
#include "proc/frame/frame.h"
#include "proc/http/flood.h"
#include "proc/http/params.h"
#include "proc/http/path.h"
#include "proto/board.h"

#define REQUEST_ID_MAX 128 /* bytes of X-Request-Id that are echoed */
#define TICKET_CACHE 1024
#define STANDING_MAX 6 /* headers that every answer has */
#define LINGERS 64
#define ADDRESSES 1024 /* counted, for the limit of connections per address */

struct job;
TAILQ_HEAD(job_list, job);

enum job_phase {
	JOB_NEW,
	JOB_AUTH,   /* auth is asked who this is */
	JOB_INDEX,  /* waits for raft: a read index or a barrier */
	JOB_LOG,    /* raft has it, sql will answer */
	JOB_READ,   /* a reader has it */
	JOB_READER, /* waits for a reader to be there */
	JOB_STATUS, /* waits for parts of /status */
	JOB_ANSWERED,
};

/* A connection. */
struct client {
	struct http *http;
	struct job *job;     /* HTTP/1: whose answer is awaited with the read armed */
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint32_t cancelled;  /* HTTP/2: requests reset before their answer */
	int64_t cancelled_since_ns;
	struct flood flood;
	const char *expelled; /* why its connection ends with its next frame, or at once */
	struct lingerer *linger;
	bool counted; /* in the connections of its address */
};

/* A closed connection whose client may still be sending. */
struct lingerer {
	h2o_socket_t *sock; /* NULL before it is closed */
	int fd;		    /* -1: free */
	int64_t until_ns;
};

struct job {
	h2o_generator_t generator; /* first: h2o hands it back */
	struct http *http;
	h2o_req_t *req; /* NULL once the client is gone */
	uint64_t id;	/* serial << 32 | slot */
	enum job_phase phase;
	const struct route *route;
	struct params params;
	bool head;	      /* HEAD: no body */
	bool bare;	      /* an answer below the interface: without its headers */
	bool retried;	      /* its reader died once already */
	uint8_t renewals;     /* tickets found void under way */
	bool in_list;
	struct job_list *list; /* the one it waits in */
	TAILQ_ENTRY(job) entry;
	unsigned reader;      /* JOB_READ: which one */
	uint8_t mode;	      /* enum ipc_query */
	uint8_t level;	      /* enum consistency */
	bool strong;	      /* its read went through the log: has a raft index */
	bool stale;	      /* a request at level none: if it only reads, it may not */
	uint64_t index;
	struct buf upload; /* the rest of a command that goes to raft in parts */
	int64_t started_ns;
	uint32_t perms;
	uint8_t ticket[64];
	size_t ticket_len;
	uint64_t auth_key[2]; /* of the ticket cache */
	char request_id[REQUEST_ID_MAX];
	size_t request_id_len;
	/* An answer in parts. */
	bool started; /* headers are out */
	bool sending; /* h2o holds `flight` */
	bool ended;   /* the last part is in `parts` */
	bool broken;  /* to be cut as soon as h2o has sent `flight` */
	bool held;    /* the connection's read is armed meanwhile */
	bool heard;   /* and something came, which was not the end */
	int status;
	struct buf parts;
	struct buf flight;
	/* /status */
	unsigned waiting; /* parts not here yet */
	struct buf status_parts[3];
	bool read_check; /* /readyz: a reader is asked for SELECT 1 */
	bool counted;	 /* its statements are in the counters */
};

struct ticket_entry {
	uint64_t key[2];
	uint64_t generation;
	int64_t until_ms;
	uint32_t perms;
	uint8_t ticket[64];
	uint8_t len;
};

struct http_conf {
	char *http_addr;
	char *http_adv_addr;
	char *raft_addr;
	char *raft_adv_addr;
	char *node_id;
	char *data_dir;
	char *allow_origin;
	char *log_level;
	char *sqlite_options; /* what SQLite was compiled with, blanks between */
	char *cert_path;
	char *key_path;
	char *ca_path;
	char *common_name;
	bool verify_client;
	bool http2;
	bool auth;
	bool fk;
	bool access_log;
	int64_t body_max;
	int64_t max_connections;
	int64_t slow_query_ns;
	int64_t raft_snap;
	int64_t raft_snap_int_ns;
	int64_t heartbeat_ns;
	int64_t election_ns;
	int64_t lease_ns;
	int64_t commit_ns;
};

struct slot {
	struct job *job;
	uint32_t serial;
	uint32_t next_free;
};

struct address_count {
	uint8_t address[16];
	uint32_t count;	    /* connections */
	uint32_t receiving; /* intake.c: requests whose bodies come in, */
	size_t bodies;	    /* and the bytes of these that are there */
};

struct http {
	struct proc proc;
	struct http_conf conf;
	h2o_globalconf_t h2o;
	h2o_context_t ctx;
	h2o_accept_ctx_t accept;
	h2o_socket_t *listener;
	int listen_fd;
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
	uint64_t looked_ms; /* when bodies were summed up last */
	struct lingerer lingers[LINGERS];
	struct slot *slots;
	uint32_t free_slot;
	unsigned jobs; /* in flight */
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
	int64_t start_ns;   /* CLOCK_REALTIME, of this worker */
	char hostname[256]; /* asked for before the sandbox, as is the next */
	unsigned cpus;
	struct cert *cert;
	h2o_timeout_t sweep_timeout;
	h2o_timeout_entry_t sweep_entry;
	h2o_timeout_t hold_timeout;
	unsigned stop_ms;
	int64_t drain_until_ns;
};

int64_t http_now_ns(void);
/* The board as of this loop turn. */
const struct board_state *http_state(struct http *);

/* loop.c */
void http_loop_ops(struct proc_ops *);

/* server.c */
void server_init(struct http *);
void server_start(struct http *); /* begin to accept */
void server_stop(struct http *, unsigned deadline_ms);
void server_use_tls(struct http *, SSL_CTX *);
/* The connection of a request: its socket's descriptor, and the address of its client. */
int server_fd(h2o_req_t *);
void server_address(h2o_req_t *, uint8_t address[16]);
struct address_count *server_address_count(const struct client *);
void server_given_up(h2o_req_t *); /* HTTP/2: counts; too many a second end the connection */

/* intake.c */
void intake_sweep(struct http *); /* once a second */
void intake_turn(struct http *);  /* after each turn of the loop */

/* linger.c */
void linger_init(struct http *);
/* To be called before last words are written; h2o closes the connection after them. */
void linger_start(struct http *, h2o_socket_t *);
void linger_closed(struct client *);
void linger_sweep(struct http *);

/* handler.c */
int handler_on_request(h2o_handler_t *, h2o_req_t *);
/* Auth has said who it is. */
void handler_authorized(struct job *);

/* job.c */
void jobs_init(struct http *);
struct job *job_new(struct http *, h2o_req_t *);
/* NULL if there is none of this id (any more). */
struct job *job_find(struct http *, uint64_t id);
void job_wait(struct job *, struct job_list *, enum job_phase);
void job_unwait(struct job *);
/* Answered, or its client left: the id means nothing from here on. */
void job_cancel(struct job *); /* the reader need not go on */
void job_end(struct job *);
/* Lets a leaving client be noticed while a sibling works for it. */
void job_hold(struct job *);
void job_release(struct job *);
/* Gives up jobs that have waited too long. */
void jobs_sweep(struct http *);

/* answer.c */
void answer_init(struct http *); /* after the settings came */
void answer_headers(struct job *, int status, const char *content_type);
void answer_body(struct job *, int status, const char *content_type, const void *, size_t);
void answer_empty(struct job *, int status, const char *content_type);
/* What is wrong below the interface: no headers of ours, and the connection is closed. */
void answer_protocol_error(struct job *, int status, const char *text);
/* "text error": text/plain, nosniff, a newline behind it. */
void answer_error(struct job *, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* 200 with {"results":[],"error":...}. */
void answer_envelope_error(struct job *, const char *text);
void answer_served_by(struct job *);
const char *answer_reason(int status);

/* work.c */
void work_start(struct job *); /* permission and method are good */
void work_read(struct job *);  /* send it to a reader */
void work_log(struct job *);   /* send it to raft */
void work_turn(struct http *); /* the round of linearizable reads */
void work_resume_readers(struct http *);
void work_no_leader(struct job *);

/* result.c */
void result_on_result(void *, struct chan *, const union msg *, int);
void result_on_read_at(void *, struct chan *, const union msg *, int);
void result_on_refused(void *, struct chan *, const union msg *, int);
void result_peer_gone(void *, struct chan *);

/* upload.c */
/* Takes the command from the scratch, to be sent when raft asks for it. */
void upload_keep(struct job *);
void upload_on_more(void *, struct chan *, const union msg *, int);
/* The job ends: what was not sent will not be. */
void upload_drop(struct job *);

/* tickets.c */
void tickets_init(struct http *);
/* Finds or asks for the ticket; false: it waits for auth. */
bool tickets_get(struct job *);
void tickets_on_result(void *, struct chan *, const union msg *, int);
void tickets_forget(struct job *);
void tickets_wipe(struct job *); /* the Authorization header, no longer needed */

/* cert.c */
void cert_init(struct http *);
void cert_on_file(struct http *, enum ipc_file, int fd);
void cert_on_reload(void *, struct chan *, const union msg *, int);
void cert_on_reloaded(void *, struct chan *, const union msg *, int);
void cert_on_key_held(void *, struct chan *, const union msg *, int);

/* status.c */
void status_start(struct job *);
void status_on_part(void *, struct chan *, const union msg *, int);
void status_sweep(struct job *);
void status_readyz(struct job *, const char *db_error);
void status_nodes(struct job *);
void status_leader(struct job *);
void status_vars(struct job *);
void status_licenses(struct job *);

#endif
