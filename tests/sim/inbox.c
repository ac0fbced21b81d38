/*
 * The inbox of a simulated node: see inbox.h.
 */
#include "tests/sim/inbox.h"

#include <stdlib.h>

void
inbox_push(struct inbox *inbox, struct input input)
{
	uint32_t i;

	if (inbox->count == inbox->cap) {
		uint32_t cap = inbox->cap == 0 ? 64 : inbox->cap * 2;
		struct input *ring = malloc(cap * sizeof(*ring));

		if (ring == NULL)
			abort();
		for (i = 0; i < inbox->count; i++)
			ring[i] = inbox->ring[(inbox->head + i) % inbox->cap];
		free(inbox->ring);
		inbox->ring = ring;
		inbox->cap = cap;
		inbox->head = 0;
	}
	inbox->ring[(inbox->head + inbox->count++) % inbox->cap] = input;
}

/* Only of what was just popped: there is room. */
void
inbox_push_front(struct inbox *inbox, struct input input)
{
	inbox->head = (inbox->head + inbox->cap - 1) % inbox->cap;
	inbox->ring[inbox->head] = input;
	inbox->count++;
}

bool
inbox_pop(struct inbox *inbox, struct input *input)
{
	if (inbox->count == 0)
		return (false);
	*input = inbox->ring[inbox->head];
	inbox->head = (inbox->head + 1) % inbox->cap;
	inbox->count--;
	return (true);
}

void
inbox_clear(struct inbox *inbox)
{
	struct input input;

	while (inbox_pop(inbox, &input))
		packet_unref(input.packet);
}
