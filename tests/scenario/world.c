/*
 * The small world: see world.h.
 */
#include "tests/scenario/world.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void tell(struct world *, const char *, ...) __attribute__((format(printf, 2, 3)));

static void
tell(struct world *world, const char *format, ...)
{
	va_list args;

	if (world->out == NULL)
		return;
	va_start(args, format);
	vfprintf(world->out, format, args);
	va_end(args);
}

static uint64_t held; /* copies of entries' data that nobody has freed yet */

uint64_t
world_held(void)
{
	return (held);
}

static void
op_hold(void *arg, struct peer_entry *entry)
{
	if (entry->len == 0)
		return;
	held++;
	entry->owner = malloc(entry->len);
	assert(entry->owner != NULL);
	memcpy(entry->owner, entry->data, entry->len);
	entry->data = entry->owner;
}

static void
op_release(void *arg, struct peer_entry *entry)
{
	if (entry->owner != NULL)
		held--;
	free(entry->owner);
	entry->owner = NULL;
}

static uint64_t
op_term(void *arg, uint64_t index)
{
	struct world_node *node = arg;

	if (index == node->base)
		return (node->base_term);
	if (index < node->base || index > node->last)
		return (0);
	return (node->log[index - node->base - 1].term);
}

static uint32_t
op_read(void *arg, uint64_t first, uint32_t cap, size_t bytes, struct peer_entry *out)
{
	struct world_node *node = arg;
	uint32_t count = 0;
	size_t sum = 0;

	while (count < cap && first + count > node->base && first + count <= node->last &&
	       sum <= bytes) {
		out[count] = node->log[first + count - node->base - 1];
		sum += out[count++].len;
	}
	return (count);
}

void
world_init(struct world *world, FILE *out)
{
	uint64_t id;

	memset(world, 0, sizeof(*world));
	world->out = out;
	world->config.window = 256;
	for (id = 1; id <= WORLD_NODES_MAX; id++) {
		world->nodes[id].world = world;
		world->nodes[id].id = id;
	}
}

static void
cut_log(struct world_node *node, uint64_t index)
{
	while (node->last >= index && node->last > node->base) {
		op_release(NULL, &node->log[node->last - node->base - 1]);
		node->last--;
	}
	if (node->written > node->last)
		node->written = node->last;
}

static void
append_log(struct world_node *node, const struct peer_entry *entry)
{
	struct peer_entry copy = *entry;

	if (node->last - node->base == node->cap) {
		node->cap = node->cap == 0 ? 64 : 2 * node->cap;
		node->log = realloc(node->log, node->cap * sizeof(*node->log));
		assert(node->log != NULL);
	}
	copy.owner = NULL;
	op_hold(NULL, &copy);
	node->log[node->last - node->base] = copy;
	node->last++;
}

static void
free_letter(struct world_letter *letter)
{
	uint32_t i;

	for (i = 0; i < letter->m.count; i++)
		op_release(NULL, &letter->entries[i]);
	free(letter->entries);
}

void
world_fini(struct world *world)
{
	uint64_t id;

	for (id = 1; id <= WORLD_NODES_MAX; id++) {
		core_free(world->nodes[id].core);
		cut_log(&world->nodes[id], 0);
		free(world->nodes[id].log);
	}
	while (world->queue_len > 0)
		world_drop(world, world->queue_len - 1);
	free(world->queue);
	free(world->chain_at);
}

/* What the core is told at start, from the disk. */
static void
recall(struct world_node *node, struct core_start *start)
{
	uint64_t index;

	memset(start, 0, sizeof(*start));
	start->now = node->now;
	start->term = node->term;
	start->vote = node->vote;
	start->base = node->base;
	start->base_term = node->base_term;
	start->last = node->last;
	start->latest = node->base_members;
	start->applied = node->applied = node->base;
	start->chain = node->chain = node->base_chain;
	for (index = node->base + 1; index <= node->last; index++) {
		struct peer_entry *entry = &node->log[index - node->base - 1];

		if (core_start_note(start, index, entry->type, entry->data, entry->len) != 0)
			abort();
	}
}

void
world_start(struct world *world, uint64_t id)
{
	static struct core_start start;
	struct world_node *node = &world->nodes[id];
	struct core_config config = world->config;

	assert(node->core == NULL);
	node->known = true;
	config.id = id;
	config.seed = id * 1000;
	config.ops = (struct core_ops){ node, op_hold, op_release, op_term, op_read };
	recall(node, &start);
	node->core = core_new(&config, &start);
	assert(node->core != NULL);
	world_settle(world, id);
}

void
world_crash(struct world *world, uint64_t id)
{
	struct world_node *node = &world->nodes[id];

	core_free(node->core);
	node->core = NULL;
	cut_log(node, node->written + 1);
}

void
world_add_empty(struct world *world, uint64_t id)
{
	world_start(world, id);
}

void
world_found(struct world *world, uint32_t n)
{
	static struct peer_configuration members;
	uint64_t id;

	memset(&members, 0, sizeof(members));
	for (id = 1; id <= n; id++) {
		members.members[id - 1].id = id;
		members.members[id - 1].suffrage = PEER_VOTER;
		members.members[id - 1].name[0] = (char)('0' + id);
	}
	members.count = n;
	for (id = 1; id <= n; id++) {
		world_start(world, id);
		if (core_bootstrap(world->nodes[id].core, &members) != CORE_OK)
			abort();
		world_settle(world, id);
	}
}

static void
describe(struct world *world, const struct peer_message *m)
{
	tell(world, "%llu->%llu %s%s term %llu", (unsigned long long)m->from,
	    (unsigned long long)m->to, peer_type_name(m->type),
	    (m->flags & PEER_REFUSED) != 0 ? " refused" : "", (unsigned long long)m->term);
	if (m->type == PEER_PREVOTE || m->type == PEER_VOTE || m->type == PEER_APPEND ||
	    m->type == PEER_SNAPSHOT)
		tell(world, " at %llu/%llu", (unsigned long long)m->index,
		    (unsigned long long)m->log_term);
	if ((m->flags & PEER_TRANSFER) != 0)
		tell(world, " transfer");
	if (m->type == PEER_APPEND)
		tell(world, " +%u commit %llu", m->count, (unsigned long long)m->commit);
	if (m->type == PEER_APPEND_REPLY)
		tell(world, " at %llu", (unsigned long long)m->index);
	if (m->hint_term != 0)
		tell(world, " hint %llu/%llu", (unsigned long long)m->hint,
		    (unsigned long long)m->hint_term);
}

static bool
is_dull(const struct world *world, const struct peer_message *m)
{
	return (world->quiet && (m->type == PEER_APPEND || m->type == PEER_APPEND_REPLY) &&
		m->count == 0);
}

static void
post(struct world *world, const struct peer_message *m)
{
	struct world_letter *letter;
	uint32_t i;

	if (world->queue_len == world->queue_cap) {
		world->queue_cap = world->queue_cap == 0 ? 64 : 2 * world->queue_cap;
		world->queue = realloc(world->queue, world->queue_cap * sizeof(*world->queue));
		assert(world->queue != NULL);
	}
	letter = &world->queue[world->queue_len++];
	letter->m = *m;
	letter->entries = m->count == 0 ? NULL : calloc(m->count, sizeof(*letter->entries));
	for (i = 0; i < m->count; i++) {
		letter->entries[i] = m->entries[i];
		letter->entries[i].owner = NULL;
		op_hold(NULL, &letter->entries[i]);
	}
	letter->m.entries = letter->entries;
	world->messages++;
	if (world->count_bytes) {
		struct buf frame = BUF_INIT;

		peer_encode(&frame, m);
		world->bytes += buf_size(&frame);
		buf_fini(&frame);
	}
}

static void
tell_event(struct world *world, struct world_node *node, const struct core_event *event)
{
	static const char *const names[] = {
		[CORE_EVENT_MEMBERS] = "members",
		[CORE_EVENT_SNAPSHOT_WANTED] = "snapshot wanted by",
		[CORE_EVENT_INSTALL] = "install from",
		[CORE_EVENT_TRANSFERRED] = "transferred to",
		[CORE_EVENT_TRANSFER_FAILED] = "transfer failed to",
		[CORE_EVENT_REMOVED] = "removed",
		[CORE_EVENT_DIVERGED] = "diverged from",
	};
	struct core_status status;
	uint32_t i;

	core_status(node->core, &status);
	tell(world, "%llu: ", (unsigned long long)node->id);
	if (event->type == CORE_EVENT_ROLE) {
		tell(world, "%s of term %llu, leader %llu\n", world_role(status.role),
		    (unsigned long long)status.term, (unsigned long long)status.leader);
		return;
	}
	tell(world, "%s", names[event->type]);
	if (event->peer != 0)
		tell(world, " %llu", (unsigned long long)event->peer);
	if (event->type == CORE_EVENT_MEMBERS) {
		const struct peer_configuration *members = core_members(node->core);

		for (i = 0; i < members->count; i++)
			tell(world, " %llu%s", (unsigned long long)members->members[i].id,
			    members->members[i].suffrage == PEER_VOTER	   ? ""
			    : members->members[i].suffrage == PEER_LEARNER ? "(learner)"
									   : "(joining)");
		tell(world, "%s", members->index <= status.commit ? " committed" : "");
	}
	tell(world, "\n");
}

static void
on_event(struct world *world, struct world_node *node, const struct core_event *event)
{
	tell_event(world, node, event);
	if (event->type == CORE_EVENT_DIVERGED)
		world->diverged[node->id] = event->peer;
	if (event->type == CORE_EVENT_SNAPSHOT_WANTED) {
		(void)core_snapshot_offer(node->core, event->peer, node->applied,
		    core_term_at(node->core, node->applied));
	} else if (event->type == CORE_EVENT_INSTALL) {
		node->install_from = event->peer;
		node->install_index = event->index;
		node->install_term = event->term;
		if (!world->snapshots_by_hand)
			world_install(world, node->id);
	}
}

/* The same arithmetic on every node, unless it is sick. */
static uint64_t
extend(const struct world_node *node, uint64_t chain, const struct peer_entry *entry)
{
	uint32_t i;

	chain = chain * 1099511628211ULL + entry->type;
	for (i = 0; i < entry->len; i++)
		chain = (chain ^ entry->data[i]) * 1099511628211ULL;
	return (node->sick ? chain + 1 : chain);
}

/* The first to apply an index says what the state is there; all others must agree. */
static void
note_state(struct world *world, const struct world_node *node)
{
	if (node->applied >= world->chain_cap) {
		uint64_t cap = 2 * node->applied + 64;

		world->chain_at = realloc(world->chain_at, cap * sizeof(uint64_t));
		assert(world->chain_at != NULL);
		memset(world->chain_at + world->chain_cap, 0,
		    (cap - world->chain_cap) * sizeof(uint64_t));
		world->chain_cap = cap;
	}
	if (world->chain_at[node->applied] == 0 && !node->sick)
		world->chain_at[node->applied] = node->chain;
	else if (world->chain_at[node->applied] != node->chain && !node->sick)
		world->disagreements++;
}

static void
apply_to(struct world *world, struct world_node *node, uint64_t limit)
{
	if (limit <= node->applied)
		return;
	tell(world, "%llu: apply %llu..%llu\n", (unsigned long long)node->id,
	    (unsigned long long)node->applied + 1, (unsigned long long)limit);
	while (node->applied < limit) {
		node->applied++;
		node->chain = extend(node, node->chain, &node->log[node->applied - node->base - 1]);
		note_state(world, node);
	}
	core_applied(node->core, node->applied, node->chain);
}

static void
send_messages(struct world *world, struct world_node *node, const struct core_ready *ready)
{
	uint32_t i;

	for (i = 0; i < ready->nmessages; i++) {
		if (!is_dull(world, &ready->messages[i])) {
			tell(world, "%llu: send ", (unsigned long long)node->id);
			describe(world, &ready->messages[i]);
			tell(world, "\n");
		}
		post(world, &ready->messages[i]);
	}
}

/* Step 3 of core.h: the log. */
static void
write_log(struct world *world, struct world_node *node, const struct core_ready *ready)
{
	uint64_t index;

	if (ready->cut != 0) {
		tell(world, "%llu: cut %llu\n", (unsigned long long)node->id,
		    (unsigned long long)ready->cut);
		cut_log(node, ready->cut);
	}
	if (ready->first > ready->last)
		return;
	tell(world, "%llu: write %llu..%llu\n", (unsigned long long)node->id,
	    (unsigned long long)ready->first, (unsigned long long)ready->last);
	assert(ready->first == node->last + 1);
	for (index = ready->first; index <= ready->last; index++)
		append_log(node, core_entry(node->core, index));
	if (!node->slow) {
		node->written = node->last;
		core_persisted(node->core, node->last, op_term(node, node->last));
	}
}

static void
take_outputs(struct world *world, struct world_node *node, const struct core_ready *ready)
{
	struct core_event events[CORE_EVENTS_MAX];
	uint32_t i, nevents = ready->nevents;

	memcpy(events, ready->events, nevents * sizeof(events[0]));
	if (ready->hard) {
		tell(world, "%llu: term %llu vote %llu\n", (unsigned long long)node->id,
		    (unsigned long long)ready->term, (unsigned long long)ready->vote);
		node->term = ready->term;
		node->vote = ready->vote;
	}
	for (i = 0; i < ready->nreads; i++) {
		if (world->on_read != NULL)
			world->on_read(world, ready->reads[i].token, ready->reads[i].index);
		tell(world, "%llu: read %llu %s %llu\n", (unsigned long long)node->id,
		    (unsigned long long)ready->reads[i].token,
		    ready->reads[i].index == 0 ? "lost" : "at",
		    (unsigned long long)ready->reads[i].index);
	}
	send_messages(world, node, ready);
	write_log(world, node, ready);
	for (i = 0; i < nevents; i++)
		on_event(world, node, &events[i]);
	apply_to(world, node, ready->apply);
}

void
world_settle(struct world *world, uint64_t id)
{
	struct world_node *node = &world->nodes[id];
	struct core_ready ready;

	while (node->core != NULL && core_ready(node->core, &ready))
		take_outputs(world, node, &ready);
}

void
world_write(struct world *world, uint64_t id)
{
	struct world_node *node = &world->nodes[id];

	node->written = node->last;
	core_persisted(node->core, node->last, op_term(node, node->last));
	world_settle(world, id);
}

void
world_drop(struct world *world, size_t i)
{
	free_letter(&world->queue[i]);
	world->queue_len--;
	memmove(&world->queue[i], &world->queue[i + 1],
	    (world->queue_len - i) * sizeof(world->queue[0]));
}

bool
world_deliver(struct world *world, size_t i, bool keep)
{
	struct world_letter letter;
	struct world_node *node;

	if (i >= world->queue_len)
		return (false);
	letter = world->queue[i];
	node = &world->nodes[letter.m.to];
	if (!keep) {
		world->queue_len--;
		memmove(&world->queue[i], &world->queue[i + 1],
		    (world->queue_len - i) * sizeof(world->queue[0]));
	}
	if (node->core != NULL && !world->cut[letter.m.from][letter.m.to]) {
		core_receive(node->core, &letter.m);
		world_settle(world, node->id);
	}
	if (!keep)
		free_letter(&letter);
	return (true);
}

void
world_quiesce(struct world *world)
{
	uint32_t steps = 0;

	while (world_deliver(world, 0, false))
		if (++steps > 100000)
			abort();
}

void
world_pass(struct world *world, uint64_t ms)
{
	size_t arrived;
	uint64_t id;

	while (ms-- > 0) {
		arrived = world->queue_len;
		for (id = 1; id <= WORLD_NODES_MAX; id++) {
			struct world_node *node = &world->nodes[id];

			node->now += WORLD_MS;
			if (node->core == NULL)
				continue;
			core_tick(node->core, node->now);
			world_settle(world, id);
		}
		for (; arrived > 0; arrived--)
			world_deliver(world, 0, false);
	}
}

void
world_expire(struct world *world, uint64_t id)
{
	struct world_node *node = &world->nodes[id];

	if (core_deadline(node->core) > node->now && core_deadline(node->core) != UINT64_MAX)
		node->now = core_deadline(node->core);
	core_tick(node->core, node->now);
	world_settle(world, id);
}

enum core_error
world_propose(struct world *world, uint64_t id, const char *text)
{
	struct peer_entry entry = { .type = PEER_ENTRY_COMMAND,
		.data = (const uint8_t *)text,
		.len = (uint32_t)strlen(text) };
	enum core_error error;
	uint64_t index;

	op_hold(NULL, &entry);
	error = core_propose(world->nodes[id].core, &entry, &index);
	if (error != CORE_OK)
		op_release(NULL, &entry);
	return (error);
}

void
world_compact(struct world *world, uint64_t id, uint64_t index)
{
	struct world_node *node = &world->nodes[id];
	uint64_t i, drop = index - node->base;

	core_compacted(node->core, index);
	node->base_members = *core_configuration_at(node->core, index);
	node->base_term = op_term(node, index);
	node->base_chain = node->chain; /* stories compact all that is applied */
	assert(index == node->applied);
	for (i = 0; i < drop; i++)
		op_release(NULL, &node->log[i]);
	memmove(node->log, node->log + drop, (node->last - index) * sizeof(*node->log));
	node->base = index;
}

/* The content of the snapshot: what its sender has at that index. */
void
world_install(struct world *world, uint64_t id)
{
	struct world_node *node = &world->nodes[id];

	cut_log(node, 0);
	node->base = node->last = node->written = node->applied = node->install_index;
	node->base_term = node->install_term;
	node->chain = node->base_chain = world->chain_at[node->install_index];
	core_snapshot_installed(node->core, node->install_index, node->install_term, node->chain);
	node->base_members = *core_members(node->core);
	world_settle(world, id);
}

uint64_t
world_leader(const struct world *world)
{
	struct core_status status;
	uint64_t id, leader = 0, term = 0;

	for (id = 1; id <= WORLD_NODES_MAX; id++) {
		if (world->nodes[id].core == NULL)
			continue;
		core_status(world->nodes[id].core, &status);
		if (status.role == CORE_LEADER && status.term > term) {
			leader = id;
			term = status.term;
		}
	}
	return (leader);
}

const char *
world_role(enum core_role role)
{
	static const char *const names[] = { "follower", "precandidate", "candidate", "leader" };

	return (names[role]);
}
