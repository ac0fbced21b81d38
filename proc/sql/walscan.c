/*
 * The WAL scan: see walscan.h.
 */
#include "proc/sql/walscan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

#define WAL_HEAD 32
#define FRAME_HEAD 24
#define MAGIC 0x377f0682U /* low bit: checksums are big-endian */

static uint32_t
big(const uint8_t *p)
{
	return ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
}

static uint32_t
word(const uint8_t *p, bool big_endian)
{
	uint32_t value;

	if (big_endian)
		return (big(p));
	memcpy(&value, p, sizeof(value));
	return (value);
}

static void
checksum(const uint8_t *data, size_t len, bool big_endian, uint32_t sum[2])
{
	const uint8_t *end = data + len;

	for (; data < end; data += 8) {
		sum[0] += word(data, big_endian) + sum[1];
		sum[1] += word(data + 4, big_endian) + sum[0];
	}
}

/* Reads the header; false if this is no WAL to go by. */
static bool
read_head(const uint8_t *head, struct wal *wal, bool *big_endian, uint32_t sum[2])
{
	*big_endian = (big(head) & 1) != 0;
	if ((big(head) & ~1U) != MAGIC)
		return (false);
	wal->page_size = big(head + 8);
	wal->salt[0] = big(head + 16);
	wal->salt[1] = big(head + 20);
	if (wal->page_size < 512 || wal->page_size > 65536 ||
	    (wal->page_size & (wal->page_size - 1)) != 0)
		return (false);
	sum[0] = sum[1] = 0;
	checksum(head, 24, *big_endian, sum);
	return (sum[0] == big(head + 24) && sum[1] == big(head + 28));
}

static void
keep_frame(struct wal *wal, uint32_t *cap, const uint32_t sum[2], uint32_t pages)
{
	if (wal->count == *cap) {
		*cap = *cap == 0 ? 1024 : *cap * 2;
		wal->frames = realloc(wal->frames, *cap * sizeof(*wal->frames));
		if (wal->frames == NULL)
			fatal("realloc");
	}
	wal->frames[wal->count++] = (struct wal_frame){ { sum[0], sum[1] }, pages };
}

int
walscan(struct file_dir *dir, const char *name, struct wal *wal, struct error *error)
{
	uint8_t head[WAL_HEAD], *frame;
	uint32_t sum[2], cap = 0;
	bool big_endian;
	off_t offset = WAL_HEAD, size;
	int file;

	memset(wal, 0, sizeof(*wal));
	file = dir->ops->open(dir, name, O_RDONLY);
	if (file == -1)
		return (errno == ENOENT ? 0 : error_set_errno(error, "%s", name));
	size = dir->ops->size(dir, file);
	if (size < WAL_HEAD || file_read(dir, file, head, sizeof(head), 0) == -1 ||
	    !read_head(head, wal, &big_endian, sum)) {
		dir->ops->close(dir, file);
		return (0);
	}
	frame = malloc(FRAME_HEAD + wal->page_size);
	if (frame == NULL)
		fatal("malloc");
	for (; offset + FRAME_HEAD + (off_t)wal->page_size <= size;
	     offset += FRAME_HEAD + (off_t)wal->page_size) {
		if (file_read(dir, file, frame, FRAME_HEAD + wal->page_size, offset) == -1)
			break;
		if (big(frame + 8) != wal->salt[0] || big(frame + 12) != wal->salt[1] || big(frame) == 0)
			break;
		checksum(frame, 8, big_endian, sum);
		checksum(frame + FRAME_HEAD, wal->page_size, big_endian, sum);
		if (sum[0] != big(frame + 16) || sum[1] != big(frame + 20))
			break;
		keep_frame(wal, &cap, sum, big(frame + 4));
	}
	free(frame);
	dir->ops->close(dir, file);
	return (0);
}

void
walscan_fini(struct wal *wal)
{
	free(wal->frames);
	memset(wal, 0, sizeof(*wal));
}
