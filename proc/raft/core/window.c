/*
 * The recent entries in memory: a ring that holds [first, last].  What is not
 * yet durable is always in it, on a leader also what is not yet applied; of the
 * rest, as much as peers still need and bounds allow.  Older entries are the
 * log's (ops.term, ops.read).
 */
#include "proc/raft/core/parts.h"

#include <assert.h>

static struct peer_entry *
slot(const struct core *core, uint64_t index)
{
	return (&core->ring[index & (core->config.window - 1)]);
}

const struct peer_entry *
core_entry(const struct core *core, uint64_t index)
{
	if (index < core->first || index > core->last)
		return (NULL);
	return (slot(core, index));
}

uint64_t
core_term_at(const struct core *core, uint64_t index)
{
	if (index >= core->first && index <= core->last)
		return (slot(core, index)->term);
	if (index == core->last)
		return (core->last_term);
	if (index + 1 == core->first)
		return (core->edge_term);
	if (index == core->base)
		return (core->base_term);
	if (index < core->base || index > core->last)
		return (0);
	return (core->config.ops.term(core->config.ops.arg, index));
}

static void
drop_front(struct core *core)
{
	struct peer_entry *entry = slot(core, core->first);

	core->window_bytes -= entry->len;
	core->edge_term = entry->term;
	core->config.ops.release(core->config.ops.arg, entry);
	core->first++;
}

/* The lowest index that a peer may still be sent. */
uint64_t
window_floor(const struct core *core)
{
	uint64_t floor = core->applied + 1;
	uint32_t i;

	if (core->role != CORE_LEADER)
		return (floor);
	for (i = 0; i < core->npeers; i++)
		if (core->peers[i].match + 1 < floor)
			floor = core->peers[i].match + 1;
	return (floor);
}

/* Lets go of what is durable and applied, but not of what peers lack while half of it is free. */
void
window_trim(struct core *core)
{
	uint64_t floor = window_floor(core);

	while (core->first <= core->applied && core->first <= core->last) {
		if (core->first >= floor && core->last - core->first < core->config.window / 2 &&
		    core->window_bytes < core->config.window_bytes / 2)
			return;
		drop_front(core);
	}
}

/*
 * A leader takes no more than it can get applied.  A follower must take whatever
 * its leader has, or a window full of uncommitted entries would never see the
 * no-op that commits them: what is durable may go.
 */
bool
window_has_room(struct core *core, size_t len, uint32_t reserve)
{
	uint64_t limit = core->role == CORE_LEADER ? core->applied : core->persisted;
	uint64_t count = core->last + 1 - core->first;

	while (core->first <= limit && core->first <= core->last &&
	       (count + reserve >= core->config.window ||
		   core->window_bytes + len > core->config.window_bytes)) {
		drop_front(core);
		count--;
	}
	if (count + reserve >= core->config.window)
		return (false);
	return (count == 0 || core->window_bytes + len <= core->config.window_bytes);
}

/* Takes the entry over; the caller has asked for room. */
void
window_append(struct core *core, const struct peer_entry *entry)
{
	assert(core->last + 1 - core->first < core->config.window);
	assert(entry->term >= core->last_term);
	core->last_term = entry->term;
	core->last++;
	*slot(core, core->last) = *entry;
	core->window_bytes += entry->len;
}

/* Entries from `index` on conflict with the leader's (thesis 3.5). */
void
window_cut(struct core *core, uint64_t index)
{
	uint64_t last_term = core_term_at(core, index - 1);

	assert(index > core->commit && index <= core->last);
	while (core->last >= index && core->last >= core->first) {
		struct peer_entry *entry = slot(core, core->last);

		core->window_bytes -= entry->len;
		core->config.ops.release(core->config.ops.arg, entry);
		core->last--;
	}
	core->last_term = last_term;
	if (core->last >= index) { /* the rest is in the log only */
		core->last = index - 1;
		core->first = index;
		core->edge_term = last_term;
	}
	if (index <= core->handed && (core->cut == 0 || index < core->cut))
		core->cut = index;
	if (core->handed >= index)
		core->handed = index - 1;
	if (core->persisted >= index)
		core->persisted = index - 1;
	if (core->verified >= index)
		core->verified = index - 1;
	member_roll_back(core, index);
}

void
window_clear(struct core *core)
{
	while (core->first <= core->last)
		drop_front(core);
}

void
core_compacted(struct core *core, uint64_t index)
{
	const struct peer_configuration *members = core_configuration_at(core, index);
	uint64_t term = core_term_at(core, index);

	if (index <= core->base)
		return;
	if (members != NULL)
		core->oldest = *members;
	else
		core->oldest.count = 0;
	assert(index <= core->applied && term != 0);
	while (core->first <= index && core->first <= core->last)
		drop_front(core);
	core->base = index;
	core->base_term = term;
}

enum core_error
core_propose(struct core *core, struct peer_entry *entry, uint64_t *index)
{
	assert(entry->type != PEER_ENTRY_CONFIGURATION);
	if (core->role != CORE_LEADER)
		return (CORE_NOT_LEADER);
	if (core->transfer != 0)
		return (CORE_TRANSFERRING);
	if (!window_has_room(core, entry->len, WINDOW_RESERVE)) {
		CORE_MARK(window_full);
		return (CORE_BUSY);
	}
	entry->term = core->term;
	window_append(core, entry);
	*index = core->last;
	return (CORE_OK);
}
