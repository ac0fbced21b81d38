/*
 * SQLite's files over the file layer (common/file.h), for the VFSs of tests: all of a
 * file but locks and shared memory, which are their own.
 */
#ifndef TESTS_STORAGE_FILEVFS_H
#define TESTS_STORAGE_FILEVFS_H

#include <sqlite3.h>
#include <stdbool.h>

#include "common/file.h"

/* What a file of such a VFS begins with. */
struct filevfs_file {
	sqlite3_file base;
	struct file_dir *dir; /* borrowed */
	int handle;
	bool persistent_wal;
	bool name_unflushed;
};

/* xOpen but for pMethods: of a zeroed file. */
int filevfs_open(struct filevfs_file *, struct file_dir *, const char *name, int flags);
/* xDelete, and what xAccess asks. */
int filevfs_delete(struct file_dir *, const char *name, int sync);
bool filevfs_exists(struct file_dir *, const char *name);
/* xFullPathname: paths are full. */
int filevfs_full_path(sqlite3_vfs *, const char *path, int size, char *out);

/* The methods of a file, for sqlite3_io_methods; xClose is the VFS's own, or filevfs_close. */
#define FILEVFS_METHODS                                                                  \
	.iVersion = 2, .xRead = filevfs_read, .xWrite = filevfs_write,                   \
	.xTruncate = filevfs_truncate, .xSync = filevfs_sync, .xFileSize = filevfs_size, \
	.xFileControl = filevfs_control, .xSectorSize = filevfs_sector_size,             \
	.xDeviceCharacteristics = filevfs_characteristics

int filevfs_close(sqlite3_file *);
int filevfs_read(sqlite3_file *, void *, int len, sqlite3_int64 offset);
int filevfs_write(sqlite3_file *, const void *, int len, sqlite3_int64 offset);
int filevfs_truncate(sqlite3_file *, sqlite3_int64 size);
int filevfs_sync(sqlite3_file *, int flags);
int filevfs_size(sqlite3_file *, sqlite3_int64 *size);
int filevfs_control(sqlite3_file *, int op, void *arg);
int filevfs_sector_size(sqlite3_file *);
int filevfs_characteristics(sqlite3_file *);

#endif
