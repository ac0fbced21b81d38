/*
 * The state of the applier, shared by apply.c (batches) and alone.c (an entry
 * run by itself).  Private to both.
 */
#ifndef PROC_SQL_APPLIER_H
#define PROC_SQL_APPLIER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/limits.h"
#include "proc/sql/apply.h"
#include "proc/sql/exec.h"

/* The result of an entry, until it may leave. */
struct outcome {
	const struct apply_entry *entry;
	size_t at, len; /* in apply->results */
	bool envelope; /* the text there is an envelope error */
};

enum applier_statement {
	APPLIER_BEGIN,
	APPLIER_SAVEPOINT,
	APPLIER_RELEASE,
	APPLIER_ROLLBACK_TO,
	APPLIER_NOTHING,
	APPLIER_STATEMENT__COUNT
};

/* What an applied entry leaves behind besides the data. */
struct applier_state {
	uint64_t index, term, chain;
	int64_t rowid, changes, total;
};

/* An entry run alone, at the last moment at which its work so far was committed. */
struct alone {
	uint64_t index; /* of the entry that a machine failure stopped; 0: none */
	const uint8_t *bytes; /* where its command was then */
	struct command command;
	struct exec_string string;
	struct exec_entry progress;
	struct json json;
	size_t out_len;
	struct applier_state state;
};

struct apply {
	struct store *store;
	struct apply_config config;
	struct exec exec;
	sqlite3_stmt *statements[APPLIER_STATEMENT__COUNT];
	struct applier_state state; /* as the ledger has it */
	struct buf results;
	struct outcome outcomes[APPLY_ENTRIES_MAX];
	size_t outcome_count;
	struct alone alone;
	bool careful; /* memory ran out: entries alone until one gets through */
	int machine_code;
	uint64_t failure_logged; /* index of the entry, so that attempts do not fill the log */
};

/* One of our own statements; returns SQLite's extended code. */
int applier_run(struct apply *, enum applier_statement);
/* Rolls an open transaction back and sets the counters back to `state`. */
void applier_roll_back(struct apply *, const struct applier_state *);
/* Keeps what was printed from `at` on as the entry's outcome. */
void applier_add_outcome(struct apply *, const struct apply_entry *, size_t at, bool envelope);
/* The same for a request that failed as a whole. */
void applier_add_envelope(struct apply *, const struct apply_entry *, size_t at, const char *text);
/* Prints into apply->results as the member of an envelope. */
void applier_begin_results(struct apply *, struct json *, uint16_t flags);
/* The state after an entry, whose outcomes are folded into the hash. */
void applier_advance(
    struct applier_state *, const struct apply *, const struct apply_entry *, uint64_t hash);
/* True if a failed statement ends the entry. */
bool applier_stops(const struct command *, enum exec_status);

/* Runs an entry in transactions of its own.  False: the machine failed, apply->machine_code. */
bool alone_run(struct apply *, const struct apply_entry *);

#endif
