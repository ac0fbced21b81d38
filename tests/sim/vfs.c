/*
 * The VFS over the simulated file layer: see vfs.h.
 */
#include "tests/sim/vfs.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proc/sql/sqlvfs.h"
#include "tests/storage/filevfs.h"

#define SHM_REGIONS 64
/* SQLite's file format, "WAL-Index Format": where readers are, and what they lock. */
#define READ_MARKS 100
#define READ_LOCK 3
#define READERS 5
#define NOON 211845499200000LL /* of some day, in milliseconds of SQLite's Julian day */

struct vfs_file {
	struct filevfs_file file;
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

/* ---- locks ---- */

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
#define METHODS                                                                          \
	FILEVFS_METHODS, .xClose = filevfs_close, .xLock = on_lock, .xUnlock = on_lock,  \
			 .xCheckReservedLock = on_check_reserved, .xShmMap = on_shm_map, \
			 .xShmLock = on_shm_lock, .xShmBarrier = on_shm_barrier,         \
			 .xShmUnmap = on_shm_unmap

static const sqlite3_io_methods database_methods = { METHODS };
static const sqlite3_io_methods other_methods = { METHODS };

/* ---- names ---- */

static int
on_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
	struct vfs_file *f = of(file);
	bool is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
	struct file_dir *dir;
	const char *name;

	memset(f, 0, sizeof(*f));
	dir = dir_of(path, &name);
	if (filevfs_open(&f->file, dir, name, flags) != SQLITE_OK)
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

	return (filevfs_delete(dir, name, sync));
}

static int
on_access(sqlite3_vfs *vfs, const char *path, int flags, int *result)
{
	const char *name;
	struct file_dir *dir = dir_of(path, &name);

	*result = filevfs_exists(dir, name);
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
	vfs.xFullPathname = filevfs_full_path;
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
