/*
 * What a simulated node does with its inputs, and with what its core decided.
 */
#ifndef TESTS_SIM_NODE_INPUT_H
#define TESTS_SIM_NODE_INPUT_H

struct input;
struct node;
struct sim;

/* Takes an input in; its packet is consumed. */
void node_handle(struct sim *, struct node *, struct input *);
/* After a step of the core is durable: applying, reads, events. */
void node_finish(struct sim *, struct node *);
/* Drops the snapshots that were pinned for peers. */
void node_forget_images(struct node *);

#endif
