/*
 * A small world for the consensus core: nodes with a log in memory, and one
 * queue of messages that moves only when it is told to.  Stories (story.c), unit
 * tests and the benchmark of the core share it; real disks and chance are the
 * simulator's (tests/sim).
 */
#ifndef TESTS_SCENARIO_WORLD_H
#define TESTS_SCENARIO_WORLD_H

#include <stdio.h>

#include "proc/raft/core/core.h"

#define WORLD_NODES_MAX 9
#define WORLD_MS 1000000ULL

struct world_node {
	struct world *world;
	uint64_t id;
	struct core *core; /* NULL: it is down */
	uint64_t now;	   /* its own clock */
	/* What its disk has. */
	uint64_t term, vote;
	struct peer_entry *log; /* of index base + 1 and more */
	uint64_t base, base_term, last, cap;
	struct peer_configuration base_members;
	uint64_t base_chain;
	/* What is on its way there while the disk is slow. */
	bool slow;
	uint64_t written; /* of `last`, so much is durable: the rest is lost by a crash */
	uint64_t applied, chain;
	bool known; /* it was started once */
	bool sick;  /* applies wrongly */
	uint64_t install_from, install_index, install_term;
};

struct world_letter {
	struct peer_message m;
	struct peer_entry *entries; /* owned, with their data */
};

struct world {
	FILE *out; /* the transcript; NULL: silent */
	struct core_config config;
	struct world_node nodes[WORLD_NODES_MAX + 1]; /* by id */
	bool cut[WORLD_NODES_MAX + 1][WORLD_NODES_MAX + 1]; /* from, to */
	struct world_letter *queue;
	size_t queue_len, queue_cap;
	uint64_t messages, bytes; /* sent so far */
	bool count_bytes;
	bool snapshots_by_hand; /* INSTALL waits for world_install() */
	bool quiet; /* heartbeats and their answers are not told */
	uint64_t diverged[WORLD_NODES_MAX + 1]; /* whom a node found to differ, 0: nobody */
	void (*on_read)(struct world *, uint64_t token, uint64_t index);
	uint64_t *chain_at; /* hash of the state at each index that was ever applied */
	uint64_t chain_cap;
	uint64_t disagreements; /* states that differ from it, of nodes that are not sick */
};

void world_init(struct world *, FILE *out);
void world_fini(struct world *);
/* Nodes 1..n, voters of one cluster, started. */
void world_found(struct world *, uint32_t n);
/* A node without log or configuration. */
void world_add_empty(struct world *, uint64_t id);
void world_start(struct world *, uint64_t id);
/* Its memory is gone, and what was not durable. */
void world_crash(struct world *, uint64_t id);
/* Does all that the node's core wants done. */
void world_settle(struct world *, uint64_t id);
/* The disk of a slow node has written all. */
void world_write(struct world *, uint64_t id);
/* Delivers the i-th letter of the queue (a cut link loses it); false: there is none. */
bool world_deliver(struct world *, size_t i, bool keep);
void world_drop(struct world *, size_t i);
/* Delivers all, and what comes of it, until nothing moves. */
void world_quiesce(struct world *);
/* Lets time pass for all, a millisecond at a time, messages taking one each. */
void world_pass(struct world *, uint64_t ms);
/* Its clock runs to its deadline, the others' do not. */
void world_expire(struct world *, uint64_t id);
enum core_error world_propose(struct world *, uint64_t id, const char *text);
void world_compact(struct world *, uint64_t id, uint64_t index);
void world_install(struct world *, uint64_t id);
uint64_t world_leader(const struct world *);
/* Copies of entries' data in memory, of all worlds: 0 when all is over. */
uint64_t world_held(void);
const char *world_role(enum core_role);

#endif
