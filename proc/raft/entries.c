/*
 * Entries in memory: see entries.h.  All of it is ours; the bytes are what http
 * sent (decoded before), or what the log has verified.
 */
#include "proc/raft/entries.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "common/log.h"

#define CHUNK_SIZE (256 * KIB)
#define ALONE_SIZE (64 * KIB) /* what is larger gets a chunk to itself */

struct entries_chunk {
	uint32_t refs; /* entries, and one for being `current` */
	size_t size, used;
	uint8_t data[];
};

static struct entries_chunk *
chunk_new(size_t size)
{
	struct entries_chunk *chunk = malloc(sizeof(*chunk) + size);

	if (chunk == NULL)
		fatal("malloc");
	chunk->refs = 1;
	chunk->size = size;
	chunk->used = 0;
	return (chunk);
}

static void
chunk_unref(struct entries *entries, struct entries_chunk *chunk)
{
	assert(chunk->refs > 0);
	if (--chunk->refs > 0)
		return;
	if (chunk->size == CHUNK_SIZE && entries->spare == NULL)
		entries->spare = chunk;
	else
		free(chunk);
}

/* Makes `current` one with room for so many bytes. */
static void
next_chunk(struct entries *entries, size_t len)
{
	struct entries_chunk *chunk = entries->current;

	if (chunk != NULL && chunk->refs == 1)
		chunk->used = 0; /* nobody needs what is in it */
	if (chunk != NULL && chunk->size - chunk->used >= len)
		return;
	if (chunk != NULL)
		chunk_unref(entries, chunk);
	chunk = entries->spare;
	entries->spare = NULL;
	if (chunk == NULL)
		chunk = chunk_new(CHUNK_SIZE);
	chunk->refs = 1;
	chunk->used = 0;
	entries->current = chunk;
}

uint8_t *
entries_alloc(struct entries *entries, size_t len, void **owner)
{
	struct entries_chunk *chunk;
	uint8_t *data;

	if (len > ALONE_SIZE) {
		chunk = chunk_new(len);
		*owner = chunk;
		return (chunk->data);
	}
	next_chunk(entries, len);
	chunk = entries->current;
	chunk->refs++;
	data = chunk->data + chunk->used;
	chunk->used += len;
	*owner = chunk;
	return (data);
}

void
entries_release(struct entries *entries, void *owner)
{
	if (owner != NULL)
		chunk_unref(entries, owner);
}

/* ---- what the core asks ---- */

static void
hold(void *arg, struct peer_entry *entry)
{
	uint8_t *data;

	if (entry->len == 0)
		return;
	data = entries_alloc(arg, entry->len, &entry->owner);
	memcpy(data, entry->data, entry->len);
	entry->data = data;
}

static void
release(void *arg, struct peer_entry *entry)
{
	entries_release(arg, entry->owner);
	entry->owner = NULL;
}

static uint64_t
term_of(void *arg, uint64_t index)
{
	const struct entries *entries = arg;

	return (log_term(entries->log, index));
}

struct reading {
	struct entries *entries;
	struct peer_entry *out;
	uint32_t count, cap;
	size_t bytes, bytes_max;
};

static void
note_view(struct entries *entries, struct entries_chunk *chunk)
{
	entries->views = list_grow(
	    entries->views, entries->nviews, &entries->views_cap, sizeof(*entries->views));
	entries->views[entries->nviews++] = chunk;
}

static bool
read_one(void *arg, const struct log_entry *entry)
{
	struct reading *reading = arg;
	struct peer_entry *out;

	if (reading->count == reading->cap || reading->bytes > reading->bytes_max)
		return (false);
	out = &reading->out[reading->count++];
	*out = (struct peer_entry){ .term = entry->term,
		.data = entry->data,
		.len = (uint32_t)entry->len,
		.type = entry->type };
	hold(reading->entries, out);
	if (out->owner != NULL)
		note_view(reading->entries, out->owner);
	reading->bytes += entry->len;
	return (true);
}

static uint32_t
read_log(void *arg, uint64_t first, uint32_t cap, size_t bytes, struct peer_entry *out)
{
	struct entries *entries = arg;
	struct reading reading = { entries, out, 0, cap, 0, bytes };
	struct error error;

	if (first < log_first(entries->log) || first > log_last(entries->log))
		return (0);
	if (log_read(entries->log, first, read_one, &reading, &error) == -1) {
		log_warnx("%s", error.text);
		return (0);
	}
	return (reading.count);
}

struct core_ops
entries_ops(struct entries *entries)
{
	return ((struct core_ops){ entries, hold, release, term_of, read_log });
}

void
entries_drop_views(struct entries *entries)
{
	while (entries->nviews > 0)
		chunk_unref(entries, entries->views[--entries->nviews]);
}

struct noting {
	struct core_start *start;
	uint64_t bad; /* an entry that does not decode, 0: none */
};

static bool
note_one(void *arg, const struct log_entry *entry)
{
	struct noting *noting = arg;

	if (entry->index > noting->start->base &&
	    core_start_note(noting->start, entry->index, entry->type, entry->data, entry->len) != 0)
		noting->bad = entry->index;
	return (noting->bad == 0);
}

int
entries_note_members(struct log *log, struct core_start *start, struct error *error)
{
	struct noting noting = { start, 0 };

	if (log_read(log, log_first(log), note_one, &noting, error) == -1)
		return (-1);
	if (noting.bad != 0)
		return (error_set(error,
		    "raft log: entry %" PRIu64 " should name the members and does not: restore "
		    "this node from a backup; if other nodes have the data, remove its data "
		    "directory and let it join again",
		    noting.bad));
	return (0);
}

void
entries_fini(struct entries *entries)
{
	entries_drop_views(entries);
	if (entries->current != NULL)
		chunk_unref(entries, entries->current);
	free(entries->spare);
	free(entries->views);
	memset(entries, 0, sizeof(*entries));
}
