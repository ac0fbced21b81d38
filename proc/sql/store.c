/*
 * The store's life and its commits: see store.h.
 */
#include "proc/sql/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "common/log.h"
#include "proc/sql/sqlvfs.h"
#include "proc/sql/store_private.h"

#define RESERVE_NAME "reserve"
#define PATH_SIZE 4096

uint64_t
store_scaled(const struct store_config *config, uint64_t size)
{
	return (config->scale > 1 ? size / config->scale : size);
}

/* A start takes some space, for this process and for raft, which hears of us next. */
static void
make_room(struct store *store)
{
	struct file_dir *dir = store->config.dir;

	store->has_reserve =
	    dir->ops->free_space(dir) < (int64_t)store_scaled(&store->config, DISK_SPARE);
	store_give_reserve(store);
}

struct store *
store_pick(const struct store_config *config, struct error *error)
{
	struct store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		fatal("calloc");
	store->config = *config;
	store->ledger.file = -1;
	make_room(store);
	if (install_prepare(config, error) == -1 || recover_pick(store, error) == -1) {
		store_close(store);
		return (NULL);
	}
	return (store);
}

void
store_get_position(const struct store *store, struct store_position *position)
{
	*position = store->position;
}

uint64_t
store_base_index(const struct store *store)
{
	return (store->base.index);
}

uint64_t
store_base_term(const struct store *store)
{
	return (store->base.term);
}

bool
store_is_installed(const struct store *store)
{
	return (store->picked.kind == LEDGER_BASE && (store->picked.flags & LEDGER_INSTALLED) != 0);
}

sqlite3 *
store_db(struct store *store)
{
	return (store->db);
}

int
store_exec(struct store *store, const char *sql)
{
	return (sqlite3_exec(store->db, sql, NULL, NULL, NULL));
}

/* ---- opening ---- */

static int
on_wal(void *arg, sqlite3 *db, const char *schema, int frames)
{
	struct store *store = arg;

	store->frames = frames;
	store->is_named = false;
	store->tail_known = false;
	return (SQLITE_OK);
}

/* The settings that the order of writes rests on; users are refused to change them. */
static int
apply_settings(struct store *store)
{
	int on = 1, rc;

	sqlite3_extended_result_codes(store->db, 1);
	rc = sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (rc == SQLITE_OK)
		rc = store_exec(store, "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; "
				       "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-2000");
	if (rc == SQLITE_OK)
		rc = store_exec(store, STORE_BUG == STORE_BUG_SYNC_OFF
					   ? "PRAGMA synchronous=OFF"
					   : "PRAGMA synchronous=NORMAL");
	if (rc == SQLITE_OK)
		rc = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
	/* Looks into the file: now the WAL's index is built. */
	if (rc == SQLITE_OK)
		rc = store_exec(store, "SELECT count(*) FROM sqlite_schema");
	return (rc);
}

static int
open_connection(struct store *store)
{
	const char *path = store->config.path;
	size_t len = strlen(path);
	char name[PATH_SIZE];
	int rc;

	(void)snprintf(name, sizeof(name), "%s%s" DATABASE_NAME, path,
	    len > 0 && path[len - 1] == '/' ? "" : "/");
	rc = sqlite3_open_v2(name, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(store->db, LOCK_WAIT_MS);
	if (rc == SQLITE_OK)
		rc = apply_settings(store);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v3(
		    store->db, "COMMIT", -1, SQLITE_PREPARE_PERSISTENT, &store->commit, NULL);
	if (rc == SQLITE_OK)
		sqlite3_wal_hook(store->db, on_wal, store);
	return (rc);
}

/* What is in the WAL already was not written through our VFS in this life. */
static int
take_up_tail(struct store *store)
{
	sqlite3_file *wal;
	int rc = store_get_wal(store, &wal);

	if (rc != SQLITE_OK)
		return (rc);
	store->frames = (int)store->picked.frames;
	store->tail = store->picked;
	store->tail.digest = store->digest;
	store->tail_known = store->is_named = true;
	sqlvfs_take_up(wal, store->page_size, store->tail.frames, store->digest);
	return (SQLITE_OK);
}

static int
not_opened(const struct store *store, int rc, struct error *error)
{
	/* "disk I/O error" may be a full disk. */
	int cause = (rc & 0xff) == SQLITE_IOERR ? sqlite3_system_errno(store->db) : 0;

	return (error_set(error, "db/" DATABASE_NAME ": %s%s%s%s%s", sqlite3_errstr(rc),
	    cause != 0 ? " (" : "", cause != 0 ? strerror(cause) : "", cause != 0 ? ")" : "",
	    (rc & 0xff) == SQLITE_CORRUPT ? ". " WHAT_TO_DO : ""));
}

int
store_open(struct store *store, struct error *error)
{
	int rc;

	if (recover_cut(store, error) == -1 || install_end(store->config.dir, error) == -1)
		return (-1);
	sqlvfs_set_guard(SQLVFS_CLOSED);
	rc = open_connection(store);
	if (rc == SQLITE_OK)
		rc = take_up_tail(store);
	if (rc == SQLITE_OK) {
		/* A new WAL draws its salts from the PRNG: not in an entry. */
		store->owes_seal = store->frames == 0;
		rc = store_settle(store);
	}
	if (rc != SQLITE_OK)
		return (not_opened(store, rc, error));
	/* A life that was cut short may have made the WAL: FLOOR would vouch for a file whose
	 * name is not on the disk. */
	if (store->config.dir->ops->sync_dir(store->config.dir) == -1)
		fatal_sync("db: sync of the directory");
	store_keep_reserve(store);
	return (0);
}

void
store_close(struct store *store)
{
	if (store->db != NULL) {
		store_record(store);
		sqlite3_finalize(store->commit);
		(void)sqlite3_close_v2(store->db);
	}
	if (store->ledger.file != -1)
		ledger_close(&store->ledger);
	free(store);
}

/* ---- commits ---- */

int
store_get_wal(struct store *store, sqlite3_file **wal)
{
	int rc;

	*wal = NULL;
	rc = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, wal);
	if (rc == SQLITE_OK && (*wal == NULL || (*wal)->pMethods == NULL))
		rc = SQLITE_IOERR;
	return (rc);
}

int
store_read_tail(struct store *store)
{
	struct ledger_record *tail = &store->tail;
	uint8_t head[WAL_FRAME_HEAD];
	sqlite3_file *wal;
	int rc;

	if (store->tail_known)
		return (SQLITE_OK);
	rc = store_get_wal(store, &wal);
	if (rc != SQLITE_OK)
		return (rc);
	rc = wal->pMethods->xRead(
	    wal, head, sizeof(head), wal_offset((uint32_t)store->frames - 1, store->page_size));
	if (rc != SQLITE_OK)
		return (rc);
	tail->frames = (uint32_t)store->frames;
	tail->pages = wal_word(head + 4);
	tail->salt[0] = wal_word(head + 8);
	tail->salt[1] = wal_word(head + 12);
	tail->sum[0] = wal_word(head + 16);
	tail->sum[1] = wal_word(head + 20);
	tail->digest = sqlvfs_digest(wal, tail->frames);
	store->tail_known = true;
	return (SQLITE_OK);
}

int
store_append_record(struct store *store, enum ledger_kind kind)
{
	const struct store_position *at = &store->position;
	struct ledger_record record = { .frames = 0 };
	int rc = store_read_tail(store);

	if (rc != SQLITE_OK)
		return (rc);
	if (kind != LEDGER_BASE)
		record = store->tail;
	else
		record.pages = store->tail.pages;
	record.kind = (uint8_t)kind;
	record.flags = kind != LEDGER_BASE ? LEDGER_DIGEST : 0;
	record.index = at->index;
	record.term = at->term;
	record.chain = at->chain;
	record.rowid = at->rowid;
	record.changes = at->changes;
	record.total = at->total;
	if (ledger_append(&store->ledger, &record) == -1)
		return (errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE);
	store->owes_record = false;
	if (kind == LEDGER_BASE)
		store->base = record;
	return (SQLITE_OK);
}

int
store_commit(struct store *store, const struct store_position *position)
{
	int rc;

	assert(!store->owes_base && !store->owes_seal);
	if (!sqlite3_get_autocommit(store->db)) {
		sqlvfs_entropy();
		rc = sqlite3_step(store->commit);
		(void)sqlite3_reset(store->commit);
		if (rc != SQLITE_DONE)
			return (rc);
	}
	store->position = *position;
	store->is_named = store->owes_record = true;
	return (SQLITE_OK);
}

void
store_record(struct store *store)
{
	/* Of an entry that is half committed nothing can be said. */
	if (!store->owes_record || !store->is_named || !sqlite3_get_autocommit(store->db))
		return;
	/* Without the record the replay is longer, no more. */
	(void)store_append_record(store, LEDGER_COMMIT);
}

/* ---- ballast ---- */

void
store_give_reserve(struct store *store)
{
	if (store->has_reserve)
		(void)store->config.dir->ops->unlink(store->config.dir, RESERVE_NAME);
	store->has_reserve = false;
}

static int
fill(struct file_dir *dir, int file, uint64_t size)
{
	static const uint8_t zeros[64 * KIB];
	off_t have = dir->ops->size(dir, file);
	size_t len;

	for (; have >= 0 && (uint64_t)have < size; have += (off_t)len) {
		len = size - (uint64_t)have < sizeof(zeros) ? size - (uint64_t)have : sizeof(zeros);
		if (file_write(dir, file, zeros, len, have) == -1)
			return (-1);
	}
	return (have < 0 ? -1 : 0);
}

void
store_keep_reserve(struct store *store)
{
	struct file_dir *dir = store->config.dir;
	uint64_t size = store_scaled(&store->config, RESERVE_SIZE);
	int file;

	if (store->has_reserve)
		return;
	/* One of an earlier life may be there, whole or not: it counts at once. */
	file = dir->ops->open(dir, RESERVE_NAME, O_RDWR);
	if (file == -1 && dir->ops->free_space(dir) >= (int64_t)(size * RESERVE_ROOM))
		file = dir->ops->open(dir, RESERVE_NAME, O_RDWR | O_CREAT);
	if (file == -1)
		return;
	store->has_reserve = true;
	if (fill(dir, file, size) == -1)
		store_give_reserve(store);
	dir->ops->close(dir, file);
}
