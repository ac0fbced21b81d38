/*
 * A binary heap of events: see sched.h.
 */
#include "tests/sim/sched.h"

#include <stdlib.h>
#include <string.h>

void
sched_init(struct sched *sched)
{
	memset(sched, 0, sizeof(*sched));
}

void
sched_fini(struct sched *sched)
{
	size_t i;

	for (i = 0; i < sched->count; i++)
		packet_unref(sched->heap[i].packet);
	free(sched->heap);
	sched_init(sched);
}

static bool
before(const struct event *a, const struct event *b)
{
	return (a->at < b->at || (a->at == b->at && a->order < b->order));
}

void
sched_add(struct sched *sched, struct event event, int64_t delay)
{
	size_t i = sched->count++;

	if (i == sched->cap) {
		sched->cap = sched->cap == 0 ? 256 : sched->cap * 2;
		sched->heap = realloc(sched->heap, sched->cap * sizeof(event));
		if (sched->heap == NULL)
			abort();
	}
	event.at = sched->now + delay;
	event.order = sched->order++;
	while (i > 0 && before(&event, &sched->heap[(i - 1) / 2])) {
		sched->heap[i] = sched->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	sched->heap[i] = event;
}

bool
sched_next(struct sched *sched, struct event *event)
{
	struct event *heap = sched->heap, last;
	size_t i = 0;

	if (sched->count == 0)
		return (false);
	*event = heap[0];
	last = heap[--sched->count];
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= sched->count)
			break;
		if (child + 1 < sched->count && before(&heap[child + 1], &heap[child]))
			child++;
		if (before(&last, &heap[child]))
			break;
		heap[i] = heap[child];
		i = child;
	}
	if (sched->count > 0)
		heap[i] = last;
	sched->now = event->at;
	return (true);
}

struct packet *
packet_new(const void *data, size_t len)
{
	struct packet *packet = malloc(sizeof(*packet) + len);

	if (packet == NULL)
		abort();
	packet->refs = 1;
	packet->len = (uint32_t)len;
	packet->number = 0;
	if (len > 0)
		memcpy(packet->data, data, len);
	return (packet);
}

void
packet_unref(struct packet *packet)
{
	if (packet != NULL && --packet->refs == 0)
		free(packet);
}
