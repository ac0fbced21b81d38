/*
 * The life every worker shares: it is born with one socket (descriptor 3) to
 * the master, says hello, gathers its settings, descriptors and peers, confines
 * itself, and then handles messages until it is told to stop.
 *
 *	proc_hello(&proc, ROLE_X);
 *	proc_gather(&proc, &gather, state);	settings, descriptors, peers
 *	x_init(...);				all that needs files or root
 *	proc_confine(&proc, &x_sandbox);
 *	proc_run(&proc, &ops, handlers, n);	loop.c; http has a loop of its own
 *
 * A message that is not allowed on its channel, or malformed, ends the worker:
 * its peer is compromised or broken.
 */
#ifndef PROC_FRAME_FRAME_H
#define PROC_FRAME_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "common/chan.h"
#include "common/error.h"
#include "common/sandbox.h"
#include "proto/ipc.h"

#define PROC_CONTROL_FD 3
#define PROC_FD_LOWEST 4

/* A setting the role wants, stored at `offset` of its state. */
enum proc_setting_kind { SETTING_TEXT /* char *, owned */, SETTING_I64, SETTING_BOOL };

struct proc_setting {
	const char *name;
	enum proc_setting_kind kind;
	size_t offset;
};

struct proc_gather {
	const struct proc_setting *settings;
	size_t count;
	/* Takes a descriptor; role and number say whose it is, where that matters. */
	void (*file)(void *state, enum ipc_file, enum role, unsigned number, int fd);
};

struct proc;

struct proc_handler {
	enum msg_type type;
	/* fd is taken by the handler (-1 where none belongs to the message). */
	void (*handle)(void *state, struct chan *, const union msg *, int fd);
};

/* What the loop and the role are told about. Any may be NULL. */
struct proc_ops {
	void (*peer_new)(void *state, struct chan *);
	void (*peer_gone)(void *state, struct chan *); /* freed after this */
	void (*turn)(void *state); /* all that was readable has been handled */
	void (*stop)(void *state, unsigned deadline_ms); /* ends with proc_stopped() */
	/*
	 * A reload in two phases.  First the files, handed over anew like those of the start, are
	 * read, -1 and the reason if they are bad; then they are taken, or forgotten.
	 */
	int (*reload)(void *state, uint64_t generation, struct error *);
	void (*reloaded)(void *state, bool commit);
	/* The loop's: watch a channel, stop watching it, apply paused and writing. */
	void (*attach)(struct proc *, struct chan *);
	void (*detach)(struct proc *, struct chan *);
	void (*update)(struct proc *, struct chan *);
};

struct proc {
	enum role role;
	unsigned number;
	uint32_t incarnation;
	uint64_t generation; /* of credentials and certificates */
	const struct proc_gather *gather;
	struct chan *control;
	struct chan *peers[WORKERS_MAX];
	size_t npeers;
	struct sandbox_place place;
	char sandbox_report[256];
	struct proc_ops ops;
	const struct proc_handler *handlers[MSG__COUNT];
	void *state;
	void *loop; /* the loop's own */
	bool done;
	bool more; /* the turn left work: do not wait for messages before the next */
};

void proc_hello(struct proc *, enum role);
void proc_gather(struct proc *, const struct proc_gather *, void *state);
void proc_confine(struct proc *, const struct sandbox *);
/* Handles messages with libevent until stopped; returns the exit status. */
int proc_run(struct proc *, const struct proc_ops *, const struct proc_handler *, size_t);

/* For a loop: installs ops and handlers; then proc_ready() tells the master. */
void proc_install(struct proc *, const struct proc_ops *, const struct proc_handler *, size_t);
void proc_ready(struct proc *);
/* For a loop: a channel is readable. */
void proc_read(struct proc *, struct chan *);
/* Handles frames that were read by other means than proc_read(). */
void proc_dispatch(struct proc *, struct chan *);
/* For a loop: writes what all channels have queued, sets `writing` where some is left. */
void proc_flush(struct proc *);
/* For a loop: a channel is writable again. */
void proc_write(struct proc *, struct chan *);

/* Stops and restarts reading from a channel; resume handles what was already read. */
void proc_pause(struct proc *, struct chan *);
void proc_resume(struct proc *, struct chan *);
/*
 * Hears all that the master has said.  Who meets the doing of a peer it does not know must:
 * the master tells of a new worker before that can do anything, but on another channel.
 */
void proc_hear(struct proc *);
/* Closes a channel: as if the peer had closed it. */
void proc_drop(struct proc *, struct chan *);
/*
 * Where too much is queued for an http worker, waits a moment for it to read.  One that does
 * not is given up: its channel is gone then, and the master replaces it.
 */
void proc_relieve(struct proc *, struct chan *);
/* The first peer of a role and number, NULL if it is not connected. */
struct chan *proc_peer(struct proc *, enum role, unsigned number);
/* The role has finished what it had to: leave the loop with status 0. */
void proc_stopped(struct proc *);
/* Tells the master why the node can not go on, which ends with that reason, and exits with status 1. */
noreturn void proc_fail(struct proc *, const char *, ...) __attribute__((format(printf, 2, 3)));
/* A copy of a text field, NUL-terminated, to be freed. */
char *proc_text(const struct ipc_bytes *);

#endif
