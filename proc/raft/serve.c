/*
 * What http asks for on behalf of clients: a write, a barrier, a read index.
 * http may have been taken over, so every right is checked here, by the ticket.
 */
#include <sys/random.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/siphash.h"
#include "proc/raft/raft.h"
#include "proto/command.h"
#include "proto/entry.h"
#include "proto/perm.h"

#define SPACE_LOOK_NS 100000000 /* how often the disk is asked for its free space */
#define LOG_ENTRY_OVERHEAD 16 /* what the log adds to an entry, at most */

struct origin
serve_origin(const struct chan *chan, uint64_t request)
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
is_valid(struct raft *raft, const struct ipc_bytes *sealed, uint32_t perms)
{
	struct ticket ticket;

	if (!raft->settings.auth)
		return (true);
	if (sealed->len != TICKET_SIZE)
		return (false);
	/* In constant time: what was sealed for another must not be found out byte by byte. */
	if (!equal_constant_time(raft->last_sealed, sealed->data, TICKET_SIZE)) {
		if (ticket_open(sealed->data, sealed->len, TICKET_RAFT, &raft->key, &ticket) != 0)
			return (false);
		memcpy(raft->last_sealed, sealed->data, TICKET_SIZE);
		raft->last_ticket = ticket;
	}
	return (ticket_grants(
	    &raft->last_ticket, raft->proc.generation, (int64_t)(raft_now_ns() / 1000000), perms));
}

static bool
is_granted(
    struct raft *raft, const struct origin *origin, const struct ipc_bytes *sealed, uint32_t perms)
{
	bool valid = is_valid(raft, sealed, perms);

	if (!valid)
		serve_refuse(raft, origin, REFUSED_TICKET, "");
	return (valid);
}

/* Free space, asked for now and then, and counted down by what is written meanwhile. */
static bool
has_space(struct raft *raft, size_t bytes)
{
	int64_t now = (int64_t)raft_now_ns();
	int64_t spare = (int64_t)(DISK_SPARE / (size_t)raft->settings.disk_scale);

	if (now - raft->space_ns > SPACE_LOOK_NS || raft->space < spare + 4 * (int64_t)bytes) {
		raft->space = raft->dir->ops->free_space(raft->dir);
		raft->space_ns = now;
	}
	raft->space -= (int64_t)bytes;
	return (raft->space > spare + 2 * (int64_t)bytes &&
		log_has_room(raft->log, bytes + raft->proposed));
}

/* Whether a request of this origin can be taken now; else it is refused with the reason. */
static bool
can_serve(struct raft *raft, const struct origin *origin)
{
	struct core_status status;

	if (raft->core == NULL) {
		serve_refuse(raft, origin, REFUSED_NOT_OPEN, "store not open");
		return (false);
	}
	consensus_tick(raft);
	core_status(raft->core, &status);
	if (status.role != CORE_LEADER)
		serve_refuse(raft, origin, REFUSED_NO_LEADER, "leader not found");
	return (status.role == CORE_LEADER);
}

/* The same for what goes through the log, with so many bytes. */
static bool
can_log(struct raft *raft, const struct origin *origin, size_t bytes)
{
	const char *why = NULL;

	if (!can_serve(raft, origin))
		return (false);
	if (raft->stalled)
		why = raft->stall_cause;
	else if (raft->log_error == ENOSPC || (raft->log_error == 0 && !has_space(raft, bytes)))
		why = "database or disk is full: too little space is left for the log";
	else if (raft->log_error != 0)
		why = "the log can not be written";
	if (why != NULL)
		serve_refuse(raft, origin, REFUSED_DISK, why);
	return (why == NULL);
}

/* Gives the core an entry; its index goes to *index, and its result to the origin. */
static bool
propose(struct raft *raft, struct peer_entry *entry, const struct origin *origin, uint64_t *index)
{
	enum core_error error = core_propose(raft->core, entry, index);
	struct sender *sender = &raft->senders[*index % RAFT_WINDOW];

	if (error != CORE_OK) {
		entries_release(&raft->entries, entry->owner);
		serve_refuse(raft, origin, error == CORE_BUSY ? REFUSED_BUSY : REFUSED_NO_LEADER,
		    core_error_text(error));
		return (false);
	}
	*sender = (struct sender){ *origin, *index, entry->term };
	raft->proposed += entry->len + LOG_ENTRY_OVERHEAD;
	raft->unfed += entry->len;
	raft->newest = *index;
	feed_pause(raft);
	return (true);
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

bool
serve_admits(
    struct raft *raft, const struct origin *origin, const struct ipc_bytes *ticket, size_t size)
{
	return (is_granted(raft, origin, ticket, PERM_EXECUTE) &&
		can_log(raft, origin, ENTRY_HEAD_SIZE + size));
}

/* Whether the command may be proposed; what is no command ends the process: http is broken. */
static bool
judge(struct raft *raft, const struct origin *origin, const struct ipc_bytes *ticket,
    const struct ipc_bytes *bytes, struct command *command)
{
	if (!command_check(bytes->data, bytes->len) ||
	    !command_open(command, bytes->data, bytes->len))
		fatalx("http %u sent a malformed command", origin->worker);
	return (is_granted(raft, origin, ticket,
		    command->kind == COMMAND_EXECUTE ? PERM_EXECUTE : PERM_EXECUTE | PERM_QUERY) &&
		can_log(raft, origin, ENTRY_HEAD_SIZE + bytes->len));
}

void
serve_command(struct raft *raft, const struct origin *origin, const struct ipc_bytes *ticket,
    struct serve_held *held)
{
	struct ipc_bytes bytes = { held->data + ENTRY_HEAD_SIZE, held->size };
	struct peer_entry entry = { .type = PEER_ENTRY_COMMAND,
		.data = held->data,
		.owner = held->owner,
		.len = (uint32_t)(ENTRY_HEAD_SIZE + held->size) };
	struct entry_head head;
	struct command command;
	uint64_t index = 0;

	held->owner = NULL;
	if (!judge(raft, origin, ticket, &bytes, &command)) {
		entries_release(&raft->entries, entry.owner);
		return;
	}
	stamp(raft, &command, &head);
	entry_encode(held->data, &head);
	(void)propose(raft, &entry, origin, &index);
}

void
serve_hold(struct raft *raft, struct serve_held *held, size_t size)
{
	held->size = size;
	held->data = entries_alloc(&raft->entries, ENTRY_HEAD_SIZE + size, &held->owner);
}

void
serve_on_execute(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct raft *raft = state;
	const struct msg_execute *execute = &msg->execute;
	struct origin origin = serve_origin(chan, execute->request);
	struct serve_held held;

	serve_hold(raft, &held, execute->command.len);
	memcpy(held.data + ENTRY_HEAD_SIZE, execute->command.data, execute->command.len);
	serve_command(raft, &origin, &execute->ticket, &held);
}

void
serve_on_barrier(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct raft *raft = state;
	struct origin origin = serve_origin(chan, msg->barrier.request),
		      nobody = { .known = false };
	struct peer_entry entry = { .type = PEER_ENTRY_BARRIER };
	uint64_t index = 0;

	if (is_granted(raft, &origin, &msg->barrier.ticket, PERM_QUERY) &&
	    can_log(raft, &origin, LOG_BLOCK) && propose(raft, &entry, &nobody, &index))
		feed_wait(raft, &origin, index, true);
}

/* A read index: everything committed when it was asked for.  The core is asked once a turn. */
void
serve_on_read_index(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct raft *raft = state;
	struct origin origin = serve_origin(chan, msg->read_index.request);

	if (!can_serve(raft, &origin))
		return;
	if (raft->nreaders + raft->nwaiters >= READERS_WAITING_MAX) {
		serve_refuse(raft, &origin, REFUSED_BUSY, "too many reads are waiting");
		return;
	}
	raft->readers =
	    list_grow(raft->readers, raft->nreaders, &raft->readers_cap, sizeof(*raft->readers));
	raft->readers[raft->nreaders++] = (struct reader){ origin, raft->token };
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
