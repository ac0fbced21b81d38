/*
 * SQLite's files over the file layer: see filevfs.h.
 */
#include "tests/storage/filevfs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

static struct filevfs_file *
of(sqlite3_file *file)
{
	return ((struct filevfs_file *)(void *)file);
}

int
filevfs_close(sqlite3_file *file)
{
	struct filevfs_file *f = of(file);

	return (f->dir->ops->close(f->dir, f->handle) == 0 ? SQLITE_OK : SQLITE_IOERR_CLOSE);
}

int
filevfs_read(sqlite3_file *file, void *data, int len, sqlite3_int64 offset)
{
	struct filevfs_file *f = of(file);
	ssize_t got = f->dir->ops->pread(f->dir, f->handle, data, (size_t)len, offset);

	if (got < 0)
		return (SQLITE_IOERR_READ);
	if (got == len)
		return (SQLITE_OK);
	memset((char *)data + got, 0, (size_t)(len - got));
	return (SQLITE_IOERR_SHORT_READ);
}

int
filevfs_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset)
{
	struct filevfs_file *f = of(file);

	if (file_write(f->dir, f->handle, data, (size_t)len, offset) == 0)
		return (SQLITE_OK);
	return (errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE);
}

int
filevfs_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct filevfs_file *f = of(file);

	return (f->dir->ops->truncate(f->dir, f->handle, size) == 0 ? SQLITE_OK
								    : SQLITE_IOERR_TRUNCATE);
}

/* Like the system's VFS: the first flush of a new journal or WAL flushes its name. */
int
filevfs_sync(sqlite3_file *file, int flags)
{
	struct filevfs_file *f = of(file);

	if (f->dir->ops->sync(f->dir, f->handle) == -1)
		return (SQLITE_IOERR_FSYNC);
	if (f->name_unflushed && f->dir->ops->sync_dir(f->dir) == -1)
		return (SQLITE_IOERR_DIR_FSYNC);
	f->name_unflushed = false;
	return (SQLITE_OK);
}

int
filevfs_size(sqlite3_file *file, sqlite3_int64 *size)
{
	*size = of(file)->dir->ops->size(of(file)->dir, of(file)->handle);
	return (SQLITE_OK);
}

int
filevfs_control(sqlite3_file *file, int op, void *arg)
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

int
filevfs_sector_size(sqlite3_file *file)
{
	return (4096);
}

int
filevfs_characteristics(sqlite3_file *file)
{
	return (SQLITE_IOCAP_POWERSAFE_OVERWRITE);
}

bool
filevfs_exists(struct file_dir *dir, const char *name)
{
	int handle = dir->ops->open(dir, name, O_RDONLY);

	if (handle != -1)
		dir->ops->close(dir, handle);
	return (handle != -1);
}

int
filevfs_open(struct filevfs_file *f, struct file_dir *dir, const char *name, int flags)
{
	f->dir = dir;
	f->name_unflushed = (flags & SQLITE_OPEN_MAIN_DB) == 0 && !filevfs_exists(dir, name);
	f->handle = dir->ops->open(
	    dir, name, (flags & SQLITE_OPEN_CREATE) != 0 ? O_RDWR | O_CREAT : O_RDWR);
	return (f->handle == -1 ? SQLITE_CANTOPEN : SQLITE_OK);
}

int
filevfs_delete(struct file_dir *dir, const char *name, int sync)
{
	if (dir->ops->unlink(dir, name) == -1)
		return (errno == ENOENT ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE);
	return (sync && dir->ops->sync_dir(dir) == -1 ? SQLITE_IOERR_DIR_FSYNC : SQLITE_OK);
}

int
filevfs_full_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
	assert(strlen(path) < (size_t)size);
	memcpy(out, path, strlen(path) + 1);
	return (SQLITE_OK);
}
