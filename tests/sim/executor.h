/*
 * The real executor (proc/sql: recovery, checkpoints, apply, installation) as the
 * state machine of simulated nodes, over SQLite on their disks.  What it does is
 * judged by a replay: replay.h.
 */
#ifndef TESTS_SIM_EXECUTOR_H
#define TESTS_SIM_EXECUTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

struct apply;
struct apply_entry;
struct machine_entry;
struct machine_state;
struct node;
struct sim;
struct store;

struct executor {
	struct store *store;
	struct apply *apply; /* NULL until it is opened */
};

/* Steps of a start: choose a ledger record; when the log is judged, open.  -1: node->why. */
int executor_pick(struct sim *, struct node *);
int executor_open(struct sim *, struct node *);
/* The process is gone: nothing is closed. */
void executor_forget(struct node *);
/* What the log's entry is for apply.h. */
void executor_fill(struct apply_entry *, const struct machine_entry *);
/* Applies some of what is queued; 0 with machine->stalled if the disk failed. */
uint32_t executor_apply(struct sim *, struct node *);
bool executor_wants_checkpoint(const struct node *);
int executor_checkpoint(struct sim *, struct node *);
/* Appends the database as a file to an image, and its counters to the state; -1 if it can't be read. */
int executor_add_image(struct node *, struct machine_state *, struct buf *);
/*
 * An image becomes db.new, flushed; then it takes the place of the database, whose
 * executor must be open and is picked anew.  -1: nothing was changed.
 */
int executor_receive(struct node *, const void *database, size_t len);
int executor_install(struct sim *, struct node *, const struct machine_state *);

#endif
