/*
 * The file layer on the real system: see file.h.
 */
#include "common/file.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

#define IOV_MAX_OURS 64

struct real_dir {
	struct file_dir super;
	int fd;
};

static int
fd_of(struct file_dir *dir)
{
	return (((struct real_dir *)dir)->fd);
}

static int
real_open(struct file_dir *dir, const char *name, int flags)
{
	int fd = openat(fd_of(dir), name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat st;

	/* A directory, a pipe: not one of ours, and some would let us wait for ever. */
	if (fd == -1 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)))
		return (fd);
	close(fd);
	errno = S_ISDIR(st.st_mode) ? EISDIR : ENOTSUP;
	return (-1);
}

static int
real_close(struct file_dir *dir, int file)
{
	return (close(file));
}

static ssize_t
real_pread(struct file_dir *dir, int file, void *data, size_t len, off_t offset)
{
	return (pread(file, data, len, offset));
}

static ssize_t
real_pwritev(struct file_dir *dir, int file, const struct iovec *iov, int count, off_t offset)
{
	return (pwritev(file, iov, count, offset));
}

static int
real_sync(struct file_dir *dir, int file)
{
	return (fdatasync(file));
}

static int
real_truncate(struct file_dir *dir, int file, off_t size)
{
	return (ftruncate(file, size));
}

static off_t
real_size(struct file_dir *dir, int file)
{
	struct stat st;

	return (fstat(file, &st) == -1 ? -1 : st.st_size);
}

static int
real_rename(struct file_dir *dir, const char *from, const char *to)
{
	return (renameat(fd_of(dir), from, fd_of(dir), to));
}

static int
real_unlink(struct file_dir *dir, const char *name)
{
	return (unlinkat(fd_of(dir), name, 0));
}

static int
real_sync_dir(struct file_dir *dir)
{
	return (fsync(fd_of(dir)));
}

static int
real_list(struct file_dir *dir, void (*each)(void *, const char *), void *arg)
{
	int fd = openat(fd_of(dir), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	DIR *stream;
	int error;

	if (fd == -1)
		return (-1);
	stream = fdopendir(fd);
	if (stream == NULL) {
		close(fd);
		return (-1);
	}
	/* An end and an error look alike: half a list must not pass for all of it. */
	while (errno = 0, (entry = readdir(stream)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			each(arg, entry->d_name);
	error = errno;
	closedir(stream);
	errno = error;
	return (error == 0 ? 0 : -1);
}

static int64_t
real_free_space(struct file_dir *dir)
{
	struct statvfs vfs;

	if (fstatvfs(fd_of(dir), &vfs) == -1)
		return (-1);
	return ((int64_t)vfs.f_bavail * (int64_t)vfs.f_frsize);
}

static const struct file_ops real_ops = {
	.open = real_open,
	.close = real_close,
	.pread = real_pread,
	.pwritev = real_pwritev,
	.sync = real_sync,
	.truncate = real_truncate,
	.size = real_size,
	.rename = real_rename,
	.unlink = real_unlink,
	.sync_dir = real_sync_dir,
	.list = real_list,
	.free_space = real_free_space,
};

struct file_dir *
file_dir_open(const char *path)
{
	struct real_dir *dir = calloc(1, sizeof(*dir));

	if (dir == NULL)
		return (NULL);
	dir->super.ops = &real_ops;
	dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd == -1) {
		free(dir);
		return (NULL);
	}
	return (&dir->super);
}

void
file_dir_close(struct file_dir *dir)
{
	close(fd_of(dir));
	free(dir);
}

int
file_read(struct file_dir *dir, int file, void *data, size_t len, off_t offset)
{
	char *at = data;

	while (len > 0) {
		ssize_t n = dir->ops->pread(dir, file, at, len, offset);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? EIO : errno;
			return (-1);
		}
		at += n;
		len -= (size_t)n;
		offset += n;
	}
	return (0);
}

int
file_write(struct file_dir *dir, int file, const void *data, size_t len, off_t offset)
{
	struct iovec iov = { (void *)(uintptr_t)data, len };

	return (file_writev(dir, file, &iov, 1, offset));
}

int
file_writev(struct file_dir *dir, int file, const struct iovec *iov, int count, off_t offset)
{
	struct iovec left[IOV_MAX_OURS];
	ssize_t n;
	int i = 0;

	if (count > IOV_MAX_OURS) {
		errno = EINVAL;
		return (-1);
	}
	memcpy(left, iov, (size_t)count * sizeof(*iov));
	while (i < count) {
		if (left[i].iov_len == 0) {
			i++;
			continue;
		}
		n = dir->ops->pwritev(dir, file, left + i, count - i, offset);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return (-1);
		if (n == 0) {
			errno = ENOSPC;
			return (-1);
		}
		offset += n;
		while (i < count && (size_t)n >= left[i].iov_len)
			n -= (ssize_t)left[i++].iov_len;
		if (i < count) {
			left[i].iov_base = (char *)left[i].iov_base + n;
			left[i].iov_len -= (size_t)n;
		}
	}
	return (0);
}

static int
write_whole(struct file_dir *dir, const char *name, const void *data, size_t len)
{
	int file = dir->ops->open(dir, name, O_RDWR | O_CREAT | O_TRUNC);
	int result, error;

	if (file == -1)
		return (-1);
	result = file_write(dir, file, data, len, 0);
	error = errno;
	if (result == 0 && dir->ops->sync(dir, file) == -1)
		fatal_sync("%s: sync", name);
	dir->ops->close(dir, file);
	errno = error;
	return (result);
}

int
file_replace(struct file_dir *dir, const char *name, const void *data, size_t len)
{
	char new[NAME_MAX + 1];

	(void)snprintf(new, sizeof(new), "%s.new", name);
	if (write_whole(dir, new, data, len) == -1 || dir->ops->rename(dir, new, name) == -1)
		return (-1);
	if (dir->ops->sync_dir(dir) == -1)
		fatal_sync("%s: sync of its directory", name);
	return (0);
}
