/*
 * The simulated network.  Two tempers, chosen per seed: connections (in order,
 * nothing lost but by a closed connection, as TCP) and chaos (each message lost,
 * doubled, delayed and overtaken by itself).  Either can be cut in one direction
 * or both, and a connection can close while both ends live.
 */
#ifndef TESTS_SIM_NET_H
#define TESTS_SIM_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/rng.h"
#include "tests/sim/sched.h"

#define NET_NODES 10

struct net {
	struct rng rng;
	struct sched *sched;
	int64_t delay_us;
	int64_t jitter_us;
	uint32_t loss_ppm;
	uint32_t copy_ppm;
	uint32_t late_ppm; /* so many arrive up to 100 times later */
	bool ordered;
	bool cut[NET_NODES][NET_NODES];
	uint32_t epoch[NET_NODES][NET_NODES];
	int64_t last_arrival[NET_NODES][NET_NODES];
	uint64_t packets;
	uint64_t sent, lost, copied;
};

void net_init(struct net *, struct sched *, uint64_t seed);
/* Takes the packet over. */
void net_send(struct net *, unsigned from, unsigned to, struct packet *);
/* Whether a packet that arrives now still has a connection. */
bool net_arrives(const struct net *, const struct event *);
/* Ends the connection: what travels on it is gone, both ends hear of it. */
void net_close(struct net *, unsigned a, unsigned b);
/* A node came up: both hear of their new connection. */
void net_open(struct net *, unsigned a, unsigned b);
/* A node died: all its connections end, the others hear of it if they can. */
void net_node_died(struct net *, unsigned node);
void net_cut(struct net *, unsigned from, unsigned to, bool cut);
void net_heal(struct net *);

#endif
