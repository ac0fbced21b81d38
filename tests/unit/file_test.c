/* The file layer on the real system, and whole reads and writes over one that does them in pieces. */
#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"

static char path[64];
static struct file_dir *dir;

static int
setup(void **state)
{
	(void)snprintf(path, sizeof(path), "/tmp/file_test-XXXXXX");
	assert_non_null(mkdtemp(path));
	dir = file_dir_open(path);
	assert_non_null(dir);
	return (0);
}

static void
remove_one(void *arg, const char *name)
{
	(void)dir->ops->unlink(dir, name);
}

static int
teardown(void **state)
{
	assert_int_equal(dir->ops->list(dir, remove_one, NULL), 0);
	file_dir_close(dir);
	return (rmdir(path));
}

static int
make(const char *name)
{
	int file = dir->ops->open(dir, name, O_RDWR | O_CREAT);

	assert_int_not_equal(file, -1);
	return (file);
}

static void
test_write_and_read(void **state)
{
	char letters[] = "abcdefg";
	struct iovec iov[3] = { { letters, 3 }, { letters, 0 }, { letters + 3, 4 } };
	int file = make("a");
	struct stat st;
	char text[8];

	assert_int_equal(fstat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_writev(dir, file, iov, 3, 100), 0);
	assert_int_equal(file_write(dir, file, "X", 1, 102), 0);
	assert_int_equal(file_write(dir, file, "", 0, 103), 0);
	assert_int_equal(file_writev(dir, file, iov, 0, 103), 0);
	assert_int_equal(dir->ops->sync(dir, file), 0);
	assert_int_equal(dir->ops->size(dir, file), 107);
	assert_int_equal(file_read(dir, file, text, 7, 100), 0);
	assert_memory_equal(text, "abXdefg", 7);
	assert_int_equal(file_read(dir, file, text, 8, 100), -1);
	assert_int_equal(errno, EIO);
	assert_int_equal(dir->ops->truncate(dir, file, 3), 0);
	assert_int_equal(dir->ops->size(dir, file), 3);
	assert_int_equal(dir->ops->close(dir, file), 0);
}

static void
test_names(void **state)
{
	char outside[128];

	assert_int_equal(dir->ops->open(dir, "a", O_RDWR), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(dir->ops->close(dir, make("a")), 0);
	assert_int_equal(dir->ops->rename(dir, "a", "b"), 0);
	assert_int_equal(dir->ops->sync_dir(dir), 0);
	assert_int_equal(dir->ops->rename(dir, "a", "b"), -1);
	assert_int_equal(dir->ops->unlink(dir, "a"), -1);
	/* A link planted there leads nowhere. */
	(void)snprintf(outside, sizeof(outside), "%s/link", path);
	assert_int_equal(symlink("/etc/passwd", outside), 0);
	assert_int_equal(dir->ops->open(dir, "link", O_RDONLY), -1);
	assert_int_equal(errno, ELOOP);
}

static void
test_replace(void **state)
{
	char text[8], outside[128];
	int file;

	assert_int_equal(file_replace(dir, "a", "first one", 9), 0);
	assert_int_equal(file_replace(dir, "a", "second", 6), 0);
	file = dir->ops->open(dir, "a", O_RDONLY);
	assert_int_equal(dir->ops->size(dir, file), 6);
	assert_int_equal(file_read(dir, file, text, 6, 0), 0);
	assert_memory_equal(text, "second", 6);
	assert_int_equal(dir->ops->close(dir, file), 0);
	assert_int_equal(dir->ops->open(dir, "a.new", O_RDONLY), -1);
	/* A new one can not be made: what is there stays. */
	(void)snprintf(outside, sizeof(outside), "%s/a.new", path);
	assert_int_equal(mkdir(outside, 0700), 0);
	assert_int_equal(file_replace(dir, "a", "third", 5), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(rmdir(outside), 0);
	file = dir->ops->open(dir, "a", O_RDONLY);
	assert_int_equal(dir->ops->size(dir, file), 6);
	assert_int_equal(dir->ops->close(dir, file), 0);
}

static void
note_name(void *arg, const char *name)
{
	unsigned *seen = arg;

	assert_int_equal(strlen(name), 1);
	*seen |= 1U << (name[0] - 'a');
}

static void
test_list(void **state)
{
	unsigned seen = 0;
	char name[2] = "a";

	for (; name[0] < 'z'; name[0]++)
		assert_int_equal(dir->ops->close(dir, make(name)), 0);
	assert_int_equal(dir->ops->list(dir, note_name, &seen), 0);
	assert_int_equal(seen, (1U << 25) - 1);
	seen = 0;
	assert_int_equal(dir->ops->list(dir, note_name, &seen), 0);
	assert_int_equal(seen, (1U << 25) - 1);
}

static void
test_directories(void **state)
{
	assert_true(dir->ops->free_space(dir) > 0);
	assert_null(file_dir_open("/nonexistent"));
	assert_int_equal(errno, ENOENT);
	assert_null(file_dir_open("/etc/passwd"));
}

/* ---- a system that does less than it is asked to ---- */

struct slow {
	struct file_dir super;
	char data[256];
	size_t room; /* bytes it takes before it is full */
	int calls;
};

static ssize_t
slow_pwritev(struct file_dir *at, int file, const struct iovec *iov, int count, off_t offset)
{
	struct slow *slow = (struct slow *)at;
	size_t n = iov[0].iov_len;

	if (++slow->calls % 3 == 0) {
		errno = EINTR;
		return (-1);
	}
	/* All of the first part, or two bytes of it. */
	if (slow->calls % 2 == 0 && n > 2)
		n = 2;
	if (n > slow->room)
		n = slow->room;
	slow->room -= n;
	memcpy(slow->data + offset, iov[0].iov_base, n);
	return ((ssize_t)n);
}

static ssize_t
slow_pread(struct file_dir *at, int file, void *data, size_t len, off_t offset)
{
	struct slow *slow = (struct slow *)at;

	if (++slow->calls % 3 == 0) {
		errno = EINTR;
		return (-1);
	}
	memcpy(data, slow->data + offset, len > 3 ? 3 : len);
	return (len > 3 ? 3 : (ssize_t)len);
}

static const struct file_ops slow_ops = { .pread = slow_pread, .pwritev = slow_pwritev };

static void
test_pieces(void **state)
{
	struct slow slow = { .super = { &slow_ops }, .room = 1000 };
	char text[20], all[] = "0123456789abcABCDEFG";
	struct iovec iov[4] = { { all, 10 }, { all, 0 }, { all + 10, 3 }, { all + 13, 7 } };

	assert_int_equal(file_writev(&slow.super, 0, iov, 4, 5), 0);
	assert_memory_equal(slow.data + 5, "0123456789abcABCDEFG", 20);
	assert_int_equal(iov[0].iov_len, 10);
	assert_int_equal(file_read(&slow.super, 0, text, 20, 5), 0);
	assert_memory_equal(text, "0123456789abcABCDEFG", 20);
	slow.room = 12;
	assert_int_equal(file_writev(&slow.super, 0, iov, 4, 5), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(file_writev(&slow.super, 0, iov, 1000, 5), -1);
	assert_int_equal(errno, EINVAL);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_write_and_read),
		TEST(test_names),
		TEST(test_replace),
		TEST(test_list),
		TEST(test_directories),
		cmocka_unit_test(test_pieces),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
