/*
 * The store's life and its commits: see store.h.
 */
#include "proc/sql/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proc/sql/sqlvfs.h"
#include "proc/sql/store_private.h"

#define RESERVE_NAME "reserve"

struct store *
store_pick(const struct store_config *config, struct error *error)
{
	struct store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		fatal("calloc");
	store->config = *config;
	store->ledger.file = -1;
	if (recover_create(config, error) == -1 || recover_pick(store, error) == -1) {
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
store_base(const struct store *store)
{
	return (store->has_base ? store->base.index : 0);
}

uint64_t
store_base_term(const struct store *store)
{
	return (store->has_base ? store->base.term : 0);
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

static int
on_wal(void *arg, sqlite3 *db, const char *schema, int frames)
{
	struct store *store = arg;

	store->frames = frames;
	return (SQLITE_OK);
}

/* ---- opening ---- */

/* The page size stands in the database's header (offset 16, big-endian, 1: 65536). */
static int
read_page_size(struct store *store, struct error *error)
{
	struct file_dir *dir = store->config.dir;
	int file = dir->ops->open(dir, "db.sqlite", O_RDONLY);
	uint8_t size[2];

	if (file == -1 || file_read(dir, file, size, sizeof(size), 16) == -1)
		return (error_set_errno(error, "db/db.sqlite"));
	dir->ops->close(dir, file);
	store->page_size = (uint32_t)size[0] << 8 | size[1];
	if (store->page_size == 1)
		store->page_size = 65536;
	return (0);
}

static int
open_connection(struct store *store)
{
	char path[4096];
	int rc, on = 1;

	(void)snprintf(path, sizeof(path), "%s/db.sqlite", store->config.path);
	rc = sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK)
		return (rc);
	sqlite3_extended_result_codes(store->db, 1);
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	rc = store_exec(store, "PRAGMA journal_mode=WAL");
	if (rc == SQLITE_OK)
		rc = store_exec(store, STORE_BUG == STORE_BUG_SYNC_OFF ? "PRAGMA synchronous=OFF" :
									 "PRAGMA synchronous=NORMAL");
	if (rc == SQLITE_OK)
		rc = store_exec(store, "PRAGMA wal_autocheckpoint=0; PRAGMA temp_store=MEMORY; "
				       "PRAGMA cache_size=-2000; PRAGMA locking_mode=NORMAL");
	if (rc == SQLITE_OK)
		rc = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
	/* Looks at the file: the WAL's index is built here. */
	if (rc == SQLITE_OK)
		rc = store_exec(store, "SELECT count(*) FROM sqlite_schema");
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v3(store->db, "COMMIT", -1, SQLITE_PREPARE_PERSISTENT, &store->commit,
		    NULL);
	sqlite3_busy_timeout(store->db, 5000);
	sqlite3_wal_hook(store->db, on_wal, store);
	return (rc);
}

int
store_open(struct store *store, struct error *error)
{
	int rc;

	if (read_page_size(store, error) == -1 || recover_cut(store, error) == -1)
		return (-1);
	rc = open_connection(store);
	if (rc != SQLITE_OK)
		return (error_set(error, "db/db.sqlite: %s", sqlite3_errmsg(store->db)));
	store->frames = (int)store->picked.frames;
	store->last = store->picked;
	if (store->picked.frames == 0) {
		rc = checkpoint_seal(store);
		if (rc != SQLITE_OK)
			return (error_set(error, "db/db.sqlite: %s", sqlite3_errmsg(store->db)));
	}
	store_keep_reserve(store);
	return (0);
}

void
store_close(struct store *store)
{
	if (store->db != NULL) {
		sqlite3_finalize(store->commit);
		(void)sqlite3_close_v2(store->db);
	}
	if (store->ledger.file != -1)
		ledger_close(&store->ledger);
	free(store);
}

/* ---- commits ---- */

static uint32_t
big(const uint8_t *p)
{
	return ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
}

/* What the WAL's last frame says of itself, read through SQLite's own file. */
static int
read_frame(struct store *store, struct ledger_record *record)
{
	uint8_t head[FRAME_HEAD_SIZE];
	sqlite3_file *wal = NULL;
	int rc;

	record->frames = (uint32_t)store->frames;
	if (store->frames == 0) {
		record->salt[0] = record->salt[1] = record->sum[0] = record->sum[1] = 0;
		record->pages = 0;
		return (SQLITE_OK);
	}
	if (store->last.frames == record->frames && store->last.kind != LEDGER_BASE) {
		/* Nothing was written since: the same prefix. */
		memcpy(record->salt, store->last.salt, sizeof(record->salt));
		memcpy(record->sum, store->last.sum, sizeof(record->sum));
		record->pages = store->last.pages;
		return (SQLITE_OK);
	}
	rc = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
	if (rc != SQLITE_OK || wal == NULL || wal->pMethods == NULL)
		return (rc == SQLITE_OK ? SQLITE_IOERR : rc);
	rc = wal->pMethods->xRead(wal, head, sizeof(head),
	    WAL_HEAD_SIZE +
		(sqlite3_int64)(store->frames - 1) * (FRAME_HEAD_SIZE + (sqlite3_int64)store->page_size));
	if (rc != SQLITE_OK)
		return (rc);
	record->pages = big(head + 4);
	record->salt[0] = big(head + 8);
	record->salt[1] = big(head + 12);
	record->sum[0] = big(head + 16);
	record->sum[1] = big(head + 20);
	return (SQLITE_OK);
}

int
store_append_record(struct store *store, enum ledger_kind kind)
{
	const struct store_position *at = &store->position;
	struct ledger_record record = { .kind = (uint8_t)kind, .index = at->index, .term = at->term,
		.chain = at->chain, .rowid = at->rowid, .changes = at->changes, .total = at->total };
	int rc = kind == LEDGER_BASE ? SQLITE_OK : read_frame(store, &record);

	if (rc != SQLITE_OK)
		return (rc);
	/* A record that can not be written costs a longer replay, no more. */
	if (ledger_append(&store->ledger, &record) == -1)
		return (errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE);
	if (kind != LEDGER_BASE)
		store->last = record;
	else
		store->base = record;
	return (SQLITE_OK);
}

int
store_commit(struct store *store, const struct store_position *position)
{
	int before = store->frames, rc = SQLITE_OK;

	if (!sqlite3_get_autocommit(store->db)) {
		/* A WAL restart or a new one must not draw from the entry's stream. */
		sqlvfs_entropy();
		rc = sqlite3_step(store->commit);
		(void)sqlite3_reset(store->commit);
		if (rc != SQLITE_DONE)
			return (rc);
	}
	store->position = *position;
	/* The WAL began anew: the frame that was last is no more. */
	if (store->frames < before)
		memset(&store->last, 0, sizeof(store->last));
	if (ledger_is_full(&store->ledger))
		store->checkpointed_frames = 0;
	(void)store_append_record(store, LEDGER_COMMIT);
	return (SQLITE_OK);
}

bool
store_is_machine_code(int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
	case SQLITE_NOMEM:
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_PROTOCOL:
	case SQLITE_BUSY:
		return (true);
	default:
		return (false);
	}
}

/* ---- ballast ---- */

void
store_give_reserve(struct store *store)
{
	if (store->has_reserve)
		(void)store->config.dir->ops->unlink(store->config.dir, RESERVE_NAME);
	store->has_reserve = false;
}

void
store_keep_reserve(struct store *store)
{
	struct file_dir *dir = store->config.dir;
	static const uint8_t zeros[64 * 1024];
	uint64_t done;
	int file;

	if (store->has_reserve || store->config.reserve == 0 ||
	    dir->ops->free_space(dir) < (int64_t)store->config.reserve * 4)
		return;
	file = dir->ops->open(dir, RESERVE_NAME, O_RDWR | O_CREAT);
	if (file == -1)
		return;
	store->has_reserve = true;
	for (done = (uint64_t)dir->ops->size(dir, file); done < store->config.reserve;
	     done += sizeof(zeros))
		if (file_write(dir, file, zeros, sizeof(zeros), (off_t)done) == -1) {
			store_give_reserve(store);
			break;
		}
	dir->ops->close(dir, file);
}
