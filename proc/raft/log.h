/*
 * The durable log: preallocated segments of checksummed batches, one write and
 * one flush a batch.  Nothing acknowledged is ever overwritten: batches begin on
 * block boundaries, and a suffix that turns out to conflict is cut by a new
 * segment whose first index says what it replaces.
 *
 * A batch that does not verify is a torn tail (cut) unless something proves that
 * it had been on the disk: then it is damage, and the node stops with the file,
 * the offset and what to do.
 *
 * Format: see log_format.h.  A failed flush ends the process: what the disk
 * holds after it, nobody can tell.
 */
#ifndef PROC_RAFT_LOG_H
#define PROC_RAFT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"
#include "common/file.h"

#define LOG_ID_SIZE 16

struct log;

struct log_config {
	uint8_t instance[LOG_ID_SIZE]; /* of this node's identity; in every segment */
	size_t segment_size;	       /* bytes, whole blocks, 0: LOG_SEGMENT_SIZE; tests use less */
	uint64_t witness;	       /* an index that was applied, so on this disk; 0: unknown */
	uint64_t vote_synced;	       /* the same, of the vote file */
};

struct log_entry {
	uint64_t index;
	uint64_t term;
	uint8_t type;
	const uint8_t *data;
	size_t len;
};

/*
 * Opens or creates the log in a directory (borrowed).  NULL and the error if it
 * is damaged, foreign, does not reach back to the witness, or the system failed.
 * What was torn is cut; the last batch is written again and flushed before it
 * counts (it may have been in memory only).
 */
struct log *log_open(struct file_dir *, const struct log_config *, struct error *);
void log_close(struct log *);

/*
 * First and last index held (first = last + 1 if none), and the term of one, or
 * of that before the first; 0 if not known.
 */
uint64_t log_first(const struct log *);
uint64_t log_last(const struct log *);
uint64_t log_term(const struct log *, uint64_t index);
/* Bytes of batches, in whole blocks, written or found since the log was opened. */
uint64_t log_bytes(const struct log *);

/* A batch is built in a buffer of the log's; entries follow log_last() without a gap. */
void log_begin(struct log *);
void log_add(struct log *, uint64_t term, uint8_t type, const struct iovec *parts, int count);
size_t log_building_bytes(const struct log *);
/*
 * Writes and flushes the batch.  -1 with errno if it could not be written (the
 * disk is full): nothing has changed, the batch is forgotten.  A failed flush is
 * fatal.
 */
int log_commit(struct log *);
/* Whether a batch of so many bytes finds a segment: the one in use, the spare, or space for one. */
bool log_has_room(struct log *, size_t bytes);
/* The entries of the batch committed last, from memory; not while another is built. */
void log_read_batch(
    const struct log *, bool (*each)(void *arg, const struct log_entry *), void *arg);
/* The index from which on the log holds so many bytes; and those of all segment files. */
uint64_t log_tail(const struct log *, size_t bytes);
uint64_t log_file_bytes(const struct log *);

/*
 * Entries from `index` on are replaced by what is added next.  -1 with errno:
 * nothing has changed.  The vote file's `synced` must be 0 before, or the shorter
 * log is found damaged.
 */
int log_cut(struct log *, uint64_t index);
/* Whether log_drop_before() would find anything to drop. */
bool log_can_drop(const struct log *, uint64_t index);
/* Segments that hold nothing above `index` go; one that holds some stays whole. */
void log_drop_before(struct log *, uint64_t index);
/*
 * The log begins anew behind (index, term): a snapshot took the place of all
 * that was in it.  -1 with errno: nothing has changed.
 */
int log_reset(struct log *, uint64_t index, uint64_t term);
/* When nothing waits: prepares the next segment, a piece a call.  True: there is more to do. */
bool log_prepare(struct log *);

/*
 * Reads entries from `first` on, calling back for each until it returns false or
 * the log ends.  -1 and the error if `first` was dropped, or the disk gives
 * something else than was written.
 */
int log_read(struct log *, uint64_t first, bool (*each)(void *arg, const struct log_entry *),
    void *arg, struct error *);

#endif
