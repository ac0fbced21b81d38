/*
 * The WAL scan: see walscan.h.  It must agree with SQLite's own recovery on where
 * the WAL ends, so it checks what that checks.  The file may hold anything.
 */
#include "proc/sql/walscan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "common/limits.h"
#include "common/log.h"

#define MAGIC 0x377f0682U /* lowest bit: checksums are over big-endian words */
#define CHUNK (1 * MIB) /* read at once */

static uint32_t
native_word(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return (value);
}

static void
add_checksum(const uint8_t *data, size_t len, bool big_endian, uint32_t sum[2])
{
	const uint8_t *end = data + len;
	uint32_t first = sum[0], second = sum[1];

	if (big_endian)
		for (; data < end; data += 8) {
			first += wal_word(data) + second;
			second += wal_word(data + 4) + first;
		}
	else
		for (; data < end; data += 8) {
			first += native_word(data) + second;
			second += native_word(data + 4) + first;
		}
	sum[0] = first;
	sum[1] = second;
}

_Static_assert(sizeof(struct wal_mark) == 12, "a mark has no padding");

uint32_t
wal_add_mark(uint32_t digest, const struct wal_mark *mark)
{
	return (crc32c(digest, mark, sizeof(*mark)));
}

/* What goes along the frames. */
struct walk {
	struct wal *wal;
	uint32_t capacity; /* of wal->frames */
	bool big_endian;
	uint32_t sum[2];
	uint32_t digest;
};

/* False if this is no WAL to go by. */
static bool
read_head(struct walk *walk, const uint8_t *head)
{
	struct wal *wal = walk->wal;
	uint32_t size = wal_word(head + 8);

	if ((wal_word(head) & ~1U) != MAGIC || size < 512 || size > 65536 ||
	    (size & (size - 1)) != 0)
		return (false);
	walk->big_endian = (wal_word(head) & 1) != 0;
	add_checksum(head, 24, walk->big_endian, walk->sum);
	if (walk->sum[0] != wal_word(head + 24) || walk->sum[1] != wal_word(head + 28))
		return (false);
	wal->page_size = size;
	wal->salt[0] = wal_word(head + 16);
	wal->salt[1] = wal_word(head + 20);
	return (true);
}

/* False at the first frame that is not of this WAL, or not whole. */
static bool
add_frame(struct walk *walk, const uint8_t *frame)
{
	struct wal *wal = walk->wal;
	struct wal_mark mark;

	if (wal_word(frame + 8) != wal->salt[0] || wal_word(frame + 12) != wal->salt[1] ||
	    wal_word(frame) == 0)
		return (false);
	add_checksum(frame, 8, walk->big_endian, walk->sum);
	add_checksum(frame + WAL_FRAME_HEAD, wal->page_size, walk->big_endian, walk->sum);
	if (walk->sum[0] != wal_word(frame + 16) || walk->sum[1] != wal_word(frame + 20))
		return (false);
	if (wal->count == walk->capacity) {
		walk->capacity = walk->capacity == 0 ? 1024 : walk->capacity * 2;
		wal->frames = realloc(wal->frames, walk->capacity * sizeof(*wal->frames));
		if (wal->frames == NULL)
			fatal("realloc");
	}
	memcpy(mark.head, frame, sizeof(mark.head));
	mark.crc = crc32c(0, frame + WAL_FRAME_HEAD, wal->page_size);
	walk->digest = wal_add_mark(walk->digest, &mark);
	wal->frames[wal->count++] =
	    (struct wal_frame){ { walk->sum[0], walk->sum[1] }, walk->digest, wal_word(frame + 4) };
	return (true);
}

/* Reads whole frames in chunks, up to the end or the first that does not fit. */
static int
read_frames(struct walk *walk, struct file_dir *dir, int file, off_t size)
{
	size_t frame_size = WAL_FRAME_HEAD + walk->wal->page_size, len, i;
	size_t chunk = CHUNK / frame_size * frame_size;
	uint8_t *data = malloc(chunk);
	off_t offset = WAL_HEAD;
	int result = 0;

	if (data == NULL)
		fatal("malloc");
	while (offset + (off_t)frame_size <= size) {
		len = (size_t)(size - offset) < chunk ? (size_t)(size - offset) : chunk;
		len -= len % frame_size;
		result = file_read(dir, file, data, len, offset);
		if (result == -1)
			break;
		for (i = 0; i < len && add_frame(walk, data + i); i += frame_size)
			continue;
		if (i < len)
			break;
		offset += (off_t)len;
	}
	free(data);
	return (result);
}

int
walscan(struct file_dir *dir, const char *name, struct wal *wal, struct error *error)
{
	struct walk walk = { .wal = wal };
	uint8_t head[WAL_HEAD];
	int file, result = 0;
	off_t size;

	memset(wal, 0, sizeof(*wal));
	file = dir->ops->open(dir, name, O_RDONLY);
	if (file == -1)
		return (errno == ENOENT ? 0 : error_set_errno(error, "db/%s", name));
	size = dir->ops->size(dir, file);
	if (size < 0)
		result = -1;
	else if (size >= WAL_HEAD)
		result = file_read(dir, file, head, sizeof(head), 0);
	if (result == 0 && size >= WAL_HEAD && read_head(&walk, head))
		result = read_frames(&walk, dir, file, size);
	if (result == -1) {
		(void)error_set_errno(error, "db/%s", name);
		walscan_fini(wal);
	}
	dir->ops->close(dir, file);
	return (result);
}

void
walscan_fini(struct wal *wal)
{
	free(wal->frames);
	memset(wal, 0, sizeof(*wal));
}
