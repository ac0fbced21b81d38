/*
 * What the storage tests apply: log entries that follow from a seed, with all
 * that could make two runs differ (random values in values, defaults, triggers,
 * ORDER BY and WHERE; the time; failing statements; entries of several commits).
 */
#ifndef TESTS_STORAGE_WORK_H
#define TESTS_STORAGE_WORK_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "proc/sql/store.h"

struct work {
	uint64_t seed;
	struct store_position at; /* after the last commit */
	uint64_t recorded; /* the index of the last commit that the ledger was told of */
	unsigned alone_done; /* statements of the next entry that are committed already */
	struct store_position next; /* with them */
};

/*
 * Applies up to `count` entries as one batch with a ledger record.  Returns
 * SQLite's code; not SQLITE_OK: nothing of it counts but what work->alone_done says.
 */
int work_batch(struct work *, struct store *, unsigned count);
/* A hash over the content of the database; 0 if it can't be read. */
uint64_t work_dump(sqlite3 *);
/* True if PRAGMA integrity_check says ok. */
bool work_is_whole(sqlite3 *);
uint64_t work_mix(uint64_t, uint64_t);

#endif
