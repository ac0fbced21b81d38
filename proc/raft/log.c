/*
 * The log at work: building batches, writing and flushing them, reading entries
 * back, cutting and dropping.  See log.h.
 */
#include "proc/raft/log.h"

#include <errno.h>
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

	if (index > log->last)
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
	log->runs = log_grow(log->runs, log->nruns, &log->runs_cap, sizeof(*log->runs));
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

	log->places = log_grow(log->places, log->nplaces, &log->places_cap, sizeof(*log->places));
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

bool
log_is_building(const struct log *log)
{
	return (log->building);
}

size_t
log_building_bytes(const struct log *log)
{
	return (log->building ? log->batch.len : 0);
}

void
log_add(struct log *log, uint64_t term, uint8_t type, const struct iovec *parts, int count)
{
	uint32_t length = 0;
	int i;

	for (i = 0; i < count; i++)
		length += (uint32_t)parts[i].iov_len;
	buf_add_u32(&log->batch, length);
	buf_add_u8(&log->batch, type);
	buf_add_u64(&log->batch, term);
	for (i = 0; i < count; i++)
		buf_add(&log->batch, parts[i].iov_base, parts[i].iov_len);
	log->count++;
}

static void
finish_head(struct log *log, const struct segment *segment)
{
	struct batch_head head = { .magic = BATCH_MAGIC, .version = LOG_FORMAT_VERSION };

	head.salt = segment->salt;
	head.sequence = log->batch_sequence + 1;
	head.first = log->last + 1;
	head.count = log->count;
	head.length = (uint32_t)(log->batch.len - sizeof(head));
	head.before_crc = log->batch_crc;
	head.synced = log->synced;
	head.payload_crc = crc32c(0, log->batch.data + sizeof(head), head.length);
	head.crc = crc32c(0, &head, offsetof(struct batch_head, crc));
	memcpy(log->batch.data, &head, sizeof(head));
}

/* The segment to write to has room for the batch; a new one is begun if not. */
static int
make_room(struct log *log, size_t bytes)
{
	struct segment *segment = log->nsegments > 0 ? &log->segments[log->nsegments - 1] : NULL;

	if (segment != NULL && segment->size - segment->end >= to_block(bytes))
		return (0);
	return (segment_start(log, LOG_BLOCK + to_block(bytes), log->last + 1, false));
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

int
log_write_batch(struct log *log, const struct segment *segment)
{
	finish_head(log, segment);
	return (file_write(log->dir, segment->file, log->batch.data, log->batch.len,
	    (off_t)segment->end));
}

void
log_note_written(struct log *log, struct segment *segment)
{
	struct batch_head head;
	struct place place;

	memcpy(&head, log->batch.data, sizeof(head));
	place = (struct place){ head.first, head.first + head.count - 1, segment->sequence, segment->end,
		head.sequence, head.length, head.payload_crc, head.before_crc };
	log_note_batch(log, &place, log->batch.data + sizeof(head));
	segment->end += to_block(log->batch.len);
	log->bytes += log->batch.len;
	log->batch_sequence = head.sequence;
	log->batch_crc = head.payload_crc;
	log->synced = log->last;
}

int
log_commit(struct log *log)
{
	struct segment *segment;

	log->building = false;
	if (log->count == 0)
		return (0);
	if (make_room(log, log->batch.len) == -1)
		return (-1);
	segment = &log->segments[log->nsegments - 1];
	if (log_write_batch(log, segment) == -1)
		return (-1);
	if (log->dir->ops->sync(log->dir, segment->file) == -1)
		fatal("raft log: sync");
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
	if (segment_start(log, 0, index, false) == -1)
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
	while (log->nsegments > 1)
		segments_remove_front(log);
	log_forget_all(log, index + 1, term);
	return (0);
}

void
log_drop_before(struct log *log, uint64_t index)
{
	size_t gone = 0;

	/* A segment may go when the next one begins at or before the index. */
	while (log->nsegments > 1 && log->segments[1].first <= index)
		segments_remove_front(log);
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

int
log_read(struct log *log, uint64_t first, bool (*each)(void *, const struct log_entry *), void *arg,
    struct error *error)
{
	struct buf data = BUF_INIT;
	size_t i;
	int result = 0;

	for (i = find_place(log, first); i < log->nplaces; i++) {
		const struct place *place = &log->places[i];
		const struct segment *segment = find_segment(log, place->sequence);
		size_t size = sizeof(struct batch_head) + place->length;
		struct batch_head head;

		buf_reset(&data, 16 * MIB);
		if (segment == NULL || file_read(log->dir, segment->file, buf_reserve(&data, size), size,
					   (off_t)place->offset) == -1) {
			result = error_set_errno(error, "raft log: reading segment %016llx at %llu",
			    (unsigned long long)place->sequence, (unsigned long long)place->offset);
			break;
		}
		memcpy(&head, data.data, sizeof(head));
		if (head.crc != crc32c(0, &head, offsetof(struct batch_head, crc)) ||
		    head.payload_crc != crc32c(0, data.data + sizeof(head), place->length)) {
			result = error_set(error,
			    "raft log: segment %016llx is damaged at offset %llu: what was written there "
			    "can not be read back",
			    (unsigned long long)place->sequence, (unsigned long long)place->offset);
			break;
		}
		if (!read_batch(place, data.data + sizeof(head), first, each, arg))
			break;
	}
	buf_fini(&data);
	return (result);
}

void
log_close(struct log *log)
{
	while (log->nsegments > 0)
		segment_free_last(log);
	if (log->spare != -1)
		log->dir->ops->close(log->dir, log->spare);
	free(log->segments);
	free(log->places);
	free(log->runs);
	buf_fini(&log->batch);
	free(log);
}
