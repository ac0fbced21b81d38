/*
 * The master: parses flags, opens sockets and files, starts one process per
 * worker, wires them to each other, restarts what dies, and stops all in order.
 *
 * It is the only process with the starter's rights once the node runs.  It
 * takes a handful of messages from workers, treats them as hostile, and has no
 * parser for anything else.
 */
#ifndef RQLITED_MASTER_H
#define RQLITED_MASTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cmd/rqlited/flags.h"
#include "common/chan.h"
#include "common/error.h"
#include "common/limits.h"
#include "common/pulse.h"
#include "proto/ipc.h"

enum worker_state {
	WORKER_DEAD,	 /* not running */
	WORKER_STARTING, /* spawned, not yet confined */
	WORKER_READY,
	WORKER_STOPPING, /* told to stop */
};

struct worker {
	enum role role;
	unsigned number;
	enum worker_state state;
	pid_t pid;
	uint32_t incarnation;
	struct chan chan;
	int counters;	      /* its page, kept over a restart */
	const struct pulse *pulse; /* on that page */
	uint64_t beats;		   /* of it, when it was last seen to grow */
	int64_t beats_ms;
	int64_t started_ms;
	int64_t pong_ms;      /* when it last answered */
	uint64_t restarts;
	bool stuck;	      /* killed inside a client's statement */
	bool settling;	      /* was told of a reload's end, and has not answered yet */
	bool drained;	      /* this reload's first phase */
	bool drained_good;
	char sandbox[256];    /* what confines it, in its own words */
};

/* A file that is re-read when it changes. */
struct watched {
	const char *path; /* NULL: not configured */
	enum ipc_file kind;
	enum role to;
	int held; /* a copy of what is in force; -1: there is none */
	int next; /* the same of a reload under way */
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec mtime;
};

#define WATCHED_MAX 4
#define RESTARTS_IN_A_MINUTE 5

enum reload_phase { RELOAD_NONE, RELOAD_DRAIN, RELOAD_SETTLE };

struct master {
	const struct flags *flags;
	const char *libexec;
	struct worker workers[WORKERS_MAX];
	size_t nworkers;
	int listener;
	int raft_listener;
	int lock;
	int board;	   /* writable, for raft */
	struct board *look; /* the same, to read what raft says */
	int ticket_keys[2]; /* what raft and read check tickets with, drawn anew each start */
	int session_key;    /* of TLS session tickets */
	int log_read;	   /* the pipe that carries the workers' log lines */
	int log_write;
	bool log_stuck;	   /* nobody reads our standard error at the moment */
	bool root;	   /* started as root: workers get users of their own */
	uint64_t generation;
	bool opened;	   /* the database is there: readers may start */
	bool announced;	   /* that clients may come was said */
	bool stopping;
	int64_t stop_deadline_ms;
	const char *stop_signal;
	bool failed;	   /* a worker said that the node can not go on */
	char failure[512];
	int64_t restarts_ms[RESTARTS_IN_A_MINUTE]; /* when the node was last restarted */
	uint64_t node_restarts;
	struct watched watched[WATCHED_MAX];
	enum reload_phase reload;
	bool reload_asked; /* SIGHUP */
	int64_t reload_ms;
	uint64_t pings;	   /* serial of the last one */
	uint64_t settle;   /* of the one that follows the word of a reload's end */
	int64_t tick_ms;
};

/*
 * data.c: makes the directory and its parts if they are missing, takes its lock, and hands
 * each part to the user of its worker.  -1 with the reason, the directory's name in it.
 */
int data_prepare(struct master *, struct error *);
/* Whether data_prepare() would refuse the directory as it is now; changes nothing. */
int data_check(const struct master *, struct error *);
/* The directory a role works in, until the next call; NULL if it needs none. */
const char *data_directory(const struct master *, enum role);
/* Of the user that a role has when started as root. */
uid_t data_uid(enum role);
gid_t data_gid(enum role);

/* listen.c: a listening socket on host:port, the caller's; -1 with Go's text. */
int listen_tcp(const char *address, struct error *);
/*
 * A port or a lock is taken: perhaps by processes of a node that was killed, which end
 * within moments.  Sleeps a little and says true; false when they have had their time.
 */
bool listen_patience(void);
/* Before a new worker gets the socket: one that was taken over may have shut it for all. */
void listen_again(int fd);

/* spawn.c: starts the process of a dead worker, and wires it; it is WORKER_STARTING then. */
void spawn_worker(struct master *, struct worker *);
/* Whether /proc and all the programs are there: a start without one would only fail five times. */
int spawn_check(const struct master *, struct error *);

/* wire.c: gives a new worker its settings and files, and a channel to each peer that runs. */
void wire_worker(struct master *, struct worker *);
/* The files it reads: those of the reload under way (`next`), or those in force. */
void wire_files(struct master *, struct worker *, bool next);

/* supervise.c: the loop, until SIGTERM or SIGINT; returns the status to exit with. */
int supervise(struct master *);
/* Of the monotonic clock. */
int64_t master_now_ms(void);
/* With SIGKILL; its death is then noticed like any other. */
void master_kill(struct worker *);

/* report.c: the master's part of /status. */
void report_send(struct master *, struct worker *, uint64_t request);

#endif
