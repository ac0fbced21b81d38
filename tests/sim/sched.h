/*
 * The scheduler: events in order of simulated time, ties in order of arrival.
 * Nothing else moves a simulation, so a seed fixes it whole.
 */
#ifndef TESTS_SIM_SCHED_H
#define TESTS_SIM_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_kind {
	EVENT_TICK, /* a node's clock */
	EVENT_DELIVER, /* a packet arrives */
	EVENT_CLOSED, /* a node hears that its connection to a peer ended */
	EVENT_OPENED, /* or began */
	EVENT_RUN, /* a node's loop goes on: its disk is done, or input waited */
	EVENT_APPLY, /* a node's database takes a batch */
	EVENT_SNAPSHOT, /* an image has arrived whole */
	EVENT_CLIENT, /* a client acts */
	EVENT_RESTART, /* a node starts */
	EVENT_NEMESIS, /* something breaks, or heals */
	EVENT__COUNT
};

/* What a message is made of while it travels; shared by its duplicates. */
struct packet {
	uint32_t refs;
	uint32_t len;
	uint64_t number; /* for the trace */
	uint8_t data[];
};

struct event {
	int64_t at; /* us */
	uint64_t order;
	enum event_kind kind;
	uint8_t node; /* whom it concerns */
	uint8_t peer; /* the other one */
	uint32_t epoch; /* of the node's life or the connection: later ones ignore it */
	struct packet *packet;
};

struct sched {
	int64_t now; /* us */
	uint64_t order;
	struct event *heap;
	size_t count, cap;
};

void sched_init(struct sched *);
void sched_fini(struct sched *);
/* The event's time is `delay` us from now; its packet is taken over. */
void sched_add(struct sched *, struct event, int64_t delay);
/* Takes the next one and moves the clock to it. False: none left. */
bool sched_next(struct sched *, struct event *);

struct packet *packet_new(const void *, size_t);
void packet_unref(struct packet *);

#endif
