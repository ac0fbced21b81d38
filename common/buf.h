/*
 * A growing flat byte buffer with a read position: what is to be sent, what
 * has been received, what is being printed.  [pos, len) is the content.
 *
 * A failed allocation ends the process (fatal): workers run with bounded
 * queues, so memory running out is the machine's failure.
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	uint8_t *data;
	size_t pos; /* what is before it has been taken */
	size_t len; /* end of the content */
	size_t cap;
};

#define BUF_INIT              \
	{                     \
		NULL, 0, 0, 0 \
	}

void buf_fini(struct buf *);
/*
 * Room for n more bytes behind the content; returns where they go (buf_advance() then adds them).
 * The content may move in memory, but pos and len stay: offsets into the buffer remain good.
 */
uint8_t *buf_reserve_slow(struct buf *, size_t n);
/* Moves the content to the front of the buffer: pos becomes 0. */
void buf_compact(struct buf *);
/* Takes n bytes from the front. */
void buf_take(struct buf *, size_t n);
/* Empties it; gives memory back if it holds more than `keep` bytes of it. */
void buf_reset(struct buf *, size_t keep);
void buf_printf(struct buf *, const char *, ...) __attribute__((format(printf, 2, 3)));
/* Makes room for one more in an array of so many elements of a size each; the array may move. */
void *list_grow(void *list, size_t count, size_t *cap, size_t size);

static inline size_t
buf_size(const struct buf *b)
{
	return (b->len - b->pos);
}

static inline const uint8_t *
buf_bytes(const struct buf *b)
{
	return (b->data + b->pos);
}

static inline uint8_t *
buf_reserve(struct buf *b, size_t n)
{
	if (b->cap - b->len < n)
		return (buf_reserve_slow(b, n));
	return (b->data + b->len);
}

static inline void
buf_advance(struct buf *b, size_t n)
{
	b->len += n;
}

static inline void
buf_add(struct buf *b, const void *data, size_t n)
{
	if (n > 0) {
		memcpy(buf_reserve(b, n), data, n);
		b->len += n;
	}
}

static inline void
buf_add_u8(struct buf *b, uint8_t v)
{
	*buf_reserve(b, 1) = v;
	b->len++;
}

/* Integers little-endian: every machine we run on is, limits.h asserts it. */
static inline void
buf_add_u16(struct buf *b, uint16_t v)
{
	buf_add(b, &v, sizeof(v));
}

static inline void
buf_add_u32(struct buf *b, uint32_t v)
{
	buf_add(b, &v, sizeof(v));
}

static inline void
buf_add_u64(struct buf *b, uint64_t v)
{
	buf_add(b, &v, sizeof(v));
}

static inline void
buf_add_text(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

#endif
