/*
 * The state machine of a simulated node: a few registers, or in a share of the
 * runs the real executor over SQLite.  Checkpoints follow storage.md's order: the
 * state durable, then a BASE record in the real ledger, then the log may be cut.
 */
#ifndef TESTS_SIM_MACHINE_H
#define TESTS_SIM_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "proc/sql/ledger.h"
#include "proto/peer.h"
#include "tests/sim/executor.h"
#include "tests/sim/sched.h"
#include "tests/sim/sim_limits.h"

struct sim;
struct node;

/* What a command of the model looks like in the log. */
struct command_model {
	uint64_t op; /* unique: of the client's operation */
	uint64_t key;
	uint64_t value;
};

struct machine_state {
	uint64_t index, term, chain;
	uint64_t values[SIM_REGISTERS];
	int64_t
	    counters[3]; /* of the real executor: last_insert_rowid(), changes(), total_changes() */
};

/* An entry handed over for applying. */
struct machine_entry {
	uint64_t index, term;
	uint8_t type;
	uint32_t len;
	struct packet *owner; /* of the data; the machine's alone */
	const uint8_t *data;
};

/* A snapshot on its way: the state and the members at it. */
struct machine_image {
	struct machine_state state;
	struct peer_configuration latest;
	uint8_t database[]; /* of the real executor */
};

struct machine {
	struct machine_state state;
	struct ledger ledger;
	bool open;
	uint64_t base; /* index of the last checkpoint */
	struct machine_entry *queue;
	uint32_t head, count, cap;
	bool scheduled; /* an EVENT_APPLY is on its way */
	bool asked; /* a checkpoint is wanted now */
	bool installed; /* the state came from an image */
	bool stalled; /* the disk failed, what is queued is tried again later */
	struct executor executor; /* in runs with the real one */
};

/* Finds what the disk has, or makes it; -1 with the reason in node->why. */
int machine_open(struct sim *, struct node *);
/* The log has been judged by that: now it may be changed.  Likewise. */
int machine_start(struct sim *, struct node *);
/* The process is gone. */
void machine_close(struct sim *, struct node *);
/* Hands over an entry, in order; its bytes are copied. */
void machine_feed(struct node *, const struct machine_entry *);
/* Sees to it that what is queued gets applied. */
void machine_schedule(struct sim *, struct node *);
/* Applies some of what is queued; returns how many. */
uint32_t machine_apply(struct sim *, struct node *);
bool machine_wants_checkpoint(const struct sim *, const struct node *);
/* Makes the state durable: its index is the new base. */
int machine_checkpoint(struct sim *, struct node *);
/* The state as an image with these members; NULL if it can't be had. */
struct packet *machine_image(struct sim *, struct node *, const struct peer_configuration *members);
/* Takes in what an image has besides the state; -1: nothing was changed. */
int machine_receive(struct sim *, struct node *, const struct machine_image *, size_t len);
/* Replaces the state by an image, durably. */
int machine_install(struct sim *, struct node *, const struct machine_state *);
/* The n-th entry that waits. */
const struct machine_entry *machine_peek(const struct machine *, uint32_t n);
/* The client's operation that an entry is, 0: none. */
uint64_t machine_op(const struct machine_entry *);

/* Reads a file that file_replace() has written; -1 if it is not there. */
int store_get(struct file_dir *, const char *name, void *, size_t);

#endif
