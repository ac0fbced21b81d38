/*
 * Snapshots (thesis chapter 5).  The core only agrees on them: a peer that needs
 * entries the log has dropped is offered (index, term, configuration) of a state
 * that the caller has pinned; the content travels apart.  The offer is repeated
 * with each heartbeat, for messages may get lost.
 */
#include "proc/raft/core/parts.h"

#include <assert.h>

void
snapshot_want(struct core *core, struct peer *peer)
{
	CORE_MARK(snapshot_wanted);
	append_reset_peer(core, peer);
	peer->state = PEER_OFFERED;
	peer->offer = 0;
	out_event(core, CORE_EVENT_SNAPSHOT_WANTED, peer->id, 0, core->term);
}

bool
core_snapshot_offer(struct core *core, uint64_t id, uint64_t index, uint64_t term)
{
	struct peer *peer = member_peer(core, id);

	if (core->role != CORE_LEADER || peer == NULL || peer->state != PEER_OFFERED)
		return (false);
	if (core_configuration_at(core, index) == NULL)
		return (false);
	peer->offer = index;
	peer->offer_term = term;
	peer->due = true;
	return (true);
}

void
core_snapshot_sent(struct core *core, uint64_t id, bool good)
{
	struct peer *peer = member_peer(core, id);

	if (core->role != CORE_LEADER || peer == NULL || peer->state != PEER_OFFERED)
		return;
	append_reset_peer(core, peer);
	if (good && peer->offer >= peer->next)
		peer->next = peer->offer + 1;
}

/* The configuration in force at the offer's index, as an entry; false if its room is taken. */
static bool
encode_configuration(struct core *core, const struct peer_configuration *members, uint64_t term)
{
	struct peer_entry *entry = &core->out_entries[core->nout_entries];

	if (core->nout_entries == OUT_ENTRIES_MAX)
		return (false);
	if (core->scratch_index != 0 && core->scratch_index != members->index)
		return (false);
	*entry = (struct peer_entry){ .term = term, .type = PEER_ENTRY_CONFIGURATION };
	entry->len = (uint32_t)peer_configuration_encode(members, core->scratch);
	entry->data = core->scratch;
	core->scratch_index = members->index;
	return (true);
}

/* This round's reminder, to the caller or the peer. */
void
snapshot_repeat(struct core *core, struct peer *peer)
{
	const struct peer_configuration *members = core_configuration_at(core, peer->offer);
	struct peer_message *m;

	if (peer->offer == 0 || members == NULL) {
		out_event(core, CORE_EVENT_SNAPSHOT_WANTED, peer->id, 0, core->term);
		return;
	}
	if (!encode_configuration(core, members, peer->offer_term))
		return;
	if ((m = out_add(core, PEER_SNAPSHOT, peer->id)) == NULL)
		return;
	CORE_MARK(snapshot_offered);
	m->index = peer->offer;
	m->log_term = peer->offer_term;
	m->conf_index = members->index;
	m->entries = &core->out_entries[core->nout_entries++];
	m->count = 1;
}

/*
 * A log that has the entry needs no snapshot: what is in a snapshot is committed.
 * The term must be compared too, for the entry may be another's at that index.
 */
static bool
log_has(const struct core *core, uint64_t index, uint64_t term)
{
	if (CORE_BUG == BUG_SNAPSHOT_NO_TERM)
		return (index <= core->last);
	return (index <= core->last && core_term_at(core, index) == term);
}

void
snapshot_on_offer(struct core *core, const struct peer_message *m)
{
	struct peer_configuration members;

	if (!follow_leader(core, m) || core->installing)
		return;
	if (m->count != 1 || m->entries[0].type != PEER_ENTRY_CONFIGURATION || m->index == 0 ||
	    m->log_term == 0 || m->log_term > m->term || m->conf_index > m->index ||
	    peer_configuration_decode(
		&members, m->conf_index, m->entries[0].data, m->entries[0].len) != 0)
		return;
	if (m->index <= core->commit) {
		CORE_MARK(snapshot_old);
		follow_answer(core, 0);
		return;
	}
	if (log_has(core, m->index, m->log_term)) {
		CORE_MARK(snapshot_not_needed);
		commit_to(core, m->index);
		follow_answer(core, 0);
		return;
	}
	core->installing = true;
	core->install = members;
	core->install_index = m->index;
	core->install_term = m->log_term;
	out_event(core, CORE_EVENT_INSTALL, m->from, m->index, m->log_term);
}

void
core_snapshot_failed(struct core *core)
{
	core->installing = false;
}

void
core_snapshot_installed(struct core *core, uint64_t index, uint64_t term, uint64_t chain)
{
	if (!core->installing || index != core->install_index || term != core->install_term)
		return;
	assert(index > core->commit && core->role != CORE_LEADER);
	CORE_MARK(snapshot_installed);
	core->installing = false;
	window_clear(core);
	core->first = index + 1;
	core->last = core->handed = core->persisted = index;
	core->base = core->commit = core->applied = index;
	core->commit_told = core->apply_told = index;
	core->base_term = core->last_term = core->edge_term = term;
	core->cut = 0;
	core->verified = 0;
	commit_note_chain(core, index, chain);
	core->before.count = 0;
	core->latest_committed = true;
	core->oldest = core->install;
	core->found_at = 0;
	member_set(core, &core->install);
	out_event(core, CORE_EVENT_MEMBERS, 0, core->latest.index, core->term);
	if (core->leader != 0)
		follow_answer(core, 0);
}
