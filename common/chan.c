/*
 * Frames over a Unix stream socket: see chan.h.
 */
#include "common/chan.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

#define READ_SIZE (128 * 1024)
#define KEEP_SIZE (1024 * 1024) /* memory an empty buffer may hold */

struct head {
	uint32_t len;
	uint16_t type;
	uint16_t flags;
};

static_assert(sizeof(struct head) == CHAN_HEAD_SIZE, "a frame's head has no padding");

void
chan_init(struct chan *chan, int fd, size_t frame_max)
{
	memset(chan, 0, sizeof(*chan));
	chan->fd = fd;
	chan->frame_max = frame_max;
	STAILQ_INIT(&chan->fds_out);
	if (fcntl(fd, F_SETFL, O_NONBLOCK) == -1 || fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
		fatal("fcntl");
}

void
chan_fini(struct chan *chan)
{
	struct chan_fd *out;

	while ((out = STAILQ_FIRST(&chan->fds_out)) != NULL) {
		STAILQ_REMOVE_HEAD(&chan->fds_out, entry);
		close(out->fd);
		free(out);
	}
	while (chan->fds_in_count > 0)
		close(chan->fds_in[--chan->fds_in_count]);
	if (chan->fd != -1)
		close(chan->fd);
	chan->fd = -1;
	buf_fini(&chan->in);
	buf_fini(&chan->out);
}

/* Keeps the descriptors of one recvmsg(); false if there are more than a peer may have pending. */
static bool
keep_fds(struct chan *chan, struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	bool ok = (msg->msg_flags & MSG_CTRUNC) == 0;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t n, i;

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
			if (chan->fds_in_count == CHAN_FDS_MAX) {
				close(fd);
				ok = false;
			} else
				chan->fds_in[chan->fds_in_count++] = fd;
		}
	}
	return (ok);
}

/* Bytes the frame at the front still lacks, so that a long one is read in few calls. */
static size_t
missing(const struct chan *chan)
{
	struct head head;
	size_t have = buf_size(&chan->in);

	if (have < sizeof(head))
		return (0);
	memcpy(&head, buf_bytes(&chan->in), sizeof(head));
	if (head.len > chan->frame_max || have >= sizeof(head) + head.len)
		return (0);
	return (sizeof(head) + head.len - have);
}

enum chan_result
chan_read(struct chan *chan)
{
	union {
		char data[CMSG_SPACE(sizeof(int) * 4)];
		struct cmsghdr align;
	} control;
	struct msghdr msg = { 0 };
	struct iovec iov;
	ssize_t n;
	size_t want = missing(chan);

	if (chan->in.pos > 0 && chan->in.pos == chan->in.len)
		buf_reset(&chan->in, KEEP_SIZE);
	else if (chan->in.pos > 0)
		buf_compact(&chan->in);
	/* The buffer grows with what arrives, not with what a head announces. */
	if (want < READ_SIZE)
		want = READ_SIZE;
	if (want > READ_SIZE * 8)
		want = READ_SIZE * 8;
	iov.iov_base = buf_reserve(&chan->in, want);
	iov.iov_len = chan->in.cap - chan->in.len;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.data;
	msg.msg_controllen = sizeof(control.data);
	n = recvmsg(chan->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n == -1)
		return (errno == EAGAIN || errno == EINTR ? CHAN_AGAIN : CHAN_CLOSED);
	if (!keep_fds(chan, &msg))
		return (CHAN_BROKEN);
	if (n == 0)
		return (CHAN_CLOSED);
	buf_advance(&chan->in, (size_t)n);
	return (CHAN_OK);
}

enum chan_result
chan_next(struct chan *chan, struct frame *frame)
{
	struct head head;

	if (buf_size(&chan->in) < sizeof(head))
		return (CHAN_AGAIN);
	memcpy(&head, buf_bytes(&chan->in), sizeof(head));
	if (head.len > chan->frame_max || (head.flags & ~CHAN_FLAG_FD) != 0)
		return (CHAN_BROKEN);
	if (buf_size(&chan->in) - sizeof(head) < head.len)
		return (CHAN_AGAIN);
	frame->type = head.type;
	frame->data = buf_bytes(&chan->in) + sizeof(head);
	frame->len = head.len;
	frame->fd = -1;
	if (head.flags & CHAN_FLAG_FD) {
		if (chan->fds_in_count == 0)
			return (CHAN_BROKEN);
		frame->fd = chan->fds_in[0];
		chan->fds_in_count--;
		memmove(&chan->fds_in[0], &chan->fds_in[1], chan->fds_in_count * sizeof(int));
	}
	buf_take(&chan->in, sizeof(head) + head.len);
	return (CHAN_OK);
}

enum chan_result
chan_scan(const struct chan *chan, size_t *offset, struct frame *frame)
{
	const uint8_t *at = buf_bytes(&chan->in) + *offset;
	size_t left = buf_size(&chan->in) - *offset;
	struct head head;

	if (left < sizeof(head))
		return (CHAN_AGAIN);
	memcpy(&head, at, sizeof(head));
	if (head.len > chan->frame_max)
		return (CHAN_BROKEN);
	if (left - sizeof(head) < head.len)
		return (CHAN_AGAIN);
	*frame = (struct frame){ head.type, -1, at + sizeof(head), head.len };
	*offset += sizeof(head) + head.len;
	return (CHAN_OK);
}

void
chan_shrink(struct chan *chan)
{
	if (buf_size(&chan->in) == 0)
		buf_reset(&chan->in, KEEP_SIZE);
}

size_t
chan_begin(struct chan *chan, uint16_t type)
{
	struct head head = { 0, type, 0 };

	buf_add(&chan->out, &head, sizeof(head));
	return (chan->out.len - sizeof(head));
}

void
chan_end(struct chan *chan, size_t begun, int fd)
{
	struct head head;

	memcpy(&head, chan->out.data + begun, sizeof(head));
	head.len = (uint32_t)(chan->out.len - begun - sizeof(head));
	if (fd != -1) {
		struct chan_fd *out = malloc(sizeof(*out));

		if (out == NULL)
			fatal("malloc");
		head.flags |= CHAN_FLAG_FD;
		out->fd = fd;
		out->at = begun;
		STAILQ_INSERT_TAIL(&chan->fds_out, out, entry);
	}
	memcpy(chan->out.data + begun, &head, sizeof(head));
}

/* Sends the first descriptor with the first byte of its frame. */
static ssize_t
send_fd(struct chan *chan, struct chan_fd *out)
{
	union {
		char data[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov = { chan->out.data + chan->out.pos, 1 };
	struct msghdr msg = { 0 };
	struct cmsghdr *cmsg;
	ssize_t n;

	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.data;
	msg.msg_controllen = sizeof(control.data);
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &out->fd, sizeof(int));
	n = sendmsg(chan->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == 1) {
		close(out->fd);
		STAILQ_REMOVE_HEAD(&chan->fds_out, entry);
		free(out);
	}
	return (n);
}

/* A peer that reads, but never all: what it has taken must not stay in memory. */
static void
out_compact(struct chan *chan)
{
	struct chan_fd *out;

	if (chan->out.pos < KEEP_SIZE)
		return;
	STAILQ_FOREACH(out, &chan->fds_out, entry)
		out->at -= chan->out.pos;
	buf_compact(&chan->out);
}

enum chan_result
chan_flush(struct chan *chan)
{
	while (buf_size(&chan->out) > 0) {
		struct chan_fd *out = STAILQ_FIRST(&chan->fds_out);
		size_t until = out != NULL ? out->at : chan->out.len;
		ssize_t n;

		if (out != NULL && out->at == chan->out.pos)
			n = send_fd(chan, out);
		else {
			struct iovec iov = { chan->out.data + chan->out.pos,
				until - chan->out.pos };
			struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

			n = sendmsg(chan->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		}
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			int again = errno == EAGAIN;

			out_compact(chan);
			return (again ? CHAN_AGAIN : CHAN_CLOSED);
		}
		chan->out.pos += (size_t)n;
	}
	assert(STAILQ_EMPTY(&chan->fds_out));
	if (chan->secret && chan->out.len > 0)
		explicit_bzero(chan->out.data, chan->out.len);
	buf_reset(&chan->out, KEEP_SIZE);
	return (CHAN_OK);
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

/* Waits for the event; CHAN_AGAIN when the deadline (-1: none) has passed. */
static enum chan_result
wait_for(struct chan *chan, short event, int64_t deadline)
{
	struct pollfd pfd = { chan->fd, event, 0 };
	int64_t left = deadline == -1 ? -1 : deadline - now_ms();
	int n;

	if (deadline != -1 && left <= 0)
		return (CHAN_AGAIN);
	n = poll(&pfd, 1, (int)left);
	if (n == -1 && errno != EINTR)
		return (CHAN_CLOSED);
	return (n == 0 ? CHAN_AGAIN : CHAN_OK);
}

enum chan_result
chan_flush_wait(struct chan *chan, int timeout_ms)
{
	int64_t deadline = timeout_ms == -1 ? -1 : now_ms() + timeout_ms;
	enum chan_result result;

	while ((result = chan_flush(chan)) == CHAN_AGAIN) {
		result = wait_for(chan, POLLOUT, deadline);
		if (result != CHAN_OK)
			break;
	}
	return (result);
}

enum chan_result
chan_wait(struct chan *chan, struct frame *frame, int timeout_ms)
{
	int64_t deadline = timeout_ms == -1 ? -1 : now_ms() + timeout_ms;
	enum chan_result result;

	for (;;) {
		result = chan_next(chan, frame);
		if (result != CHAN_AGAIN)
			return (result);
		result = wait_for(chan, POLLIN, deadline);
		if (result != CHAN_OK)
			return (result);
		result = chan_read(chan);
		if (result != CHAN_OK && result != CHAN_AGAIN)
			return (result);
	}
}
