/*
 * Segment files: made ahead of need (zero-filled, flushed, named spare), put in
 * place by a rename, dropped when nothing needs them.  A batch that is larger
 * than a segment, or is written again at open, gets a file of its own size.
 */
#include <sys/random.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "common/log.h"
#include "proc/raft/log_private.h"

#ifndef O_DIRECT
#define O_DIRECT 0 /* a system without it has O_DSYNC, which is what counts */
#endif

#define SPARE "spare-0.seg"
#define OWN "spare-1.seg" /* of its batch's size */
#define PIECE (1 * MIB)

void
segment_name(uint64_t sequence, char out[24])
{
	(void)snprintf(out, 24, "%016llx.seg", (unsigned long long)sequence);
}

/* A piece of the spare becomes zeros, so that later writes change no metadata. */
static int
fill(struct log *log, int file, uint64_t from, uint64_t to)
{
	static _Alignas(LOG_BLOCK) const uint8_t zeros[64 * KIB];
	struct iovec iov[PIECE / sizeof(zeros)];
	uint64_t at;
	int count = 0;

	for (at = from; at < to; at += iov[count++].iov_len) {
		iov[count].iov_base = (void *)(uintptr_t)zeros;
		iov[count].iov_len = to - at < sizeof(zeros) ? (size_t)(to - at) : sizeof(zeros);
	}
	return (file_writev(log->dir, file, iov, count, (off_t)from));
}

/* Past the page cache, which would be copied to for nothing; if that can't be done, through it. */
static int
fill_spare(struct log *log, uint64_t to)
{
	int direct = log->dir->ops->open(log->dir, SPARE, O_WRONLY | O_DIRECT);
	int result = -1;

	if (direct != -1) {
		result = fill(log, direct, log->spare_done, to);
		log->dir->ops->close(log->dir, direct);
	}
	return (result == 0 ? 0 : fill(log, log->spare, log->spare_done, to));
}

static void
spare_forget(struct log *log)
{
	log->spare = -1;
	log->spare_ready = false;
	log->spare_done = 0;
}

static void
spare_give_up(struct log *log)
{
	if (log->spare != -1)
		log->dir->ops->close(log->dir, log->spare);
	(void)log->dir->ops->unlink(log->dir, SPARE);
	spare_forget(log);
}

/* The file is -1 if there is none.  What can't be opened, a link say, is removed. */
static int
open_spare(struct log *log, const char *name, int *file, struct error *error)
{
	*file = log->dir->ops->open(log->dir, name, O_RDWR);
	if (*file == -1 && errno != ENOENT && log->dir->ops->unlink(log->dir, name) == -1 &&
	    errno != ENOENT)
		return (error_set_errno(
		    error, "raft log: raft/%s is in the place of a file of the log", name));
	return (0);
}

int
segment_find_spare(struct log *log, struct error *error)
{
	int own;

	if (open_spare(log, OWN, &own, error) == -1 ||
	    open_spare(log, SPARE, &log->spare, error) == -1)
		return (-1);
	if (own != -1)
		log->dir->ops->close(log->dir, own);
	if (log->spare == -1)
		return (0);
	if (log->dir->ops->size(log->dir, log->spare) != (off_t)log->config.segment_size) {
		spare_give_up(log);
		return (0);
	}
	log->spare_done = log->config.segment_size;
	log->spare_ready = true;
	return (0);
}

bool
log_prepare(struct log *log)
{
	uint64_t to;

	if (log->spare_ready)
		return (false);
	if (log->spare == -1) {
		log->spare = log->dir->ops->open(log->dir, SPARE, O_RDWR | O_CREAT | O_TRUNC);
		log->spare_done = 0;
		if (log->spare == -1)
			return (false);
	}
	to = log->spare_done + PIECE;
	if (to > log->config.segment_size)
		to = log->config.segment_size;
	if (fill_spare(log, to) == -1) {
		int error = errno;

		spare_give_up(log);
		errno = error;
		return (false);
	}
	log->spare_done = to;
	/* Flushed piece by piece: one long flush would hold everything up. */
	if (log->dir->ops->sync(log->dir, log->spare) == -1)
		fatal_sync("raft log: sync of %s", SPARE);
	log->spare_ready = to == log->config.segment_size;
	return (!log->spare_ready);
}

static int
write_head(struct log *log, const struct segment *segment)
{
	uint8_t block[LOG_BLOCK] = { 0 };
	struct segment_head head = { .version = LOG_FORMAT_VERSION };

	memcpy(head.magic, SEGMENT_MAGIC, sizeof(head.magic));
	memcpy(head.instance, log->config.instance, sizeof(head.instance));
	head.sequence = segment->sequence;
	head.salt = segment->salt;
	head.first = segment->first;
	head.fresh = segment->fresh;
	head.before_term = segment->before_term;
	head.before_batch = segment->before_batch;
	head.before_crc = segment->before_crc;
	head.crc = crc32c(0, &head, offsetof(struct segment_head, crc));
	memcpy(block, &head, sizeof(head));
	return (file_write(log->dir, segment->file, block, sizeof(block), 0));
}

/*
 * The file, so far named `name`, becomes the segment: whole and flushed before it
 * has its name.  -1 with errno: it still has the old one.
 */
static int
put_in_place(struct log *log, struct segment *segment, const char *name, bool filled)
{
	char own[24];

	segment->sequence = log->nsegments > 0 ? log->segments[log->nsegments - 1].sequence + 1 : 1;
	segment->end = LOG_BLOCK;
	segment->before_crc = log->batch_crc;
	segment->before_batch = log->batch_sequence;
	if (getrandom(&segment->salt, sizeof(segment->salt), 0) != sizeof(segment->salt))
		fatal("getrandom");
	if (write_head(log, segment) == -1 || (filled && log_write_batch(log, segment) == -1))
		return (-1);
	if (log->dir->ops->sync(log->dir, segment->file) == -1)
		fatal_sync("raft log: sync of a new segment");
	segment_name(segment->sequence, own);
	if (log->dir->ops->rename(log->dir, name, own) == -1)
		return (-1);
	if (log->dir->ops->sync_dir(log->dir) == -1)
		fatal_sync("raft log: sync of the directory");
	return (0);
}

void
segment_add(struct log *log, const struct segment *segment)
{
	log->segments = realloc(log->segments, (log->nsegments + 1) * sizeof(*segment));
	if (log->segments == NULL)
		fatal("realloc");
	log->segments[log->nsegments++] = *segment;
}

/* The spare, finished if need be, becomes the segment. */
static int
start_spare(struct log *log, struct segment *segment)
{
	int error;

	while (!log->spare_ready)
		if (!log_prepare(log) && !log->spare_ready)
			return (-1);
	segment->size = log->config.segment_size;
	segment->file = log->spare;
	if (put_in_place(log, segment, SPARE, false) == -1) {
		error = errno;
		spare_give_up(log);
		errno = error;
		return (-1);
	}
	spare_forget(log);
	segment_add(log, segment);
	return (0);
}

int
segment_open_direct(struct log *log, const struct segment *segment)
{
	char name[24];

	if (log->direct_of == segment->sequence)
		return (log->direct);
	segment_close_direct(log);
	segment_name(segment->sequence, name);
	log->direct = log->dir->ops->open(log->dir, name, O_WRONLY | O_DSYNC | O_DIRECT);
	log->direct_of = segment->sequence;
	return (log->direct);
}

void
segment_close_direct(struct log *log)
{
	if (log->direct != -1)
		log->dir->ops->close(log->dir, log->direct);
	log->direct = -1;
}

int
segment_start(struct log *log, uint64_t first)
{
	struct segment segment = { .first = first, .before_term = log_term(log, first - 1) };

	return (start_spare(log, &segment));
}

int
segment_start_fresh(struct log *log, uint64_t first, uint64_t before_term)
{
	struct segment segment = { .first = first, .before_term = before_term, .fresh = true };

	return (start_spare(log, &segment));
}

int
segment_start_filled(struct log *log)
{
	struct segment segment = { .first = log->last + 1,
		.before_term = log_term(log, log->last) };
	int error;

	segment.size = LOG_BLOCK + log->batch.len;
	segment.file = log->dir->ops->open(log->dir, OWN, O_RDWR | O_CREAT | O_TRUNC);
	if (segment.file == -1)
		return (-1);
	if (put_in_place(log, &segment, OWN, true) == -1) {
		error = errno;
		log->dir->ops->close(log->dir, segment.file);
		(void)log->dir->ops->unlink(log->dir, OWN);
		errno = error;
		return (-1);
	}
	segment_add(log, &segment);
	log_note_written(log, &log->segments[log->nsegments - 1]);
	return (0);
}

/* Not a torn write: a segment is flushed before it has its name. */
static int
check_head(
    const struct log *log, const struct segment_head *head, uint64_t sequence, struct error *error)
{
	char name[24];

	segment_name(sequence, name);
	if (memcmp(head->magic, SEGMENT_MAGIC, sizeof(head->magic)) != 0 ||
	    head->crc != crc32c(0, head, offsetof(struct segment_head, crc)))
		return (error_set(error,
		    "raft log: %s is damaged at offset 0 (its header): " LOG_WHAT_TO_DO, name));
	if (head->version != LOG_FORMAT_VERSION)
		return (
		    error_set(error, "raft log: %s has format version %u, this program reads %u",
			name, head->version, LOG_FORMAT_VERSION));
	if (memcmp(head->instance, log->config.instance, sizeof(head->instance)) != 0)
		return (error_set(error, "raft log: %s belongs to another node", name));
	if (head->sequence != sequence)
		return (
		    error_set(error, "raft log: %s was another file (%016llx.seg): " LOG_WHAT_TO_DO,
			name, (unsigned long long)head->sequence));
	if (head->first == 0 || head->first > LOG_INDEX_MAX)
		return (error_set(error,
		    "raft log: %s is damaged at offset 0 (its first index): " LOG_WHAT_TO_DO,
		    name));
	return (0);
}

static int
read_head(struct log *log, struct segment *segment, struct segment_head *head, struct error *error)
{
	off_t size = log->dir->ops->size(log->dir, segment->file);
	char name[24];

	segment_name(segment->sequence, name);
	if (size == -1)
		return (error_set_errno(error, "raft log: the size of %s", name));
	if (size < LOG_BLOCK)
		return (error_set(error,
		    "raft log: %s is damaged (too short to be a segment): " LOG_WHAT_TO_DO, name));
	if (file_read(log->dir, segment->file, head, sizeof(*head), 0) == -1)
		return (error_set_errno(error, "raft log: reading %s at offset 0", name));
	segment->size = (uint64_t)size;
	return (check_head(log, head, segment->sequence, error));
}

int
segment_open(struct log *log, uint64_t sequence, struct segment *segment, struct error *error)
{
	struct segment_head head;
	char name[24];

	segment_name(sequence, name);
	segment->sequence = sequence;
	segment->file = log->dir->ops->open(log->dir, name, O_RDWR);
	if (segment->file == -1)
		return (error_set_errno(error, "raft log: open %s", name));
	if (read_head(log, segment, &head, error) == -1) {
		log->dir->ops->close(log->dir, segment->file);
		return (-1);
	}
	segment->salt = head.salt;
	segment->first = head.first;
	segment->fresh = head.fresh != 0;
	segment->before_term = head.before_term;
	segment->before_batch = head.before_batch;
	segment->before_crc = head.before_crc;
	segment->end = LOG_BLOCK;
	return (0);
}

void
segment_free_last(struct log *log)
{
	log->dir->ops->close(log->dir, log->segments[--log->nsegments].file);
}

/* Its blocks are on the disk already: as a spare it needs no filling, its new salt voids them. */
static bool
recycle(struct log *log, const struct segment *segment, const char *name)
{
	if (log->spare_ready || segment->size != log->config.segment_size)
		return (false);
	spare_give_up(log);
	if (log->dir->ops->rename(log->dir, name, SPARE) == -1)
		return (false);
	/* Its new header must never be found under its old name. */
	if (log->dir->ops->sync_dir(log->dir) == -1)
		fatal_sync("raft log: sync of the directory");
	log->spare = segment->file;
	log->spare_done = segment->size;
	log->spare_ready = true;
	return (true);
}

void
segment_trim(struct log *log, size_t i)
{
	struct segment *segment = &log->segments[i];

	/* No batch follows what was found in it; if it stays as long as it is, no harm is done. */
	if (segment->end < segment->size &&
	    log->dir->ops->truncate(log->dir, segment->file, (off_t)segment->end) == 0)
		segment->size = segment->end;
}

bool
segment_remove(struct log *log, size_t i)
{
	char name[24];

	segment_name(log->segments[i].sequence, name);
	if (!recycle(log, &log->segments[i], name)) {
		if (log->dir->ops->unlink(log->dir, name) == -1) {
			log_warn("raft log: unlink %s", name);
			return (false);
		}
		log->dir->ops->close(log->dir, log->segments[i].file);
	}
	log->nsegments--;
	memmove(&log->segments[i], &log->segments[i + 1],
	    (log->nsegments - i) * sizeof(log->segments[0]));
	return (true);
}
