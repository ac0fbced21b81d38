/*
 * Handing leadership over (thesis 3.10): take no more proposals, bring the target
 * up to date, tell it to campaign at once.  If it has not taken over within an
 * election timeout, this leader goes on.
 */
#include "proc/raft/core/parts.h"

static struct peer *
choose(struct core *core)
{
	struct peer *best = NULL;
	uint32_t i;

	for (i = 0; i < core->npeers; i++) {
		struct peer *peer = &core->peers[i];

		if (peer->suffrage != PEER_VOTER)
			continue;
		if (best == NULL || peer->match > best->match ||
		    (peer->match == best->match && peer->heard > best->heard))
			best = peer;
	}
	return (best);
}

enum core_error
core_transfer(struct core *core, uint64_t target)
{
	struct peer *peer;

	if (core->role != CORE_LEADER)
		return (CORE_NOT_LEADER);
	if (target == core->config.id)
		return (CORE_IS_LEADER);
	if (core->transfer != 0)
		return (CORE_TRANSFERRING);
	if (target == 0)
		peer = choose(core);
	else if ((peer = member_peer(core, target)) == NULL || peer->suffrage == 0)
		return (CORE_NO_MEMBER);
	if (peer == NULL)
		return (CORE_NO_PEER);
	if (peer->suffrage != PEER_VOTER)
		return (CORE_NOT_VOTER);
	core->transfer = peer->id;
	core->transfer_deadline = core->now + core->config.election_ns;
	core->transfer_sent = 0;
	return (CORE_OK);
}

/* Sends the word once the target has all; again in each round, since it may get lost. */
void
transfer_advance(struct core *core)
{
	struct peer *peer;

	if (core->transfer == 0 || core->transfer_sent == core->round)
		return;
	if ((peer = member_peer(core, core->transfer)) == NULL || peer->suffrage != PEER_VOTER) {
		transfer_end(core, false);
		return;
	}
	if (peer->match == core->last && out_add(core, PEER_TIMEOUT_NOW, peer->id) != NULL) {
		CORE_MARK(transfer_sent);
		core->transfer_sent = core->round;
	}
}

void
transfer_end(struct core *core, bool good)
{
	if (good)
		CORE_MARK(transfer_done);
	else
		CORE_MARK(transfer_failed);
	out_event(core, good ? CORE_EVENT_TRANSFERRED : CORE_EVENT_TRANSFER_FAILED, core->transfer,
	    0, core->term);
	core->transfer = 0;
}

/*
 * A leader that is no voter any more leaves when its removal is committed (thesis
 * 4.2.2).  The others have just been sent that commit index; the best of them
 * need not wait for a timeout.
 */
void
transfer_retire(struct core *core)
{
	struct peer *heir;

	core->retiring = false;
	if (core->role != CORE_LEADER || core->voter)
		return;
	CORE_MARK(removed_leader_steps_down);
	if ((heir = choose(core)) != NULL)
		(void)out_add(core, PEER_TIMEOUT_NOW, heir->id);
	vote_become_follower(core, core->term, 0);
}

void
transfer_on_timeout_now(struct core *core, const struct peer_message *m)
{
	if (m->term != core->term || core->role == CORE_LEADER || core->installing ||
	    !vote_may_stand(core)) {
		CORE_MARK(stale_term_ignored);
		return;
	}
	vote_campaign(core, true);
}
