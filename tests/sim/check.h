/*
 * What must hold at each step, whatever breaks (the thesis, figure 3.2):
 * election safety, log matching, leader completeness, state machine safety; and
 * what clients were promised: exactly-once, acknowledged writes kept,
 * linearizable reads.
 */
#ifndef TESTS_SIM_CHECK_H
#define TESTS_SIM_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim;
struct node;
struct peer_entry;
struct machine_entry;

struct check_committed {
	uint64_t term;
	uint64_t hash;
	uint64_t chain; /* after it, 0: nobody applied it yet */
	uint64_t in_term; /* the term in which it was committed, not earlier than its own */
	bool applied;
};

/* Every entry that any log ever held. */
struct check_entry {
	uint64_t index, term, hash, before_term;
};

struct check_term {
	uint64_t term;
	uint64_t leader;
	int64_t at_us; /* when its leadership began */
};

/* A copy of what the node's log holds, to check it against. */
struct shadow_entry {
	uint64_t term;
	uint64_t hash;
	uint64_t members; /* index of the latest configuration at it, 0: not known */
};

struct shadow {
	struct shadow_entry *entries; /* by index */
	size_t cap;
	uint64_t last; /* in memory */
	uint64_t durable; /* flushed */
};

struct check {
	struct check_committed *committed; /* by index */
	size_t committed_cap;
	uint64_t commit; /* highest that any node knew of */
	uint64_t applied;
	struct check_entry *entries; /* a hash table */
	size_t nentries, entries_cap;
	struct check_term *terms;
	size_t nterms, terms_cap;
	uint64_t *op_index; /* by operation: where it was applied, 0: not */
	size_t op_cap;
};

void check_fini(struct check *);
uint64_t check_hash(uint64_t term, uint8_t type, const void *, size_t);
/* The node's log got an entry. */
void check_append(struct sim *, struct node *, uint64_t index, const struct peer_entry *);
/* The node's log begins anew behind a committed entry. */
void check_shadow_base(struct sim *, struct node *, uint64_t index, uint64_t term);
/* The node became leader. */
void check_leader(struct sim *, struct node *, uint64_t term);
/* The node says that entries up to `commit` are committed. */
void check_commit(struct sim *, struct node *, uint64_t commit, bool leads);
/* Nobody who was deposed still holds a lease, by which weak reads are answered. */
void check_leases(struct sim *);
/* The node makes a vote durable. */
void check_vote(struct sim *, const struct node *, uint64_t term, uint64_t vote);
/* The node is about to apply an entry. */
void check_applying(struct sim *, struct node *, const struct machine_entry *);
/* The chain hash after an entry, by whoever comes to it first. */
void check_chain(struct sim *, uint64_t index, uint64_t chain);
/* An operation's entry was applied at the index. */
void check_once(struct sim *, uint64_t op, uint64_t index);
/* How many operations have been applied. */
uint64_t check_count_ops(const struct sim *);
/* The node's state machine came to be at an index with this chain, from a disk or an image. */
void check_state(struct sim *, struct node *, uint64_t index, uint64_t chain);

#endif
