/*
 * Opening the log: reading every segment, judging where it ends, and whether
 * that end is a torn tail or damage.
 *
 * The scan stops at the first batch that does not verify.  It is damage if a
 * later batch of the log verifies (each is written only after the one before
 * was flushed), or if a witness says that more had been on the disk.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "common/log.h"
#include "proc/raft/log_private.h"

#define WHAT_TO_DO                                                                              \
	"restore this node from a backup; if other nodes have the data, remove its data "     \
	"directory and let it join again"

struct names {
	uint64_t *sequences;
	size_t count, cap;
};

static void
on_name(void *arg, const char *name)
{
	struct names *names = arg;
	unsigned long long sequence;
	char tail[8];

	if (strlen(name) != 20 || sscanf(name, "%16llx%7s", &sequence, tail) != 2 ||
	    strcmp(tail, ".seg") != 0)
		return;
	names->sequences = log_grow(names->sequences, names->count, &names->cap, sizeof(uint64_t));
	names->sequences[names->count++] = sequence;
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y ? -1 : x > y);
}

/* Whether a batch head stands at the offset, and its payload, by itself, verifies. */
static bool
batch_at(struct log *log, const struct segment *segment, uint64_t offset, struct batch_head *head,
    struct buf *payload)
{
	if (offset + sizeof(*head) > segment->size ||
	    file_read(log->dir, segment->file, head, sizeof(*head), (off_t)offset) == -1)
		return (false);
	if (head->magic != BATCH_MAGIC || head->version != LOG_FORMAT_VERSION ||
	    head->salt != segment->salt ||
	    head->crc != crc32c(0, head, offsetof(struct batch_head, crc)) ||
	    head->length > segment->size - offset - sizeof(*head))
		return (false);
	buf_reset(payload, 16 * MIB);
	if (file_read(log->dir, segment->file, buf_reserve(payload, head->length), head->length,
		(off_t)(offset + sizeof(*head))) == -1)
		return (false);
	buf_advance(payload, head->length);
	return (head->payload_crc == crc32c(0, payload->data, head->length));
}

/* Whether the entries fill the payload exactly: the checksum is right, so this is ours. */
static bool
entries_fit(const struct batch_head *head, const struct buf *payload)
{
	const uint8_t *pos = payload->data;
	size_t left = payload->len;
	uint32_t i;

	for (i = 0; i < head->count; i++) {
		uint32_t length;

		if (left < ENTRY_HEAD)
			return (false);
		memcpy(&length, pos, sizeof(length));
		if (length > left - ENTRY_HEAD)
			return (false);
		pos += ENTRY_HEAD + length;
		left -= ENTRY_HEAD + length;
	}
	return (left == 0 && head->count > 0);
}

static bool
follows(const struct log *log, const struct batch_head *head)
{
	return (head->sequence == log->batch_sequence + 1 && head->before_crc == log->batch_crc &&
	    head->first == log->last + 1);
}

static void
scan_segment(struct log *log, struct segment *segment)
{
	struct buf payload = BUF_INIT;
	struct batch_head head;

	while (batch_at(log, segment, segment->end, &head, &payload) && follows(log, &head) &&
	    entries_fit(&head, &payload)) {
		struct place place = { head.first, head.first + head.count - 1, segment->sequence,
			segment->end, head.sequence, head.length, head.payload_crc, head.before_crc };

		if (log->synced < head.synced)
			log->synced = head.synced;
		log_note_batch(log, &place, payload.data);
		log->batch_sequence = head.sequence;
		log->batch_crc = head.payload_crc;
		log->bytes += sizeof(head) + head.length;
		segment->end += to_block(sizeof(head) + head.length);
	}
	buf_fini(&payload);
}

/* A valid batch of this segment, later than the last good one, somewhere behind the end. */
static bool
later_batch(struct log *log, const struct segment *segment, uint64_t from)
{
	struct buf payload = BUF_INIT;
	struct batch_head head;
	bool found = false;
	uint64_t offset;

	for (offset = from; offset < segment->size && !found; offset += LOG_BLOCK)
		found = batch_at(log, segment, offset, &head, &payload) &&
		    head.sequence > log->batch_sequence + 1;
	buf_fini(&payload);
	return (found);
}

static int
damaged(const struct segment *segment, const char *proof, struct error *error)
{
	char name[24];

	segment_name(segment->sequence, name);
	return (error_set(error, "raft log: %s is damaged at offset %" PRIu64 " (%s): " WHAT_TO_DO, name,
	    segment->end, proof));
}

static int
judge_end(struct log *log, struct error *error)
{
	const struct segment *segment = &log->segments[log->nsegments - 1];

	if (later_batch(log, segment, segment->end + LOG_BLOCK))
		return (damaged(segment, "a later batch is whole", error));
	if (log->config.witness > log->last)
		return (damaged(segment, "the database has applied entries beyond it", error));
	if (log->config.vote_synced > log->last)
		return (damaged(segment, "the vote file knows of entries beyond it", error));
	return (0);
}

/*
 * The batch a segment follows: the last one, or the one before if the segment
 * holds the last one written again.
 */
static bool
go_back_to(struct log *log, const struct segment *segment)
{
	const struct place *last = log->nplaces > 0 ? &log->places[log->nplaces - 1] : NULL;

	if (segment->before_batch == log->batch_sequence)
		return (segment->before_crc == log->batch_crc);
	if (last == NULL || last->batch != segment->before_batch + 1 ||
	    last->before_crc != segment->before_crc || last->first != segment->first)
		return (false);
	log->batch_sequence = segment->before_batch;
	log->batch_crc = segment->before_crc;
	return (true);
}

/* A segment begins where the one before ends, or cuts it: then that one's tail is void. */
static int
join_segment(struct log *log, const struct segment *segment, struct error *error)
{
	if (log->nsegments == 0 || segment->fresh) {
		log_forget_all(log, segment->first, segment->before_term);
		log->batch_sequence = segment->before_batch;
		log->batch_crc = segment->before_crc;
		return (0);
	}
	if (!go_back_to(log, segment) || segment->first > log->last + 1)
		return (damaged(&log->segments[log->nsegments - 1], "the next segment goes on elsewhere",
		    error));
	if (segment->first <= log->last)
		log_forget_from(log, segment->first);
	return (0);
}

/* A death after the log began anew may have left what was before. */
static void
remove_void(struct log *log)
{
	size_t i, fresh = 0;

	for (i = 0; i < log->nsegments; i++)
		if (log->segments[i].fresh)
			fresh = i;
	while (fresh-- > 0)
		segments_remove_front(log);
}

static int
scan_all(struct log *log, const struct names *names, struct error *error)
{
	size_t i;

	for (i = 0; i < names->count; i++) {
		struct segment segment;

		if (segment_open(log, names->sequences[i], &segment, error) == -1)
			return (-1);
		if (i > 0 && names->sequences[i] != names->sequences[i - 1] + 1) {
			log->dir->ops->close(log->dir, segment.file);
			return (error_set(error, "raft log: segment %016" PRIx64 " is missing: " WHAT_TO_DO,
			    names->sequences[i - 1] + 1));
		}
		if (join_segment(log, &segment, error) == -1) {
			log->dir->ops->close(log->dir, segment.file);
			return (-1);
		}
		scan_segment(log, &segment);
		log->segments = realloc(log->segments, (log->nsegments + 1) * sizeof(segment));
		if (log->segments == NULL)
			fatal("realloc");
		log->segments[log->nsegments++] = segment;
	}
	if (log->nsegments > 0 && judge_end(log, error) == -1)
		return (-1);
	remove_void(log);
	return (0);
}

int
log_scan(struct log *log, struct error *error)
{
	struct names names = { NULL, 0, 0 };
	int result;

	if (log->dir->ops->list(log->dir, on_name, &names) == -1)
		return (error_set_errno(error, "raft log: reading the directory"));
	if (names.count > 0)
		qsort(names.sequences, names.count, sizeof(uint64_t), compare);
	if (names.count == 0 && log->config.witness > 0)
		result = error_set(error, "raft log: all segments are missing, but the database has applied "
					  "entries: " WHAT_TO_DO);
	else
		result = scan_all(log, &names, error);
	free(names.sequences);
	return (result);
}

struct copy {
	struct log *log;
};

static bool
copy_entry(void *arg, const struct log_entry *entry)
{
	struct copy *copy = arg;
	struct iovec part = { (void *)(uintptr_t)entry->data, entry->len };

	log_add(copy->log, entry->term, entry->type, &part, 1);
	return (true);
}

/*
 * The last batch may be in the page cache only (killed between write and flush),
 * or clean in memory and not on the disk (a flush that failed).  It is written
 * again, into a new segment, and flushed, before anybody hears of it.  The
 * segment gets its name when the batch is in it: a name without it would cut a
 * batch that may have been acknowledged.
 *
 * A last segment without a batch proves that all before it was flushed.
 */
int
log_rewrite_last(struct log *log, struct error *error)
{
	struct copy copy = { log };
	struct place last;

	/* Names may be in memory only, and no file may be written to that could have an older one. */
	if (log->dir->ops->sync_dir(log->dir) == -1)
		fatal("raft log: sync of the directory");
	if (log->nplaces == 0 || log->segments[log->nsegments - 1].end == LOG_BLOCK)
		return (0);
	last = log->places[log->nplaces - 1];
	log_begin(log);
	if (log_read(log, last.first, copy_entry, &copy, error) == -1)
		return (-1);
	log->building = false;
	/* The new segment follows the batch before: this one may never have reached the disk. */
	log->batch_sequence = last.batch - 1;
	log->batch_crc = last.before_crc;
	log_forget_from(log, last.first);
	if (segment_start(log, LOG_BLOCK + to_block(log->batch.len), last.first, true) == -1)
		return (error_set_errno(error, "raft log: writing the last batch again"));
	return (0);
}

struct log *
log_open(struct file_dir *dir, const struct log_config *config, struct error *error)
{
	struct log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		fatal("calloc");
	log->dir = dir;
	log->config = *config;
	if (log->config.segment_size == 0)
		log->config.segment_size = LOG_SEGMENT_SIZE;
	log->spare = -1;
	log->first = 1;
	if (log_scan(log, error) == -1 || log_rewrite_last(log, error) == -1) {
		log_close(log);
		return (NULL);
	}
	return (log);
}
