/*
 * The log at work: building batches, writing and flushing them, reading entries
 * back, cutting and dropping.  See log.h.
 */
#include "proc/raft/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "common/log.h"
#include "proc/raft/log_private.h"

uint64_t
log_first(const struct log *log)
{
	return (log->first);
}

uint64_t
log_last(const struct log *log)
{
	return (log->last);
}

uint64_t
log_bytes(const struct log *log)
{
	return (log->bytes);
}

uint64_t
log_term(const struct log *log, uint64_t index)
{
	size_t i;

	if (index > log->last || index + 1 < log->first)
		return (0);
	for (i = log->nruns; i > 0; i--)
		if (log->runs[i - 1].first <= index)
			return (log->runs[i - 1].term);
	return (0);
}

static void
note_term(struct log *log, uint64_t index, uint64_t term)
{
	if (log->nruns > 0 && log->runs[log->nruns - 1].term == term)
		return;
	log->runs = list_grow(log->runs, log->nruns, &log->runs_cap, sizeof(*log->runs));
	log->runs[log->nruns++] = (struct term_run){ index, term };
}

static uint64_t
entry_term(const uint8_t *entry)
{
	uint64_t term;

	memcpy(&term, entry + 5, sizeof(term));
	return (term);
}

static uint32_t
entry_length(const uint8_t *entry)
{
	uint32_t length;

	memcpy(&length, entry, sizeof(length));
	return (length);
}

void
log_note_batch(struct log *log, const struct place *place, const uint8_t *payload)
{
	uint64_t index;

	log->places = list_grow(log->places, log->nplaces, &log->places_cap, sizeof(*log->places));
	log->places[log->nplaces++] = *place;
	for (index = place->first; index <= place->last; index++) {
		note_term(log, index, entry_term(payload));
		payload += ENTRY_HEAD + entry_length(payload);
	}
	if (log->nplaces == 1)
		log->first = place->first;
	log->last = place->last;
}

void
log_forget_from(struct log *log, uint64_t index)
{
	while (log->nplaces > 0 && log->places[log->nplaces - 1].first >= index)
		log->nplaces--;
	/* The batch that straddles keeps its front. */
	if (log->nplaces > 0 && log->places[log->nplaces - 1].last >= index)
		log->places[log->nplaces - 1].last = index - 1;
	while (log->nruns > 0 && log->runs[log->nruns - 1].first >= index)
		log->nruns--;
	if (index <= log->last)
		log->last = index - 1;
	if (log->synced > log->last)
		log->synced = log->last;
}

/* ---- appending ---- */

void
log_begin(struct log *log)
{
	buf_reset(&log->batch, 16 * MIB);
	memset(buf_reserve(&log->batch, sizeof(struct batch_head)), 0, sizeof(struct batch_head));
	buf_advance(&log->batch, sizeof(struct batch_head));
	log->count = 0;
	log->building = true;
}

size_t
log_building_bytes(const struct log *log)
{
	return (log->building ? log->batch.len : 0);
}

void
log_add(struct log *log, uint64_t term, uint8_t type, const struct iovec *parts, int count)
{
	size_t length = 0;
	int i;

	assert(log->building);
	for (i = 0; i < count; i++)
		length += parts[i].iov_len;
	assert(length < UINT32_MAX - ENTRY_HEAD - log->batch.len);
	buf_add_u32(&log->batch, (uint32_t)length);
	buf_add_u8(&log->batch, type);
	buf_add_u64(&log->batch, term);
	for (i = 0; i < count; i++)
		buf_add(&log->batch, parts[i].iov_base, parts[i].iov_len);
	log->count++;
}

/* Whole blocks are written: a part of one would have to be read from the disk first. */
static void
pad(struct log *log)
{
	size_t n = to_block(log->batch.len) - log->batch.len;

	log->payload = log->batch.len - sizeof(struct batch_head);
	memset(buf_reserve(&log->batch, n), 0, n);
	buf_advance(&log->batch, n);
}

static void
finish_head(struct log *log, const struct segment *segment)
{
	struct batch_head head = { .magic = BATCH_MAGIC, .version = LOG_FORMAT_VERSION };

	head.salt = segment->salt;
	head.sequence = log->batch_sequence + 1;
	head.first = log->last + 1;
	head.count = log->count;
	head.length = (uint32_t)log->payload;
	head.before_crc = log->batch_crc;
	head.synced = log->synced;
	head.payload_crc = crc32c(0, log->batch.data + sizeof(head), head.length);
	head.crc = crc32c(0, &head, offsetof(struct batch_head, crc));
	memcpy(log->batch.data, &head, sizeof(head));
}

bool
log_has_room(struct log *log, size_t bytes)
{
	const struct segment *segment =
	    log->nsegments > 0 ? &log->segments[log->nsegments - 1] : NULL;
	uint64_t need = LOG_BLOCK + to_block(bytes + sizeof(struct batch_head));

	if (segment != NULL && segment->size - segment->end >= need)
		return (true);
	if (log->spare_ready && need <= log->config.segment_size)
		return (true);
	if (need < log->config.segment_size)
		need = log->config.segment_size;
	return (log->dir->ops->free_space(log->dir) > (int64_t)(2 * need));
}

static int
write_batch(struct log *log, const struct segment *segment)
{
	return (file_write(
	    log->dir, segment->file, log->batch.data, log->batch.len, (off_t)segment->end));
}

int
log_write_batch(struct log *log, const struct segment *segment)
{
	finish_head(log, segment);
	return (write_batch(log, segment));
}

void
log_note_written(struct log *log, struct segment *segment)
{
	struct batch_head head;
	struct place place;

	memcpy(&head, log->batch.data, sizeof(head));
	place = (struct place){ head.first, head.first + head.count - 1, segment->sequence,
		segment->end, head.sequence, head.length, head.payload_crc, head.before_crc };
	log_note_batch(log, &place, log->batch.data + sizeof(head));
	segment->end += log->batch.len;
	log->bytes += log->batch.len;
	log->batch_sequence = head.sequence;
	log->batch_crc = head.payload_crc;
	log->synced = log->last;
}

/* The segment to write to, a new one if that has no room. */
static struct segment *
find_room(struct log *log)
{
	struct segment *segment = log->nsegments > 0 ? &log->segments[log->nsegments - 1] : NULL;

	if (segment != NULL && segment->size - segment->end >= log->batch.len)
		return (segment);
	if (segment_start(log, log->last + 1) == -1)
		return (NULL);
	return (&log->segments[log->nsegments - 1]);
}

/*
 * Most batches are a block or two.  They are written and flushed by one call, past
 * the page cache, which is faster than a write and a flush.  False: not done, be it
 * that the file system can't do it or that it failed; the ordinary way is tried then,
 * and what that says counts.
 */
static bool
write_direct(struct log *log, const struct segment *segment)
{
	int file;

	if (log->batch.len > LOG_DIRECT_MAX)
		return (false);
	file = segment_open_direct(log, segment);
	if (file == -1)
		return (false);
	memcpy(log->aligned, log->batch.data, log->batch.len);
	if (file_write(log->dir, file, log->aligned, log->batch.len, (off_t)segment->end) == 0)
		return (true);
	segment_close_direct(log);
	return (false);
}

int
log_commit(struct log *log)
{
	struct segment *segment;

	log->building = false;
	if (log->count == 0)
		return (0);
	pad(log);
	if (log->batch.len > log->config.segment_size - LOG_BLOCK)
		return (segment_start_filled(log));
	segment = find_room(log);
	if (segment == NULL)
		return (-1);
	finish_head(log, segment);
	if (!write_direct(log, segment)) {
		if (write_batch(log, segment) == -1)
			return (-1);
		if (log->dir->ops->sync(log->dir, segment->file) == -1)
			fatal_sync("raft log: sync");
	}
	log_note_written(log, segment);
	return (0);
}

/* One batch's entries from `first` on; false when the callback had enough. */
static bool
read_batch(const struct place *place, const uint8_t *payload, uint64_t first,
    bool (*each)(void *, const struct log_entry *), void *arg)
{
	struct log_entry entry = { .index = place->first };

	for (; entry.index <= place->last; entry.index++) {
		entry.term = entry_term(payload);
		entry.type = payload[4];
		entry.data = payload + ENTRY_HEAD;
		entry.len = entry_length(payload);
		payload += ENTRY_HEAD + entry.len;
		if (entry.index >= first && !each(arg, &entry))
			return (false);
	}
	return (true);
}

void
log_read_batch(const struct log *log, bool (*each)(void *, const struct log_entry *), void *arg)
{
	assert(!log->building);
	if (log->nplaces > 0 && log->batch.len > sizeof(struct batch_head))
		(void)read_batch(&log->places[log->nplaces - 1],
		    log->batch.data + sizeof(struct batch_head), 0, each, arg);
}

uint64_t
log_tail(const struct log *log, size_t bytes)
{
	size_t i, sum = 0;

	for (i = log->nplaces; i > 0; i--) {
		sum += to_block(sizeof(struct batch_head) + log->places[i - 1].length);
		if (sum > bytes)
			return (log->places[i - 1].first);
	}
	return (log->first);
}

uint64_t
log_file_bytes(const struct log *log)
{
	uint64_t sum = log->spare_done;
	size_t i;

	for (i = 0; i < log->nsegments; i++)
		sum += log->segments[i].size;
	return (sum);
}

/* ---- cutting and dropping ---- */

int
log_cut(struct log *log, uint64_t index)
{
	if (index > log->last)
		return (0);
	if (segment_start(log, index) == -1)
		return (-1);
	log_forget_from(log, index);
	return (0);
}

void
log_forget_all(struct log *log, uint64_t first, uint64_t before_term)
{
	log->nplaces = log->nruns = 0;
	log->first = first;
	log->last = log->synced = first - 1;
	if (before_term > 0)
		note_term(log, first - 1, before_term);
}

int
log_reset(struct log *log, uint64_t index, uint64_t term)
{
	if (segment_start_fresh(log, index + 1, term) == -1)
		return (-1);
	/* In order, none left out: what stays is void, and goes when the log is opened. */
	while (log->nsegments > 1 && segment_remove(log, 0))
		continue;
	log_forget_all(log, index + 1, term);
	return (0);
}

/* A segment may go when the next one begins at or before the index. */
bool
log_can_drop(const struct log *log, uint64_t index)
{
	return (log->nsegments > 1 && log->segments[1].first <= index);
}

void
log_drop_before(struct log *log, uint64_t index)
{
	size_t gone = 0;

	while (log_can_drop(log, index) && segment_remove(log, 0))
		continue;
	while (gone < log->nplaces && log->nsegments > 0 &&
	       log->places[gone].sequence < log->segments[0].sequence)
		gone++;
	if (gone == 0)
		return;
	log->nplaces -= gone;
	memmove(log->places, log->places + gone, log->nplaces * sizeof(*log->places));
	log->first = log->nplaces > 0 ? log->places[0].first : log->last + 1;
	/* Of terms, the run that covers the entry before the first stays. */
	for (gone = 0; gone + 1 < log->nruns && log->runs[gone + 1].first < log->first; gone++)
		continue;
	log->nruns -= gone;
	memmove(log->runs, log->runs + gone, log->nruns * sizeof(*log->runs));
}

/* ---- reading ---- */

static const struct segment *
find_segment(const struct log *log, uint64_t sequence)
{
	size_t i;

	for (i = 0; i < log->nsegments; i++)
		if (log->segments[i].sequence == sequence)
			return (&log->segments[i]);
	return (NULL);
}

static size_t
find_place(const struct log *log, uint64_t index)
{
	size_t low = 0, high = log->nplaces;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (log->places[middle].last < index)
			low = middle + 1;
		else
			high = middle;
	}
	return (low);
}

/* A batch as it was written; -1 if the disk gives something else. */
static int
read_place(struct log *log, const struct place *place, struct buf *data, struct error *error)
{
	const struct segment *segment = find_segment(log, place->sequence);
	size_t size = sizeof(struct batch_head) + place->length;
	struct batch_head head;
	char name[24];

	assert(segment != NULL);
	segment_name(place->sequence, name);
	buf_reset(data, 16 * MIB);
	if (file_read(
		log->dir, segment->file, buf_reserve(data, size), size, (off_t)place->offset) == -1)
		return (error_set_errno(
		    error, "raft log: reading %s at offset %" PRIu64, name, place->offset));
	memcpy(&head, data->data, sizeof(head));
	if (head.crc != crc32c(0, &head, offsetof(struct batch_head, crc)) ||
	    head.payload_crc != place->crc ||
	    place->crc != crc32c(0, data->data + sizeof(head), place->length))
		return (error_set(error,
		    "raft log: %s is damaged at offset %" PRIu64
		    " (what was written there can not be read back): " LOG_WHAT_TO_DO,
		    name, place->offset));
	return (0);
}

int
log_read(struct log *log, uint64_t first, bool (*each)(void *, const struct log_entry *), void *arg,
    struct error *error)
{
	struct buf data = BUF_INIT;
	int result = 0;
	size_t i;

	if (first < log->first)
		return (error_set(error,
		    "raft log: entry %" PRIu64 " is asked for, but the log begins at %" PRIu64,
		    first, log->first));
	for (i = find_place(log, first); i < log->nplaces && result == 0; i++) {
		result = read_place(log, &log->places[i], &data, error);
		if (result == 0 && !read_batch(&log->places[i],
				       data.data + sizeof(struct batch_head), first, each, arg))
			break;
	}
	buf_fini(&data);
	return (result);
}

/* ---- opening ---- */

static bool
copy_entry(void *arg, const struct log_entry *entry)
{
	struct iovec part = { (void *)(uintptr_t)entry->data, entry->len };

	log_add(arg, entry->term, entry->type, &part, 1);
	return (true);
}

/*
 * Where a new segment might find no place: the same bytes at the same place, which no
 * torn write can make worse, nor need space.
 */
static int
rewrite_in_place(struct log *log, const struct place *place, struct error *error)
{
	const struct segment *segment = find_segment(log, place->sequence);
	struct buf data = BUF_INIT;
	int result = read_place(log, place, &data, error);

	if (result == 0 &&
	    file_write(log->dir, segment->file, data.data,
		sizeof(struct batch_head) + place->length, (off_t)place->offset) == -1)
		result = error_set_errno(error, "raft log: writing the last batch again");
	if (result == 0 && log->dir->ops->sync(log->dir, segment->file) == -1)
		fatal_sync("raft log: sync of the last batch");
	buf_fini(&data);
	return (result);
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
static int
rewrite_last(struct log *log, struct error *error)
{
	struct place last;
	bool alone;

	/* Names may be in memory only, and no file may be written to that could have an older one. */
	if (log->dir->ops->sync_dir(log->dir) == -1)
		fatal_sync("raft log: sync of the directory");
	if (log->nplaces == 0 || log->segments[log->nsegments - 1].end == LOG_BLOCK)
		return (0);
	last = log->places[log->nplaces - 1];
	if (log->dir->ops->free_space(log->dir) < (int64_t)(2 * log->config.segment_size))
		return (rewrite_in_place(log, &last, error));
	alone = last.offset == LOG_BLOCK;
	log_begin(log);
	if (log_read(log, last.first, copy_entry, log, error) == -1)
		return (-1);
	log->building = false;
	pad(log);
	/* The new segment follows the batch before: this one may never have reached the disk. */
	log->batch_sequence = last.batch - 1;
	log->batch_crc = last.before_crc;
	log_forget_from(log, last.first);
	if (segment_start_filled(log) == -1)
		return (error_set_errno(error, "raft log: writing the last batch again"));
	/* Lives in which nothing is written leave nothing behind, others what they wrote. */
	if (alone)
		(void)segment_remove(log, log->nsegments - 2);
	else
		segment_trim(log, log->nsegments - 2);
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
	assert(log->config.segment_size % LOG_BLOCK == 0 && log->config.segment_size > LOG_BLOCK);
	log->spare = log->direct = -1;
	log->aligned = aligned_alloc(LOG_BLOCK, LOG_DIRECT_MAX);
	if (log->aligned == NULL)
		fatal("aligned_alloc");
	log->first = 1;
	if (segment_find_spare(log, error) == -1 || log_scan(log, error) == -1 ||
	    rewrite_last(log, error) == -1) {
		log_close(log);
		return (NULL);
	}
	return (log);
}

void
log_close(struct log *log)
{
	while (log->nsegments > 0)
		segment_free_last(log);
	segment_close_direct(log);
	if (log->spare != -1)
		log->dir->ops->close(log->dir, log->spare);
	free(log->aligned);
	free(log->segments);
	free(log->places);
	free(log->runs);
	buf_fini(&log->batch);
	free(log);
}
