/*
 * What the consensus core costs, without disk and network: CPU on the leader for
 * each committed entry, steps (inputs and outputs taken) per second of all cores
 * together, messages and bytes for each committed entry.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proc/raft/core/core.h"

#define NODES_MAX 5
#define PAYLOAD 100
#define REPLIES_MAX 64

struct node {
	struct core *core;
	uint64_t applied;
};

struct bench {
	struct node nodes[NODES_MAX + 1];
	uint32_t count;
	struct peer_message replies[REPLIES_MAX];
	uint32_t nreplies;
	uint64_t leader_ns, steps, messages, bytes;
	struct buf frame;
};

static uint8_t payload[PAYLOAD];

static void
op_hold(void *arg, struct peer_entry *entry)
{
}

static void
op_release(void *arg, struct peer_entry *entry)
{
}

static uint64_t
op_term(void *arg, uint64_t index)
{
	abort(); /* all that is asked for is in the window or at its edge */
}

static uint32_t
op_read(void *arg, uint64_t first, uint32_t cap, size_t bytes, struct peer_entry *out)
{
	abort();
}

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return ((uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec);
}

static void
count_message(struct bench *bench, const struct peer_message *m)
{
	bench->messages++;
	buf_reset(&bench->frame, SIZE_MAX);
	peer_encode(&bench->frame, m);
	bench->bytes += buf_size(&bench->frame);
}

static void drive(struct bench *, struct node *);

/* A follower gets a message at once; its answers wait for the leader to be done. */
static void
pass_on(struct bench *bench, const struct peer_message *m)
{
	count_message(bench, m);
	if (m->to == 1) {
		assert(bench->nreplies < REPLIES_MAX);
		bench->replies[bench->nreplies++] = *m;
		return;
	}
	core_receive(bench->nodes[m->to].core, m);
	bench->steps++;
	drive(bench, &bench->nodes[m->to]);
}

static bool
take(struct bench *bench, struct node *node, struct core_ready *ready, uint64_t *spent)
{
	uint64_t start = now_ns();
	bool any = core_ready(node->core, ready);

	*spent += now_ns() - start;
	bench->steps++;
	return (any);
}

static void
drive(struct bench *bench, struct node *node)
{
	struct core_ready ready;
	uint64_t spent = 0, start;
	uint32_t i;

	while (take(bench, node, &ready, &spent)) {
		for (i = 0; i < ready.nmessages; i++)
			pass_on(bench, &ready.messages[i]);
		start = now_ns();
		if (ready.first <= ready.last)
			core_persisted(
			    node->core, ready.last, core_term_at(node->core, ready.last));
		if (ready.apply > node->applied) {
			node->applied = ready.apply;
			core_applied(node->core, node->applied, node->applied);
		}
		spent += now_ns() - start;
		bench->steps += 2;
	}
	if (node == &bench->nodes[1])
		bench->leader_ns += spent;
}

static void
answer_leader(struct bench *bench)
{
	uint64_t start;
	uint32_t i;

	while (bench->nreplies > 0) {
		start = now_ns();
		for (i = 0; i < bench->nreplies; i++)
			core_receive(bench->nodes[1].core, &bench->replies[i]);
		bench->leader_ns += now_ns() - start;
		bench->steps += bench->nreplies;
		bench->nreplies = 0;
		drive(bench, &bench->nodes[1]);
	}
}

static void
found(struct bench *bench, uint32_t count)
{
	static struct peer_configuration members;
	static struct core_start start;
	uint32_t id;

	memset(bench, 0, sizeof(*bench));
	memset(&members, 0, sizeof(members));
	bench->count = members.count = count;
	for (id = 1; id <= count; id++) {
		members.members[id - 1].id = id;
		members.members[id - 1].suffrage = PEER_VOTER;
	}
	for (id = 1; id <= count; id++) {
		struct core_config config = {
			.id = id, .seed = id, .ops = { NULL, op_hold, op_release, op_term, op_read }
		};

		bench->nodes[id].core = core_new(&config, &start);
		assert(bench->nodes[id].core != NULL);
		if (core_bootstrap(bench->nodes[id].core, &members) != CORE_OK)
			abort();
		drive(bench, &bench->nodes[id]);
	}
	core_tick(bench->nodes[1].core, core_deadline(bench->nodes[1].core));
	drive(bench, &bench->nodes[1]);
	answer_leader(bench);
}

static void
commit_batch(struct bench *bench, uint32_t batch)
{
	uint64_t index = 0, start = now_ns();
	uint32_t i;

	for (i = 0; i < batch; i++) {
		struct peer_entry entry = {
			.type = PEER_ENTRY_COMMAND, .data = payload, .len = PAYLOAD
		};

		if (core_propose(bench->nodes[1].core, &entry, &index) != CORE_OK)
			abort();
	}
	bench->leader_ns += now_ns() - start;
	bench->steps += batch;
	drive(bench, &bench->nodes[1]);
	answer_leader(bench);
	assert(bench->nodes[1].applied == index);
}

static void
run(uint32_t count, uint32_t batch, uint64_t entries)
{
	static struct bench bench;
	uint64_t done, start;
	double seconds;
	uint32_t id;

	found(&bench, count);
	bench.leader_ns = bench.steps = bench.messages = bench.bytes = 0;
	start = now_ns();
	for (done = 0; done < entries; done += batch)
		commit_batch(&bench, batch);
	seconds = (double)(now_ns() - start) / 1e9;
	printf("%5u %6u %12.3f %12.0f %10.2f %10.0f\n", count, batch,
	    (double)bench.leader_ns / 1e3 / (double)done, (double)bench.steps / seconds,
	    (double)bench.messages / (double)done, (double)bench.bytes / (double)done);
	for (id = 1; id <= count; id++)
		core_free(bench.nodes[id].core);
	buf_fini(&bench.frame);
}

int
main(int argc, char *argv[])
{
	uint64_t entries = argc > 1 ? strtoull(argv[1], NULL, 10) : 640000;

	printf("nodes  batch    leader us    steps/s   messages      bytes   (per committed entry "
	       "of %d bytes)\n",
	    PAYLOAD);
	run(1, 1, entries);
	run(1, 64, entries);
	run(3, 1, entries);
	run(3, 64, entries);
	run(5, 1, entries);
	run(5, 64, entries);
	return (0);
}
