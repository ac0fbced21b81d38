/*
 * Log entries in memory, for the consensus core: what is proposed and not yet
 * applied, and views of older ones that the core reads back from the log.
 *
 * Entries are packed into chunks that count who still needs them: an entry costs
 * no allocation, and a node at rest uses one chunk over and over.
 */
#ifndef PROC_RAFT_ENTRIES_H
#define PROC_RAFT_ENTRIES_H

#include <stddef.h>
#include <stdint.h>

#include "proc/raft/core/core.h"
#include "proc/raft/log.h"

struct entries_chunk;

/* Zeroed, but for `log` (borrowed; NULL until there is one). */
struct entries {
	struct log *log;
	struct entries_chunk *current; /* packed into now */
	struct entries_chunk *spare;
	struct entries_chunk **views; /* chunks that hold views */
	size_t nviews, views_cap;
};

/* Room for an entry's bytes; *owner is for struct peer_entry. Ends the process without memory. */
uint8_t *entries_alloc(struct entries *, size_t len, void **owner);
/* Gives one back that the core did not take; NULL is allowed. */
void entries_release(struct entries *, void *owner);
/* What the core asks for; good as long as the struct. */
struct core_ops entries_ops(struct entries *);
/* Ends the views that ops.read has made: when the ready they went out with is done. */
void entries_drop_views(struct entries *);
/*
 * Tells of the changes of members that the log holds behind start->base.  -1 and the
 * error if one can't be read.
 */
int entries_note_members(struct log *, struct core_start *, struct error *);
/* Frees all; every entry was released. */
void entries_fini(struct entries *);

#endif
