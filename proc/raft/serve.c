/*
 * What http asks for on behalf of clients: a write, a barrier, a read index.
 * http may have been taken over, so every right is checked here, by the ticket.
 */
#include <sys/random.h>

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "proc/raft/raft.h"
#include "proto/command.h"
#include "proto/entry.h"
#include "proto/perm.h"

#define SPACE_LOOK_NS 100000000 /* how often the disk is asked for its free space */

static struct origin
origin_of(const struct chan *chan, uint64_t request)
{
	return ((struct origin){ (uint8_t)chan->number, true, chan->incarnation, request });
}

void
serve_refuse(
    struct raft *raft, const struct origin *origin, enum ipc_refused reason, const char *text)
{
	struct chan *http = proc_peer(&raft->proc, ROLE_HTTP, origin->worker);
	struct msg_refused refused = { origin->request, (uint8_t)reason, ipc_text(text) };

	if (origin->known && http != NULL && http->incarnation == origin->incarnation)
		msg_refused_send(http, &refused, -1);
}

/* The MAC is computed once for a ticket that comes with many requests. */
static bool
is_granted(struct raft *raft, const struct ipc_bytes *sealed, uint32_t perms)
{
	struct ticket ticket;

	if (!raft->settings.auth)
		return (true);
	if (sealed->len != TICKET_SIZE)
		return (false);
	if (memcmp(raft->last_sealed, sealed->data, TICKET_SIZE) != 0) {
		if (ticket_open(sealed->data, sealed->len, TICKET_RAFT, &raft->key, &ticket) != 0)
			return (false);
		memcpy(raft->last_sealed, sealed->data, TICKET_SIZE);
		raft->last_ticket = ticket;
	}
	return (ticket_grants(
	    &raft->last_ticket, raft->proc.generation, raft_now_ns() / 1000000, perms));
}

/* Free space, asked for now and then, and counted down by what is written meanwhile. */
static bool
has_space(struct raft *raft, size_t bytes)
{
	int64_t now = raft_now_ns();
	int64_t spare = (int64_t)(DISK_SPARE / (size_t)raft->settings.disk_scale);

	if (now - raft->space_ns > SPACE_LOOK_NS || raft->space < spare + 4 * (int64_t)bytes) {
		raft->space = raft->dir->ops->free_space(raft->dir);
		raft->space_ns = now;
	}
	raft->space -= (int64_t)bytes;
	return (raft->space > spare + 2 * (int64_t)bytes &&
	    log_has_room(raft->log, bytes + log_building_bytes(raft->log)));
}

/* Whether a request of this origin can be taken now; else it is refused with the reason. */
static bool
can_serve(struct raft *raft, const struct origin *origin)
{
	if (raft->log == NULL || !raft->sql_open)
		serve_refuse(raft, origin, REFUSED_NOT_OPEN, "store not open");
	else if (!raft->leader)
		serve_refuse(raft, origin, REFUSED_NO_LEADER, "leader not found");
	else
		return (true);
	return (false);
}

static uint64_t
draw_seed(void)
{
	static uint64_t pool[64];
	static size_t left;

	if (left == 0) {
		if (getrandom(pool, sizeof(pool), 0) != sizeof(pool))
			fatal("getrandom");
		left = sizeof(pool) / sizeof(pool[0]);
	}
	return (pool[--left]);
}

/* What makes the entry mean the same everywhere: clock, seed, budget. */
static void
stamp(const struct raft *raft, const struct command *command, struct entry_head *head)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	head->time_ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	head->seed = draw_seed();
	head->vm_steps = (uint64_t)raft->settings.vm_steps_max;
	if (command->timeout_ns > 0) {
		uint64_t ms = (uint64_t)command->timeout_ns / 1000000;

		head->vm_steps = ms > 0 ? ms * SQL_VM_STEPS_PER_MS : SQL_VM_STEPS_PER_MS / 10;
	}
}

void
serve_on_execute(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct raft *raft = state;
	const struct msg_execute *execute = &msg->execute;
	struct origin origin = origin_of(chan, execute->request);
	uint8_t stamped[ENTRY_HEAD_SIZE];
	struct entry_head head;
	struct command command;
	struct iovec parts[2];

	if (!command_check(execute->command.data, execute->command.len) ||
	    !command_open(&command, execute->command.data, execute->command.len))
		fatalx("http %u sent a malformed command", chan->number);
	if (!is_granted(raft, &execute->ticket,
		command.kind == COMMAND_EXECUTE ? PERM_EXECUTE : PERM_EXECUTE | PERM_QUERY)) {
		serve_refuse(raft, &origin, REFUSED_TICKET, "");
		return;
	}
	if (!can_serve(raft, &origin))
		return;
	if (raft->stalled) {
		serve_refuse(raft, &origin, REFUSED_DISK, raft->stall_cause);
		return;
	}
	if (!has_space(raft, execute->command.len + ENTRY_HEAD_SIZE)) {
		serve_refuse(raft, &origin, REFUSED_DISK,
		    "database or disk is full: too little space is left for the log");
		return;
	}
	stamp(raft, &command, &head);
	entry_encode(stamped, &head);
	parts[0] = (struct iovec){ stamped, sizeof(stamped) };
	parts[1] = (struct iovec){ (void *)(uintptr_t)execute->command.data, execute->command.len };
	raft_append(raft, ENTRY_KIND_COMMAND, parts, 2, &origin);
}

void
serve_on_barrier(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct raft *raft = state;
	struct origin origin = origin_of(chan, msg->barrier.request);

	if (!is_granted(raft, &msg->barrier.ticket, PERM_QUERY)) {
		serve_refuse(raft, &origin, REFUSED_TICKET, "");
		return;
	}
	if (!can_serve(raft, &origin))
		return;
	if (!has_space(raft, LOG_BLOCK)) {
		serve_refuse(raft, &origin, REFUSED_DISK, "database or disk is full");
		return;
	}
	raft_append(raft, ENTRY_KIND_NOOP, NULL, 0, NULL);
	feed_wait(raft, &origin, log_last(raft->log) + raft->batch_count, true);
}

/*
 * A read index: everything committed when it was asked for.  A sole voter is its
 * own quorum, so the round is over at once.
 */
void
serve_on_read_index(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct raft *raft = state;
	struct origin origin = origin_of(chan, msg->read_index.request);

	if (can_serve(raft, &origin))
		feed_wait(raft, &origin, raft->commit, false);
}

void
serve_on_status_ask(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct raft *raft = state;
	struct msg_status status = { msg->status_ask.request, { NULL, 0 } };
	struct buf out = BUF_INIT;

	buf_printf(&out,
	    "{\"first\":%" PRIu64 ",\"last\":%" PRIu64 ",\"last_term\":%" PRIu64
	    ",\"commit\":%" PRIu64 ",\"applied\":%" PRIu64 ",\"term\":%" PRIu64
	    ",\"log_size\":%" PRIu64 ",\"chain\":\"%016" PRIx64 "\"}",
	    raft->log != NULL ? log_first(raft->log) : 0,
	    raft->log != NULL ? log_last(raft->log) : 0,
	    raft->log != NULL ? log_term(raft->log, log_last(raft->log)) : 0, raft->commit,
	    raft->applied, raft->vote.term, raft->log != NULL ? log_file_bytes(raft->log) : 0,
	    raft->chain);
	status.json.data = buf_bytes(&out);
	status.json.len = buf_size(&out);
	msg_status_send(chan, &status, -1);
	buf_fini(&out);
}
