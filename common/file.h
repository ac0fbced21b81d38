/*
 * The file layer under everything that must survive power loss: log, vote,
 * identity, ledger.  A table of operations on one directory, so that a
 * simulator can put a disk of its own under the same code, and tests can make
 * the n-th write fail.
 *
 * All return -1 with errno on failure.  Names are relative to the directory
 * and never contain a slash.
 */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct file_dir;

struct file_ops {
	/* flags as of open(2); a new file has mode 0600. A handle >= 0. */
	int (*open)(struct file_dir *, const char *name, int flags);
	int (*close)(struct file_dir *, int file);
	ssize_t (*pread)(struct file_dir *, int file, void *, size_t, off_t);
	ssize_t (*pwritev)(struct file_dir *, int file, const struct iovec *, int count, off_t);
	int (*sync)(struct file_dir *, int file); /* data and size */
	int (*truncate)(struct file_dir *, int file, off_t);
	off_t (*size)(struct file_dir *, int file);
	int (*rename)(struct file_dir *, const char *from, const char *to);
	int (*unlink)(struct file_dir *, const char *name);
	int (*sync_dir)(struct file_dir *);
	/* Calls back with each name (but . and ..), in any order. */
	int (*list)(struct file_dir *, void (*each)(void *arg, const char *name), void *arg);
	int64_t (*free_space)(struct file_dir *);
};

/* Embedded by each implementation as its first member. */
struct file_dir {
	const struct file_ops *ops;
};

/* The real one: a directory of the system. NULL with errno if it can't be opened. */
struct file_dir *file_dir_open(const char *path);
void file_dir_close(struct file_dir *);

/* Whole reads and writes: fewer bytes than asked count as a failure (EIO, ENOSPC). */
int file_read(struct file_dir *, int file, void *, size_t, off_t);
int file_write(struct file_dir *, int file, const void *, size_t, off_t);
int file_writev(struct file_dir *, int file, const struct iovec *, int count, off_t);
/*
 * Makes the file what these bytes are, whole or not at all, whatever dies meanwhile:
 * written and flushed as NAME.new, renamed, the directory flushed.  -1: it is as it
 * was.  A flush that fails ends the process.
 */
int file_replace(struct file_dir *, const char *name, const void *, size_t);

#endif
