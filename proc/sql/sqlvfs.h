/*
 * What SQLite asks the world for, and may not be answered by the world: the
 * time and randomness of an entry come from the log.  The VFS is the system's
 * default one with a few functions replaced; it is registered as the default,
 * since SQLite's PRNG asks the default one and the clock the connection's.
 *
 * It also holds the rules that an order of writes rests on, and ends the process
 * before the write that would break one:
 * - the database file is written by checkpoints and nothing else;
 * - a WAL starts anew only in a seal, never inside an entry: the salts are drawn
 *   from the PRNG that the entry sees;
 * - a failed flush is never tried again.
 *
 * And it makes the digest of the frames that it sees written (walscan.h).
 */
#ifndef PROC_SQL_SQLVFS_H
#define PROC_SQL_SQLVFS_H

#include <sqlite3.h>
#include <stdint.h>

/* What may be written besides frames at the end of the WAL. */
enum sqlvfs_guard {
	SQLVFS_CLOSED, /* nothing */
	SQLVFS_SEAL, /* the WAL's header */
	SQLVFS_CHECKPOINT, /* the database file */
	SQLVFS_OPEN, /* all: a database that is being made under another name */
};

/* Registers it, before any connection is opened.  Ends the process if it can't be done. */
void sqlvfs_init(void);
/*
 * Before each statement of an entry is prepared: its clock (ns since 1970), and a
 * PRNG that starts anew from the entry's seed and the statement's number in it.
 */
void sqlvfs_statement(int64_t time_ns, uint64_t seed, uint64_t ordinal);
/* Real clock and randomness from here on: COMMIT, checkpoints, and all that is no entry. */
void sqlvfs_entropy(void);
/* SQLVFS_CLOSED at first. */
void sqlvfs_set_guard(enum sqlvfs_guard);

/*
 * The digest of an open WAL up to a frame that is committed, and at or behind the
 * frame that was asked for before.
 */
uint32_t sqlvfs_digest(sqlite3_file *wal, uint32_t frames);
/* That of what was there already when it was opened. */
void sqlvfs_take_up(sqlite3_file *wal, uint32_t page_size, uint32_t frames, uint32_t digest);

/*
 * How many writes to the WAL found the disk full.  SQLITE_FULL is also what a
 * table says that has no rowid left, which is a result and no failure.
 */
uint64_t sqlvfs_full_writes(void);

#endif
