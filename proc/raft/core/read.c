/*
 * Reads that must see all that was acknowledged before them (thesis 6.4): note
 * the commit index, prove by a round of answers that no other leader was elected
 * before the read came, answer when that index is applied.  One round serves
 * all reads that wait; those that come while it is on its way share the next.
 *
 * The lease is not used for that: an eager election may make a new leader inside
 * it.  It ends a leader that its quorum does not hear, and bounds weak reads.
 */
#include "proc/raft/core/parts.h"

#include <assert.h>

static uint64_t
round_of(const struct peer *peer)
{
	return (peer->round);
}

static uint64_t
round_sent_of(const struct peer *peer)
{
	return (peer->round_sent);
}

static bool
is_alone(const struct core *core)
{
	return (core->voter && core->voters == 1);
}

/* From when the question was sent, not from when its answer came. */
uint64_t
read_lease_until(const struct core *core)
{
	if (is_alone(core))
		return (NEVER);
	if (CORE_BUG == BUG_NO_LEASE_CHECK)
		return (core->now + core->config.lease_ns);
	return (add_time(commit_quorum(core, core->now, round_sent_of), core->config.lease_ns));
}

static void
answer_read(struct core *core, uint64_t token, uint64_t index)
{
	struct core_read *read = out_read(core);

	*read = (struct core_read){ token, index };
}

static bool
is_full(const struct core *core)
{
	return (core->reads_count + (core->taken ? 0 : core->nreads_out) >= CORE_READS_MAX);
}

/* Until the no-op is committed a leader may not know all that is: then the read waits for that. */
enum core_error
core_read_index(struct core *core, uint64_t token)
{
	uint64_t index = core->commit;

	if (core->role != CORE_LEADER)
		return (CORE_NOT_LEADER);
	if (index < core->term_start)
		index = core->term_start;
	if (is_full(core))
		return (CORE_BUSY);
	if (is_alone(core) || CORE_BUG == BUG_READ_NO_ROUND) {
		CORE_MARK(read_sole_voter);
		answer_read(core, token, index);
		return (CORE_OK);
	}
	core->reads[(core->reads_first + core->reads_count) % CORE_READS_MAX] =
	    (struct pending_read){ token, index, 0 };
	core->reads_count++;
	core->reads_waiting++;
	return (CORE_OK);
}

/* A round begins: it is younger than all reads that are here. */
void
read_assign(struct core *core)
{
	uint32_t i;

	if (core->reads_waiting > 1)
		CORE_MARK(read_rounds_shared);
	for (i = core->reads_count - core->reads_waiting; i < core->reads_count; i++)
		core->reads[(core->reads_first + i) % CORE_READS_MAX].round = core->round;
	core->reads_waiting = 0;
}

/* Answers what a round has proven; starts one if reads wait and none is under way for others. */
void
read_advance(struct core *core)
{
	uint64_t proven;

	if (core->reads_count == 0)
		return;
	if (is_alone(core))
		read_assign(core); /* the others were removed meanwhile */
	proven = is_alone(core) ? core->round : commit_quorum(core, core->round, round_of);
	while (core->reads_count > core->reads_waiting &&
	       core->reads[core->reads_first].round <= proven) {
		CORE_MARK(read_round);
		answer_read(core, core->reads[core->reads_first].token,
		    core->reads[core->reads_first].index);
		core->reads_first = (core->reads_first + 1) % CORE_READS_MAX;
		core->reads_count--;
	}
	if (core->reads_waiting > 0 && core->reads_count == core->reads_waiting)
		append_begin_round(core);
}

void
read_fail_all(struct core *core)
{
	for (; core->reads_count > 0; core->reads_count--) {
		CORE_MARK(reads_lost);
		answer_read(core, core->reads[core->reads_first].token, 0);
		core->reads_first = (core->reads_first + 1) % CORE_READS_MAX;
	}
	core->reads_waiting = 0;
}
