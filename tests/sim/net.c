/*
 * The simulated network: see net.h.
 */
#include "tests/sim/net.h"

#include <string.h>

#include "tests/sim/sim_limits.h"

void
net_init(struct net *net, struct sched *sched, uint64_t seed)
{
	memset(net, 0, sizeof(*net));
	rng_init(&net->rng, seed, STREAM_NET);
	net->sched = sched;
	net->delay_us = 500;
	net->jitter_us = 500;
}

static int64_t
delay_of(struct net *net)
{
	int64_t delay = net->delay_us + (int64_t)rng_below(&net->rng, (uint64_t)net->jitter_us + 1);

	if (rng_chance(&net->rng, net->late_ppm))
		delay += (int64_t)rng_below(&net->rng, (uint64_t)delay * 100);
	return (delay);
}

static void
transmit(struct net *net, unsigned from, unsigned to, struct packet *packet)
{
	struct event event = { .kind = EVENT_DELIVER,
		.node = (uint8_t)to,
		.peer = (uint8_t)from,
		.epoch = net->epoch[from][to],
		.packet = packet };
	int64_t delay = delay_of(net);

	if (net->ordered) {
		if (net->sched->now + delay < net->last_arrival[from][to])
			delay = net->last_arrival[from][to] - net->sched->now;
		net->last_arrival[from][to] = net->sched->now + delay;
	}
	sched_add(net->sched, event, delay);
}

void
net_send(struct net *net, unsigned from, unsigned to, struct packet *packet)
{
	packet->number = ++net->packets;
	net->sent++;
	if (net->cut[from][to] || (!net->ordered && rng_chance(&net->rng, net->loss_ppm))) {
		net->lost++;
		packet_unref(packet);
		return;
	}
	if (!net->ordered && rng_chance(&net->rng, net->copy_ppm)) {
		packet->refs++;
		net->copied++;
		transmit(net, from, to, packet);
	}
	transmit(net, from, to, packet);
}

bool
net_arrives(const struct net *net, const struct event *event)
{
	return (!net->cut[event->peer][event->node] &&
		event->epoch == net->epoch[event->peer][event->node]);
}

/* One end hears of the end of a connection, if its network lets it. */
static void
hears_close(struct net *net, unsigned node, unsigned peer)
{
	struct event event = { .kind = EVENT_CLOSED, .node = (uint8_t)node, .peer = (uint8_t)peer };

	if (!net->cut[peer][node])
		sched_add(net->sched, event, delay_of(net));
}

void
net_close(struct net *net, unsigned a, unsigned b)
{
	net->epoch[a][b]++;
	net->epoch[b][a]++;
	hears_close(net, a, b);
	hears_close(net, b, a);
}

void
net_open(struct net *net, unsigned a, unsigned b)
{
	struct event event = { .kind = EVENT_OPENED, .node = (uint8_t)a, .peer = (uint8_t)b };

	if (net->cut[a][b] || net->cut[b][a])
		return;
	sched_add(net->sched, event, delay_of(net));
	event.node = (uint8_t)b;
	event.peer = (uint8_t)a;
	sched_add(net->sched, event, delay_of(net));
}

void
net_node_died(struct net *net, unsigned node)
{
	unsigned peer;

	for (peer = 0; peer < NET_NODES; peer++) {
		if (peer == node)
			continue;
		net->epoch[peer][node]++;
		/* What the dead had sent may still arrive: packets of a chaotic network do. */
		if (net->ordered)
			net->epoch[node][peer]++;
		hears_close(net, peer, node);
	}
}

void
net_cut(struct net *net, unsigned from, unsigned to, bool cut)
{
	net->cut[from][to] = cut;
}

void
net_heal(struct net *net)
{
	memset(net->cut, 0, sizeof(net->cut));
	net->loss_ppm = net->copy_ppm = net->late_ppm = 0;
}
