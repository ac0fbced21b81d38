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

struct names {
	uint64_t *sequences;
	size_t count, cap;
};

/* NNNNNNNNNNNNNNNN.seg, as we write it; all else in the directory is not ours. */
static void
on_name(void *arg, const char *name)
{
	struct names *names = arg;
	uint64_t sequence = 0;
	char again[24];
	int i;

	for (i = 0; i < 16; i++) {
		const char *digits = "0123456789abcdef";
		const char *digit = name[i] != '\0' ? strchr(digits, name[i]) : NULL;

		if (digit == NULL)
			return;
		sequence = sequence << 4 | (uint64_t)(digit - digits);
	}
	segment_name(sequence, again);
	if (strcmp(name, again) != 0)
		return;
	names->sequences = list_grow(names->sequences, names->count, &names->cap, sizeof(uint64_t));
	names->sequences[names->count++] = sequence;
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y ? -1 : x > y);
}

struct scan {
	struct log *log;
	const struct segment *segment;
	struct batch_head head; /* of the batch looked at */
	struct buf payload;
	struct error *error;
};

/* -1: the disk does not read; that is neither a torn tail nor a proof of anything. */
static int
scan_read(struct scan *scan, void *data, size_t size, uint64_t offset)
{
	char name[24];

	if (file_read(scan->log->dir, scan->segment->file, data, size, (off_t)offset) == 0)
		return (0);
	segment_name(scan->segment->sequence, name);
	return (
	    error_set_errno(scan->error, "raft log: reading %s at offset %" PRIu64, name, offset));
}

/* 1 if a batch stands at the offset that, by itself, verifies; 0 if not; -1 and the error. */
static int
batch_at(struct scan *scan, uint64_t offset)
{
	const struct segment *segment = scan->segment;
	struct batch_head *head = &scan->head;

	if (offset + sizeof(*head) > segment->size)
		return (0);
	if (scan_read(scan, head, sizeof(*head), offset) == -1)
		return (-1);
	if (head->magic != BATCH_MAGIC || head->version != LOG_FORMAT_VERSION ||
	    head->salt != segment->salt ||
	    head->crc != crc32c(0, head, offsetof(struct batch_head, crc)) ||
	    head->length > segment->size - offset - sizeof(*head))
		return (0);
	buf_reset(&scan->payload, 16 * MIB);
	if (scan_read(scan, buf_reserve(&scan->payload, head->length), head->length,
		offset + sizeof(*head)) == -1)
		return (-1);
	buf_advance(&scan->payload, head->length);
	return (head->payload_crc == crc32c(0, scan->payload.data, head->length));
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

static int
scan_segment(struct log *log, struct segment *segment, struct error *error)
{
	struct scan scan = { .log = log, .segment = segment, .payload = BUF_INIT, .error = error };
	const struct batch_head *head = &scan.head;
	int found;

	while ((found = batch_at(&scan, segment->end)) == 1 && follows(log, head) &&
	       entries_fit(head, &scan.payload)) {
		struct place place = { head->first, head->first + head->count - 1,
			segment->sequence, segment->end, head->sequence, head->length,
			head->payload_crc, head->before_crc };

		log_note_batch(log, &place, scan.payload.data);
		log->batch_sequence = head->sequence;
		log->batch_crc = head->payload_crc;
		log->synced = head->synced;
		log->bytes += to_block(sizeof(*head) + head->length);
		segment->end += to_block(sizeof(*head) + head->length);
	}
	buf_fini(&scan.payload);
	return (found == -1 ? -1 : 0);
}

/* 1 if a valid batch of the segment, later than the last good one, is somewhere behind the end. */
static int
later_batch(struct log *log, const struct segment *segment, struct error *error)
{
	struct scan scan = { .log = log, .segment = segment, .payload = BUF_INIT, .error = error };
	uint64_t offset;
	int found = 0;

	for (offset = segment->end + LOG_BLOCK; offset < segment->size && found == 0;
	     offset += LOG_BLOCK) {
		found = batch_at(&scan, offset);
		if (found == 1 && scan.head.sequence <= log->batch_sequence + 1)
			found = 0;
	}
	buf_fini(&scan.payload);
	return (found);
}

static int
damaged(const struct segment *segment, const char *proof, struct error *error)
{
	char name[24];

	segment_name(segment->sequence, name);
	return (
	    error_set(error, "raft log: %s is damaged at offset %" PRIu64 " (%s): " LOG_WHAT_TO_DO,
		name, segment->end, proof));
}

static int
judge_end(struct log *log, struct error *error)
{
	const struct segment *segment = &log->segments[log->nsegments - 1];

	int later = later_batch(log, segment, error);

	if (later == -1)
		return (-1);
	if (later == 1)
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

/*
 * A segment begins where the one before ends, or cuts it: then that one's tail is
 * void.  The chain of batches tells whether one is missing in between; numbers do
 * not, since one whose only batch was written again is removed.
 */
static int
join_segment(struct log *log, const struct segment *segment, struct error *error)
{
	const struct segment *before;

	if (log->nsegments == 0 || segment->fresh) {
		log_forget_all(log, segment->first, segment->before_term);
		log->batch_sequence = segment->before_batch;
		log->batch_crc = segment->before_crc;
		return (0);
	}
	before = &log->segments[log->nsegments - 1];
	if (!go_back_to(log, segment) || segment->first > log->last + 1) {
		if (segment->sequence != before->sequence + 1)
			return (error_set(error,
			    "raft log: %016" PRIx64 ".seg is missing: " LOG_WHAT_TO_DO,
			    before->sequence + 1));
		return (damaged(before, "the next segment goes on elsewhere", error));
	}
	if (segment->first < log->first)
		log_forget_all(log, segment->first, segment->before_term);
	else if (segment->first <= log->last)
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
	while (fresh-- > 0 && segment_remove(log, 0))
		continue;
}

static int
scan_all(struct log *log, const struct names *names, struct error *error)
{
	size_t i;

	for (i = 0; i < names->count; i++) {
		struct segment segment;

		if (segment_open(log, names->sequences[i], &segment, error) == -1)
			return (-1);
		if (join_segment(log, &segment, error) == -1 ||
		    scan_segment(log, &segment, error) == -1) {
			log->dir->ops->close(log->dir, segment.file);
			return (-1);
		}
		segment_add(log, &segment);
	}
	if (log->nsegments > 0 && judge_end(log, error) == -1)
		return (-1);
	remove_void(log);
	return (0);
}

static int
scan_names(struct log *log, const struct names *names, struct error *error)
{
	uint64_t known = log->config.witness > log->config.vote_synced ? log->config.witness
								       : log->config.vote_synced;

	if (names->count == 0 && known > 0)
		return (error_set(error,
		    "raft log: all segments are missing, but there were entries up to %" PRIu64
		    ": " LOG_WHAT_TO_DO,
		    known));
	if (scan_all(log, names, error) == -1)
		return (-1);
	if (log->config.witness > 0 && log->config.witness + 1 < log->first)
		return (error_set(error,
		    "raft log: it begins at entry %" PRIu64 ", but the database is at %" PRIu64
		    ", segments are missing: " LOG_WHAT_TO_DO,
		    log->first, log->config.witness));
	return (0);
}

int
log_scan(struct log *log, struct error *error)
{
	struct names names = { NULL, 0, 0 };
	int result;

	if (log->dir->ops->list(log->dir, on_name, &names) == -1) {
		result = error_set_errno(error, "raft log: reading the directory");
	} else {
		if (names.count > 0)
			qsort(names.sequences, names.count, sizeof(uint64_t), compare);
		result = scan_names(log, &names, error);
	}
	free(names.sequences);
	return (result);
}
