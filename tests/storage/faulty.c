/*
 * Linked into a worker: the n-th call of one kind fails, once.  The calls are defined
 * here under their own names, so that those of libraries come here, too.
 *
 * What fails is read from the file ARGV0.fault, which is gone then: "KIND N ERRNO".  So
 * the process that is started after a death meets no fault.  That the fault has
 * happened is said on standard error.
 */
#include <sys/syscall.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum fault {
	FAULT_NONE,
	FAULT_WRITE,
	FAULT_SHORT,
	FAULT_SYNC,
	FAULT_MALLOC,
	FAULT_READ,
	FAULT_OPEN,
	FAULT_NAME, /* a rename, an unlink */
};

static enum fault planned;
static int planned_errno;
static long calls_left;

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

__attribute__((constructor)) static void
read_plan(int argc, char **argv)
{
	static const char *const kinds[] = { "none", "write", "short", "sync", "malloc", "read",
		"open", "name" };
	char path[4096], text[64], kind[16];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "%s.fault", argv[0]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	if (unlink(path) == -1 ||
	    sscanf(text, "%15s %ld %d", kind, &calls_left, &planned_errno) != 3)
		abort();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kind, kinds[i]) == 0)
			planned = (enum fault)i;
}

/* Whether this call is the one. */
static bool
strikes(enum fault kind)
{
	static const char words[] = "[fault] it fails now\n";

	if (kind != planned || --calls_left != 0)
		return (false);
	planned = FAULT_NONE;
	(void)!write(STDERR_FILENO, words, sizeof(words) - 1);
	errno = planned_errno;
	return (true);
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t offset)
{
	if (strikes(FAULT_WRITE))
		return (-1);
	if (strikes(FAULT_SHORT) && len > 1)
		len /= 2;
	return (syscall(SYS_pwrite64, fd, data, len, offset));
}

/* A write that flushes, too, may fail as either. */
static bool
is_flushing(int fd)
{
	return (planned == FAULT_SYNC && (fcntl(fd, F_GETFL) & O_DSYNC) != 0);
}

ssize_t
pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	if (strikes(FAULT_WRITE) || (is_flushing(fd) && strikes(FAULT_SYNC)))
		return (-1);
	if (strikes(FAULT_SHORT) && iov->iov_len > 1)
		return (syscall(SYS_pwrite64, fd, iov->iov_base, iov->iov_len / 2, offset));
	return (syscall(SYS_pwritev, fd, iov, count, offset, 0));
}

ssize_t
pread(int fd, void *data, size_t len, off_t offset)
{
	return (strikes(FAULT_READ) ? -1 : syscall(SYS_pread64, fd, data, len, offset));
}

static int
open_at(int dir, const char *path, int flags, va_list arguments)
{
	mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;

	return (strikes(FAULT_OPEN) ? -1 : (int)syscall(SYS_openat, dir, path, flags, mode));
}

int
open(const char *path, int flags, ...)
{
	va_list arguments;
	int fd;

	va_start(arguments, flags);
	fd = open_at(AT_FDCWD, path, flags, arguments);
	va_end(arguments);
	return (fd);
}

int
openat(int dir, const char *path, int flags, ...)
{
	va_list arguments;
	int fd;

	va_start(arguments, flags);
	fd = open_at(dir, path, flags, arguments);
	va_end(arguments);
	return (fd);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return (strikes(FAULT_NAME) ? -1 : (int)syscall(SYS_renameat, from_dir, from, to_dir, to));
}

int
unlinkat(int dir, const char *path, int flags)
{
	return (strikes(FAULT_NAME) ? -1 : (int)syscall(SYS_unlinkat, dir, path, flags));
}

int
unlink(const char *path)
{
	return (unlinkat(AT_FDCWD, path, 0));
}

int
ftruncate(int fd, off_t size)
{
	return (strikes(FAULT_WRITE) ? -1 : (int)syscall(SYS_ftruncate, fd, size));
}

int
fdatasync(int fd)
{
	return (strikes(FAULT_SYNC) ? -1 : (int)syscall(SYS_fdatasync, fd));
}

int
fsync(int fd)
{
	return (strikes(FAULT_SYNC) ? -1 : (int)syscall(SYS_fsync, fd));
}

void *
malloc(size_t size)
{
	return (strikes(FAULT_MALLOC) ? NULL : __libc_malloc(size));
}

void *
calloc(size_t count, size_t size)
{
	return (strikes(FAULT_MALLOC) ? NULL : __libc_calloc(count, size));
}

void *
realloc(void *memory, size_t size)
{
	return (strikes(FAULT_MALLOC) ? NULL : __libc_realloc(memory, size));
}
