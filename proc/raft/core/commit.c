/*
 * What is durable where, and therefore committed (thesis 3.6.2, 10.2.1: the
 * leader's own disk counts only for what is on it).
 */
#include "proc/raft/core/parts.h"

#include <assert.h>

void
commit_to(struct core *core, uint64_t index)
{
	if (index <= core->commit)
		return;
	assert(index <= core->last);
	core->commit = index;
	if (!core->latest_committed && core->latest.index <= index)
		member_on_commit(core);
}

/*
 * The highest value that a majority of voters has reached, with this node's own
 * if it is one.
 */
uint64_t
commit_quorum(const struct core *core, uint64_t own, uint64_t (*value)(const struct peer *))
{
	uint64_t sorted[PEERS_MAX + 1];
	uint32_t i, at, count = 0;

	for (i = 0; i <= core->npeers; i++) {
		uint64_t v = own;

		if (i < core->npeers) {
			const struct peer *peer = &core->peers[i];

			v = value(peer);
			if (peer->suffrage != PEER_VOTER &&
			    (CORE_BUG != BUG_LEARNER_COUNTS || peer->suffrage == 0)) {
				CORE_MARK(learner_not_counted);
				continue;
			}
		} else if (!core->voter) {
			continue;
		}
		for (at = count++; at > 0 && sorted[at - 1] < v; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = v;
	}
	assert(core->voters / 2 < count);
	return (sorted[core->voters / 2]);
}

static uint64_t
match_of(const struct peer *peer)
{
	return (peer->match);
}

/*
 * Leader.  An entry of an earlier term is never committed by counting, but by an
 * entry of this term behind it (thesis 3.6.2, figure 3.7).
 */
void
commit_advance(struct core *core)
{
	uint64_t own = CORE_BUG == BUG_ACK_BEFORE_FSYNC ? core->last : core->persisted;
	uint64_t index =
	    core->npeers == 0 && core->voter ? own : commit_quorum(core, own, match_of);

	if (index <= core->commit)
		return;
	if (index > core->persisted)
		CORE_MARK(commit_before_own_disk);
	if (index < core->term_start && CORE_BUG != BUG_COMMIT_OLD_TERM) {
		CORE_MARK(commit_waits_own_term);
		return;
	}
	commit_to(core, index);
}

void
core_persisted(struct core *core, uint64_t index, uint64_t term)
{
	if (index <= core->persisted || index > core->handed)
		return;
	if (core_term_at(core, index) != term)
		return; /* it was cut since, and the log will say so of its successor */
	core->persisted = index;
	if (core->role == CORE_LEADER) {
		commit_advance(core);
	} else if (core->answer_owed && core->leader != 0) {
		CORE_MARK(ack_after_disk);
		follow_answer(core, core->leader_round);
	}
}

void
commit_note_chain(struct core *core, uint64_t index, uint64_t chain)
{
	core->chain_next = (core->chain_next + 1) % CHAINS_KEPT;
	core->chains[core->chain_next] = (struct chain_point){ index, chain };
}

const struct chain_point *
commit_newest_chain(const struct core *core)
{
	return (&core->chains[core->chain_next]);
}

/* Two nodes that applied the same log have the same hash: whoever has not, is broken. */
void
commit_compare_chain(struct core *core, uint64_t peer, uint64_t index, uint64_t chain)
{
	uint32_t i;

	if (index == 0)
		return;
	for (i = 0; i < CHAINS_KEPT; i++)
		if (core->chains[i].index == index)
			break;
	if (i == CHAINS_KEPT)
		return;
	if (core->chains[i].chain == chain) {
		CORE_MARK(chain_agreed);
		return;
	}
	CORE_MARK(diverged);
	out_event(core, CORE_EVENT_DIVERGED, peer, index, core->term);
}

void
core_applied(struct core *core, uint64_t index, uint64_t chain)
{
	if (index <= core->applied)
		return;
	assert(index <= core->apply_told);
	core->applied = index;
	commit_note_chain(core, index, chain);
	window_trim(core);
}
