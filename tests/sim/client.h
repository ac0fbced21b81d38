/*
 * Clients, and what they were promised: operations that wait for their answers.
 */
#ifndef TESTS_SIM_CLIENT_H
#define TESTS_SIM_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/rng.h"
#include "tests/sim/sim_limits.h"

struct node;
struct sim;

enum op_state { OP_NONE, OP_SENT, OP_CONFIRMED, OP_DONE };

/* A client's operation. */
struct op {
	uint64_t id;
	enum op_state state;
	bool read;
	uint8_t node;
	uint32_t life; /* of the node: an answer of a later one is not for us */
	uint64_t floor; /* what was acknowledged before it began */
	uint64_t index; /* a read's */
	uint64_t key, value;
};

struct clients {
	struct rng rng;
	struct op ops[SIM_OPS];
	uint64_t next;
	uint64_t acknowledged; /* highest index that any client knows of */
	uint64_t writes, reads; /* done */
};

void client_init(struct sim *);
/* The client begins an operation at a node of its choice. */
void client_act(struct sim *, unsigned client);
/* The node takes in what was sent to it: a write, a read. */
void client_propose(struct sim *, struct node *, uint64_t op);
void client_read(struct sim *, struct node *, uint64_t op);
/* The core has answered: readable at this index, 0 if nothing is known. */
void client_read_confirmed(struct sim *, struct node *, uint64_t op, uint64_t index);
/* Whether a client waits for the operation at this node. */
bool client_waits(struct sim *, const struct node *, uint64_t op);
/* The node has applied an entry, or a batch. */
void client_applied(struct sim *, struct node *, uint64_t op, uint64_t index);
/* Answers the reads that waited for what the node has now applied. */
void client_reads_due(struct sim *, struct node *);

#endif
