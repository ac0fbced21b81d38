/*
 * Elections: thesis 3.4 (votes), 3.6.1 (whose log may lead), 4.2.3 (who hears a
 * leader ignores candidates), 9.6 (pre-vote).
 *
 * When the connection to the leader closes its process is most likely dead, and
 * waiting for a timeout gains nothing: an "eager" election begins at once.  All
 * followers see the same, so ties are broken among pre-candidates: the lower id
 * yields.  Pre-votes bind nobody, so that is safe; should the winner be unable to
 * finish, short random waits follow, each twice the one before.
 */
#include "proc/raft/core/parts.h"

#include <assert.h>

#define EAGER_SHIFT 9 /* the first short wait is T / 256 */
#define EAGER_MAX 8 /* so many, then waits are ordinary ones */
#define PATIENT_SHIFT 4 /* for a vote, which waits for disks: at least T / 16 */

void
vote_reset_deadline(struct core *core)
{
	uint64_t wait = core->config.election_ns;

	if (core->voter && core->voters == 1 && core->role != CORE_LEADER) {
		core->deadline = core->now; /* nobody to wait for */
		return;
	}
	if (core->eager >= EAGER_MAX)
		core->eager = 0;
	if (core->eager > 0) {
		wait = (wait >> EAGER_SHIFT) << core->eager;
		if (core->role == CORE_CANDIDATE &&
		    wait < core->config.election_ns >> PATIENT_SHIFT)
			wait = core->config.election_ns >> PATIENT_SHIFT;
	}
	core->deadline = core->now + random_between(core, wait, 2 * wait);
}

/*
 * Whether this node may stand.  Who is removed by an entry that is not yet known to
 * be committed still has to: the entry may be on it alone (thesis 4.2.2, figure 4.6).
 */
bool
vote_may_stand(const struct core *core)
{
	const struct peer_member *self;

	if (core->voter)
		return (true);
	if (core->latest_committed)
		return (false);
	self = peer_configuration_find(&core->before, core->config.id);
	return (self != NULL && self->suffrage == PEER_VOTER);
}

/* Whether a leader lives as far as this node can tell: then it helps nobody to power. */
static bool
knows_leader(const struct core *core)
{
	if (core->role == CORE_LEADER)
		return (true);
	return (core->leader != 0 && core->now - core->contact < core->config.election_ns);
}

void
vote_become_follower(struct core *core, uint64_t term, uint64_t leader)
{
	bool was_leader = core->role == CORE_LEADER;

	assert(term >= core->term);
	if (core->role != CORE_FOLLOWER || core->leader != leader || term > core->term)
		out_event(core, CORE_EVENT_ROLE, 0, 0, term);
	if (term > core->term) {
		core->term = term;
		core->vote = 0;
		core->hard = true;
	}
	core->role = CORE_FOLLOWER;
	core->leader = leader;
	core->verified = 0;
	core->answer_owed = false;
	if (was_leader) {
		read_fail_all(core);
		if (core->transfer != 0)
			transfer_end(core, true);
	}
	if (leader != 0)
		core->eager = 0;
	vote_reset_deadline(core);
}

/* A message of a higher term ends whatever this node was doing in its own. */
static void
meet_term(struct core *core, uint64_t term)
{
	if (term <= core->term)
		return;
	CORE_MARK(stepped_down_term);
	vote_become_follower(core, term, 0);
}

/* Asks every other voter; the own ballot is cast already. */
static void
ask_all(struct core *core, enum peer_type type, uint64_t term, uint16_t flags)
{
	struct peer_message *m;
	uint32_t i;

	for (i = 0; i < core->npeers; i++) {
		core->peers[i].ballot = BALLOT_NONE;
		if (core->peers[i].suffrage != PEER_VOTER)
			continue;
		if ((m = out_add(core, type, core->peers[i].id)) == NULL)
			continue;
		m->term = term;
		m->flags = flags;
		m->index = core->last;
		m->log_term = core_term_at(core, core->last);
	}
}

static uint32_t
count_ballots(const struct core *core, enum peer_ballot ballot)
{
	uint32_t i, count = 0;

	for (i = 0; i < core->npeers; i++) {
		if (core->peers[i].ballot != ballot)
			continue;
		if (core->peers[i].suffrage == PEER_VOTER)
			count++;
		else if (CORE_BUG == BUG_LEARNER_COUNTS && core->peers[i].suffrage != 0)
			count++;
	}
	return (count);
}

static bool
is_elected(const struct core *core)
{
	return (count_ballots(core, BALLOT_GRANTED) + core->voter > core->voters / 2);
}

static bool
is_hopeless(const struct core *core)
{
	return (core->voters - count_ballots(core, BALLOT_REFUSED) <= core->voters / 2);
}

static void
start_prevote(struct core *core)
{
	CORE_MARK(prevote_started);
	core->role = CORE_PRECANDIDATE;
	core->leader = 0;
	out_event(core, CORE_EVENT_ROLE, 0, 0, core->term);
	ask_all(core, PEER_PREVOTE, core->term + 1, 0);
	vote_reset_deadline(core);
	if (core->eager > 0)
		core->eager++;
}

void
vote_campaign(struct core *core, bool transfer)
{
	assert(vote_may_stand(core) && core->role != CORE_LEADER);
	core->role = CORE_CANDIDATE;
	core->leader = 0;
	core->term++;
	core->vote = core->config.id;
	core->hard = true;
	core->transfer_vote = transfer;
	core->campaign_start = core->now;
	core->verified = 0;
	core->answer_owed = false;
	out_event(core, CORE_EVENT_ROLE, 0, 0, core->term);
	ask_all(core, PEER_VOTE, core->term, transfer ? PEER_TRANSFER : 0);
	vote_reset_deadline(core);
	if (is_elected(core)) {
		CORE_MARK(sole_voter_elected);
		append_start(core);
	}
}

/* The leader was silent for too long, or an election came to nothing. */
void
vote_on_deadline(struct core *core)
{
	if (!vote_may_stand(core)) {
		if (core->leader != 0 || core->role != CORE_FOLLOWER)
			vote_become_follower(core, core->term, 0);
		core->deadline = NEVER;
		return;
	}
	if (core->installing) { /* its log has a hole until that is done */
		vote_become_follower(core, core->term, 0);
		return;
	}
	if (core->role == CORE_CANDIDATE)
		CORE_MARK(election_lost);
	if (core->voter && core->voters == 1)
		vote_campaign(core, false);
	else
		start_prevote(core);
}

void
vote_leader_gone(struct core *core)
{
	core->leader = 0;
	out_event(core, CORE_EVENT_ROLE, 0, 0, core->term);
	if (!vote_may_stand(core) || core->role != CORE_FOLLOWER || core->installing)
		return;
	CORE_MARK(eager_election);
	core->eager = 1;
	start_prevote(core);
}

/* Thesis 3.6.1: the later last term, then the longer log. */
static int
compare_logs(const struct core *core, const struct peer_message *m)
{
	uint64_t term = core_term_at(core, core->last);

	if (m->log_term != term)
		return (m->log_term > term ? 1 : -1);
	return ((m->index > core->last) - (m->index < core->last));
}

/*
 * Only voters of the latest configuration may be helped.  A longer log may have
 * a later one, in which the candidate is a voter: then it must be, or both
 * configurations could wait for each other (thesis 4.1).
 */
static bool
may_lead(const struct core *core, uint64_t id, int compared)
{
	const struct peer_member *member;

	if (core->latest.count == 0 || compared > 0)
		return (true);
	if ((member = peer_configuration_find(&core->latest, id)) == NULL) {
		CORE_MARK(vote_refused_not_member);
		return (false);
	}
	if (member->suffrage != PEER_VOTER) {
		CORE_MARK(vote_refused_not_voter);
		return (false);
	}
	return (true);
}

static void
answer(struct core *core, const struct peer_message *m, enum peer_type type, bool granted)
{
	struct peer_message *reply = out_add(core, type, m->from);

	if (reply == NULL)
		return;
	reply->flags = granted ? 0 : PEER_REFUSED;
	reply->term = granted ? m->term : core->term;
}

/* Between two that could both win, one gives way. */
static bool
yields_to(struct core *core, const struct peer_message *m, int compared)
{
	if (core->role != CORE_PRECANDIDATE || core->eager == 0)
		return (true);
	if (compared == 0 && m->from < core->config.id)
		return (false);
	CORE_MARK(prevote_yielded);
	core->role = CORE_FOLLOWER;
	core->deadline = core->now + random_between(core, core->config.election_ns >> PATIENT_SHIFT,
					 core->config.election_ns >> (PATIENT_SHIFT - 1));
	return (true);
}

static bool
grants_prevote(struct core *core, const struct peer_message *m)
{
	int compared = compare_logs(core, m);

	if (m->term <= core->term || !may_lead(core, m->from, compared))
		return (false);
	if (knows_leader(core)) {
		CORE_MARK(prevote_refused_leader_known);
		return (false);
	}
	if (compared < 0) {
		CORE_MARK(prevote_refused_stale_log);
		return (false);
	}
	return (yields_to(core, m, compared));
}

void
vote_on_prevote(struct core *core, const struct peer_message *m)
{
	bool granted = grants_prevote(core, m);

	if (granted)
		CORE_MARK(prevote_granted);
	answer(core, m, PEER_PREVOTE_REPLY, granted);
}

static void
note_ballot(struct core *core, const struct peer_message *m)
{
	struct peer *peer = member_peer(core, m->from);

	if (peer != NULL)
		peer->ballot = (m->flags & PEER_REFUSED) != 0 ? BALLOT_REFUSED : BALLOT_GRANTED;
}

/* An eager election that can not be won is tried again soon, an ordinary one at its deadline. */
static void
give_up_if_hopeless(struct core *core)
{
	if (!is_hopeless(core))
		return;
	if (core->role == CORE_PRECANDIDATE)
		CORE_MARK(prevote_lost);
	else
		CORE_MARK(election_lost);
	if (core->role == CORE_CANDIDATE && core->eager > 0)
		core->eager++;
	core->role = CORE_FOLLOWER;
	vote_reset_deadline(core);
	out_event(core, CORE_EVENT_ROLE, 0, 0, core->term);
}

void
vote_on_prevote_reply(struct core *core, const struct peer_message *m)
{
	if ((m->flags & PEER_REFUSED) != 0 && m->term > core->term) {
		if (core->role != CORE_LEADER && core->leader == 0)
			meet_term(core, m->term);
		return;
	}
	if (core->role != CORE_PRECANDIDATE)
		return;
	if ((m->flags & PEER_REFUSED) == 0 && m->term != core->term + 1)
		return;
	note_ballot(core, m);
	if (is_elected(core))
		vote_campaign(core, false);
	else
		give_up_if_hopeless(core);
}

/* Thesis 4.2.3: whoever hears a leader does not even take over a candidate's term. */
static bool
ignores_candidate(struct core *core, const struct peer_message *m)
{
	if ((m->flags & PEER_TRANSFER) == 0 && knows_leader(core)) {
		CORE_MARK(vote_ignored_leader_known);
		return (true);
	}
	return (!may_lead(core, m->from, compare_logs(core, m)));
}

void
vote_on_request(struct core *core, const struct peer_message *m)
{
	bool granted = false;

	if (m->term < core->term) {
		CORE_MARK(stale_term_ignored);
	} else if (!ignores_candidate(core, m)) {
		meet_term(core, m->term);
		if (core->vote != 0 && core->vote != m->from)
			CORE_MARK(vote_refused_twice);
		else if (compare_logs(core, m) < 0)
			CORE_MARK(vote_refused_stale_log);
		else
			granted = true;
	}
	if (granted) {
		CORE_MARK(vote_granted);
		if ((m->flags & PEER_TRANSFER) != 0)
			CORE_MARK(vote_for_transfer);
		if (core->role == CORE_PRECANDIDATE)
			core->role = CORE_FOLLOWER;
		core->hard |= core->vote != m->from;
		core->vote = m->from;
		core->eager = 0;
		vote_reset_deadline(core);
	}
	answer(core, m, PEER_VOTE_REPLY, granted);
}

void
vote_on_reply(struct core *core, const struct peer_message *m)
{
	if (m->term > core->term) {
		meet_term(core, m->term);
		return;
	}
	if (core->role != CORE_CANDIDATE || m->term != core->term)
		return;
	note_ballot(core, m);
	if (is_elected(core)) {
		CORE_MARK(election_won);
		append_start(core);
	} else {
		give_up_if_hopeless(core);
	}
}
