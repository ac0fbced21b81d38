/*
 * Channels: what descriptors a peer may send, and what stays of a secret.  The
 * damage to frames is tried in ipc_test.c and by tests/privsep/pairs.c.
 */
#include <sys/socket.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "common/chan.h"

static struct chan ours;
static int theirs;

static int
set_up(void **state)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		return (-1);
	chan_init(&ours, pair[0], 64);
	theirs = pair[1];
	return (0);
}

static int
tear_down(void **state)
{
	chan_fini(&ours);
	return (close(theirs));
}

/* Open descriptors of this process. */
static size_t
count_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return (n);
}

/* An empty frame, with so many descriptors of our standard input. */
static void
send_descriptors(size_t count)
{
	struct {
		uint32_t len;
		uint16_t type;
		uint16_t flags;
	} head = { 0, 7, count > 0 ? CHAN_FLAG_FD : 0 };
	union {
		char data[CMSG_SPACE(sizeof(int) * 8)];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov = { &head, sizeof(head) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	assert_true(count <= 8);
	if (count > 0) {
		msg.msg_control = control.data;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memset(CMSG_DATA(cmsg), 0, sizeof(int) * count);
	}
	assert_int_equal(sendmsg(theirs, &msg, 0), sizeof(head));
}

static void
takes_one_descriptor_with_a_frame(void **state)
{
	size_t before = count_open();
	struct frame frame;

	send_descriptors(1);
	assert_int_equal(chan_read(&ours), CHAN_OK);
	assert_int_equal(chan_next(&ours, &frame), CHAN_OK);
	assert_true(frame.fd > 2);
	assert_int_equal(count_open(), before + 1);
	assert_int_equal(close(frame.fd), 0);
	send_descriptors(0);
	assert_int_equal(chan_read(&ours), CHAN_OK);
	assert_int_equal(chan_next(&ours, &frame), CHAN_OK);
	assert_int_equal(frame.fd, -1);
}

/* The kernel closes those that there was no room for, and says that it did. */
static void
refuses_more_than_are_read_at_once(void **state)
{
	send_descriptors(5);
	assert_int_equal(chan_read(&ours), CHAN_BROKEN);
}

static void
refuses_more_than_may_wait(void **state)
{
	size_t before = count_open(), i;

	for (i = 0; i < CHAN_FDS_MAX; i += 4) {
		send_descriptors(4);
		assert_int_equal(chan_read(&ours), CHAN_OK);
	}
	assert_int_equal(count_open(), before + CHAN_FDS_MAX);
	send_descriptors(1);
	assert_int_equal(chan_read(&ours), CHAN_BROKEN);
	assert_int_equal(count_open(), before + CHAN_FDS_MAX);
}

/* A frame that says it has one, and has none. */
static void
refuses_a_descriptor_that_is_missing(void **state)
{
	const uint8_t head[CHAN_HEAD_SIZE] = { [4] = 7, [6] = CHAN_FLAG_FD };
	struct frame frame;

	assert_int_equal(write(theirs, head, sizeof(head)), sizeof(head));
	assert_int_equal(chan_read(&ours), CHAN_OK);
	assert_int_equal(chan_next(&ours, &frame), CHAN_BROKEN);
}

static void
wipes_what_was_secret(void **state)
{
	static const uint8_t nothing[CHAN_HEAD_SIZE + 6];
	size_t begun = chan_begin(&ours, 7);

	buf_add(&ours.out, "secret", 6);
	chan_end(&ours, begun, -1);
	ours.secret = true;
	assert_memory_equal(ours.out.data + CHAN_HEAD_SIZE, "secret", 6);
	assert_int_equal(chan_flush(&ours), CHAN_OK);
	assert_memory_equal(ours.out.data, nothing, sizeof(nothing));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    takes_one_descriptor_with_a_frame, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    refuses_more_than_are_read_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_more_than_may_wait, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    refuses_a_descriptor_that_is_missing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wipes_what_was_secret, set_up, tear_down),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
