/*
 * Who breaks things: kills, partitions, full disks, slow ones, clocks that jump.
 */
#ifndef TESTS_SIM_NEMESIS_H
#define TESTS_SIM_NEMESIS_H

struct node;
struct sim;

void nemesis_init(struct sim *);
/* One fault, or the end of one. */
void nemesis_act(struct sim *);
/* All that was broken works again, nodes come back. */
void nemesis_heal(struct sim *);
/* A leader has just changed the members: a good moment for trouble. */
void nemesis_on_change(struct sim *, struct node *);
/* A node that died before is about to start. */
void nemesis_on_start(struct sim *, struct node *);
/* A machine fault stopped the node: when it comes back. */
void nemesis_schedule_restart(struct sim *, struct node *);

#endif
