/*
 * Committed entries go to sql in order, as far as its channel takes them: those
 * of the batch just flushed from memory, older ones (recovery) from the log.
 * What waits for an index to be applied is answered when sql says so.
 */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proc/raft/raft.h"

#define FEED_HIGH (8 * MIB) /* unsent to sql: http is not read any more */
#define FEED_LOW (2 * MIB)
#define LOG_KEEP_BYTES (32 * MIB)

static void
send_entry(struct chan *sql, const struct log_entry *entry, const struct origin *origin)
{
	struct msg_apply apply = { .index = entry->index, .term = entry->term };

	apply.type = entry->type == ENTRY_KIND_COMMAND ? ENTRY_COMMAND : ENTRY_NOP;
	if (origin != NULL && origin->known) {
		apply.worker = (uint8_t)(origin->worker + 1);
		apply.incarnation = origin->incarnation;
		apply.request = origin->request;
	}
	if (apply.type == ENTRY_COMMAND) {
		apply.entry.data = entry->data;
		apply.entry.len = entry->len;
	}
	msg_apply_send(sql, &apply, -1);
}

struct feeding {
	struct raft *raft;
	struct chan *sql;
};

static bool
feed_one(void *arg, const struct log_entry *entry)
{
	struct feeding *feeding = arg;
	struct raft *raft = feeding->raft;
	const struct origin *origin = NULL;

	if (entry->index > raft->commit)
		return (false);
	if (entry->index >= raft->batch_first &&
	    entry->index < raft->batch_first + raft->batch_count)
		origin = &raft->origins[entry->index - raft->batch_first];
	send_entry(feeding->sql, entry, origin);
	raft->fed = entry->index;
	return (chan_queued(feeding->sql) < FEED_HIGH);
}

/* Who is asked too much: http is read again when sql has caught up. */
static void
press_back(struct raft *raft, bool full)
{
	size_t i;

	for (i = 0; i < raft->proc.npeers; i++) {
		struct chan *chan = raft->proc.peers[i];

		if (chan->role != ROLE_HTTP)
			continue;
		if (full)
			proc_pause(&raft->proc, chan);
		else
			proc_resume(&raft->proc, chan);
	}
}

void
feed_sql(struct raft *raft)
{
	struct chan *sql = proc_peer(&raft->proc, ROLE_SQL, 0);
	struct feeding feeding = { raft, sql };
	struct error error;

	if (sql == NULL || !raft->sql_open)
		return;
	if (raft->fed < raft->commit && chan_queued(sql) < FEED_HIGH) {
		if (raft->fed + 1 == raft->batch_first)
			log_read_batch(raft->log, feed_one, &feeding);
		else if (log_read(raft->log, raft->fed + 1, feed_one, &feeding, &error) == -1)
			proc_fail(&raft->proc, true, "%s", error.text);
	}
	if (chan_queued(sql) >= FEED_HIGH)
		press_back(raft, true);
	else if (chan_queued(sql) < FEED_LOW)
		press_back(raft, false);
}

/* ---- waiting for an index ---- */

static void
answer(struct raft *raft, const struct waiter *waiter)
{
	struct chan *http = proc_peer(&raft->proc, ROLE_HTTP, waiter->origin.worker);
	struct msg_read_at at = { waiter->origin.request, waiter->index, waiter->logged };

	if (http != NULL && http->incarnation == waiter->origin.incarnation)
		msg_read_at_send(http, &at, -1);
}

void
feed_wait(struct raft *raft, const struct origin *origin, uint64_t index, bool logged)
{
	struct waiter waiter = { *origin, index, logged };

	if (index <= raft->applied) {
		answer(raft, &waiter);
		return;
	}
	if (raft->nwaiters == raft->waiters_cap) {
		raft->waiters_cap = raft->waiters_cap == 0 ? 64 : raft->waiters_cap * 2;
		raft->waiters = realloc(raft->waiters, raft->waiters_cap * sizeof(waiter));
		if (raft->waiters == NULL)
			fatal("realloc");
	}
	raft->waiters[raft->nwaiters++] = waiter;
}

void
feed_on_applied(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct raft *raft = state;
	size_t i, kept = 0;

	if (msg->applied.index > raft->fed)
		fatalx("sql applied what it was not given");
	raft->applied = msg->applied.index;
	raft->chain = msg->applied.chain;
	raft->changed = true;
	for (i = 0; i < raft->nwaiters; i++) {
		if (raft->waiters[i].index <= raft->applied)
			answer(raft, &raft->waiters[i]);
		else
			raft->waiters[kept++] = raft->waiters[i];
	}
	raft->nwaiters = kept;
}

void
feed_on_stalled(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct raft *raft = state;
	size_t len = msg->stalled.cause.len;

	raft->stalled = msg->stalled.stalled;
	memcpy(raft->stall_cause, msg->stalled.cause.data, len < 511 ? len : 511);
	raft->stall_cause[len < 511 ? len : 511] = '\0';
	if (raft->stalled)
		log_warnx("writes are refused: %s", raft->stall_cause);
	else
		log_info("writes are accepted again");
	raft->changed = true;
}

/* The database file alone is this index: the log before it may go, less what a peer may lack. */
void
feed_on_base(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct raft *raft = state;
	uint64_t entries = (uint64_t)raft->settings.snap * 5 / 4;
	uint64_t last, tail;

	if (raft->log == NULL)
		return;
	last = log_last(raft->log);
	tail = log_tail(raft->log, LOG_KEEP_BYTES / (size_t)raft->settings.disk_scale);
	if (last > entries && last - entries > tail)
		tail = last - entries;
	log_drop_before(raft->log, tail < msg->base.index ? tail : msg->base.index);
}
