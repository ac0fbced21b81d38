/*
 * Checkpoints: the database file becomes the snapshot.  The order is what makes
 * them safe: WAL flushed, FLOOR flushed, only then a page is written to the
 * file; file flushed (SQLite does it), BASE flushed, only then the WAL restarts.
 *
 * Each ends with a seal: an empty commit that restarts the WAL outside of any
 * entry, since a restart draws randomness that an entry would otherwise see.
 */
#include <stdio.h>

#include "common/limits.h"
#include "common/log.h"
#include "proc/sql/sqlvfs.h"
#include "proc/sql/store_private.h"

#define WAL_BUSY_LIMIT (16 * MIB) /* checkpoint although something waits */
#define WAL_AGAIN (8 * MIB)	  /* after an incomplete one */
#define WAL_WAIT (64 * MIB)	  /* wait a little for readers to leave */
#define READERS_WAIT_MS 20

uint64_t
store_wal_bytes(const struct store *store)
{
	return ((uint64_t)store->frames * (store->page_size + FRAME_HEAD_SIZE));
}

uint64_t
store_database_bytes(const struct store *store)
{
	return ((uint64_t)store->last.pages * store->page_size);
}

bool
store_wants_checkpoint(const struct store *store, bool idle)
{
	uint64_t bytes = store_wal_bytes(store);
	uint64_t done =
	    (uint64_t)store->checkpointed_frames * (store->page_size + FRAME_HEAD_SIZE);

	if (ledger_is_full(&store->ledger))
		return (true);
	if (done > 0)
		return (bytes >= done + WAL_AGAIN);
	return ((idle && bytes >= store->config.wal_limit) || bytes >= WAL_BUSY_LIMIT);
}

/* Flushes the WAL through SQLite's own descriptor: opening another would drop its locks. */
static int
sync_wal(struct store *store)
{
	sqlite3_file *wal = NULL;
	int rc = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);

	if (rc != SQLITE_OK || wal == NULL || wal->pMethods == NULL)
		return (SQLITE_OK);
	if (wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL) != SQLITE_OK)
		fatalx("db: sync of the WAL");
	return (SQLITE_OK);
}

/*
 * The empty commit.  It rewrites page 1, which takes the WAL from its start when
 * no reader is in the way.
 */
int
checkpoint_seal(struct store *store)
{
	char sql[96];
	sqlite3_stmt *st;
	int rc, version = 0;

	if (STORE_BUG == STORE_BUG_NO_SEAL)
		return (SQLITE_OK);
	sqlvfs_entropy();
	rc = sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &st, NULL);
	if (rc != SQLITE_OK)
		return (rc);
	if (sqlite3_step(st) == SQLITE_ROW)
		version = sqlite3_column_int(st, 0);
	(void)sqlite3_finalize(st);
	(void)snprintf(sql, sizeof(sql), "BEGIN IMMEDIATE; PRAGMA user_version=%d; COMMIT", version);
	rc = store_exec(store, sql);
	if (rc != SQLITE_OK) {
		if (!sqlite3_get_autocommit(store->db))
			(void)store_exec(store, "ROLLBACK");
		return (rc);
	}
	store->last.frames = 0;
	return (store_append_record(store, LEDGER_COMMIT));
}

/* A failed flush inside SQLite is like one of ours. */
static void
check_sync(int rc)
{
	if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC)
		fatalx("db: sync of the database file");
}

static int
copy_pages(struct store *store, int *log, int *done)
{
	int mode = store_wal_bytes(store) >= WAL_WAIT ? SQLITE_CHECKPOINT_RESTART :
							SQLITE_CHECKPOINT_PASSIVE;
	int rc;

	if (STORE_BUG == STORE_BUG_TRUNCATE_EARLY)
		mode = SQLITE_CHECKPOINT_TRUNCATE;
	sqlite3_busy_timeout(store->db, READERS_WAIT_MS);
	sqlvfs_arm(true);
	rc = sqlite3_wal_checkpoint_v2(store->db, NULL, mode, log, done);
	sqlvfs_arm(false);
	sqlite3_busy_timeout(store->db, 5000);
	check_sync(rc);
	/* RESTART that found a reader has copied all the same. */
	return (rc == SQLITE_BUSY ? SQLITE_OK : rc);
}

int
store_checkpoint(struct store *store)
{
	int log = -1, done = -1, rc;

	sqlvfs_entropy();
	rc = sync_wal(store);
	if (rc != SQLITE_OK)
		return (rc);
	if (STORE_BUG != STORE_BUG_NO_FLOOR) {
		rc = store_append_record(store, LEDGER_FLOOR);
		if (rc != SQLITE_OK)
			return (rc);
		ledger_sync(&store->ledger);
	}
	rc = copy_pages(store, &log, &done);
	if (rc != SQLITE_OK)
		return (rc);
	if (log != done) {
		/* A reader holds an old state: no BASE, no seal, later again. */
		store->checkpointed_frames = store->frames;
		return (SQLITE_OK);
	}
	rc = store_append_record(store, LEDGER_BASE);
	if (rc != SQLITE_OK)
		return (rc);
	ledger_sync(&store->ledger);
	if (ledger_is_full(&store->ledger) && ledger_renew(&store->ledger, &store->base) == -1)
		return (SQLITE_FULL);
	store->checkpointed_frames = 0;
	store->has_base = true;
	return (checkpoint_seal(store));
}
