/*
 * The leader's side of replication: thesis 3.5 (AppendEntries), 10.2 (batching,
 * pipelining, writing to the own disk in parallel).
 *
 * Messages are made when the caller takes them, so a batch is whatever came
 * since.  A peer's `next` runs ahead of its answers, bounded by INFLIGHT_MAX and
 * INFLIGHT_BYTES_MAX.  A heartbeat is an append without entries whose previous
 * index is next - 1: a follower that lost something refuses it, and so what was
 * lost is sent again.
 */
#include "proc/raft/core/parts.h"

#include <assert.h>
#include <string.h>

void
append_reset_peer(struct core *core, struct peer *peer)
{
	peer->state = PEER_PROBE;
	peer->next = peer->match + 1;
	peer->inflight_count = 0;
	peer->inflight_bytes = 0;
	peer->paused = false;
}

/* Elected: forgets what it knew of peers, and opens its term with a no-op (thesis 3.6.2, 6.4). */
void
append_start(struct core *core)
{
	struct peer_entry noop = { .term = core->term, .type = PEER_ENTRY_NOOP };
	bool room = window_has_room(core, 0, 1); /* as a follower: what is durable may go */
	uint32_t i;

	assert(room);
	core->role = CORE_LEADER;
	core->leader = core->config.id;
	core->eager = 0;
	core->transfer = 0;
	core->deadline = NEVER;
	for (i = 0; i < core->npeers; i++) {
		struct peer *peer = &core->peers[i];

		*peer =
		    (struct peer){ .id = peer->id, .suffrage = peer->suffrage, .heard = core->now };
		peer->round_sent = core->campaign_start; /* when its vote was asked for */
		peer->next = core->last + 1;
		peer->catch_up_end = core->last + 1;
		peer->catch_up_start = core->now;
	}
	window_append(core, &noop);
	core->term_start = core->last;
	append_begin_round(core);
	out_event(core, CORE_EVENT_ROLE, 0, 0, core->term);
}

/*
 * A round is what reads and leases count by: an answer proves that the peer heard
 * from this leader after the round began.
 */
void
append_begin_round(struct core *core)
{
	uint32_t i;

	core->round++;
	core->round_begun[core->round % ROUNDS_KEPT] = core->now;
	core->heartbeat = core->now + core->config.heartbeat_ns;
	for (i = 0; i < core->npeers; i++)
		core->peers[i].due = true;
	read_assign(core);
}

static struct peer_message *
new_append(struct core *core, struct peer *peer, uint64_t previous)
{
	struct peer_message *m = out_add(core, PEER_APPEND, peer->id);
	const struct chain_point *point = commit_newest_chain(core);

	if (m == NULL)
		return (NULL);
	m->index = previous;
	m->log_term = core_term_at(core, previous);
	m->commit = core->commit;
	m->round = core->round;
	m->applied = point->index;
	m->chain = point->chain;
	peer->due = false;
	return (m);
}

/* Entries from `first` on, from the window or else the log, as many as a message may hold. */
static uint32_t
collect(struct core *core, uint64_t first, size_t *bytes)
{
	struct peer_entry *out = &core->out_entries[core->nout_entries];
	uint32_t count = 0, cap = OUT_ENTRIES_MAX - core->nout_entries;

	*bytes = 0;
	if (cap == 0 || core->out_bytes >= OUT_BYTES_MAX)
		return (0);
	if (cap > PEER_ENTRIES_MAX)
		cap = PEER_ENTRIES_MAX;
	if (first < core->first) {
		CORE_MARK(read_from_log);
		if (cap > core->first - first)
			cap = (uint32_t)(core->first - first);
		count =
		    core->config.ops.read(core->config.ops.arg, first, cap, PEER_BYTES_MAX, out);
		for (cap = 0; cap < count; cap++)
			*bytes += out[cap].len;
		return (count);
	}
	for (; count < cap && first + count <= core->last; count++) {
		out[count] = *core_entry(core, first + count);
		if (count > 0 && *bytes + out[count].len > PEER_BYTES_MAX)
			break;
		*bytes += out[count].len;
	}
	return (count);
}

static bool
pipeline_is_full(const struct peer *peer)
{
	return (peer->inflight_count == INFLIGHT_MAX || peer->inflight_bytes >= INFLIGHT_BYTES_MAX);
}

static void
note_inflight(struct peer *peer, uint64_t last, size_t bytes)
{
	uint32_t at = (peer->inflight_first + peer->inflight_count) % INFLIGHT_MAX;

	peer->inflight[at] = (struct inflight){ last, bytes };
	peer->inflight_count++;
	peer->inflight_bytes += bytes;
}

static void
free_inflight(struct peer *peer, uint64_t match)
{
	while (peer->inflight_count > 0 && peer->inflight[peer->inflight_first].last <= match) {
		peer->inflight_bytes -= peer->inflight[peer->inflight_first].bytes;
		peer->inflight_first = (peer->inflight_first + 1) % INFLIGHT_MAX;
		peer->inflight_count--;
	}
}

/* One message of entries; false if there is no more to send now. */
static bool
send_entries(struct core *core, struct peer *peer)
{
	struct peer_message *m;
	size_t bytes;
	uint32_t count;

	if (peer->paused || peer->next > core->last || core->nout == OUT_MESSAGES_MAX)
		return (false);
	if (pipeline_is_full(peer)) {
		CORE_MARK(pipeline_full);
		return (false);
	}
	if ((count = collect(core, peer->next, &bytes)) == 0)
		return (false);
	m = new_append(core, peer, peer->next - 1);
	m->entries = &core->out_entries[core->nout_entries];
	m->count = count;
	core->nout_entries += count;
	core->out_bytes += bytes;
	if (peer->state == PEER_PIPELINE) {
		peer->next += count;
		note_inflight(peer, peer->next - 1, bytes);
	} else {
		CORE_MARK(peer_probed);
		peer->paused = true;
	}
	return (true);
}

/* Whether the log no longer reaches back to what the peer needs. */
static bool
needs_snapshot(const struct core *core, const struct peer *peer)
{
	return (peer->next <= core->base);
}

static void
append_to(struct core *core, struct peer *peer)
{
	if (peer->state != PEER_OFFERED && needs_snapshot(core, peer))
		snapshot_want(core, peer);
	if (peer->state == PEER_OFFERED) {
		if (peer->due) {
			snapshot_repeat(core, peer);
			(void)new_append(core, peer, 0); /* keeps it from electing */
		}
		return;
	}
	while (send_entries(core, peer))
		continue;
	if (peer->due)
		(void)new_append(core, peer, peer->next - 1);
}

/* All that can be sent now.  Called when the caller takes messages. */
void
append_all(struct core *core)
{
	uint32_t i;

	read_advance(core);
	if (core->npeers == 0)
		return;
	if (core->joining > 0)
		member_promote_joining(core);
	for (i = 0; i < core->npeers;) {
		struct peer *peer = &core->peers[i];

		append_to(core, peer);
		if (peer->last_word)
			member_drop_peer(core, peer); /* another one takes its place in the table */
		else
			i++;
	}
	transfer_advance(core);
}

/*
 * Thesis 3.5 at its end: the follower named the last index at which it has no
 * later a term than the refused one; what we have of later terms before that can
 * not match either.
 */
static void
back_up(struct core *core, struct peer *peer, const struct peer_message *m)
{
	uint64_t next = m->hint;

	if (m->index < peer->match || (peer->state == PEER_PROBE && m->index != peer->next - 1))
		return; /* an old refusal */
	if (next > core->last)
		next = core->last;
	while (next > core->base && core_term_at(core, next) > m->hint_term)
		next--;
	if (next < m->index - 1)
		CORE_MARK(backed_up_by_hint);
	if (next >= m->index)
		next = m->index - 1;
	if (next <
	    peer->match) { /* only from a disk that was put back; to think less of it is safe */
		CORE_MARK(peer_lost_log);
		peer->match = next;
	}
	append_reset_peer(core, peer);
	peer->next = next + 1;
}

/* The peer's log equals ours up to `index` and has it on its disk. */
static void
advance_peer(struct core *core, struct peer *peer, uint64_t index)
{
	bool news = index > peer->match;

	if (news)
		peer->match = index;
	if (peer->next <= peer->match)
		peer->next = peer->match + 1;
	if (peer->state == PEER_OFFERED && peer->match < peer->offer)
		return;
	if (peer->state == PEER_OFFERED && peer->offer == 0 && needs_snapshot(core, peer))
		return;
	if (peer->state != PEER_PIPELINE) {
		CORE_MARK(peer_pipelined);
		peer->state = PEER_PIPELINE;
		peer->paused = false;
	}
	free_inflight(peer, peer->match);
	if (news) {
		commit_advance(core);
		member_on_progress(core, peer);
	}
}

static void
note_round(struct core *core, struct peer *peer, uint64_t round)
{
	if (round <= peer->round || round > core->round)
		return;
	CORE_MARK(lease_extended);
	peer->round = round;
	if (core->round - round < ROUNDS_KEPT)
		peer->round_sent = core->round_begun[round % ROUNDS_KEPT];
}

void
append_on_reply(struct core *core, const struct peer_message *m)
{
	struct peer *peer = member_peer(core, m->from);

	if (m->term > core->term) {
		if (peer != NULL) {
			CORE_MARK(stepped_down_term);
			vote_become_follower(core, m->term, 0);
		}
		return;
	}
	if (core->role != CORE_LEADER || m->term < core->term || peer == NULL)
		return;
	peer->heard = core->now;
	if (m->applied > peer->applied)
		peer->applied = m->applied;
	note_round(core, peer, m->round);
	commit_compare_chain(core, m->from, m->applied, m->chain);
	if ((m->flags & PEER_REFUSED) != 0) {
		if (peer->state != PEER_OFFERED)
			back_up(core, peer, m);
	} else if (m->index <= core->last) {
		advance_peer(core, peer, m->index);
	}
	if (core->role == CORE_LEADER)
		read_advance(core);
}
