/*
 * Start after any death: which ledger record describes what the WAL still holds,
 * and the cut that makes it true.
 *
 * A record that matches the WAL's checksums and digest is right by itself, whatever
 * lives it and the frames come from; the newest one is taken.  None from before the
 * newest BASE: the file is beyond it.  None before the newest FLOOR either: the file may
 * hold pages of that commit, and both record and WAL were flushed, so if they
 * are gone the disk has lost what it had confirmed.
 *
 *   died                               then the pick is
 *   in a transaction, or before        an older record; the frames behind it are
 *   its record was written             cut, the entries applied again
 *   record written, frames lost        an older record
 *   in a checkpoint, before BASE       FLOOR or later: the WAL hides what is in the file
 *   after BASE                         BASE, or what the new WAL holds
 *   in a seal, its header torn         BASE: the WAL is emptied and sealed again
 *   in recovery                        the same again: nothing changes before the
 *                                      ledger is flushed
 *
 * A flush that failed ends the process, but the next one may be started on the same
 * machine: its page cache still shows what is not on the disk, as if it were, and no
 * later flush brings it there.  So what recovery relies on is written again first:
 * the chosen record and the part of the WAL that it names.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "common/log.h"
#include "proc/sql/store_private.h"

#define DATABASE_HEAD "SQLite format 3" /* with its zero */
#define PAGE_MIN 512
#define CHUNK (1 * MIB) /* of the WAL, written again at once */

struct scan {
	struct store *store;
	const struct wal *wal;
};

static bool
matches(const struct ledger_record *record, const struct wal *wal)
{
	const struct wal_frame *frame;

	if (record->frames == 0 || record->frames > wal->count || record->salt[0] != wal->salt[0] ||
	    record->salt[1] != wal->salt[1])
		return (false);
	frame = &wal->frames[record->frames - 1];
	if (frame->pages == 0)
		return (false);
	if (STORE_BUG == STORE_BUG_NO_SUMS)
		return (true);
	return (frame->sum[0] == record->sum[0] && frame->sum[1] == record->sum[1] &&
		((record->flags & LEDGER_DIGEST) == 0 || frame->digest == record->digest));
}

/* Records come in order, so the last that fits is the newest. */
static void
on_record(void *arg, const struct ledger_record *record)
{
	struct scan *scan = arg;
	struct store *store = scan->store;

	if (record->kind == LEDGER_BASE) {
		store->base = *record;
		store->has_base = true;
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

static int
judge(struct store *store, struct error *error)
{
	if (!store->has_base && !store->has_pick)
		return (error_set(error, "db/ledger is lost: nothing says which log index the "
					 "database is at. " WHAT_TO_DO));
	if (!store->has_pick)
		store->picked = store->base;
	if (store->has_floor && store->floor.sequence > store->picked.sequence)
		return (error_set(error,
		    "db/" WAL_NAME
		    " is damaged: it was flushed with index %llu in it and does not hold "
		    "it any more. " WHAT_TO_DO,
		    (unsigned long long)store->floor.index));
	return (0);
}

/*
 * SQLite removes the WAL of an empty file, and where page 1 is in the WAL it does not
 * look at the file's.  These bytes of it never change, so no torn write touches them.
 */
static int
check_database(struct store *store, struct error *error)
{
	struct file_dir *dir = store->config.dir;
	int file = dir->ops->open(dir, DATABASE_NAME, O_RDONLY), result = 0;
	char head[sizeof(DATABASE_HEAD)] = "";
	off_t size;

	if (file == -1)
		return (error_set_errno(error, "db/" DATABASE_NAME));
	size = dir->ops->size(dir, file);
	if (size >= PAGE_MIN)
		result = file_read(dir, file, head, sizeof(head), 0);
	if (size == -1 || result == -1)
		result = error_set_errno(error, "db/" DATABASE_NAME);
	else if (memcmp(head, DATABASE_HEAD, sizeof(head)) != 0)
		result = error_set(error, "db/" DATABASE_NAME " is %s. " WHAT_TO_DO,
		    size == 0 ? "empty" : "damaged: it is no database");
	dir->ops->close(dir, file);
	return (result);
}

int
recover_pick(struct store *store, struct error *error)
{
	struct scan scan = { .store = store };
	struct wal wal;
	int result;

	if (check_database(store, error) == -1 ||
	    walscan(store->config.dir, WAL_NAME, &wal, error) == -1)
		return (-1);
	scan.wal = &wal;
	result = ledger_open(&store->ledger, store->config.dir, on_record, &scan, error);
	if (result == 0)
		result = judge(store, error);
	/* A WAL that counts says how large its pages are; page 1 of the file may be torn. */
	if (result == 0 && store->has_pick) {
		store->page_size = wal.page_size;
		store->digest = wal.frames[store->picked.frames - 1].digest;
	}
	walscan_fini(&wal);
	if (result == 0)
		take_position(store);
	return (result);
}

/* Offset 16 of the database's header, big-endian; 1 stands for 65,536. */
static int
read_page_size(struct store *store, struct error *error)
{
	struct file_dir *dir = store->config.dir;
	int file = dir->ops->open(dir, DATABASE_NAME, O_RDONLY), result;
	uint8_t size[2];

	if (file == -1)
		return (error_set_errno(error, "db/" DATABASE_NAME));
	result = file_read(dir, file, size, sizeof(size), 16);
	dir->ops->close(dir, file);
	if (result == -1)
		return (error_set_errno(error, "db/" DATABASE_NAME));
	store->page_size = (uint32_t)size[0] << 8 | size[1];
	if (store->page_size == 1)
		store->page_size = 65536;
	return (0);
}

/* Writes what the file holds up to `size`, in place. */
static int
write_again(struct file_dir *dir, int file, off_t size)
{
	uint8_t *data = malloc(CHUNK);
	off_t offset = 0;
	size_t len;
	int result = 0;

	if (data == NULL)
		fatal("malloc");
	for (; result == 0 && offset < size; offset += (off_t)len) {
		len = size - offset < (off_t)CHUNK ? (size_t)(size - offset) : CHUNK;
		result = file_read(dir, file, data, len, offset);
		if (result == 0)
			result = file_write(dir, file, data, len, offset);
	}
	free(data);
	return (result);
}

static int
cut_wal(struct store *store, struct error *error)
{
	struct file_dir *dir = store->config.dir;
	uint32_t frames = store->picked.frames;
	off_t size = frames > 0 ? wal_offset(frames, store->page_size) : 0;
	int file = dir->ops->open(dir, WAL_NAME, O_RDWR), result;

	if (file == -1)
		return (errno == ENOENT ? 0 : error_set_errno(error, "db/" WAL_NAME));
	result = dir->ops->truncate(dir, file, size);
	if (result == 0)
		result = write_again(dir, file, size);
	if (result == -1)
		(void)error_set_errno(error, "db/" WAL_NAME);
	dir->ops->close(dir, file);
	return (result);
}

/*
 * What was read of the ledger may be in the page cache only: a BASE, say, that a
 * loss of power takes away again when the WAL is emptied already.  A copy of a FLOOR
 * is a mere COMMIT: whether the WAL was flushed with it is not known here.
 */
static int
secure_record(struct store *store, struct error *error)
{
	struct ledger_record copy = store->picked;

	if (STORE_BUG == STORE_BUG_NO_LEDGER_SYNC)
		return (0);
	if (copy.kind == LEDGER_FLOOR)
		copy.kind = LEDGER_COMMIT;
	/* On a full disk there may be no place for one more; what was read can have reached it. */
	if (ledger_append(&store->ledger, &copy) == -1 &&
	    (errno != ENOSPC || ledger_write_again(&store->ledger, &store->picked) == -1))
		return (error_set_errno(error, "db/" LEDGER_NAME));
	ledger_sync(&store->ledger);
	return (0);
}

int
recover_cut(struct store *store, struct error *error)
{
	struct file_dir *dir = store->config.dir;

	if (store->page_size == 0 && read_page_size(store, error) == -1)
		return (-1);
	if (secure_record(store, error) == -1)
		return (-1);
	if (cut_wal(store, error) == -1)
		return (-1);
	if (dir->ops->unlink(dir, SHM_NAME) == -1 && errno != ENOENT)
		return (error_set_errno(error, "db/" SHM_NAME));
	return (0);
}
