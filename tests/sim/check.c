/*
 * The checks: see check.h.
 */
#include "tests/sim/check.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

typedef unsigned long long ull;

static void *
grow(void *list, size_t *cap, size_t wanted, size_t size)
{
	size_t was = *cap;

	if (wanted < was)
		return (list);
	while (*cap <= wanted)
		*cap = *cap == 0 ? 1024 : *cap * 2;
	list = realloc(list, *cap * size);
	if (list == NULL)
		abort();
	memset((char *)list + was * size, 0, (*cap - was) * size);
	return (list);
}

void
check_fini(struct check *check)
{
	free(check->committed);
	free(check->entries);
	free(check->terms);
	free(check->op_index);
	memset(check, 0, sizeof(*check));
}

uint64_t
check_hash(uint64_t term, uint8_t type, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t hash = term * 0x9e3779b97f4a7c15ULL + type, word;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&word, p, 8);
		hash = rng_mix(hash ^ word);
	}
	word = len;
	if (len > 0)
		memcpy(&word, p, len);
	return (rng_mix(hash ^ word ^ (uint64_t)len << 56) | 1);
}

/* ---- log matching ---- */

static void
rehash(struct check *check)
{
	struct check_entry *old = check->entries;
	size_t i, n = check->entries_cap, cap = n == 0 ? 4096 : n * 2;

	check->entries = calloc(cap, sizeof(*old));
	if (check->entries == NULL)
		abort();
	check->entries_cap = cap;
	for (i = 0; i < n; i++) {
		size_t at = rng_mix(old[i].index ^ old[i].term << 32) & (cap - 1);

		if (old[i].index == 0)
			continue;
		while (check->entries[at].index != 0)
			at = (at + 1) & (cap - 1);
		check->entries[at] = old[i];
	}
	free(old);
}

static struct check_entry *
find_entry(struct check *check, uint64_t index, uint64_t term)
{
	size_t at;

	if (check->nentries * 2 >= check->entries_cap)
		rehash(check);
	at = rng_mix(index ^ term << 32) & (check->entries_cap - 1);
	while (check->entries[at].index != 0 &&
	       (check->entries[at].index != index || check->entries[at].term != term))
		at = (at + 1) & (check->entries_cap - 1);
	return (&check->entries[at]);
}

/*
 * Two entries of one index and term are the same and follow entries of the same
 * term: by induction all before them are the same too.
 */
void
check_append(struct sim *sim, struct node *node, uint64_t index, const struct peer_entry *entry)
{
	struct shadow *shadow = &node->shadow;
	uint64_t hash = check_hash(entry->term, entry->type, entry->data, entry->len);
	struct check_entry *known = find_entry(&sim->check, index, entry->term);
	uint64_t before;

	if (index != shadow->last + 1)
		sim_fail(
		    sim, "n%u appends %llu after %llu", node->slot, (ull)index, (ull)shadow->last);
	shadow->entries = grow(shadow->entries, &shadow->cap, index, sizeof(*shadow->entries));
	before = shadow->entries[index - 1].term;
	shadow->entries[index] = (struct shadow_entry){ entry->term, hash, index };
	if (entry->type != PEER_ENTRY_CONFIGURATION)
		shadow->entries[index].members = shadow->entries[index - 1].members;
	else if (known->index == 0 && shadow->entries[index - 1].members > node->ready.commit)
		sim_fail(sim,
		    "n%u changes the members at %llu while the change at %llu is not committed",
		    node->slot, (ull)index, (ull)shadow->entries[index - 1].members);
	shadow->last = index;
	if (known->index == 0) {
		*known = (struct check_entry){ index, entry->term, hash, before };
		sim->check.nentries++;
	}
	if (known->hash != hash)
		sim_fail(sim, "log matching: n%u has another entry %llu of term %llu", node->slot,
		    (ull)index, (ull)entry->term);
	if (known->before_term != before)
		sim_fail(sim,
		    "log matching: n%u has entry %llu of term %llu after term %llu, not %llu",
		    node->slot, (ull)index, (ull)entry->term, (ull)before, (ull)known->before_term);
	if (before > entry->term)
		sim_fail(sim, "n%u: terms fall at %llu", node->slot, (ull)index);
}

void
check_shadow_base(struct sim *sim, struct node *node, uint64_t index, uint64_t term)
{
	struct shadow *shadow = &node->shadow;

	if (index > sim->check.commit || sim->check.committed[index].term != term)
		sim_fail(sim, "n%u installs %llu of term %llu, which is not committed", node->slot,
		    (ull)index, (ull)term);
	shadow->entries = grow(shadow->entries, &shadow->cap, index, sizeof(*shadow->entries));
	shadow->entries[index] = (struct shadow_entry){ term, sim->check.committed[index].hash, 0 };
	shadow->last = shadow->durable = index;
}

/* ---- elections ---- */

/*
 * What was committed in earlier terms is in the log of a leader.  A vote that is
 * late enough makes one of a term that is over; what later terms committed is
 * nothing to it.  The last entry stands for all before it, by log matching.
 */
static void
check_completeness(struct sim *sim, struct node *node, uint64_t term)
{
	const struct check_committed *committed = sim->check.committed;
	const struct shadow *shadow = &node->shadow;
	uint64_t last = sim->check.commit;

	while (last > 0 && committed[last].in_term >= term)
		last--;
	if (last == 0)
		return;
	if (shadow->last < last || shadow->entries[last].hash != committed[last].hash)
		sim_fail(sim,
		    "leader completeness: n%u leads in term %llu with a log to %llu and term %llu "
		    "at %llu, committed in term %llu",
		    node->slot, (ull)term, (ull)shadow->last,
		    (ull)(shadow->last < last ? 0 : shadow->entries[last].term), (ull)last,
		    (ull)committed[last].in_term);
}

void
check_leader(struct sim *sim, struct node *node, uint64_t term)
{
	struct check *check = &sim->check;
	size_t i;

	for (i = 0; i < check->nterms; i++)
		if (check->terms[i].term == term && check->terms[i].leader != node->id)
			sim_fail(sim,
			    "election safety: n%u (node %llu) and node %llu lead in term %llu",
			    node->slot, (ull)node->id, (ull)check->terms[i].leader, (ull)term);
	check->terms = grow(check->terms, &check->terms_cap, check->nterms, sizeof(*check->terms));
	check->terms[check->nterms++] = (struct check_term){ term, node->id, sim->sched.now };
	check_completeness(sim, node, term);
}

void
check_vote(struct sim *sim, const struct node *node, uint64_t term, uint64_t vote)
{
	if (term < node->vote_term)
		sim_fail(sim, "n%u goes back to term %llu", node->slot, (ull)term);
	if (term == node->vote_term && node->vote != 0 && vote != node->vote)
		sim_fail(sim, "n%u votes for %llu and %llu in term %llu", node->slot,
		    (ull)node->vote, (ull)vote, (ull)term);
}

/* When the first leadership of a later term began, or INT64_MAX. */
static int64_t
deposed_at(const struct check *check, uint64_t term)
{
	int64_t at = INT64_MAX;
	size_t i;

	for (i = check->nterms; i > 0; i--)
		if (check->terms[i - 1].term > term && check->terms[i - 1].at_us < at)
			at = check->terms[i - 1].at_us;
	return (at);
}

/*
 * A lease is counted from a round that a quorum answered, which none of the next
 * leader's voters did after it was elected.  Clocks are up to 10 % slow.
 */
void
check_leases(struct sim *sim)
{
	int64_t lease_us = sim->plan.election_ms * MS / 2, at;
	struct core_status status;
	unsigned i;

	for (i = 0; i < SIM_NODES; i++) {
		const struct node *node = &sim->nodes[i];

		if (!node->up || node->clock_jumped)
			continue;
		core_status(node->core, &status);
		if (status.role != CORE_LEADER || status.lease_until <= node_clock(sim, node))
			continue;
		at = deposed_at(&sim->check, status.term);
		if (at != INT64_MAX && sim->sched.now > at + lease_us + lease_us / 8 + 1 * MS)
			sim_fail(sim,
			    "n%u of term %llu holds a lease %lld ms after another was elected", i,
			    (ull)status.term, (long long)(sim->sched.now - at) / MS);
	}
}

/* ---- commitment ---- */

/* Whether a majority of the voters of a configuration has an entry on disk. */
static bool
quorum_has(struct sim *sim, const struct peer_configuration *members, uint64_t index)
{
	const struct check_committed *entry = &sim->check.committed[index];
	unsigned voters = 0, have = 0;
	uint32_t i;

	for (i = 0; i < members->count; i++) {
		const struct peer_member *member = &members->members[i];
		const struct node *node = sim_node(sim, member->id);

		if (member->suffrage != PEER_VOTER)
			continue;
		voters++;
		if (node->id == member->id && node->shadow.durable >= index &&
		    (node->shadow.entries[index].hash == entry->hash ||
			node->machine.state.index >= index))
			have++;
	}
	return (have * 2 > voters);
}

/*
 * A leader counts by its latest configuration; a change that it made in the
 * same turn came after the count.
 */
static void
check_quorum(struct sim *sim, struct node *leader, uint64_t index)
{
	const struct peer_configuration *then = core_configuration_at(leader->core, index);

	if (quorum_has(sim, core_members(leader->core), index) ||
	    (then != NULL && quorum_has(sim, then, index)))
		return;
	sim_fail(sim, "commitment: n%u commits %llu, which no majority of voters has on disk",
	    leader->slot, (ull)index);
}

static uint64_t
core_term(const struct node *node)
{
	struct core_status status;

	core_status(node->core, &status);
	return (status.term);
}

void
check_commit(struct sim *sim, struct node *node, uint64_t commit, bool leads)
{
	struct check *check = &sim->check;
	const struct shadow *shadow = &node->shadow;
	uint64_t index;

	if (commit <= check->commit)
		return;
	if (commit > shadow->last)
		sim_fail(sim, "n%u commits %llu beyond its log's end %llu", node->slot, (ull)commit,
		    (ull)shadow->last);
	check->committed =
	    grow(check->committed, &check->committed_cap, commit, sizeof(*check->committed));
	for (index = check->commit + 1; index <= commit; index++) {
		check->committed[index].term = shadow->entries[index].term;
		check->committed[index].hash = shadow->entries[index].hash;
		check->committed[index].in_term = core_term(node);
	}
	check->commit = commit;
	sim->stats.committed = commit;
	if (!leads)
		return;
	check_quorum(sim, node, commit);
	/* Thesis 3.6.2: only entries of the own term are committed by counting. */
	if (shadow->entries[commit].term != core_term(node))
		sim_fail(sim, "n%u leads in term %llu and commits %llu of term %llu by counting",
		    node->slot, (ull)core_term(node), (ull)commit,
		    (ull)shadow->entries[commit].term);
}

/* ---- application ---- */

void
check_state(struct sim *sim, struct node *node, uint64_t index, uint64_t chain)
{
	const struct check *check = &sim->check;

	if (index > check->commit)
		sim_fail(sim, "n%u: its state is at %llu, only %llu is committed", node->slot,
		    (ull)index, (ull)check->commit);
	if (check->committed[index].applied && check->committed[index].chain != chain)
		sim_fail(sim, "state machine safety: n%u has another chain hash at %llu",
		    node->slot, (ull)index);
}

void
check_applying(struct sim *sim, struct node *node, const struct machine_entry *entry)
{
	const struct check *check = &sim->check;
	const struct check_committed *committed;

	if (entry->index > check->commit)
		sim_fail(
		    sim, "n%u applies %llu, which nobody committed", node->slot, (ull)entry->index);
	committed = &check->committed[entry->index];
	if (committed->term != entry->term ||
	    committed->hash != check_hash(entry->term, entry->type, entry->data, entry->len))
		sim_fail(sim,
		    "state machine safety: n%u applies %llu of term %llu, another applied term "
		    "%llu",
		    node->slot, (ull)entry->index, (ull)entry->term, (ull)committed->term);
	if (node->shadow.durable < entry->index)
		sim_fail(sim, "n%u applies %llu, but its disk has the log to %llu", node->slot,
		    (ull)entry->index, (ull)node->shadow.durable);
}

void
check_chain(struct sim *sim, uint64_t index, uint64_t chain)
{
	struct check_committed *entry = &sim->check.committed[index];

	if (entry->applied)
		return;
	entry->applied = true;
	entry->chain = chain;
}

uint64_t
check_count_ops(const struct sim *sim)
{
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < sim->check.op_cap; i++)
		count += sim->check.op_index[i] != 0;
	return (count);
}

void
check_once(struct sim *sim, uint64_t op, uint64_t index)
{
	struct check *check = &sim->check;

	check->op_index = grow(check->op_index, &check->op_cap, op, sizeof(*check->op_index));
	if (check->op_index[op] != 0 && check->op_index[op] != index)
		sim_fail(sim, "exactly once: operation %llu is applied at %llu and %llu", (ull)op,
		    (ull)check->op_index[op], (ull)index);
	check->op_index[op] = index;
}
