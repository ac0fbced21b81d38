/*
 * The growing byte buffer: see buf.h.
 */
#include "common/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"

#define BUF_MIN 256

void
buf_fini(struct buf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

uint8_t *
buf_reserve_slow(struct buf *b, size_t n)
{
	size_t cap = b->cap < BUF_MIN ? BUF_MIN : b->cap;
	uint8_t *data;

	if (n > SIZE_MAX / 4 - b->len)
		fatalx("a buffer would grow beyond all bounds");
	while (cap - b->len < n)
		cap *= 2;
	data = realloc(b->data, cap);
	if (data == NULL)
		fatal("realloc of %zu bytes", cap);
	b->data = data;
	b->cap = cap;
	return (b->data + b->len);
}

void
buf_compact(struct buf *b)
{
	if (b->pos == 0)
		return;
	memmove(b->data, b->data + b->pos, b->len - b->pos);
	b->len -= b->pos;
	b->pos = 0;
}

void
buf_take(struct buf *b, size_t n)
{
	b->pos += n;
}

void
buf_reset(struct buf *b, size_t keep)
{
	b->pos = b->len = 0;
	if (b->cap > keep)
		buf_fini(b);
}

void
buf_printf(struct buf *b, const char *format, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, format);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (n < 0)
		fatalx("vsnprintf");
	(void)vsnprintf((char *)buf_reserve(b, (size_t)n + 1), (size_t)n + 1, format, again);
	va_end(again);
	buf_advance(b, (size_t)n);
}

void *
list_grow(void *list, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return (list);
	*cap = *cap == 0 ? 64 : *cap * 2;
	list = realloc(list, *cap * size);
	if (list == NULL)
		fatal("realloc");
	return (list);
}
