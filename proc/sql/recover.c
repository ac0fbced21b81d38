/*
 * Start after any death: which ledger record describes what the WAL still holds,
 * and the cut that makes it true.  See the table of crashes in the design notes
 * of docs/storage.md: every state that a crash can leave is one of its rows.
 *
 * Any record that matches the WAL's checksums is right by itself; the newest one
 * is taken.  None below the newest FLOOR may be: the file may already hold pages
 * of that state.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "proc/sql/sqlvfs.h"
#include "proc/sql/store_private.h"

#define DATABASE "db.sqlite"
#define DATABASE_NEW "db.new"
#define LEDGER_NAME "ledger"
#define LEDGER_NEW "ledger.new"

struct scan {
	struct store *store;
	const struct wal *wal;
};

static bool
matches(const struct ledger_record *record, const struct wal *wal)
{
	const struct wal_frame *frame;

	if (record->frames == 0 || record->frames > wal->count ||
	    record->salt[0] != wal->salt[0] || record->salt[1] != wal->salt[1])
		return (false);
	frame = &wal->frames[record->frames - 1];
	if (frame->pages == 0)
		return (false);
	if (STORE_BUG == STORE_BUG_NO_SUMS)
		return (true);
	return (frame->sum[0] == record->sum[0] && frame->sum[1] == record->sum[1]);
}

/* Records come in order, so what is kept last is the newest. */
static void
on_record(void *arg, const struct ledger_record *record)
{
	struct scan *scan = arg;
	struct store *store = scan->store;

	if (record->kind == LEDGER_BASE) {
		store->base = *record;
		store->has_base = true;
		/* What came before it is in the file, or void. */
		store->has_pick = false;
		return;
	}
	if (record->kind == LEDGER_FLOOR) {
		store->floor = *record;
		store->has_floor = true;
	}
	if (matches(record, scan->wal)) {
		store->picked = *record;
		store->has_pick = true;
	}
}

static void
take_position(struct store *store)
{
	const struct ledger_record *record = &store->picked;

	store->position = (struct store_position){ record->index, record->term, record->chain,
		record->rowid, record->changes, record->total };
}

int
recover_pick(struct store *store, struct error *error)
{
	struct scan scan = { store, NULL };
	struct wal wal;

	if (walscan(store->config.dir, DATABASE "-wal", &wal, error) == -1)
		return (-1);
	scan.wal = &wal;
	if (ledger_open(&store->ledger, store->config.dir, on_record, &scan, error) == -1) {
		walscan_fini(&wal);
		return (-1);
	}
	walscan_fini(&wal);
	if (!store->has_pick) {
		if (!store->has_base)
			return (error_set(error,
			    "db/ledger is lost: nobody can say which log index the database is at. Restore "
			    "this node from a backup; if other nodes have the data, remove its data "
			    "directory and let it join again"));
		store->picked = store->base;
	}
	if (store->has_floor && store->floor.sequence > store->picked.sequence)
		return (error_set(error,
		    "the database is damaged: its WAL was flushed up to index %llu and does not hold it any "
		    "more; the disk lost what it had confirmed. Restore this node from a backup; if other "
		    "nodes have the data, remove its data directory and let it join again",
		    (unsigned long long)store->floor.index));
	take_position(store);
	return (0);
}

/* The WAL is cut to what the picked record names, and the index of its frames forgotten. */
int
recover_cut(struct store *store, struct error *error)
{
	struct file_dir *dir = store->config.dir;
	uint32_t page = store->page_size;
	off_t size = 0;
	int file;

	/* First: what was read may be in memory only, and what follows relies on it. */
	if (STORE_BUG != STORE_BUG_NO_LEDGER_SYNC)
		ledger_sync(&store->ledger);
	file = dir->ops->open(dir, DATABASE "-wal", O_RDWR);
	if (file != -1) {
		if (store->picked.frames > 0)
			size = WAL_HEAD_SIZE + (off_t)store->picked.frames * (FRAME_HEAD_SIZE + (off_t)page);
		if (dir->ops->truncate(dir, file, size) == -1) {
			dir->ops->close(dir, file);
			return (error_set_errno(error, "truncate db/" DATABASE "-wal"));
		}
		dir->ops->close(dir, file);
	} else if (errno != ENOENT)
		return (error_set_errno(error, "open db/" DATABASE "-wal"));
	if (dir->ops->unlink(dir, DATABASE "-shm") == -1 && errno != ENOENT)
		return (error_set_errno(error, "unlink db/" DATABASE "-shm"));
	return (0);
}

/* ---- creation ---- */

static bool
exists(struct file_dir *dir, const char *name)
{
	int file = dir->ops->open(dir, name, O_RDONLY);

	if (file != -1)
		dir->ops->close(dir, file);
	return (file != -1);
}

/* An empty database in WAL mode, whole on the disk under another name. */
static int
make_database(const struct store_config *config, struct error *error)
{
	char path[4096];
	sqlite3 *db = NULL;
	int rc, file;

	(void)snprintf(path, sizeof(path), "%s/" DATABASE_NEW, config->path);
	(void)config->dir->ops->unlink(config->dir, DATABASE_NEW);
	sqlvfs_arm(true);
	rc = sqlite3_open(path, &db);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA user_version=0", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "BEGIN IMMEDIATE; CREATE TABLE x(y); DROP TABLE x; COMMIT", NULL, NULL,
		    NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	if (rc != SQLITE_OK) {
		(void)error_set(error, "making db/" DATABASE_NEW ": %s", sqlite3_errmsg(db));
		(void)sqlite3_close(db);
		sqlvfs_arm(false);
		return (-1);
	}
	(void)sqlite3_close(db);
	sqlvfs_arm(false);
	file = config->dir->ops->open(config->dir, DATABASE_NEW, O_RDWR);
	if (file == -1)
		return (error_set_errno(error, "db/" DATABASE_NEW));
	if (config->dir->ops->sync(config->dir, file) == -1)
		fatal("db: sync");
	config->dir->ops->close(config->dir, file);
	return (0);
}

int
recover_create(const struct store_config *config, struct error *error)
{
	struct file_dir *dir = config->dir;
	struct ledger_record base = { .kind = LEDGER_BASE };

	if (exists(dir, LEDGER_NAME)) {
		if (exists(dir, DATABASE))
			return (0);
		/* The ledger is renamed last, so the database was there. */
		return (error_set(error, "db/" DATABASE " is missing, but db/ledger is there: restore this "
					 "node from a backup"));
	}
	if (exists(dir, DATABASE) && !exists(dir, LEDGER_NEW))
		return (error_set(error, "db/ledger is missing, but db/" DATABASE " is there: restore this "
					 "node from a backup, or move the data directory away"));
	if (!exists(dir, DATABASE)) {
		if (make_database(config, error) == -1)
			return (-1);
		if (ledger_create(dir, LEDGER_NEW, &base) == -1)
			return (error_set_errno(error, "db/" LEDGER_NEW));
		if (dir->ops->rename(dir, DATABASE_NEW, DATABASE) == -1)
			return (error_set_errno(error, "db/" DATABASE));
	}
	if (dir->ops->rename(dir, LEDGER_NEW, LEDGER_NAME) == -1)
		return (error_set_errno(error, "db/" LEDGER_NAME));
	if (dir->ops->sync_dir(dir) == -1)
		fatal("db: sync of the directory");
	return (0);
}
