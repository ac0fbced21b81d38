/*
 * A channel: one Unix stream socket between two of our processes, carrying
 * frames {u32 payload length, u16 type, u16 flags} and, beside some of them,
 * one descriptor.
 *
 * The receiver trusts the channel, never the header: who the peer is was said
 * by the master when it handed the descriptor over, and a frame longer than the
 * channel's maximum is a violation before anything is allocated for it.  What
 * the payload means is proto/ipc.h's business.
 *
 * Nothing here blocks unless asked to (chan_flush_wait, chan_wait).  Outgoing
 * frames gather in a flat buffer and leave with one write a loop turn; who
 * sends watches chan_queued() against a limit of his own.
 */
#ifndef COMMON_CHAN_H
#define COMMON_CHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/buf.h"

#define CHAN_HEAD_SIZE 8
#define CHAN_FLAG_FD 1	 /* a descriptor came with this frame */
#define CHAN_FDS_MAX 32 /* received and not yet taken */

struct chan_fd {
	STAILQ_ENTRY(chan_fd) entry;
	size_t at; /* offset in `out` of the frame it goes with, relative to out.pos at 0 */
	int fd;
};

struct chan {
	int fd; /* -1: closed */
	int role;
	unsigned number;      /* which of the peer's role */
	uint32_t incarnation; /* drawn by the master at each spawn of the peer */
	size_t frame_max;
	struct buf in;
	struct buf out;
	STAILQ_HEAD(, chan_fd) fds_out;
	int fds_in[CHAN_FDS_MAX];
	unsigned fds_in_count;
	bool writing; /* the loop watches for writability */
	bool paused;  /* the loop does not read: back-pressure */
	bool secret;  /* what was sent is wiped from the out-buffer */
	void *loop;   /* what the loop hangs on it */
	void *owner;  /* what the role hangs on it */
};

struct frame {
	uint16_t type;
	int fd; /* -1, or owned by who handles the frame */
	const uint8_t *data;
	size_t len;
};

enum chan_result {
	CHAN_OK,     /* bytes arrived */
	CHAN_AGAIN,  /* nothing there */
	CHAN_CLOSED, /* end of file, or the peer is gone */
	CHAN_BROKEN  /* a violation: too many descriptors, a frame too long */
};

/* Takes the socket (set non-blocking, close-on-exec). frame_max bounds a received payload. */
void chan_init(struct chan *, int fd, size_t frame_max);
/* Closes the socket and every descriptor held, frees the buffers. */
void chan_fini(struct chan *);

/* Reads once what is there. */
enum chan_result chan_read(struct chan *);
/* The next whole frame; CHAN_AGAIN if there is none. It is valid until the next chan_read(). */
enum chan_result chan_next(struct chan *, struct frame *);
/*
 * Looks at frames that were read and not yet taken, without taking them: *offset
 * starts at 0.  CHAN_AGAIN at the end.
 */
enum chan_result chan_scan(const struct chan *, size_t *offset, struct frame *);
/* Gives back what the frames taken so far used; call when chan_next() said CHAN_AGAIN. */
void chan_shrink(struct chan *);

/* Begins a frame in the out-buffer; the payload is then added to chan->out. */
size_t chan_begin(struct chan *, uint16_t type);
/* Ends it; fd (taken, closed once sent) or -1. */
void chan_end(struct chan *, size_t begun, int fd);
/* Writes what is queued as far as the socket takes it: CHAN_OK all gone, CHAN_AGAIN some left. */
enum chan_result chan_flush(struct chan *);
/* The same, waiting for the peer up to timeout_ms (-1: for ever). */
enum chan_result chan_flush_wait(struct chan *, int timeout_ms);
/* Waits until a whole frame is there, up to timeout_ms; CHAN_AGAIN when time is up. */
enum chan_result chan_wait(struct chan *, struct frame *, int timeout_ms);

static inline size_t
chan_queued(const struct chan *chan)
{
	return (buf_size(&chan->out));
}

#endif
