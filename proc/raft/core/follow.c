/*
 * The follower's side of replication (thesis 3.5).  It answers for what is equal
 * to the leader's log and on its own disk, so for new entries it answers when the
 * caller says that they are durable.
 */
#include "proc/raft/core/parts.h"

#include <assert.h>

/* Hears a leader. False: it is one no more, and was told so. */
bool
follow_leader(struct core *core, const struct peer_message *m)
{
	struct peer_message *reply;

	if (m->term < core->term) {
		CORE_MARK(stale_leader_told);
		if ((reply = out_add(core, PEER_APPEND_REPLY, m->from)) != NULL)
			reply->flags = PEER_REFUSED;
		return (false);
	}
	if (m->term == core->term && core->role == CORE_LEADER)
		return (false); /* two leaders of a term: not in a cluster of honest nodes */
	if (m->term > core->term || core->role != CORE_FOLLOWER || core->leader != m->from)
		vote_become_follower(core, m->term, m->from);
	core->contact = core->now;
	core->eager = 0;
	vote_reset_deadline(core);
	return (true);
}

static struct peer_message *
new_answer(struct core *core, uint64_t round)
{
	struct peer_message *reply = out_add(core, PEER_APPEND_REPLY, core->leader);
	const struct chain_point *point = commit_newest_chain(core);

	if (reply == NULL)
		return (NULL);
	reply->round = round;
	reply->applied = point->index;
	reply->chain = point->chain;
	return (reply);
}

/* What is committed is equal to the leader's log by leader completeness (thesis 3.6.3). */
static uint64_t
known_equal(const struct core *core)
{
	return (core->verified > core->commit ? core->verified : core->commit);
}

void
follow_answer(struct core *core, uint64_t round)
{
	struct peer_message *reply;
	uint64_t match = known_equal(core);

	if (match > core->persisted && CORE_BUG != BUG_ACK_BEFORE_FSYNC)
		match = core->persisted;
	if ((reply = new_answer(core, round)) == NULL)
		return;
	reply->index = match;
	core->answer_owed = known_equal(core) > core->persisted;
}

/* Refuses, and says where to look: the last index with no later a term than the refused one. */
static void
refuse(struct core *core, const struct peer_message *m)
{
	struct peer_message *reply;
	uint64_t hint = m->index < core->last ? m->index : core->last;

	while (hint > core->commit && core_term_at(core, hint) > m->log_term)
		hint--;
	if ((reply = new_answer(core, m->round)) == NULL)
		return;
	reply->flags = PEER_REFUSED;
	reply->index = m->index;
	reply->hint = hint;
	reply->hint_term = core_term_at(core, hint);
}

/* Takes entries behind `previous`; returns the last index now equal to the leader's. */
static uint64_t
take_entries(struct core *core, uint64_t previous, const struct peer_entry *entries, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		uint64_t index = previous + 1 + i;
		struct peer_entry entry = entries[i];

		if (index <= core->last && core_term_at(core, index) == entry.term) {
			CORE_MARK(duplicate_append);
			continue;
		}
		if (index <= core->last) {
			CORE_MARK(conflict_cut);
			window_cut(core, index);
		}
		if (entry.term > core->term || entry.term < core_term_at(core, core->last) ||
		    !member_entry_is_good(&entry))
			return (index - 1); /* no leader sends that */
		if (!window_has_room(core, entry.len, WINDOW_RESERVE)) {
			CORE_MARK(window_full);
			return (index - 1);
		}
		core->config.ops.hold(core->config.ops.arg, &entry);
		window_append(core, &entry);
		if (entry.type == PEER_ENTRY_CONFIGURATION)
			member_adopt(core, index, &entry);
	}
	return (previous + count);
}

static void
accept(struct core *core, const struct peer_message *m)
{
	uint64_t skip = m->index < core->commit ? core->commit - m->index : 0;
	uint64_t equal = m->index + m->count, previous = m->index + skip;

	if (skip < m->count)
		equal = take_entries(core, previous, m->entries + skip, m->count - (uint32_t)skip);
	if (equal > core->verified)
		core->verified = equal;
	commit_to(core, m->commit < equal ? m->commit : equal);
	core->leader_round = m->round;
	if (m->count > 0 && known_equal(core) > core->persisted) {
		core->answer_owed = true;
		if (CORE_BUG == BUG_ACK_BEFORE_FSYNC)
			follow_answer(core, m->round);
		return;
	}
	follow_answer(core, m->round);
}

void
follow_append(struct core *core, const struct peer_message *m)
{
	if (!follow_leader(core, m))
		return;
	commit_compare_chain(core, m->from, m->applied, m->chain);
	if (core->installing) {
		follow_answer(core, m->round); /* entries wait for the snapshot */
	} else if (m->index > core->last) {
		CORE_MARK(append_refused_gap);
		refuse(core, m);
	} else if (m->index >= core->commit && core_term_at(core, m->index) != m->log_term) {
		CORE_MARK(append_refused_conflict);
		refuse(core, m);
	} else {
		accept(core, m);
	}
}
