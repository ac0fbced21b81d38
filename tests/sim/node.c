/*
 * The life of a simulated node and the loop of its raft worker: see node.h.
 */
#include "tests/sim/node.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proc/raft/vote.h"
#include "tests/sim/guard.h"
#include "tests/sim/nemesis.h"
#include "tests/sim/node_input.h"
#include "tests/sim/node_store.h"
#include "tests/sim/sim.h"

#define CLOCK_MIN_NS 1000000000000ULL /* that a node's clock shows at first */
#define RETRY_US (20 * MS) /* of a log write that found no space */

typedef void node_act_fn(struct sim *, struct node *);

/* ---- clock ---- */

uint64_t
node_clock(const struct sim *sim, const struct node *node)
{
	int64_t passed_ns = (sim->sched.now - node->clock_at_us) * 1000;

	return ((uint64_t)(node->clock_shown_ns + passed_ns +
			   passed_ns / 1000 * node->clock_rate_ppm / 1000));
}

void
node_set_clock(struct sim *sim, struct node *node, int64_t jump_ns, int64_t rate_ppm)
{
	node->clock_shown_ns = (int64_t)node_clock(sim, node) + jump_ns;
	node->clock_at_us = sim->sched.now;
	node->clock_rate_ppm = rate_ppm;
	node->clock_jumped |= jump_ns != 0;
	if (node->up) {
		node->tick_at_us = INT64_MAX;
		node_schedule_tick(sim, node);
	}
}

void
node_schedule_tick(struct sim *sim, struct node *node)
{
	uint64_t deadline = core_deadline(node->core), now = node_clock(sim, node);
	struct event event = { .kind = EVENT_TICK, .node = node->slot };
	int64_t delay;

	if (deadline == UINT64_MAX)
		return;
	delay = deadline > now ? (int64_t)((deadline - now) / 1000) * 1000 /
					 (1000 + node->clock_rate_ppm / 1000) +
				     1
			       : 1;
	if (sim->sched.now + delay >= node->tick_at_us)
		return;
	node->tick_at_us = sim->sched.now + delay;
	event.epoch = ++node->tick_epoch;
	sched_add(&sim->sched, event, delay);
}

bool
node_leads(const struct node *node)
{
	struct core_status status;

	if (!node->up)
		return (false);
	core_status(node->core, &status);
	return (status.role == CORE_LEADER);
}

/* ---- the loop ---- */

static void
run_later(struct sim *sim, struct node *node, int64_t delay)
{
	struct event event = { .kind = EVENT_RUN, .node = node->slot, .epoch = node->life };

	sched_add(&sim->sched, event, delay);
}

static int64_t
flush_time(struct sim *sim, struct node *node)
{
	return (node->flush_us + (int64_t)rng_below(&sim->net.rng, (uint64_t)node->flush_us + 1));
}

static void
send_messages(struct sim *sim, struct node *node)
{
	uint32_t i;

	for (i = 0; i < node->ready.nmessages; i++) {
		const struct peer_message *m = &node->ready.messages[i];
		unsigned to = sim_slot(m->to);

		assert(to < SIM_NODES && to != node->slot && m->from == node->id);
		buf_reset(&node->scratch, MIB);
		peer_encode(&node->scratch, m);
		net_send(
		    &sim->net, node->slot, to, packet_new(node->scratch.data, node->scratch.len));
		TRACE(sim, "n%u -> n%u #%llu %s term %llu index %llu/%llu commit %llu +%u%s",
		    node->slot, to, (unsigned long long)sim->net.packets, peer_type_name(m->type),
		    (unsigned long long)m->term, (unsigned long long)m->index,
		    (unsigned long long)m->log_term, (unsigned long long)m->commit, m->count,
		    m->flags & PEER_REFUSED ? " refused" : "");
	}
}

static int
write_vote(struct sim *sim, struct node *node)
{
	struct vote vote = { .term = node->ready.term, .candidate = node->ready.vote };
	static const uint8_t instance[LOG_ID_SIZE];

	check_vote(sim, node, node->ready.term, node->ready.vote);

	if (vote_write(disk_dir(node->raft_disk), instance, &vote) == -1)
		return (-1);
	node->vote_term = vote.term;
	node->vote = node->ready.vote;
	TRACE(sim, "n%u term %llu vote %llu is durable", node->slot, (unsigned long long)vote.term,
	    (unsigned long long)node->vote);
	return (0);
}

static int
persist(struct sim *sim, struct node *node)
{
	const struct core_ready *ready = &node->ready;
	uint64_t index;

	if (ready->cut != 0 && !node->cut_done) {
		node->cutting = true;
		if (log_cut(node->log, ready->cut) == -1)
			return (-1);
		node->cut_done = true;
		node->cutting = false;
		if (node->shadow.durable >= ready->cut)
			node->shadow.durable = ready->cut - 1;
	}
	if (ready->first > ready->last)
		return (0);
	log_begin(node->log);
	for (index = ready->first; index <= ready->last; index++) {
		const struct peer_entry *entry = core_entry(node->core, index);
		struct iovec part = { (void *)(uintptr_t)entry->data, entry->len };

		log_add(node->log, entry->term, entry->type, &part, 1);
	}
	if (log_commit(node->log) == -1)
		return (-1);
	node->shadow.durable = ready->last;
	TRACE(sim, "n%u log is durable to %llu", node->slot, (unsigned long long)ready->last);
	return (0);
}

/* What was handed out is in the log's memory now: remember and check it. */
static void
note_appends(struct sim *sim, struct node *node)
{
	const struct core_ready *ready = &node->ready;
	uint64_t index;

	if (ready->cut != 0) {
		TRACE(
		    sim, "n%u cuts its log from %llu", node->slot, (unsigned long long)ready->cut);
		node->shadow.last = ready->cut - 1;
		if (node->shadow.durable >= ready->cut) {
			node->shadow.durable = ready->cut - 1;
			node->cutting = true;
		}
	}
	for (index = ready->first; index <= ready->last; index++) {
		const struct peer_entry *entry = core_entry(node->core, index);

		check_append(sim, node, index, entry);
		if (entry->type == PEER_ENTRY_CONFIGURATION && node_leads(node))
			nemesis_on_change(sim, node);
	}
}

/* What was decided counts when its term is durable: before that nothing has left the node. */
static void
take_ready(struct sim *sim, struct node *node)
{
	struct core_status status;

	note_appends(sim, node);
	core_status(node->core, &status);
	check_commit(sim, node, node->ready.commit, status.role == CORE_LEADER);
}

static void
note_leader(struct sim *sim, struct node *node)
{
	struct core_status status;

	core_status(node->core, &status);
	if (status.role != CORE_LEADER || status.term == node->checked_term)
		return;
	node->checked_term = status.term;
	sim->stats.elections++;
	TRACE(sim, "n%u LEADS in term %llu", node->slot, (unsigned long long)status.term);
	check_leader(sim, node, status.term);
}

/* Inputs that have arrived; false if there is nothing to do after them. */
static bool
take_inputs(struct sim *sim, struct node *node)
{
	struct input input;
	bool first = true;

	/* A snapshot is installed when log and core agree: with nothing before it. */
	for (; inbox_pop(&node->inbox, &input); first = false) {
		if (input.kind == INPUT_IMAGE && !first) {
			inbox_push_front(&node->inbox, input);
			break;
		}
		node_handle(sim, node, &input);
	}
	if (!core_ready(node->core, &node->ready))
		return (false);
	node->cut_done = false;
	return (true);
}

/* Goes on until the disk has to be waited for, or there is nothing to do. */
static void
advance(struct sim *sim, struct node *node)
{
	for (;;)
		switch (node->stage) {
		case STAGE_IDLE:
			if (!take_inputs(sim, node)) {
				node_schedule_tick(sim, node);
				return;
			}
			node->stage = node->ready.hard ? STAGE_VOTE : STAGE_SEND;
			if (node->ready.hard) {
				run_later(sim, node, 2 * flush_time(sim, node));
				return;
			}
			break;
		case STAGE_VOTE:
			if (write_vote(sim, node) == -1) {
				run_later(sim, node, RETRY_US);
				return;
			}
			node->stage = STAGE_SEND;
			break;
		case STAGE_SEND:
			take_ready(sim, node);
			note_leader(sim, node);
			send_messages(sim, node);
			node->stage = STAGE_FINISH;
			if (node->ready.cut != 0 || node->ready.first <= node->ready.last) {
				node->stage = STAGE_PERSIST;
				run_later(sim, node, flush_time(sim, node));
				return;
			}
			break;
		case STAGE_PERSIST:
			if (persist(sim, node) == -1) {
				TRACE(sim, "n%u can not write its log", node->slot);
				run_later(sim, node, RETRY_US);
				return;
			}
			node->stage = STAGE_FINISH;
			break;
		case STAGE_FINISH:
			node->stage = STAGE_IDLE;
			node_finish(sim, node);
			break;
		}
}

/* ---- deaths ---- */

static void
after_death(struct sim *sim, struct node *node, enum guard_death how)
{
	bool power = how == GUARD_FUSE && node->fuse_cuts_power;
	char why[sizeof(guard.why)];

	memcpy(why, guard.why, sizeof(why));
	node_die(sim, node, power, why);
	nemesis_schedule_restart(sim, node);
}

static uint64_t
failures(const struct node *node)
{
	return (node->faults.failed_syncs + node->faults.failed_writes);
}

/* Runs a part of the node's life, which may be its last; of itself it ends for its disk's sake only. */
static void
guarded(struct sim *sim, struct node *node, node_act_fn *act)
{
	uint64_t before = failures(node);
	enum guard_death how = guard_enter();

	if (how == GUARD_LIVES) {
		act(sim, node);
		guard_clear();
		return;
	}
	if (how == GUARD_FATAL && failures(node) == before)
		sim_fail(
		    sim, "n%u %s: %s", node->slot, node->up ? "ends" : "does not start", guard.why);
	after_death(sim, node, how);
}

void
node_die(struct sim *sim, struct node *node, bool power, const char *why)
{
	TRACE(sim, "n%u DIES%s: %s", node->slot, power ? ", power lost" : "", why);
	sim->stats.deaths++;
	sim->stats.powers += power;
	node->faults.dead = true;
	node->faults.fuse = 0;
	if (node->core != NULL)
		core_free(node->core);
	if (node->log != NULL)
		log_close(node->log);
	node->core = NULL;
	node->log = NULL;
	machine_close(sim, node);
	inbox_clear(&node->inbox);
	node_forget_images(node);
	entries_fini(&node->entries);
	if (power) {
		disk_lose_power(node->raft_disk);
		disk_lose_power(node->db_disk);
	} else {
		disk_kill(node->raft_disk);
		disk_kill(node->db_disk);
	}
	node->up = false;
	node->life++;
	node->tick_epoch++;
	node->stage = STAGE_IDLE;
	node->paused_until = 0;
	node->waiting_count = 0;
	net_node_died(&sim->net, node->slot);
}

/* ---- entry points ---- */

void
node_input(struct sim *sim, struct node *node, struct input input)
{
	inbox_push(&node->inbox, input);
	if (node->stage == STAGE_IDLE && node->paused_until <= sim->sched.now)
		guarded(sim, node, advance);
}

void
node_run(struct sim *sim, struct node *node)
{
	if (node->paused_until > sim->sched.now) {
		run_later(sim, node, node->paused_until - sim->sched.now);
		return;
	}
	guarded(sim, node, advance);
}

void
node_pause(struct sim *sim, struct node *node, int64_t us)
{
	TRACE(sim, "n%u is stopped for %lld us", node->slot, (long long)us);
	node->paused_until = sim->sched.now + us;
	if (node->stage == STAGE_IDLE)
		run_later(sim, node, us);
}

static void
apply_some(struct sim *sim, struct node *node)
{
	struct machine *machine = &node->machine;
	struct input input = { .kind = INPUT_APPLIED };

	if (machine_apply(sim, node) > 0) {
		input.number = machine->state.index;
		input.chain = machine->state.chain;
		inbox_push(&node->inbox, input);
		client_reads_due(sim, node);
	}
	if (machine_wants_checkpoint(sim, node)) {
		machine->asked = false;
		if (machine_checkpoint(sim, node) == 0)
			inbox_push(&node->inbox,
			    (struct input){ .kind = INPUT_BASE, .number = machine->base });
	}
	machine_schedule(sim, node);
	if (node->stage == STAGE_IDLE && node->paused_until <= sim->sched.now)
		advance(sim, node);
}

void
node_apply(struct sim *sim, struct node *node)
{
	node->machine.scheduled = false;
	guarded(sim, node, apply_some);
}

static void
open_all(struct sim *sim, struct node *node)
{
	struct core_config config = { .id = node->id, .ops = entries_ops(&node->entries) };
	struct core_start *start = calloc(1, sizeof(*start));

	if (start == NULL)
		abort();
	node->starting = start;
	if (machine_open(sim, node) == -1 || node_recover(sim, node, start) == -1)
		fatalx("start: %s", node->why.text);
	node->entries.log = node->log;
	config.seed = rng_next(&node->faults.rng);
	config.election_ns = (uint64_t)sim->plan.election_ms * 1000000;
	config.window = sim->plan.window;
	node->core = core_new(&config, start);
	node->fed = node->machine.state.index;
	free(start);
	node->starting = NULL;
	assert(node->core != NULL);
	if (sim->bootstrap != NULL)
		(void)core_bootstrap(node->core, sim->bootstrap);
	node->up = true;
	advance(sim, node);
}

void
node_start(struct sim *sim, struct node *node, const struct peer_configuration *members)
{
	unsigned peer;

	sim->bootstrap = members;
	node->exists = true;
	node->restarts = false;
	node->faults.dead = false;
	node->tick_at_us = INT64_MAX;
	node->checked_term = 0;
	node->clock_jumped = false;
	TRACE(sim, "n%u starts as node %llu", node->slot, (unsigned long long)node->id);
	guarded(sim, node, open_all);
	free(node->starting);
	node->starting = NULL;
	if (!node->up)
		return;
	for (peer = 0; peer < SIM_NODES; peer++)
		if (peer != node->slot && sim->nodes[peer].up)
			net_open(&sim->net, node->slot, peer);
}

void
node_init(struct sim *sim, struct node *node, uint8_t slot)
{
	memset(node, 0, sizeof(*node));
	node->slot = slot;
	node->id = slot + 1U;
	node->flush_us = 200;
	node->tick_at_us = INT64_MAX;
	rng_init(&node->faults.rng, sim->seed, STREAM_DISK + 100U * (slot + 1U));
	node->faults.burn = guard_burn;
	node->faults.capacity = 1U << 30;
	node->raft_disk = disk_new(&node->faults);
	node->db_disk = disk_new(&node->faults);
	/* Not near zero: a clock that jumps back must not come to be before its beginning. */
	node->clock_shown_ns =
	    (int64_t)(CLOCK_MIN_NS + rng_below(&node->faults.rng, 1000000000000ULL));
}

static void
free_old(struct node *node)
{
	free(node->old_entries);
	node->old_entries = NULL;
	if (node->old_raft != NULL)
		disk_free(node->old_raft);
	if (node->old_db != NULL)
		disk_free(node->old_db);
	node->old_raft = node->old_db = NULL;
}

void
node_fini(struct sim *sim, struct node *node)
{
	if (node->up)
		node_die(sim, node, false, "the run is over");
	free_old(node);
	disk_free(node->raft_disk);
	disk_free(node->db_disk);
	free(node->inbox.ring);
	free(node->shadow.entries);
	free(node->machine.queue);
	buf_fini(&node->scratch);
}

void
node_wipe(struct sim *sim, struct node *node)
{
	assert(!node->up);
	free_old(node);
	disk_free(node->raft_disk);
	disk_free(node->db_disk);
	node->raft_disk = disk_new(&node->faults);
	node->db_disk = disk_new(&node->faults);
	node->id += 1U << SIM_SLOT_BITS;
	node->shadow.last = node->shadow.durable = 0;
	node->removed = false;
	node->vote_term = node->vote = 0;
	TRACE(sim, "n%u is wiped: it will be node %llu", node->slot, (unsigned long long)node->id);
}

void
node_keep_disk(struct sim *sim, struct node *node)
{
	size_t size = (node->shadow.last + 1) * sizeof(*node->old_entries);

	free_old(node);
	node->old_raft = disk_copy(node->raft_disk);
	node->old_db = disk_copy(node->db_disk);
	node->old_last = node->shadow.durable;
	node->old_vote_term = node->vote_term;
	node->old_vote = node->vote;
	node->old_entries = malloc(size);
	if (node->old_entries == NULL)
		abort();
	memcpy(node->old_entries, node->shadow.entries, size);
	TRACE(
	    sim, "n%u: its disk is copied at %llu", node->slot, (unsigned long long)node->old_last);
}

void
node_take_old_disk(struct sim *sim, struct node *node)
{
	disk_replace(node->raft_disk, &node->old_raft);
	disk_replace(node->db_disk, &node->old_db);
	node->shadow.last = node->shadow.durable = node->old_last;
	memcpy(node->shadow.entries, node->old_entries,
	    (node->old_last + 1) * sizeof(*node->old_entries));
	node->vote_term = node->old_vote_term;
	node->vote = node->old_vote;
	free_old(node);
}
