/*
 * The database and the log index that it is at.  One writer's connection, WAL
 * mode, commits without a flush; ledger records say which index a commit is.
 *
 * Life: store_pick() chooses where recovery will start; when raft has judged its
 * log by that, store_open() cuts the WAL there and opens the connection.  Then,
 * over and over: store_settle(), BEGIN IMMEDIATE and the entries of a batch,
 * store_commit(), now and then store_record(), perhaps store_checkpoint().  One thread.
 *
 * What a crash leaves at any point is one of the states of recover.c.  A failed
 * flush ends the process.  sqlvfs_init() and memory_install() come before.
 */
#ifndef PROC_SQL_STORE_H
#define PROC_SQL_STORE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/file.h"

struct store;

/* Where the database is in the log, and what outlives a request on its connection. */
struct store_position {
	uint64_t index;
	uint64_t term;
	uint64_t chain;
	int64_t rowid; /* last_insert_rowid() */
	int64_t changes;
	int64_t total; /* total_changes() */
};

struct store_config {
	const char *path; /* of the directory, as SQLite shall open it; "/" in a chroot */
	struct file_dir *dir; /* the same directory; borrowed as long as the store lives */
	uint64_t snap_entries; /* -raft-snap, 0: off */
	uint64_t snap_wal; /* -raft-snap-wal-size in bytes, 0: off */
	uint64_t scale; /* divides all other sizes, for tests on small disks; 0: as they are */
};

/*
 * Finishes an installation that a crash has interrupted, makes a new database if
 * there is none, and chooses the ledger record; nothing else changes.  NULL: the
 * node can't start, and the text says what to do.  The process's umask gives
 * the modes of the files: db.sqlite, -wal and -shm are made with 0644, the
 * others with 0600.
 */
struct store *store_pick(const struct store_config *, struct error *);
/*
 * Puts the snapshot that lies as STORE_INCOMING in the directory, whole and flushed,
 * in the place of the database; `at` is where it is in the log.  No store may be
 * open.  -1: nothing has changed, or the next store_pick() does the rest.
 */
#define STORE_INCOMING "db.new"
int store_install(const struct store_config *, const struct store_position *at, struct error *);
/* Cuts the WAL, opens the connection, seals if the WAL is empty.  0 or -1. */
int store_open(struct store *, struct error *);
/* Records what is not, closes what is open; a checkpoint is the caller's to ask for. */
void store_close(struct store *);

void store_get_position(const struct store *, struct store_position *);
/* Of the newest BASE: the log up to this index is not needed here. */
uint64_t store_base_index(const struct store *);
uint64_t store_base_term(const struct store *);
/* The picked record is the one of an installed snapshot: the log may end before it. */
bool store_is_installed(const struct store *);

/* The writer's connection, from store_open() to store_close(). */
sqlite3 *store_db(struct store *);
/*
 * Before the first BEGIN of each batch: ends what a failed checkpoint left half done.
 * Not SQLITE_OK: the machine failed; begin no transaction, try again later.
 */
int store_settle(struct store *);
/*
 * Ends the open transaction, if there is one, with real randomness.  Returns SQLite's
 * extended code; not SQLITE_OK: nothing was committed, and the transaction may still
 * be open.
 */
int store_commit(struct store *, const struct store_position *);
/*
 * Writes the last commit into the ledger, if it is not there.  Not after each: what
 * the ledger does not know is taken from the log again after a crash.
 */
void store_record(struct store *);

/* What the one who asks knows. */
struct store_demand {
	bool idle; /* nothing waits to be applied */
	bool tick; /* -raft-snap-int has passed since the last one was tried */
	uint64_t log_bytes; /* of entries applied since BASE */
};

bool store_wants_checkpoint(const struct store *, const struct store_demand *);
/*
 * Makes the file the state of the last commit, as far as readers let it, and then
 * seals; store_base_index() says how far it got.  Between batches only:
 * SQLITE_LOCKED if an entry is half committed.  Other codes are the machine's
 * failure, which does no harm: try again.
 */
int store_checkpoint(struct store *);

/* How much a WAL that readers do not let go calls for. */
enum store_pressure {
	STORE_CALM,
	STORE_INTERRUPT, /* end read statements older than 1 s */
	STORE_REFUSE, /* and end snapshot streams, refuse writes */
};

enum store_pressure store_get_pressure(const struct store *);
uint64_t store_wal_bytes(const struct store *);
/* After the last commit; reads of the WAL what the ledger does not say yet. */
uint64_t store_database_bytes(struct store *);
uint32_t store_page_size(const struct store *);

/* Ballast: given up on a full disk so that a checkpoint can go on, made anew when there is room. */
void store_give_reserve(struct store *);
void store_keep_reserve(struct store *);

#endif
