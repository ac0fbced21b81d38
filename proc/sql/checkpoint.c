/*
 * Checkpoints: the database file becomes the snapshot.  The order makes them
 * safe: WAL flushed, FLOOR flushed, only then a page is written to the file; file
 * flushed (SQLite does it), BASE flushed, only then may the WAL start anew.
 *
 * Each ends with a seal: an empty commit that starts the WAL anew outside of any
 * entry.  The salts are drawn from the PRNG that entries see, so otherwise what
 * an entry sees would depend on this node's checkpoints and readers.
 *
 * BASE or the seal may fail after the file is whole.  Then they are owed, and
 * store_settle() must do them before the next transaction: its first frame would
 * start the WAL anew, and nobody could say what index the file is at.
 */
#include <assert.h>
#include <stdio.h>

#include "common/limits.h"
#include "common/log.h"
#include "proc/sql/sqlvfs.h"
#include "proc/sql/store_private.h"

#define READERS_WAIT_MS 20

static uint64_t
wal_bytes(const struct store *store, int frames)
{
	return ((uint64_t)frames * (store->page_size + WAL_FRAME_HEAD));
}

uint64_t
store_wal_bytes(const struct store *store)
{
	return (wal_bytes(store, store->frames));
}

uint64_t
store_database_bytes(struct store *store)
{
	/* The last commit may not be in the ledger yet. */
	if (store->frames > 0)
		(void)store_read_tail(store);
	return ((uint64_t)store->tail.pages * store->page_size);
}

uint32_t
store_page_size(const struct store *store)
{
	return (store->page_size);
}

enum store_pressure
store_get_pressure(const struct store *store)
{
	uint64_t bytes = store_wal_bytes(store);

	if (bytes >= store_scaled(&store->config, WAL_REFUSE))
		return (STORE_REFUSE);
	if (bytes >= store_scaled(&store->config, WAL_INTERRUPT))
		return (STORE_INTERRUPT);
	return (STORE_CALM);
}

/* What the flags -raft-snap and -raft-snap-wal-size say, at each -raft-snap-int. */
static bool
is_flagged(const struct store *store)
{
	const struct store_config *config = &store->config;

	return ((config->snap_entries > 0 &&
		    store->position.index - store->base.index >= config->snap_entries) ||
		(config->snap_wal > 0 && store->frames > 1 &&
		    store_wal_bytes(store) >= config->snap_wal));
}

bool
store_wants_checkpoint(const struct store *store, const struct store_demand *demand)
{
	const struct store_config *config = &store->config;
	uint64_t limit = store_scaled(config, demand->idle ? WAL_IDLE : WAL_BUSY);
	uint64_t slots = LEDGER_SLOTS_AGAIN;

	/* Readers or a full disk were in the way: again when it would bring something, or at leisure. */
	if (store->frames_tried > 0) {
		if (demand->tick && (demand->idle || store_get_pressure(store) != STORE_CALM))
			return (true);
		limit = wal_bytes(store, store->frames_tried) + store_scaled(config, WAL_AGAIN);
		return (store_wal_bytes(store) >= limit ||
			ledger_slots_used(&store->ledger) >= store->slots_tried + slots);
	}
	/* A seal alone is no reason, however small the limits. */
	if (store->frames > 1 && store_wal_bytes(store) >= limit)
		return (true);
	return (ledger_is_full(&store->ledger) ||
		demand->log_bytes >= store_scaled(config, LOG_SINCE_BASE) ||
		(demand->tick && is_flagged(store)));
}

/* A failure does not come back: see sqlvfs.h. */
static int
sync_wal(struct store *store)
{
	sqlite3_file *wal;
	int rc = store_get_wal(store, &wal);

	return (rc == SQLITE_OK ? wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL) : rc);
}

static int
copy_pages(struct store *store, int mode, int *log, int *done)
{
	int rc;

	sqlvfs_set_guard(SQLVFS_CHECKPOINT);
	rc = sqlite3_wal_checkpoint_v2(store->db, "main", mode, log, done);
	sqlvfs_set_guard(SQLVFS_CLOSED);
	/* A reader keeps RESTART from its end; the pages are copied all the same. */
	return (rc == SQLITE_BUSY ? SQLITE_OK : rc);
}

/*
 * Rewrites page 1 with what it holds.  Frame 1 of a new WAL, unless a reader is
 * still in the old one: then it lands behind, and the WAL starts anew later.
 */
static int
commit_nothing(struct store *store)
{
	char sql[96];
	sqlite3_stmt *stmt;
	int version, rc;

	rc = sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &stmt, NULL);
	if (rc != SQLITE_OK)
		return (rc);
	rc = sqlite3_step(stmt);
	version = rc == SQLITE_ROW ? sqlite3_column_int(stmt, 0) : 0;
	(void)sqlite3_finalize(stmt);
	if (rc != SQLITE_ROW)
		return (rc);
	(void)snprintf(
	    sql, sizeof(sql), "BEGIN IMMEDIATE; PRAGMA user_version=%d; COMMIT", version);
	rc = store_exec(store, sql);
	if (!sqlite3_get_autocommit(store->db))
		(void)store_exec(store, "ROLLBACK");
	return (rc);
}

static int
seal(struct store *store)
{
	int rc;

	if (STORE_BUG == STORE_BUG_NO_SEAL) {
		sqlvfs_set_guard(SQLVFS_SEAL);
		store->owes_seal = false;
		return (SQLITE_OK);
	}
	sqlvfs_entropy();
	sqlvfs_set_guard(SQLVFS_SEAL);
	rc = commit_nothing(store);
	sqlvfs_set_guard(SQLVFS_CLOSED);
	if (rc != SQLITE_OK)
		return (rc);
	store->owes_seal = false;
	store->is_named = true;
	(void)store_append_record(store, LEDGER_COMMIT);
	return (SQLITE_OK);
}

static int
write_base(struct store *store)
{
	int rc = store_append_record(store, LEDGER_BASE);

	if (rc != SQLITE_OK)
		return (rc);
	ledger_sync(&store->ledger);
	store->owes_base = false;
	if (ledger_is_full(&store->ledger) && ledger_renew(&store->ledger, &store->base) == -1)
		log_warn("db/ledger: can not be renewed, so it grows");
	return (SQLITE_OK);
}

int
store_settle(struct store *store)
{
	int rc = SQLITE_OK;

	if (store->owes_base)
		rc = write_base(store);
	if (rc == SQLITE_OK && store->owes_seal)
		rc = seal(store);
	return (rc);
}

/* From here on the file may hold pages of this commit: recovery must not go below it. */
static int
write_floor(struct store *store)
{
	int rc = sync_wal(store);

	if (rc != SQLITE_OK || STORE_BUG == STORE_BUG_NO_FLOOR)
		return (rc);
	rc = store_append_record(store, LEDGER_FLOOR);
	if (rc == SQLITE_OK)
		ledger_sync(&store->ledger);
	return (rc);
}

/* Gives readers of a large WAL an instant to leave it, so that the seal can start it anew. */
static void
wait_for_readers(struct store *store)
{
	int log, done;

	if (store_wal_bytes(store) < store_scaled(&store->config, WAL_WAIT))
		return;
	(void)sqlite3_busy_timeout(store->db, READERS_WAIT_MS);
	(void)copy_pages(store, SQLITE_CHECKPOINT_RESTART, &log, &done);
	(void)sqlite3_busy_timeout(store->db, LOCK_WAIT_MS);
}

/* Whatever kept it from its end may still be there: not again before the WAL has grown. */
static void
note_attempt(struct store *store, bool completed)
{
	store->frames_tried = completed ? 0 : store->frames;
	store->slots_tried = ledger_slots_used(&store->ledger);
}

int
store_checkpoint(struct store *store)
{
	int mode = STORE_BUG == STORE_BUG_TRUNCATE_EARLY ? SQLITE_CHECKPOINT_TRUNCATE
							 : SQLITE_CHECKPOINT_PASSIVE;
	int log = -1, done = -1, rc;

	if (!store->is_named || !sqlite3_get_autocommit(store->db))
		return (SQLITE_LOCKED);
	sqlvfs_entropy();
	note_attempt(store, false);
	rc = store_settle(store);
	if (rc == SQLITE_OK)
		rc = write_floor(store);
	if (rc == SQLITE_OK)
		rc = copy_pages(store, mode, &log, &done);
	if (rc != SQLITE_OK || log != done)
		return (rc);
	if (STORE_BUG == STORE_BUG_TRUNCATE_EARLY)
		store->frames = 0;
	store->owes_base = store->owes_seal = true;
	rc = write_base(store);
	if (rc != SQLITE_OK)
		return (rc);
	wait_for_readers(store);
	rc = store_settle(store);
	/* A reader may have kept the WAL from starting anew. */
	note_attempt(store, rc == SQLITE_OK && store->frames == 1);
	return (rc);
}
