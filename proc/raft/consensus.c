/*
 * A turn of the consensus core: it is told the time and what came in, and then
 * asked what there is to do until there is nothing, in the order that core.h
 * states.  Everything proposed in a turn is one batch: one write, one flush.
 *
 * Other nodes can not be reached yet, so what the core says to them is lost, as
 * messages may be; a sole voter has nothing to say.
 */
#include <errno.h>
#include <event2/event.h>
#include <string.h>

#include "common/log.h"
#include "proc/raft/raft.h"

#define RETRY_NS 100000000 /* between attempts to write the log on a full disk */

/* ---- the clock ---- */

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct raft *raft = arg;

	raft->alarm = UINT64_MAX; /* the turn does the rest */
}

/* Watches the clock for the core. */
static void
set_timer(struct raft *raft)
{
	uint64_t deadline = core_deadline(raft->core), now, wait;
	struct timeval tv;

	if (raft->log_error != 0 && raft->retry < deadline)
		deadline = raft->retry;
	if (deadline == raft->alarm)
		return;
	if (raft->timer == NULL)
		raft->timer = evtimer_new(raft->proc.loop, on_timer, raft);
	if (raft->timer == NULL)
		fatalx("evtimer_new");
	raft->alarm = deadline;
	if (deadline == UINT64_MAX) {
		evtimer_del(raft->timer);
		return;
	}
	now = raft_now_ns();
	wait = deadline > now ? (deadline - now) / 1000 + 1 : 1;
	tv.tv_sec = (time_t)(wait / 1000000);
	tv.tv_usec = (suseconds_t)(wait % 1000000);
	if (evtimer_add(raft->timer, &tv) == -1)
		fatalx("evtimer_add");
}

void
consensus_tick(struct raft *raft)
{
	if (raft->ticked)
		return;
	raft->ticked = true;
	core_tick(raft->core, raft_now_ns());
}

/* ---- what the core wants done ---- */

/* Both copies are written in place, so a full disk is no hindrance; what is, we can't go on with. */
static void
write_vote(struct raft *raft, const struct core_ready *ready)
{
	raft->vote = (struct vote){ .term = ready->term, .candidate = ready->vote };
	if (vote_write(raft->dir, raft->identity.instance, &raft->vote) == -1)
		proc_fail(&raft->proc, "raft/vote: %s", strerror(errno));
}

static void
on_role(struct raft *raft)
{
	static const char *const roles[] = { "follower", "pre-candidate", "candidate", "leader" };
	struct core_status status;

	core_status(raft->core, &status);
	log_info("[INFO]  entering %s state: term %llu", roles[status.role],
	    (unsigned long long)status.term);
	if (status.role == CORE_LEADER)
		log_as("store", "this node (ID=%s, addr=%s) is now Leader", raft->settings.node_id,
		    raft->settings.raft_adv_addr);
}

/* Those who asked up to the token now know the index; 0: leadership is gone, nothing is known. */
static void
answer_readers(struct raft *raft, const struct core_read *read)
{
	size_t i;

	for (i = 0; i < raft->nreaders && raft->readers[i].token <= read->token; i++) {
		if (read->index != 0)
			feed_wait(raft, &raft->readers[i].origin, read->index, false);
		else
			serve_refuse(
			    raft, &raft->readers[i].origin, REFUSED_NO_LEADER, "leader not found");
	}
	raft->nreaders -= i;
	memmove(raft->readers, raft->readers + i, raft->nreaders * sizeof(*raft->readers));
}

/* One batch of what the core has and the log has not; -1: it could not be written. */
static int
write_batch(struct raft *raft)
{
	uint64_t begun = raft_now_ns(), first = log_last(raft->log) + 1, index;
	size_t bytes;

	log_begin(raft->log);
	for (index = first; index <= raft->handed && index - first < LOG_BATCH_ENTRIES_MAX &&
			    log_building_bytes(raft->log) <= LOG_BATCH_MAX;
	     index++) {
		const struct peer_entry *entry = core_entry(raft->core, index);
		struct iovec part = { (void *)(uintptr_t)entry->data, entry->len };

		log_add(raft->log, entry->term, entry->type, &part, 1);
	}
	bytes = log_building_bytes(raft->log);
	if (log_commit(raft->log) == -1)
		return (-1);
	counters_observe(raft->counters, HISTOGRAM_LOG_SYNC, raft_now_ns() - begun);
	counter_add(raft->counters, COUNTER_LOG_FLUSHES, 1);
	counter_add(raft->counters, COUNTER_LOG_BYTES, bytes);
	counter_add(raft->counters, COUNTER_LOG_ENTRIES, index - first);
	return (0);
}

/*
 * Makes the log what the core wants it to be.  If it can't be written nothing is
 * lost and nothing acknowledged: it is tried again, and meanwhile serve.c takes no
 * more.
 */
static void
persist(struct raft *raft)
{
	int error = 0;

	if (raft->cut != 0 && log_cut(raft->log, raft->cut) == -1)
		error = errno;
	else
		raft->cut = 0;
	while (error == 0 && log_last(raft->log) < raft->handed)
		if (write_batch(raft) == -1)
			error = errno;
	if (error != raft->log_error && error != 0)
		log_warnx(
		    "raft log: it can not be written, writes are refused: %s", strerror(error));
	else if (error != raft->log_error)
		log_as("raft", "raft log: it can be written again");
	raft->log_error = error;
	raft->retry = raft_now_ns() + RETRY_NS;
	if (raft->cut == 0)
		core_persisted(
		    raft->core, log_last(raft->log), log_term(raft->log, log_last(raft->log)));
}

/* Answers and events go before the log is written: they do not depend on it. */
static void
act_on(struct raft *raft, const struct core_ready *ready)
{
	bool append = ready->cut != 0 || ready->first <= ready->last;
	uint32_t i;

	if (ready->hard)
		write_vote(raft, ready);
	for (i = 0; i < ready->nreads; i++)
		answer_readers(raft, &ready->reads[i]);
	for (i = 0; i < ready->nevents; i++)
		if (ready->events[i].type == CORE_EVENT_ROLE)
			on_role(raft);
	if (ready->cut != 0 && (raft->cut == 0 || ready->cut < raft->cut))
		raft->cut = ready->cut;
	raft->handed = ready->last;
	raft->commit = ready->commit;
	raft->apply = ready->apply;
	raft->changed = true;
	if (append)
		persist(raft);
	entries_drop_views(&raft->entries);
}

/* The reads of this turn are one question. */
static void
ask_reads(struct raft *raft)
{
	struct core_read none = { raft->token, 0 };

	if (raft->nreaders == 0 || raft->readers[raft->nreaders - 1].token != raft->token)
		return;
	switch (core_read_index(raft->core, raft->token)) {
	case CORE_OK:
		raft->token++;
		break;
	case CORE_BUSY: /* they are asked with those of the next turn */
		break;
	default:
		answer_readers(raft, &none);
		break;
	}
}

void
consensus_run(struct raft *raft)
{
	struct core_ready ready;

	consensus_tick(raft);
	ask_reads(raft);
	if (raft->log_error != 0 && raft_now_ns() >= raft->retry)
		persist(raft);
	while (core_ready(raft->core, &ready))
		act_on(raft, &ready);
	feed_sql(raft);
	raft->proposed = 0;
	raft->ticked = false;
	set_timer(raft);
}
