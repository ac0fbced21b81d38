/*
 * SQLite's files on simulated disks: a VFS over the file layer, under the
 * product's own (proc/sql/sqlvfs.c).  A path is /N/NAME: NAME in the directory that
 * is mounted as N.
 *
 * A database has one connection at a time here, so shared memory is its own and
 * locks are granted, but for what a reader that is made up holds.  A connection whose process died in the
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
/*
 * The open database there gets a reader, which stays where the WAL's last reader was: no
 * checkpoint goes beyond it and the WAL does not start anew.  Or it loses it.
 */
void vfs_toggle_reader(unsigned number);

#endif
