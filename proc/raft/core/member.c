/*
 * Changes of members, one at a time (thesis chapter 4).  A configuration is in
 * force on a node as soon as it is in its log (4.1).  Two are remembered: the
 * latest, and the one before, which comes back if the latest is cut; more are
 * not needed, since a leader proposes the next only when the last is committed.
 */
#include "proc/raft/core/parts.h"

#include <assert.h>
#include <string.h>

struct peer *
member_peer(struct core *core, uint64_t id)
{
	uint32_t i;

	for (i = 0; i < core->npeers; i++)
		if (core->peers[i].id == id)
			return (&core->peers[i]);
	return (NULL);
}

void
member_drop_peer(struct core *core, struct peer *peer)
{
	*peer = core->peers[--core->npeers];
}

/* What is known of a member so far, or of a new one: nothing, but some patience. */
static struct peer
find_or_new(struct core *core, const struct peer_member *member)
{
	struct peer *known = member_peer(core, member->id);
	struct peer peer = { .id = member->id,
		.heard = core->now,
		.round_sent = core->now,
		.next = core->last + 1,
		.catch_up_end = core->last,
		.catch_up_start = core->now };

	if (known != NULL)
		peer = *known;
	peer.suffrage = member->suffrage;
	peer.last_word = false;
	return (peer);
}

/* The latest members but this node, and who is leaving until that is committed. */
static void
rebuild_peers(struct core *core)
{
	struct peer table[PEERS_MAX];
	uint32_t i, count = 0;

	core->joining = 0;
	for (i = 0; i < core->latest.count; i++) {
		if (core->latest.members[i].id == core->config.id)
			continue;
		if (core->latest.members[i].suffrage == PEER_JOINING)
			core->joining++;
		table[count++] = find_or_new(core, &core->latest.members[i]);
	}
	for (i = 0; i < core->npeers && core->role == CORE_LEADER && count < PEERS_MAX; i++) {
		if (peer_configuration_find(&core->latest, core->peers[i].id) != NULL)
			continue;
		table[count] = core->peers[i];
		table[count++].suffrage = 0;
	}
	memcpy(core->peers, table, count * sizeof(table[0]));
	core->npeers = count;
}

void
member_set(struct core *core, const struct peer_configuration *latest)
{
	bool was_voter = core->voter;
	uint32_t i;

	core->latest = *latest;
	core->voter = false;
	core->voters = 0;
	for (i = 0; i < latest->count; i++) {
		if (latest->members[i].suffrage != PEER_VOTER)
			continue;
		core->voters++;
		if (latest->members[i].id == core->config.id)
			core->voter = true;
	}
	rebuild_peers(core);
	if (core->voter != was_voter && core->role != CORE_LEADER)
		vote_reset_deadline(core);
}

bool
member_entry_is_good(const struct peer_entry *entry)
{
	struct peer_configuration members;

	return (entry->type != PEER_ENTRY_CONFIGURATION ||
		peer_configuration_decode(&members, 0, entry->data, entry->len) == 0);
}

/* A configuration entry is in the log. */
void
member_adopt(struct core *core, uint64_t index, const struct peer_entry *entry)
{
	struct peer_configuration members;

	if (peer_configuration_decode(&members, index, entry->data, entry->len) != 0)
		assert(!"checked before it went into the log");
	core->before = core->latest;
	core->latest_committed = false;
	member_set(core, &members);
	out_event(core, CORE_EVENT_MEMBERS, 0, index, core->term);
}

/* Entries from `cut` on are gone. */
void
member_roll_back(struct core *core, uint64_t cut)
{
	struct peer_configuration before;

	if (core->latest.index < cut)
		return;
	CORE_MARK(configuration_rolled_back);
	before = core->before;
	core->before.count = 0;
	core->before.index = 0;
	core->latest_committed = before.index <= core->commit;
	member_set(core, &before);
	out_event(core, CORE_EVENT_MEMBERS, 0, before.index, core->term);
}

/* The latest configuration is committed: who was removed hears of it once (thesis 4.2.2). */
void
member_on_commit(struct core *core)
{
	uint32_t i;

	core->latest_committed = true;
	out_event(core, CORE_EVENT_MEMBERS, 0, core->latest.index, core->term);
	if (peer_configuration_find(&core->latest, core->config.id) == NULL &&
	    peer_configuration_find(&core->before, core->config.id) != NULL)
		out_event(core, CORE_EVENT_REMOVED, 0, core->latest.index, core->term);
	if (core->role != CORE_LEADER)
		return;
	for (i = 0; i < core->npeers; i++) {
		if (core->peers[i].suffrage != 0)
			continue;
		CORE_MARK(removed_follower_told);
		core->peers[i].due = core->peers[i].last_word = true;
	}
	if (!core->voter) {
		core->retiring = true;
		append_begin_round(core);
	}
}

static enum core_error
may_change(const struct core *core)
{
	if (core->role != CORE_LEADER)
		return (CORE_NOT_LEADER);
	if (core->transfer != 0)
		return (CORE_TRANSFERRING);
	if (CORE_BUG == BUG_TWO_CHANGES)
		return (CORE_OK);
	/* Ongaro's correction of 2015: without this two leaders' changes may overlap. */
	if (core->commit < core->term_start) {
		CORE_MARK(change_refused_term_open);
		return (CORE_TERM_OPEN);
	}
	if (!core->latest_committed) {
		CORE_MARK(change_refused_pending);
		return (CORE_CHANGE_PENDING);
	}
	return (CORE_OK);
}

static enum core_error
propose(struct core *core, const struct peer_configuration *members, uint64_t *index)
{
	struct peer_entry entry = { .term = core->term, .type = PEER_ENTRY_CONFIGURATION };

	entry.len = (uint32_t)peer_configuration_encode(members, core->scratch);
	entry.data = core->scratch;
	core->scratch_index = 0;
	if (!window_has_room(core, entry.len, WINDOW_RESERVE / 2))
		return (CORE_BUSY);
	core->config.ops.hold(core->config.ops.arg, &entry);
	window_append(core, &entry);
	*index = core->last;
	member_adopt(core, core->last, &entry);
	return (CORE_OK);
}

static bool
clashes(const struct peer_member *a, const struct peer_member *b)
{
	return (a->id == b->id || (a->address[0] != '\0' && strcmp(a->address, b->address) == 0));
}

enum core_error
core_member_add(struct core *core, const struct peer_member *member, uint64_t *index)
{
	struct peer_configuration members = core->latest;
	enum core_error error = may_change(core);
	uint32_t i;

	if (error != CORE_OK)
		return (error);
	for (i = 0; i < members.count; i++)
		if (clashes(&members.members[i], member))
			return (CORE_DUPLICATE);
	if (members.count == PEER_MEMBERS_MAX)
		return (CORE_FULL);
	members.members[members.count] = *member;
	if (member->suffrage == PEER_VOTER)
		members.members[members.count].suffrage = PEER_JOINING;
	members.count++;
	return (propose(core, &members, index));
}

/* A copy of the members, to be changed, and the one that the change is about. */
static enum core_error
begin_change(struct core *core, uint64_t id, struct peer_configuration *members,
    struct peer_member **member)
{
	enum core_error error = may_change(core);

	if (error != CORE_OK)
		return (error);
	*members = core->latest;
	*member = (struct peer_member *)peer_configuration_find(members, id);
	return (*member != NULL ? CORE_OK : CORE_NO_MEMBER);
}

enum core_error
core_member_promote(struct core *core, uint64_t id, uint64_t *index)
{
	struct peer_configuration members;
	struct peer_member *member;
	enum core_error error = begin_change(core, id, &members, &member);

	if (error != CORE_OK)
		return (error);
	if (member->suffrage == PEER_VOTER)
		return (CORE_DUPLICATE);
	member->suffrage = PEER_VOTER;
	return (propose(core, &members, index));
}

enum core_error
core_member_remove(struct core *core, uint64_t id, uint64_t *index)
{
	struct peer_configuration members;
	struct peer_member *member;
	enum core_error error = begin_change(core, id, &members, &member);

	if (error != CORE_OK)
		return (error);
	if (member->suffrage == PEER_VOTER && core->voters == 1)
		return (CORE_LAST_VOTER);
	members.count--;
	memmove(member, member + 1,
	    (size_t)(&members.members[members.count] - member) * sizeof(*member));
	return (propose(core, &members, index));
}

/*
 * Thesis 4.2.1: catching up goes in rounds, each to the end of the log as it was
 * at the round's start.  A round shorter than an election timeout shows that the
 * newcomer keeps pace, and will not stall commits when it counts.
 */
void
member_on_progress(struct core *core, struct peer *peer)
{
	if (peer->suffrage != PEER_JOINING || peer->match < peer->catch_up_end)
		return;
	CORE_MARK(catch_up_round);
	if (core->now - peer->catch_up_start <= core->config.election_ns ||
	    peer->match == core->last)
		peer->caught_up = true;
	peer->catch_up_end = core->last;
	peer->catch_up_start = core->now;
}

void
member_promote_joining(struct core *core)
{
	uint64_t index;
	uint32_t i;

	if (core->transfer != 0 || !core->latest_committed || core->commit < core->term_start)
		return;
	for (i = 0; i < core->npeers; i++) {
		if (core->peers[i].suffrage != PEER_JOINING || !core->peers[i].caught_up)
			continue;
		if (core_member_promote(core, core->peers[i].id, &index) == CORE_OK)
			CORE_MARK(learner_promoted);
		return; /* one at a time; and the table has changed */
	}
}

const struct peer_configuration *
core_members(const struct core *core)
{
	return (&core->latest);
}

/* The last configuration in the log up to `index`, which is applied and so will not change. */
static const struct peer_configuration *
find_in_log(struct core *core, uint64_t index)
{
	struct peer_entry entries[64];
	uint64_t first = core->base + 1;
	uint32_t i, count;

	if (core->found_at == index)
		return (&core->found);
	core->found = core->oldest;
	core->found_at = 0;
	for (; first <= index; first += count) {
		uint32_t cap = index - first < 64 ? (uint32_t)(index - first) + 1 : 64;

		count = core->config.ops.read(
		    core->config.ops.arg, first, cap, PEER_BYTES_MAX, entries);
		if (count == 0)
			return (NULL);
		for (i = 0; i < count; i++)
			if (entries[i].type == PEER_ENTRY_CONFIGURATION &&
			    peer_configuration_decode(
				&core->found, first + i, entries[i].data, entries[i].len) != 0)
				return (NULL);
	}
	if (core->found.count == 0)
		return (NULL);
	core->found_at = index;
	return (&core->found);
}

const struct peer_configuration *
core_configuration_at(struct core *core, uint64_t index)
{
	if (core->latest.index <= index)
		return (&core->latest);
	if (core->before.count > 0 && core->before.index <= index)
		return (&core->before);
	if (index < core->base || index > core->applied)
		return (NULL);
	return (find_in_log(core, index));
}
