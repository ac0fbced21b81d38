/*
 * Applies committed log entries to the database: a batch of entries in one
 * SQLite transaction, with results equal to those of the
 * entries run one by one.
 *
 * Entries come from the log and were checked by nobody but their sender, so
 * their SQL is hostile; index, term, time and seed are raft's.  Everything that
 * influences a result is in the entry or in the replicated state.
 */
#ifndef PROC_SQL_APPLY_H
#define PROC_SQL_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"

struct apply;
struct store;

enum apply_type {
	APPLY_NOOP = 0, /* a no-op or a configuration: only its index counts */
	APPLY_COMMAND = 1, /* proto/command.h */
};

struct apply_entry {
	uint64_t index;
	uint64_t term;
	int64_t time_ns; /* since 1970: what the SQL of this entry sees as now */
	uint64_t seed; /* of random() and its like */
	uint64_t vm_steps; /* budget of the whole entry, 0: SQL_VM_STEPS_DEFAULT */
	uint8_t type;
	const void *command;
	size_t len;
	void *origin; /* opaque; NULL: nobody waits, no result is printed */
};

/*
 * Called once per entry with an origin, in order, after its COMMIT and ledger
 * record.  `results` is the value of "results", an array; with COMMAND_PRETTY
 * indented as the member of an outermost object.  With `envelope_error` the
 * request failed as a whole and results is `[]`.  All are borrowed for the call.
 */
typedef void apply_result_fn(
    void *arg, const struct apply_entry *, const struct buf *results, const char *envelope_error);

struct apply_config {
	bool foreign_keys; /* -fk */
	apply_result_fn *result;
	void *arg;
};

/* The store is borrowed and must be open; what it remembers (counters, chain) is taken over. */
struct apply *apply_new(struct store *, const struct apply_config *, struct error *);
void apply_free(struct apply *);

/*
 * Applies entries in order, which follow the last applied one.  Returns how
 * many from the front are committed and answered.  Fewer than n:
 * the machine failed (full, I/O, memory), *machine_code is SQLite's extended
 * code, the transaction is rolled back and nothing of the rest was done; the
 * caller frees space or waits, and calls again with the remaining entries.
 */
size_t apply_batch(struct apply *, const struct apply_entry *, size_t n, int *machine_code);

/* A checkpoint of the store, between batches (store_checkpoint()). */
int apply_checkpoint(struct apply *);

/* Last applied index and the chain hash after it. */
uint64_t apply_index(const struct apply *);
uint64_t apply_chain(const struct apply *);

#endif
