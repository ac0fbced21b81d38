/*
 * Changes of members, and nodes that come back with an old disk.
 */
#ifndef TESTS_SIM_MEMBERS_H
#define TESTS_SIM_MEMBERS_H

#include <stdint.h>

#include "proto/peer.h"

struct node;
struct sim;

/* Asks a leader for a change, by chance. */
void members_change(struct sim *);
/* The node as a member. */
void members_fill(struct peer_member *, const struct node *, uint8_t suffrage);
/* A node's disk is copied, or an earlier copy comes back in its place. */
void members_old_disk(struct sim *);

#endif
