/*
 * What a simulated node is to take in, in order of arrival.
 */
#ifndef TESTS_SIM_INBOX_H
#define TESTS_SIM_INBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/sched.h"

enum input_kind {
	INPUT_MESSAGE,
	INPUT_OPENED,
	INPUT_CLOSED,
	INPUT_TICK,
	INPUT_PROPOSE, /* number: of the operation */
	INPUT_READ,
	INPUT_APPLIED, /* number: index; chain */
	INPUT_IMAGE, /* a snapshot has arrived: packet */
	INPUT_IMAGE_LOST,
	INPUT_IMAGE_SENT, /* leader: peer has it (number 1) or not */
	INPUT_BASE, /* the state machine is durable up to number */
	INPUT_TRANSFER, /* leadership, to node number */
	INPUT_ADD, /* peer, as number */
	INPUT_REMOVE, /* node number */
	INPUT_PROMOTE
};

struct input {
	enum input_kind kind;
	uint8_t peer; /* slot */
	uint64_t number;
	uint64_t chain;
	struct packet *packet;
};

struct inbox {
	struct input *ring;
	uint32_t head, count, cap;
};

void inbox_push(struct inbox *, struct input);
/* Puts back what was just popped. */
void inbox_push_front(struct inbox *, struct input);
/* The oldest; false if there is none. */
bool inbox_pop(struct inbox *, struct input *);
/* Drops all. */
void inbox_clear(struct inbox *);

#endif
