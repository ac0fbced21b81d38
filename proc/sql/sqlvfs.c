/*
 * The determinism VFS: see sqlvfs.h.  Randomness is a SplitMix64 stream (Steele,
 * Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
 *
 * One VFS per process, and one thread: its state is static.
 */
#include "proc/sql/sqlvfs.h"

#include <sys/random.h>

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "common/log.h"
#include "proc/sql/walscan.h"

#define UNIX_EPOCH_MS 210866760000000LL /* 1970 in milliseconds of SQLite's Julian day */
#define MS_PER_DAY 86400000.0
#define PAGE_MAX 65536 /* SQLite's largest */
#define MARKS_KEPT 8192 /* room for so many frames between two records stays: 96 KiB */

/* The system's methods for a kind of file, and ours over them. */
struct guarded {
	const sqlite3_io_methods *real;
	sqlite3_io_methods ours;
};

static sqlite3_vfs vfs;
static sqlite3_vfs *system_vfs;
static struct guarded main_file, wal_file;
static enum sqlvfs_guard guard;
static bool seeded;
static bool drawn = true; /* SQLite's PRNG may have started since it was reset */
static uint64_t stream;
static int64_t clock_ms;
static uint64_t full_writes;

static uint64_t
draw(void)
{
	uint64_t z = stream += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return (z ^ z >> 31);
}

static int
on_randomness(sqlite3_vfs *self, int size, char *out)
{
	uint64_t word;
	int i;

	drawn = true;
	if (!seeded) {
		if (getrandom(out, (size_t)size, 0) != size)
			fatal("getrandom");
		return (size);
	}
	for (i = 0; i < size; i += 8) {
		word = draw();
		memcpy(out + i, &word, size - i < 8 ? (size_t)(size - i) : 8);
	}
	return (size);
}

static int
on_time64(sqlite3_vfs *self, sqlite3_int64 *now)
{
	if (!seeded)
		return (system_vfs->xCurrentTimeInt64(system_vfs, now));
	*now = UNIX_EPOCH_MS + clock_ms;
	return (SQLITE_OK);
}

static int
on_time(sqlite3_vfs *self, double *now)
{
	sqlite3_int64 ms = 0;
	int rc = on_time64(self, &ms);

	*now = (double)ms / MS_PER_DAY;
	return (rc);
}

static void
check_main(void)
{
	if (guard != SQLVFS_CHECKPOINT && guard != SQLVFS_OPEN)
		fatalx("the database file was about to be written outside a checkpoint");
}

static int
write_main(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
	check_main();
	return (main_file.real->xWrite(file, data, size, offset));
}

static int
truncate_main(sqlite3_file *file, sqlite3_int64 size)
{
	check_main();
	return (main_file.real->xTruncate(file, size));
}

/* ---- the WAL's digest ---- */

/*
 * Behind the system's part of each file.  A transaction may write its frames more
 * than once, so they are kept one by one until their commit is asked for.
 */
struct digest {
	uint32_t value; /* of all before `first` */
	uint32_t first;
	uint32_t page_size;
	uint32_t count, capacity;
	struct wal_mark *marks; /* of `first` and the next */
};

static size_t digest_at; /* in a file */

static struct digest *
digest_of(sqlite3_file *file)
{
	return ((struct digest *)((char *)file + digest_at));
}

static void
digest_start(struct digest *digest, uint32_t page_size, uint32_t frames, uint32_t value)
{
	digest->page_size = page_size;
	digest->first = frames;
	digest->value = value;
	digest->count = 0;
}

/* Of the frame that begins there. */
static struct wal_mark *
digest_mark(struct digest *digest, sqlite3_int64 offset)
{
	sqlite3_int64 n = (offset - WAL_HEAD) / (WAL_FRAME_HEAD + (sqlite3_int64)digest->page_size);

	assert(n >= digest->first && n <= digest->first + (sqlite3_int64)digest->count);
	if (n == digest->first + (sqlite3_int64)digest->count) {
		if (digest->count == digest->capacity) {
			digest->capacity = digest->capacity * 2 + 16;
			digest->marks =
			    realloc(digest->marks, digest->capacity * sizeof(*digest->marks));
			if (digest->marks == NULL)
				fatal("realloc");
		}
		digest->count++;
	}
	return (&digest->marks[n - digest->first]);
}

/* Whether the write succeeds or not: a frame that failed is written again before a commit. */
static void
digest_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
	struct digest *digest = digest_of(file);
	struct wal_mark *mark;

	if (offset == 0) {
		digest_start(digest, wal_word((const uint8_t *)data + 8), 0, 0);
	} else if (size == WAL_FRAME_HEAD) {
		mark = digest_mark(digest, offset);
		memcpy(mark->head, data, sizeof(mark->head));
	} else {
		mark = digest_mark(digest, offset - WAL_FRAME_HEAD);
		mark->crc = crc32c(0, data, (size_t)size);
	}
}

uint32_t
sqlvfs_digest(sqlite3_file *wal, uint32_t frames)
{
	struct digest *digest = digest_of(wal);
	uint32_t i, n = frames - digest->first;

	assert(n <= digest->count);
	for (i = 0; i < n; i++)
		digest->value = wal_add_mark(digest->value, &digest->marks[i]);
	/* What comes next may be behind them already, of a transaction that goes on. */
	digest->count -= n;
	if (digest->count > 0)
		memmove(digest->marks, digest->marks + n, digest->count * sizeof(*digest->marks));
	else if (digest->capacity > MARKS_KEPT) {
		free(digest->marks);
		digest->marks = NULL;
		digest->capacity = 0;
	}
	digest->first = frames;
	return (digest->value);
}

void
sqlvfs_take_up(sqlite3_file *wal, uint32_t page_size, uint32_t frames, uint32_t value)
{
	digest_start(digest_of(wal), page_size, frames, value);
}

/* ---- the WAL ---- */

/*
 * SQLite writes a frame in two calls, its head and its page.  The head of a new
 * frame waits here for its page, and both are one write; nothing comes between the
 * two.  The head written last is also what the ledger reads after each commit.
 */
static struct {
	sqlite3_file *file; /* of all below */
	sqlite3_int64 head; /* where the head in `bytes` belongs; -1: none is there */
	sqlite3_int64 next; /* where a new frame begins; -1: unknown */
	bool waits; /* the head is not written yet */
	uint8_t bytes[WAL_FRAME_HEAD + PAGE_MAX];
} frame = { .head = -1, .next = -1 };

static int
write_through(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
	int rc = wal_file.real->xWrite(file, data, size, offset);

	full_writes += (rc & 0xff) == SQLITE_FULL;
	if (rc != SQLITE_OK)
		frame.head = frame.next = -1;
	return (rc);
}

/* Before anything but the page that a head waits for. */
static int
release_head(void)
{
	if (!frame.waits)
		return (SQLITE_OK);
	frame.waits = false;
	return (write_through(frame.file, frame.bytes, WAL_FRAME_HEAD, frame.head));
}

static int
write_head(sqlite3_file *file, const void *data, sqlite3_int64 offset)
{
	int rc = release_head();

	if (rc != SQLITE_OK)
		return (rc);
	if (frame.file != file)
		frame.next = -1;
	frame.file = file;
	memcpy(frame.bytes, data, WAL_FRAME_HEAD);
	frame.head = offset;
	/* The head of an older frame may be changed without its page. */
	frame.waits = offset == frame.next;
	return (frame.waits ? SQLITE_OK : write_through(file, data, WAL_FRAME_HEAD, offset));
}

static int
write_page(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
	frame.next = offset + size;
	if (!frame.waits)
		return (write_through(file, data, size, offset));
	frame.waits = false;
	memcpy(frame.bytes + WAL_FRAME_HEAD, data, (size_t)size);
	return (write_through(file, frame.bytes, WAL_FRAME_HEAD + size, frame.head));
}

static int
write_wal(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
	int rc;

	if (offset == 0 && guard != SQLVFS_SEAL && guard != SQLVFS_OPEN)
		fatalx("the WAL was about to start anew outside a seal");
	digest_write(file, data, size, offset);
	if (size == WAL_FRAME_HEAD)
		return (write_head(file, data, offset));
	if (frame.file == file && frame.head != -1 && offset == frame.head + WAL_FRAME_HEAD &&
	    size <= PAGE_MAX)
		return (write_page(file, data, size, offset));
	rc = release_head();
	return (rc == SQLITE_OK ? write_through(file, data, size, offset) : rc);
}

static int
read_wal(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
	int rc;

	if (frame.file == file && frame.head == offset && size == WAL_FRAME_HEAD) {
		memcpy(data, frame.bytes, WAL_FRAME_HEAD);
		return (SQLITE_OK);
	}
	rc = release_head();
	return (rc == SQLITE_OK ? wal_file.real->xRead(file, data, size, offset) : rc);
}

static int
size_wal(sqlite3_file *file, sqlite3_int64 *size)
{
	int rc = release_head();

	return (rc == SQLITE_OK ? wal_file.real->xFileSize(file, size) : rc);
}

static int
truncate_wal(sqlite3_file *file, sqlite3_int64 size)
{
	int rc = release_head();

	frame.head = frame.next = -1;
	return (rc == SQLITE_OK ? wal_file.real->xTruncate(file, size) : rc);
}

static int
close_wal(sqlite3_file *file)
{
	(void)release_head();
	frame.head = frame.next = -1;
	frame.file = NULL;
	free(digest_of(file)->marks);
	memset(digest_of(file), 0, sizeof(struct digest));
	return (wal_file.real->xClose(file));
}

/* ---- flushes ---- */

static int
check_sync(int rc, const char *name)
{
	if (rc != SQLITE_OK) {
		log_fatal_status = LOG_STATUS_SYNC;
		fatalx("db: sync of the %s: %s", name, sqlite3_errstr(rc));
	}
	return (rc);
}

static int
sync_main(sqlite3_file *file, int flags)
{
	return (check_sync(main_file.real->xSync(file, flags), "database file"));
}

static int
sync_wal(sqlite3_file *file, int flags)
{
	int rc = release_head();

	return (check_sync(rc == SQLITE_OK ? wal_file.real->xSync(file, flags) : rc, "WAL"));
}

/* Puts our methods over the file's.  All files of a kind have the same methods below. */
static void
cover(sqlite3_file *file, struct guarded *guarded)
{
	if (guarded->real == NULL) {
		guarded->real = file->pMethods;
		guarded->ours = *file->pMethods;
		if (guarded == &main_file) {
			guarded->ours.xWrite = write_main;
			guarded->ours.xTruncate = truncate_main;
			guarded->ours.xSync = sync_main;
		} else {
			guarded->ours.xClose = close_wal;
			guarded->ours.xRead = read_wal;
			guarded->ours.xWrite = write_wal;
			guarded->ours.xTruncate = truncate_wal;
			guarded->ours.xSync = sync_wal;
			guarded->ours.xFileSize = size_wal;
		}
	}
	if (file->pMethods != guarded->real)
		fatalx("sqlite: files of one kind with different methods");
	file->pMethods = &guarded->ours;
}

static int
on_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	int rc = system_vfs->xOpen(system_vfs, name, file, flags, out_flags);

	if (rc != SQLITE_OK || file->pMethods == NULL)
		return (rc);
	if ((flags & SQLITE_OPEN_MAIN_DB) != 0)
		cover(file, &main_file);
	else if ((flags & SQLITE_OPEN_WAL) != 0) {
		memset(digest_of(file), 0, sizeof(struct digest));
		cover(file, &wal_file);
	}
	return (rc);
}

uint64_t
sqlvfs_full_writes(void)
{
	return (full_writes);
}

void
sqlvfs_init(void)
{
	system_vfs = sqlite3_vfs_find(NULL);
	if (system_vfs == NULL)
		fatalx("sqlite: no VFS");
	vfs = *system_vfs;
	vfs.zName = "rqlited";
	digest_at = ((size_t)vfs.szOsFile + _Alignof(struct digest) - 1) / _Alignof(struct digest) *
		    _Alignof(struct digest);
	vfs.szOsFile = (int)(digest_at + sizeof(struct digest));
	vfs.xRandomness = on_randomness;
	vfs.xCurrentTime = on_time;
	vfs.xCurrentTimeInt64 = on_time64;
	vfs.xOpen = on_open;
	if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
		fatalx("sqlite: the VFS can not be registered");
	sqlvfs_entropy();
}

/* SQLite's PRNG starts anew, from our stream, when it is used next. */
static void
reset_prng(void)
{
	if (drawn)
		sqlite3_randomness(0, NULL);
	drawn = false;
}

void
sqlvfs_statement(int64_t time_ns, uint64_t seed, uint64_t ordinal)
{
	seeded = true;
	clock_ms = time_ns / 1000000;
	/* Two statements of an entry must not get parts of one stream. */
	stream = seed + ordinal * 0xd1342543de82ef95ULL;
	stream = draw();
	reset_prng();
}

void
sqlvfs_entropy(void)
{
	seeded = false;
	reset_prng();
}

void
sqlvfs_set_guard(enum sqlvfs_guard value)
{
	guard = value;
}
