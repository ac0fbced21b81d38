/*
 * The core's life, its time, what comes in by type, and what goes out.
 */
#include "proc/raft/core/parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000000ULL

static void
set_defaults(struct core_config *config)
{
	if (config->election_ns == 0)
		config->election_ns = SECOND;
	if (config->heartbeat_ns == 0)
		config->heartbeat_ns = config->election_ns / 10;
	if (config->lease_ns == 0)
		config->lease_ns = config->election_ns / 2;
	if (config->window == 0)
		config->window = 8192;
	if (config->window_bytes == 0)
		config->window_bytes = 64 * MIB;
	assert(config->id != 0);
	assert(config->lease_ns <= config->election_ns);
	assert((config->window & (config->window - 1)) == 0 && config->window > WINDOW_RESERVE);
}

static void
restore(struct core *core, const struct core_start *start)
{
	assert(start->base <= start->applied && start->applied <= start->last);
	core->now = start->now;
	core->term = start->term;
	core->vote = start->vote;
	if (CORE_BUG == BUG_VOTE_TWICE)
		core->vote = 0;
	core->base = start->base;
	core->base_term = start->base_term;
	core->last = core->handed = core->persisted = start->last;
	core->first = start->last + 1;
	core->last_term = start->last == start->base
			      ? start->base_term
			      : core->config.ops.term(core->config.ops.arg, start->last);
	core->edge_term = core->last_term;
	core->commit = core->applied = start->applied;
	core->commit_told = core->apply_told = start->applied;
	commit_note_chain(core, start->applied, start->chain);
	core->before = start->before;
	core->oldest = start->oldest;
	if (start->latest.index <= start->base)
		core->oldest = start->latest;
	member_set(core, &start->latest);
	core->latest_committed = core->latest.index <= core->commit;
	vote_reset_deadline(core);
}

struct core *
core_new(const struct core_config *config, const struct core_start *start)
{
	struct core *core = calloc(1, sizeof(*core));

	if (core == NULL)
		return (NULL);
	core->config = *config;
	set_defaults(&core->config);
	core->random = config->seed;
	core->ring = calloc(core->config.window, sizeof(*core->ring));
	core->out_entries = calloc(OUT_ENTRIES_MAX, sizeof(*core->out_entries));
	if (core->ring == NULL || core->out_entries == NULL) {
		free(core->ring);
		free(core->out_entries);
		free(core);
		return (NULL);
	}
	restore(core, start);
	return (core);
}

void
core_free(struct core *core)
{
	if (core == NULL)
		return;
	window_clear(core);
	free(core->ring);
	free(core->out_entries);
	free(core);
}

int
core_start_note(
    struct core_start *start, uint64_t index, uint8_t type, const uint8_t *data, size_t len)
{
	struct peer_configuration found;

	if (type != PEER_ENTRY_CONFIGURATION)
		return (0);
	if (peer_configuration_decode(&found, index, data, len) != 0)
		return (-1);
	if (start->latest.index <= start->base)
		start->oldest = start->latest;
	start->before = start->latest;
	start->latest = found;
	return (0);
}

enum core_error
core_bootstrap(struct core *core, const struct peer_configuration *members)
{
	struct peer_entry entry = { .term = 1, .type = PEER_ENTRY_CONFIGURATION };

	if (core->last != 0 || core->term != 0)
		return (CORE_NOT_EMPTY);
	core->term = 1;
	core->hard = true;
	entry.len = (uint32_t)peer_configuration_encode(members, core->scratch);
	entry.data = core->scratch;
	core->scratch_index = 0;
	core->config.ops.hold(core->config.ops.arg, &entry);
	window_append(core, &entry);
	member_adopt(core, core->last, &entry);
	vote_reset_deadline(core);
	return (CORE_OK);
}

/* splitmix64 (Steele and others, 2014). */
static uint64_t
random_next(struct core *core)
{
	uint64_t x = core->random += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return (x ^ x >> 31);
}

/* In [low, high). */
uint64_t
random_between(struct core *core, uint64_t low, uint64_t high)
{
	assert(low < high);
	return (low + random_next(core) % (high - low));
}

uint64_t
add_time(uint64_t a, uint64_t b)
{
	return (a > NEVER - b ? NEVER : a + b);
}

void
core_tick(struct core *core, uint64_t now)
{
	if (now > core->now)
		core->now = now;
	if (core->role != CORE_LEADER) {
		if (core->now >= core->deadline)
			vote_on_deadline(core);
		return;
	}
	/* Thesis 6.2: a leader that a quorum does not answer is none any more. */
	if (CORE_BUG != BUG_NO_LEASE_CHECK && core->now >= read_lease_until(core)) {
		CORE_MARK(stepped_down_quorum);
		vote_become_follower(core, core->term, 0);
		return;
	}
	if (core->transfer != 0 && core->now >= core->transfer_deadline)
		transfer_end(core, false);
	if (core->now >= core->heartbeat)
		append_begin_round(core);
}

uint64_t
core_deadline(const struct core *core)
{
	uint64_t deadline = core->deadline;

	if (core->role == CORE_LEADER) {
		deadline = core->npeers == 0 ? NEVER : core->heartbeat;
		if (read_lease_until(core) < deadline)
			deadline = read_lease_until(core);
		if (core->transfer != 0 && core->transfer_deadline < deadline)
			deadline = core->transfer_deadline;
	}
	return (deadline);
}

/*
 * Terms (thesis 3.3) are compared by each handler: pre-votes and refused votes
 * must not change ours.
 */
void
core_receive(struct core *core, const struct peer_message *m)
{
	static void (*const handlers[PEER_TYPE__COUNT])(
	    struct core *, const struct peer_message *) = {
		[PEER_PREVOTE] = vote_on_prevote,
		[PEER_PREVOTE_REPLY] = vote_on_prevote_reply,
		[PEER_VOTE] = vote_on_request,
		[PEER_VOTE_REPLY] = vote_on_reply,
		[PEER_APPEND] = follow_append,
		[PEER_APPEND_REPLY] = append_on_reply,
		[PEER_TIMEOUT_NOW] = transfer_on_timeout_now,
		[PEER_SNAPSHOT] = snapshot_on_offer,
	};

	if (m->to != core->config.id || m->from == 0 || m->from == core->config.id)
		return;
	if (m->type < PEER_TYPE__COUNT && handlers[m->type] != NULL)
		handlers[m->type](core, m);
}

void
core_peer_opened(struct core *core, uint64_t id)
{
	struct peer *peer = member_peer(core, id);

	if (core->role == CORE_LEADER && peer != NULL)
		peer->due = true;
}

void
core_peer_closed(struct core *core, uint64_t id)
{
	struct peer *peer = member_peer(core, id);

	if (core->role == CORE_LEADER) {
		if (peer != NULL && peer->state == PEER_PIPELINE)
			append_reset_peer(core, peer);
	} else if (id == core->leader) {
		vote_leader_gone(core);
	}
}

/* Outputs pile up until they are taken; the first one after that starts afresh. */
static void
out_begin(struct core *core)
{
	if (!core->taken)
		return;
	core->taken = false;
	core->nout = core->nout_entries = core->nreads_out = core->nevents = 0;
	core->out_bytes = 0;
	core->scratch_index = 0;
}

/* A new message, all zero but its envelope; NULL if there are too many: losing one is allowed. */
struct peer_message *
out_add(struct core *core, enum peer_type type, uint64_t to)
{
	struct peer_message *m;

	out_begin(core);
	if (core->nout == OUT_MESSAGES_MAX)
		return (NULL);
	m = &core->out[core->nout++];
	memset(m, 0, sizeof(*m));
	m->type = (uint8_t)type;
	m->from = core->config.id;
	m->to = to;
	m->term = core->term;
	return (m);
}

void
out_event(
    struct core *core, enum core_event_type type, uint64_t peer, uint64_t index, uint64_t term)
{
	struct core_event *event;
	uint32_t i;

	out_begin(core);
	for (i = 0; i < core->nevents; i++)
		if (core->events[i].type == type && core->events[i].peer == peer)
			break;
	if (i == CORE_EVENTS_MAX)
		return;
	if (i == core->nevents)
		core->nevents++;
	event = &core->events[i];
	*event = (struct core_event){ type, peer, index, term };
}

/* A place for an answer; read_index() has seen to it that there is one. */
struct core_read *
out_read(struct core *core)
{
	out_begin(core);
	assert(core->nreads_out < CORE_READS_MAX);
	return (&core->reads_out[core->nreads_out++]);
}

/* What may be applied: committed, and on this disk; so the log proves what the database has. */
static uint64_t
apply_limit(const struct core *core)
{
	if (CORE_BUG == BUG_APPLY_EARLY)
		return (core->persisted);
	if (core->commit > core->persisted)
		CORE_MARK(commit_behind_disk);
	return (core->commit < core->persisted ? core->commit : core->persisted);
}

bool
core_ready(struct core *core, struct core_ready *ready)
{
	out_begin(core);
	if (core->role == CORE_LEADER)
		append_all(core);
	if (core->retiring)
		transfer_retire(core);
	*ready = (struct core_ready){
		.hard = core->hard,
		.term = core->term,
		.vote = core->vote,
		.nmessages = core->nout,
		.nreads = core->nreads_out,
		.nevents = core->nevents,
		.messages = core->out,
		.cut = core->cut,
		.first = core->handed + 1,
		.last = core->last,
		.commit = core->commit,
		.apply = apply_limit(core),
		.reads = core->reads_out,
		.events = core->events,
	};
	if (!ready->hard && core->nout == 0 && core->nreads_out == 0 && core->nevents == 0 &&
	    core->cut == 0 && ready->first > ready->last && core->commit == core->commit_told &&
	    ready->apply == core->apply_told)
		return (false);
	core->hard = false;
	core->cut = 0;
	core->handed = core->last;
	core->commit_told = core->commit;
	core->apply_told = ready->apply;
	core->taken = true;
	return (true);
}

void
core_status(const struct core *core, struct core_status *status)
{
	*status = (struct core_status){
		.role = core->role,
		.voter = core->voter,
		.term = core->term,
		.vote = core->vote,
		.leader = core->leader,
		.first = core->first,
		.last = core->last,
		.persisted = core->persisted,
		.commit = core->commit,
		.applied = core->applied,
		.contact = core->contact,
	};
	if (core->role == CORE_LEADER) {
		status->lease_until = read_lease_until(core);
		status->term_start = core->term_start;
		status->transferring = core->transfer != 0;
	}
}

const char *
core_error_text(enum core_error error)
{
	static const char *const texts[] = {
		[CORE_OK] = "done",
		[CORE_NOT_LEADER] = "not leader",
		[CORE_BUSY] = "too much is waiting",
		[CORE_TRANSFERRING] = "leadership transfer in progress",
		[CORE_TERM_OPEN] = "the new leader has not committed an entry yet",
		[CORE_CHANGE_PENDING] = "another change of members is not committed yet",
		[CORE_NO_MEMBER] = "node not found in cluster",
		[CORE_DUPLICATE] = "id or address is a member's",
		[CORE_LAST_VOTER] = "need at least one voter in configuration",
		[CORE_NO_PEER] = "cannot find peer",
		[CORE_IS_LEADER] = "cannot step down to the current Leader",
		[CORE_NOT_VOTER] = "node is not a voter",
		[CORE_NOT_EMPTY] = "bootstrap only works on new clusters",
		[CORE_FULL] = "too many members",
	};

	return (texts[error]);
}
