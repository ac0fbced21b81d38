/*
 * What the raft worker of a simulated node keeps on its disk: log, vote, and
 * the members at the log's base; recovery, compaction, installation of images.
 */
#include "tests/sim/node_store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proc/raft/entries.h"
#include "proc/raft/members.h"
#include "proc/raft/vote.h"
#include "tests/sim/guard.h"
#include "tests/sim/sim.h"

#define INCOMING "incoming"

static const uint8_t instance[LOG_ID_SIZE];

/* A file that tells an unfinished installation from none. */
struct saved_install {
	struct machine_state state;
	struct members members; /* of the snapshot */
};

/* So much of it is written. */
static size_t
install_size(const struct saved_install *saved)
{
	return (offsetof(struct saved_install, members.configuration.members) +
		saved->members.configuration.count * sizeof(struct peer_member));
}

/* ---- whole files ---- */

int
store_get(struct file_dir *dir, const char *name, void *data, size_t len)
{
	int file = dir->ops->open(dir, name, O_RDONLY);
	int result;

	if (file == -1)
		return (-1);
	memset(data, 0, len);
	if ((off_t)len > dir->ops->size(dir, file))
		len = (size_t)dir->ops->size(dir, file);
	result = file_read(dir, file, data, len, 0);
	dir->ops->close(dir, file);
	return (result);
}

/* ---- recovery ---- */

static int
load_members(struct node *node, struct core_start *start)
{
	static struct members saved;

	if (members_read(disk_dir(node->raft_disk), instance, &saved, &node->why) == -1)
		return (-1);
	node->base = saved.base;
	start->latest = saved.configuration;
	return (0);
}

struct comparing {
	struct sim *sim;
	struct node *node;
	uint64_t next;
};

/* What was flushed must be there again; the rest of the shadow becomes what the log has. */
static bool
compare_entry(void *arg, const struct log_entry *entry)
{
	struct comparing *comparing = arg;
	struct node *node = comparing->node;
	uint64_t hash = check_hash(entry->term, entry->type, entry->data, entry->len);
	struct peer_entry one = { .term = entry->term,
		.data = entry->data,
		.type = entry->type,
		.len = (uint32_t)entry->len };

	if (entry->index != comparing->next++)
		sim_fail(comparing->sim, "n%u: entry %llu is missing in the log", node->slot,
		    (unsigned long long)entry->index);
	if (entry->index <= node->shadow.durable) {
		if (node->shadow.entries[entry->index].term != entry->term ||
		    node->shadow.entries[entry->index].hash != hash)
			sim_fail(comparing->sim,
			    "n%u: entry came back as another one, term %lu/%lu type %u len %zu "
			    "index %llu",
			    node->slot, node->shadow.entries[entry->index].term, entry->term,
			    entry->type, entry->len, (unsigned long long)entry->index);
	} else {
		node->shadow.last = entry->index - 1;
		check_append(comparing->sim, node, entry->index, &one);
	}
	return (true);
}

static void
compare_log(struct sim *sim, struct node *node)
{
	struct comparing comparing = { sim, node, log_first(node->log) };
	struct error error;

	if (log_last(node->log) < node->shadow.durable && !node->cutting)
		sim_fail(sim, "n%u lost flushed entries: log ends at %llu, %llu was flushed",
		    node->slot, (unsigned long long)log_last(node->log),
		    (unsigned long long)node->shadow.durable);
	if (log_last(node->log) < node->shadow.durable)
		node->shadow.durable = log_last(node->log);
	if (log_read(node->log, log_first(node->log), compare_entry, &comparing, &error) == -1)
		sim_fail(sim, "n%u can not read its log: %s", node->slot, error.text);
	node->shadow.durable = node->shadow.last = log_last(node->log);
	node->cutting = false;
}

static int
recover_vote(struct sim *sim, struct node *node, struct core_start *start)
{
	struct file_dir *dir = disk_dir(node->raft_disk);
	struct vote vote;

	if (vote_read(dir, instance, &vote, &node->why) == -1)
		return (-1);
	start->term = vote.term;
	start->vote = vote.candidate;
	if (start->term < node->vote_term)
		sim_fail(
		    sim, "n%u forgot term %llu", node->slot, (unsigned long long)node->vote_term);
	if (start->term == node->vote_term && node->vote != 0 && start->vote != node->vote)
		sim_fail(sim, "n%u forgot a vote", node->slot);
	/* It may be in memory only. */
	if (start->term > 0 && vote_write(dir, instance, &vote) == -1)
		return (error_set_errno(&node->why, "raft/vote"));
	node->vote_term = start->term;
	node->vote = start->vote;
	return (0);
}

static int save_members(struct node *, const struct members *);

static int
forget_incoming(struct node *node)
{
	struct file_dir *db = disk_dir(node->db_disk);

	if (db->ops->unlink(db, INCOMING) == -1)
		return (error_set_errno(&node->why, "install"));
	(void)db->ops->sync_dir(db);
	return (0);
}

/* Does the steps of an installation that a death cut short, or those after its point of no return. */
static int
finish_install(struct sim *sim, struct node *node, struct log **log)
{
	static struct saved_install saved;
	const struct machine_state *state = &saved.state;
	struct file_dir *db = disk_dir(node->db_disk);

	if (store_get(db, INCOMING, &saved, sizeof(saved)) == -1)
		return (0);
	/* Dead before the executor's point of no return: there is nothing to be finished. */
	if (sim->plan.real && node->machine.state.index < state->index)
		return (forget_incoming(node));
	TRACE(
	    sim, "n%u installs the snapshot at %llu", node->slot, (unsigned long long)state->index);
	if ((!sim->plan.real && machine_install(sim, node, state) == -1) ||
	    save_members(node, &saved.members) == -1)
		return (error_set_errno(&node->why, "install"));
	if (log_term(*log, state->index) != state->term || log_last(*log) < state->index) {
		node->cutting = true;
		if (log_reset(*log, state->index, state->term) == -1)
			return (error_set_errno(&node->why, "install"));
		node->cutting = false;
		check_shadow_base(sim, node, state->index, state->term);
	} else if (log_last(*log) == state->index)
		check_shadow_base(sim, node, state->index, state->term);
	return (forget_incoming(node));
}

int
node_recover(struct sim *sim, struct node *node, struct core_start *start)
{
	struct log_config config = { .segment_size = sim->plan.segment };

	config.witness = node->machine.installed ? 0 : node->machine.state.index;
	node->log = log_open(disk_dir(node->raft_disk), &config, &node->why);
	if (node->log == NULL || recover_vote(sim, node, start) == -1)
		return (-1);
	compare_log(sim, node);
	if (finish_install(sim, node, &node->log) == -1)
		return (-1);
	if (load_members(node, start) == -1)
		return (-1);
	if (log_first(node->log) > node->base + 1)
		return (error_set(&node->why, "the log begins behind the saved members"));
	start->base = node->base;
	start->base_term = start->base > 0 ? log_term(node->log, start->base) : 0;
	if (entries_note_members(node->log, start, &node->why) == -1 ||
	    machine_start(sim, node) == -1)
		return (-1);
	start->now = node_clock(sim, node);
	start->last = log_last(node->log);
	start->applied = node->machine.state.index;
	start->chain = node->machine.state.chain;
	node->installed = 0;
	TRACE(sim, "n%u recovers: term %llu vote %llu log %llu..%llu applied %llu", node->slot,
	    (unsigned long long)start->term, (unsigned long long)start->vote,
	    (unsigned long long)log_first(node->log), (unsigned long long)start->last,
	    (unsigned long long)start->applied);
	if (start->applied < start->base || start->applied > start->last)
		sim_fail(sim, "n%u: database at %llu does not meet the log %llu..%llu", node->slot,
		    (unsigned long long)start->applied, (unsigned long long)log_first(node->log),
		    (unsigned long long)start->last);
	return (0);
}

/* ---- compaction and images ---- */

static int
save_members(struct node *node, const struct members *saved)
{
	if (members_write(disk_dir(node->raft_disk), instance, saved) == -1)
		return (-1);
	node->base = saved->base;
	return (0);
}

/* The log may go up to what the plan keeps; the members at its new base are saved first. */
void
node_compact(struct sim *sim, struct node *node, uint64_t index)
{
	uint64_t base = index > sim->plan.keep ? index - sim->plan.keep : 0;
	const struct peer_configuration *members;
	static struct members saved;

	if (base <= node->base || (members = core_configuration_at(node->core, base)) == NULL)
		return;
	saved = (struct members){ base, *members };
	if (save_members(node, &saved) == -1)
		return;
	core_compacted(node->core, base);
	log_drop_before(node->log, base);
	TRACE(sim, "n%u checkpoint %llu, base %llu, log begins at %llu", node->slot,
	    (unsigned long long)index, (unsigned long long)base,
	    (unsigned long long)log_first(node->log));
}

void
node_install(struct sim *sim, struct node *node, const struct packet *packet)
{
	const struct machine_image *image = (const struct machine_image *)packet->data;
	static struct saved_install saved;
	struct machine_state was = node->machine.state;

	if (image->state.index <= was.index) {
		core_snapshot_failed(node->core);
		return;
	}
	saved.state = image->state;
	saved.members = (struct members){ image->state.index, image->latest };
	if (machine_receive(sim, node, image, packet->len) == -1 ||
	    file_replace(disk_dir(node->db_disk), INCOMING, &saved, install_size(&saved)) == -1) {
		core_snapshot_failed(node->core);
		return;
	}
	if ((sim->plan.real && machine_install(sim, node, &image->state) == -1) ||
	    finish_install(sim, node, &node->log) == -1 || machine_start(sim, node) == -1)
		fatalx("install: %s", node->why.text);
	check_state(sim, node, image->state.index, image->state.chain);
	node->fed = node->installed = image->state.index;
	core_snapshot_installed(
	    node->core, image->state.index, image->state.term, image->state.chain);
}
