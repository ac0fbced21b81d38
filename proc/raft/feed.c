/*
 * Committed entries go to sql in order, as far as its channel takes them: new ones
 * from memory, older ones (recovery) from the log.  What waits for an index to be
 * applied is answered when sql says so.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proc/raft/members.h"
#include "proc/raft/raft.h"

#define FEED_HIGH (8 * MIB) /* of entries that sql has not got: http is not read any more */
#define FEED_LOW (2 * MIB)
#define ENTRIES_HIGH (RAFT_WINDOW / 2) /* the same, by their number, not yet applied */
#define ENTRIES_LOW (RAFT_WINDOW / 4)
#define PROGRESS_NS 2000000000 /* between two words about a replay */
#define LOG_KEEP_BYTES (32 * MIB)

static void
send_entry(struct raft *raft, struct chan *sql, const struct log_entry *entry)
{
	const struct sender *sender = &raft->senders[entry->index % RAFT_WINDOW];
	struct msg_apply apply = { .index = entry->index, .term = entry->term };

	apply.type = entry->type == PEER_ENTRY_COMMAND ? ENTRY_COMMAND : ENTRY_NOP;
	if (sender->index == entry->index && sender->term == entry->term && sender->origin.known) {
		apply.worker = (uint8_t)(sender->origin.worker + 1);
		apply.incarnation = sender->origin.incarnation;
		apply.request = sender->origin.request;
	}
	if (apply.type == ENTRY_COMMAND) {
		apply.entry.data = entry->data;
		apply.entry.len = entry->len;
	}
	msg_apply_send(sql, &apply, -1);
	raft->fed = entry->index;
	raft->unfed -= entry->len < raft->unfed ? entry->len : raft->unfed;
}

struct feeding {
	struct raft *raft;
	struct chan *sql;
};

static bool
feed_from_log(void *arg, const struct log_entry *entry)
{
	struct feeding *feeding = arg;
	struct raft *raft = feeding->raft;

	if (entry->index > raft->apply || core_entry(raft->core, entry->index) != NULL)
		return (false);
	send_entry(raft, feeding->sql, entry);
	return (chan_queued(feeding->sql) < FEED_HIGH);
}

/* sql says now and then how far it is; if somebody waits for it, it is asked to say so at once. */
static void
ask_applied(struct raft *raft, struct chan *sql)
{
	struct msg_applied_ask ask;

	if (!raft->state.ready)
		raft->wanted = raft->fed;
	if (raft->wanted <= raft->asked)
		return;
	ask.index = raft->asked = raft->wanted;
	msg_applied_ask_send(sql, &ask, -1);
}

void
feed_sql(struct raft *raft)
{
	struct chan *sql = proc_peer(&raft->proc, ROLE_SQL, 0);
	struct feeding feeding = { raft, sql };
	struct error error;

	while (sql != NULL && raft->fed < raft->apply && chan_queued(sql) < FEED_HIGH) {
		const struct peer_entry *held = core_entry(raft->core, raft->fed + 1);

		if (held != NULL) {
			struct log_entry entry = { raft->fed + 1, held->term, held->type,
				held->data, held->len };

			send_entry(raft, sql, &entry);
		} else if (log_read(raft->log, raft->fed + 1, feed_from_log, &feeding, &error) ==
			   -1) {
			proc_fail(&raft->proc, "%s", error.text);
		}
	}
	if (sql != NULL)
		ask_applied(raft, sql);
}

/* Whether more than so much waits to be handed to sql, or to be applied. */
static bool
is_behind(struct raft *raft, size_t bytes, uint64_t entries)
{
	struct chan *sql = proc_peer(&raft->proc, ROLE_SQL, 0);

	return (raft->unfed + (sql != NULL ? chan_queued(sql) : 0) >= bytes ||
		raft->newest >= raft->applied + entries);
}

static void
each_http(struct raft *raft, void (*act)(struct proc *, struct chan *))
{
	size_t i;

	for (i = 0; i < raft->proc.npeers; i++)
		if (raft->proc.peers[i]->role == ROLE_HTTP)
			act(&raft->proc, raft->proc.peers[i]);
}

void
feed_pause(struct raft *raft)
{
	if (is_behind(raft, FEED_HIGH, ENTRIES_HIGH))
		each_http(raft, proc_pause);
}

void
feed_resume(struct raft *raft)
{
	if (!is_behind(raft, FEED_LOW, ENTRIES_LOW))
		each_http(raft, proc_resume);
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
	raft->waiters =
	    list_grow(raft->waiters, raft->nwaiters, &raft->waiters_cap, sizeof(*raft->waiters));
	raft->waiters[raft->nwaiters++] = waiter;
	if (index > raft->wanted)
		raft->wanted = index;
}

/* A long replay says how far it is. */
static void
report_progress(struct raft *raft)
{
	uint64_t now = raft_now_ns();

	if (raft->state.ready || now - raft->reported < PROGRESS_NS)
		return;
	raft->reported = now;
	log_as("raft", "replaying the log: %" PRIu64 " of %" PRIu64 " entries are applied",
	    raft->applied, raft->handed);
}

void
feed_on_applied(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct raft *raft = state;
	size_t i, kept = 0;

	if (raft->core == NULL || msg->applied.index > raft->fed ||
	    msg->applied.index < raft->applied)
		fatalx("sql applied what it was not given");
	consensus_tick(raft);
	core_applied(raft->core, msg->applied.index, msg->applied.chain);
	raft->applied = msg->applied.index;
	raft->chain = msg->applied.chain;
	raft->changed = true;
	report_progress(raft);
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
		log_as("raft", "writes are accepted again");
	raft->changed = true;
}

/*
 * The database file alone has all up to this index: the log before it may go,
 * less what a peer may lack.  Who the members are is saved before that.
 */
void
feed_on_base(void *state, struct chan *chan, const union msg *msg, int fd)
{
	static struct members members;
	struct raft *raft = state;
	uint64_t entries = (uint64_t)raft->settings.snap * 5 / 4;
	uint64_t last, base;
	const struct peer_configuration *configuration;

	if (raft->core == NULL)
		return;
	last = log_last(raft->log);
	base = log_tail(raft->log, LOG_KEEP_BYTES / (size_t)raft->settings.disk_scale);
	if (last > entries && last - entries > base)
		base = last - entries;
	if (base > msg->base.index)
		base = msg->base.index;
	if (!log_can_drop(raft->log, base))
		return;
	configuration = core_configuration_at(raft->core, base);
	if (configuration == NULL)
		return;
	members.base = base;
	members.configuration = *configuration;
	if (members_write(raft->dir, raft->identity.instance, &members) == -1) {
		log_warn("raft/peers: the log stays as long as it is");
		return;
	}
	core_compacted(raft->core, base);
	log_drop_before(raft->log, base);
}
