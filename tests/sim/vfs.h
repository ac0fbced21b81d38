/*
 * SQLite's files on simulated disks: a VFS over the file layer, under the
 * product's own (proc/sql/sqlvfs.c).  A path is /N/NAME: NAME in the directory that
 * is mounted as N.
 *
 * A database has one connection at a time here, so locks are always granted and
 * shared memory is the connection's own.  A connection whose process died in the
 * middle of it is not closed: nothing of it is touched again.
 */
#ifndef TESTS_SIM_VFS_H
#define TESTS_SIM_VFS_H

#include "common/file.h"

#define VFS_DIRS 16

/* Once in a process, before any other use of SQLite; again it does nothing. */
void vfs_init(void);
/* Borrowed until another takes its place. */
void vfs_mount(unsigned number, struct file_dir *);

#endif
