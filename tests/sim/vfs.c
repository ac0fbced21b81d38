/*
 * The VFS over the simulated file layer: see vfs.h.
 */
#include "tests/sim/vfs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proc/sql/sqlvfs.h"

#define SHM_REGIONS 64
/* SQLite's file format, "WAL-Index Format": where readers are, and what they lock. */
#define READ_MARKS 100
#define READ_LOCK 3
#define READERS 5
#define NOON 211845499200000LL /* of some day, in milliseconds of SQLite's Julian day */

struct vfs_file {
	sqlite3_file super;
	struct file_dir *dir;
	int handle;
	bool persistent_wal;
	bool name_unflushed;
	void *regions[SHM_REGIONS]; /* of the shared memory */
	unsigned held; /* locks of the reader that is made up */
};

static struct file_dir *dirs[VFS_DIRS];
static struct vfs_file *databases[VFS_DIRS]; /* opened last in each */

static struct vfs_file *
of(sqlite3_file *file)
{
	return ((struct vfs_file *)(void *)file);
}

static unsigned
number_of(const char *path, const char **name)
{
	char *end;
	unsigned long number;

	assert(path != NULL && path[0] == '/');
	number = strtoul(path + 1, &end, 10);
	assert(*end == '/' && number < VFS_DIRS && dirs[number] != NULL);
	*name = end + 1;
	return ((unsigned)number);
}

static struct file_dir *
dir_of(const char *path, const char **name)
{
	return (dirs[number_of(path, name)]);
}

/* ---- files ---- */

static int
on_close(sqlite3_file *file)
{
	struct vfs_file *f = of(file);

	return (f->dir->ops->close(f->dir, f->handle) == 0 ? SQLITE_OK : SQLITE_IOERR_CLOSE);
}

static int
on_read(sqlite3_file *file, void *data, int len, sqlite3_int64 offset)
{
	struct vfs_file *f = of(file);
	ssize_t got = f->dir->ops->pread(f->dir, f->handle, data, (size_t)len, offset);

	if (got < 0)
		return (SQLITE_IOERR_READ);
	if (got == len)
		return (SQLITE_OK);
	memset((char *)data + got, 0, (size_t)(len - got));
	return (SQLITE_IOERR_SHORT_READ);
}

static int
on_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset)
{
	struct vfs_file *f = of(file);

	if (file_write(f->dir, f->handle, data, (size_t)len, offset) == 0)
		return (SQLITE_OK);
	return (errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE);
}

static int
on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct vfs_file *f = of(file);

	return (f->dir->ops->truncate(f->dir, f->handle, size) == 0 ? SQLITE_OK
								    : SQLITE_IOERR_TRUNCATE);
}

/* Like the system's VFS: the first flush of a new journal or WAL flushes its name. */
static int
on_sync(sqlite3_file *file, int flags)
{
	struct vfs_file *f = of(file);

	if (f->dir->ops->sync(f->dir, f->handle) == -1)
		return (SQLITE_IOERR_FSYNC);
	if (f->name_unflushed && f->dir->ops->sync_dir(f->dir) == -1)
		return (SQLITE_IOERR_DIR_FSYNC);
	f->name_unflushed = false;
	return (SQLITE_OK);
}

static int
on_size(sqlite3_file *file, sqlite3_int64 *size)
{
	*size = of(file)->dir->ops->size(of(file)->dir, of(file)->handle);
	return (SQLITE_OK);
}

static int
on_lock(sqlite3_file *file, int level)
{
	return (SQLITE_OK);
}

static int
on_check_reserved(sqlite3_file *file, int *result)
{
	*result = 0;
	return (SQLITE_OK);
}

static int
on_control(sqlite3_file *file, int op, void *arg)
{
	int *value = arg;

	if (op != SQLITE_FCNTL_PERSIST_WAL)
		return (SQLITE_NOTFOUND);
	if (*value < 0)
		*value = of(file)->persistent_wal;
	else
		of(file)->persistent_wal = *value != 0;
	return (SQLITE_OK);
}

static int
on_sector_size(sqlite3_file *file)
{
	return (4096);
}

static int
on_characteristics(sqlite3_file *file)
{
	return (SQLITE_IOCAP_POWERSAFE_OVERWRITE);
}

/* ---- shared memory ---- */

static int
on_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **out)
{
	struct vfs_file *f = of(file);

	assert(region < SHM_REGIONS);
	if (f->regions[region] == NULL && extend)
		f->regions[region] = calloc(1, (size_t)size);
	*out = f->regions[region];
	return (SQLITE_OK);
}

static int
on_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	unsigned wanted = ((1U << n) - 1) << offset;

	if ((flags & SQLITE_SHM_LOCK) != 0 && (flags & SQLITE_SHM_EXCLUSIVE) != 0 &&
	    (wanted & of(file)->held) != 0)
		return (SQLITE_BUSY);
	return (SQLITE_OK);
}

static void
on_shm_barrier(sqlite3_file *file)
{
}

static int
on_shm_unmap(sqlite3_file *file, int remove)
{
	struct vfs_file *f = of(file);
	int i;

	for (i = 0; i < SHM_REGIONS; i++) {
		free(f->regions[i]);
		f->regions[i] = NULL;
	}
	return (SQLITE_OK);
}

/* The kinds have tables of their own, as the system's VFS has. */
#define METHODS                                                                                  \
	.iVersion = 2, .xClose = on_close, .xRead = on_read, .xWrite = on_write,                 \
	.xTruncate = on_truncate, .xSync = on_sync, .xFileSize = on_size, .xLock = on_lock,      \
	.xUnlock = on_lock, .xCheckReservedLock = on_check_reserved, .xFileControl = on_control, \
	.xSectorSize = on_sector_size, .xDeviceCharacteristics = on_characteristics,             \
	.xShmMap = on_shm_map, .xShmLock = on_shm_lock, .xShmBarrier = on_shm_barrier,           \
	.xShmUnmap = on_shm_unmap

static const sqlite3_io_methods database_methods = { METHODS };
static const sqlite3_io_methods other_methods = { METHODS };

/* ---- names ---- */

static bool
exists(struct file_dir *dir, const char *name)
{
	int handle = dir->ops->open(dir, name, O_RDONLY);

	if (handle != -1)
		dir->ops->close(dir, handle);
	return (handle != -1);
}

static int
on_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
	struct vfs_file *f = of(file);
	bool is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
	const char *name;

	memset(f, 0, sizeof(*f));
	f->dir = dir_of(path, &name);
	f->name_unflushed = !is_database && !exists(f->dir, name);
	f->handle = f->dir->ops->open(
	    f->dir, name, (flags & SQLITE_OPEN_CREATE) != 0 ? O_RDWR | O_CREAT : O_RDWR);
	if (f->handle == -1)
		return (SQLITE_CANTOPEN);
	if (is_database)
		databases[number_of(path, &name)] = f;
	file->pMethods = is_database ? &database_methods : &other_methods;
	if (out != NULL)
		*out = flags;
	return (SQLITE_OK);
}

static int
on_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
	const char *name;
	struct file_dir *dir = dir_of(path, &name);

	if (dir->ops->unlink(dir, name) == -1)
		return (errno == ENOENT ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE);
	return (sync && dir->ops->sync_dir(dir) == -1 ? SQLITE_IOERR_DIR_FSYNC : SQLITE_OK);
}

static int
on_access(sqlite3_vfs *vfs, const char *path, int flags, int *result)
{
	const char *name;
	struct file_dir *dir = dir_of(path, &name);

	*result = exists(dir, name);
	return (SQLITE_OK);
}

static int
on_full_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
	assert(strlen(path) < (size_t)size);
	memcpy(out, path, strlen(path) + 1);
	return (SQLITE_OK);
}

static int
on_sleep(sqlite3_vfs *vfs, int us)
{
	return (us);
}

static int
on_time64(sqlite3_vfs *vfs, sqlite3_int64 *now)
{
	*now = NOON;
	return (SQLITE_OK);
}

void
vfs_init(void)
{
	static sqlite3_vfs vfs;

	if (vfs.zName != NULL)
		return;
	/* A death leaves SQLite by a long jump: no lock of a thread may stay behind. */
	if (sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) != SQLITE_OK ||
	    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) != SQLITE_OK ||
	    sqlite3_initialize() != SQLITE_OK)
		abort();
	vfs = *sqlite3_vfs_find(NULL);
	vfs.zName = "sim";
	vfs.szOsFile = sizeof(struct vfs_file);
	vfs.xOpen = on_open;
	vfs.xDelete = on_delete;
	vfs.xAccess = on_access;
	vfs.xFullPathname = on_full_path;
	vfs.xSleep = on_sleep;
	vfs.xCurrentTimeInt64 = on_time64;
	if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
		abort();
	sqlvfs_init();
}

void
vfs_toggle_reader(unsigned number)
{
	struct vfs_file *f = databases[number];
	uint32_t marks[READERS];
	unsigned i, at = 0;

	if (f->held != 0 || f->regions[0] == NULL) {
		f->held = 0;
		return;
	}
	memcpy(marks, (const char *)f->regions[0] + READ_MARKS, sizeof(marks));
	for (i = 1; i < READERS; i++)
		if (marks[i] != UINT32_MAX && (at == 0 || marks[i] > marks[at]))
			at = i;
	if (at != 0)
		f->held = 1U << (READ_LOCK + at);
}

void
vfs_mount(unsigned number, struct file_dir *dir)
{
	assert(number < VFS_DIRS);
	dirs[number] = dir;
}
