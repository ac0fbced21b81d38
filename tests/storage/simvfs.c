/*
 * A VFS on the disk in memory, with locks and shared memory among the
 * connections of this process, as far as WAL mode needs them.
 */
#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "tests/storage/filevfs.h"
#include "tests/storage/simdisk.h"

#define SHM_REGIONS 64

/* Locks and shared memory of a database file. */
struct shared {
	int refs;
	int readers; /* SHARED or more */
	const void *reserved; /* who has RESERVED or more */
	const void *exclusive; /* PENDING or EXCLUSIVE */
	void *regions[SHM_REGIONS];
	int mapped; /* connections that use them */
	int shm_shared[SQLITE_SHM_NLOCK];
	const void *shm_exclusive[SQLITE_SHM_NLOCK];
};

struct sim_file {
	struct filevfs_file file;
	int lock;
	struct shared *shared;
	bool maps;
	unsigned shm_mask; /* shared locks held */
};

/* One database at a time has connections of a kind: the slot is by name. */
static struct {
	char name[SIMDISK_NAME];
	struct shared shared;
} databases[2];

static struct shared *
get_shared(const char *name)
{
	size_t i;

	for (i = 0; i < 2; i++)
		if (databases[i].shared.refs > 0 && strcmp(databases[i].name, name) == 0)
			break;
	if (i == 2)
		for (i = 0; i < 2 && databases[i].shared.refs > 0; i++)
			continue;
	assert(i < 2);
	if (databases[i].shared.refs++ == 0)
		memcpy(databases[i].name, name, SIMDISK_NAME);
	return (&databases[i].shared);
}

static struct sim_file *
sim(sqlite3_file *file)
{
	return ((struct sim_file *)(void *)file);
}

static int
on_unlock(sqlite3_file *file, int level)
{
	struct sim_file *f = sim(file);
	struct shared *s = f->shared;

	if (f->lock <= level)
		return (SQLITE_OK);
	if (s->exclusive == f)
		s->exclusive = NULL;
	if (s->reserved == f)
		s->reserved = NULL;
	if (level == SQLITE_LOCK_NONE)
		s->readers--;
	f->lock = level;
	return (SQLITE_OK);
}

static int
on_lock(sqlite3_file *file, int level)
{
	struct sim_file *f = sim(file);
	struct shared *s = f->shared;

	if (f->lock >= level)
		return (SQLITE_OK);
	if (s->exclusive != NULL && s->exclusive != f)
		return (SQLITE_BUSY);
	if (f->lock == SQLITE_LOCK_NONE) {
		s->readers++;
		f->lock = SQLITE_LOCK_SHARED;
	}
	if (level >= SQLITE_LOCK_RESERVED) {
		if (s->reserved != NULL && s->reserved != f)
			return (SQLITE_BUSY);
		s->reserved = f;
		f->lock = SQLITE_LOCK_RESERVED;
	}
	if (level >= SQLITE_LOCK_PENDING) {
		s->exclusive = f;
		f->lock = SQLITE_LOCK_PENDING;
		if (level == SQLITE_LOCK_EXCLUSIVE && s->readers > 1)
			return (SQLITE_BUSY);
		f->lock = level;
	}
	return (SQLITE_OK);
}

static int
on_check_reserved(sqlite3_file *file, int *result)
{
	*result = sim(file)->shared->reserved != NULL;
	return (SQLITE_OK);
}

static int
on_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **out)
{
	struct sim_file *f = sim(file);

	assert(region < SHM_REGIONS);
	if (!f->maps) {
		f->maps = true;
		f->shared->mapped++;
	}
	if (f->shared->regions[region] == NULL && extend)
		f->shared->regions[region] = calloc(1, (size_t)size);
	*out = f->shared->regions[region];
	return (SQLITE_OK);
}

static int
shm_unlock(struct sim_file *f, int offset, int n, bool exclusive)
{
	int i;

	for (i = offset; i < offset + n; i++) {
		if (exclusive && f->shared->shm_exclusive[i] == f)
			f->shared->shm_exclusive[i] = NULL;
		if (!exclusive && (f->shm_mask & 1U << i) != 0) {
			f->shared->shm_shared[i]--;
			f->shm_mask &= ~(1U << i);
		}
	}
	return (SQLITE_OK);
}

static int
on_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	struct sim_file *f = sim(file);
	bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
	int i;

	if ((flags & SQLITE_SHM_UNLOCK) != 0)
		return (shm_unlock(f, offset, n, exclusive));
	for (i = offset; i < offset + n; i++) {
		int own = (f->shm_mask & 1U << i) != 0;

		if ((f->shared->shm_exclusive[i] != NULL && f->shared->shm_exclusive[i] != f) ||
		    (exclusive && f->shared->shm_shared[i] > own))
			return (SQLITE_BUSY);
	}
	for (i = offset; i < offset + n; i++) {
		if (exclusive) {
			f->shared->shm_exclusive[i] = f;
		} else if ((f->shm_mask & 1U << i) == 0) {
			f->shared->shm_shared[i]++;
			f->shm_mask |= 1U << i;
		}
	}
	return (SQLITE_OK);
}

static void
on_shm_barrier(sqlite3_file *file)
{
}

static int
on_shm_unmap(sqlite3_file *file, int remove)
{
	struct sim_file *f = sim(file);
	int i;

	if (!f->maps)
		return (SQLITE_OK);
	f->maps = false;
	if (--f->shared->mapped > 0)
		return (SQLITE_OK);
	for (i = 0; i < SHM_REGIONS; i++) {
		free(f->shared->regions[i]);
		f->shared->regions[i] = NULL;
	}
	return (SQLITE_OK);
}

static int
on_close(sqlite3_file *file)
{
	struct sim_file *f = sim(file);

	if (f->shared == NULL)
		return (SQLITE_OK);
	(void)on_unlock(file, SQLITE_LOCK_NONE);
	f->shared->refs--;
	return (SQLITE_OK);
}

/* The kinds have tables of their own, as the system's VFS has. */
#define METHODS                                                                          \
	FILEVFS_METHODS, .xClose = on_close, .xLock = on_lock, .xUnlock = on_unlock,     \
			 .xCheckReservedLock = on_check_reserved, .xShmMap = on_shm_map, \
			 .xShmLock = on_shm_lock, .xShmBarrier = on_shm_barrier,         \
			 .xShmUnmap = on_shm_unmap

static const sqlite3_io_methods database_methods = { METHODS };
static const sqlite3_io_methods other_methods = { METHODS };

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return (slash != NULL ? slash + 1 : path);
}

static ssize_t
write_uncounted(
    struct file_dir *dir, int file, const struct iovec *iov, int count, off_t offset)
{
	if (simdisk_write(file, iov->iov_base, iov->iov_len, (uint64_t)offset) == -1)
		return (-1);
	return ((ssize_t)iov->iov_len);
}

/* The disk's file layer, but that what SQLite writes are no records. */
static struct file_dir *
sqlite_dir(void)
{
	static struct file_ops ops;
	static struct file_dir dir = { &ops };

	ops = *simdisk_dir()->ops;
	ops.pwritev = write_uncounted;
	return (&dir);
}

static int
on_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
	struct sim_file *f = sim(file);
	bool is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
	char name[SIMDISK_NAME] = "";

	memset(f, 0, sizeof(*f));
	assert(path != NULL && strlen(base_name(path)) < SIMDISK_NAME);
	memcpy(name, base_name(path), strlen(base_name(path)));
	if (filevfs_open(&f->file, sqlite_dir(), name, flags) != SQLITE_OK)
		return (SQLITE_CANTOPEN);
	if (is_database)
		f->shared = get_shared(name);
	file->pMethods = is_database ? &database_methods : &other_methods;
	if (out != NULL)
		*out = flags;
	return (SQLITE_OK);
}

static int
on_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
	return (filevfs_delete(sqlite_dir(), base_name(path), sync));
}

static int
on_access(sqlite3_vfs *vfs, const char *path, int flags, int *result)
{
	*result = filevfs_exists(sqlite_dir(), base_name(path));
	return (SQLITE_OK);
}

void
simdisk_forget_locks(void)
{
	memset(databases, 0, sizeof(databases));
}

void
simdisk_register_vfs(void)
{
	static sqlite3_vfs vfs;

	vfs = *sqlite3_vfs_find(NULL);
	vfs.zName = "simdisk";
	vfs.szOsFile = sizeof(struct sim_file);
	vfs.xOpen = on_open;
	vfs.xDelete = on_delete;
	vfs.xAccess = on_access;
	vfs.xFullPathname = filevfs_full_path;
	assert(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
}
