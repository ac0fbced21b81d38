/*
 * One simulated node: the real consensus core, the real log and vote over a
 * simulated disk, and a state machine.  The node does what the raft worker does:
 * takes inputs in order, then does what core_ready() says, step by step; while
 * its disk works it hears nothing.
 */
#ifndef TESTS_SIM_NODE_H
#define TESTS_SIM_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"
#include "proc/raft/core/core.h"
#include "proc/raft/entries.h"
#include "proc/raft/log.h"
#include "tests/sim/check.h"
#include "tests/sim/disk.h"
#include "tests/sim/inbox.h"
#include "tests/sim/machine.h"
#include "tests/sim/sim_limits.h"

struct sim;

/* Where the node stands in what core_ready() told it. */
enum node_stage { STAGE_IDLE, STAGE_VOTE, STAGE_SEND, STAGE_PERSIST, STAGE_FINISH };

struct node {
	uint8_t slot;
	uint64_t id;
	bool exists; /* has been started once */
	bool up;
	bool restarts; /* an EVENT_RESTART is on its way */
	bool removed; /* heard that it is no member */
	bool gone; /* switched off for good, or until it is wiped */
	uint32_t life;
	struct disk *raft_disk, *db_disk;
	struct disk_faults faults;
	bool fuse_cuts_power;
	struct disk *old_raft, *old_db; /* a copy kept to come back with */
	uint64_t old_last, old_vote_term, old_vote;
	struct shadow_entry *old_entries;
	struct log *log;
	struct entries entries;
	struct core *core;
	struct machine machine;
	/* Its clock: local = true * (1 + rate) + offset. */
	int64_t clock_rate_ppm;
	int64_t clock_at_us; /* when rate was last changed, and what it showed */
	int64_t clock_shown_ns;
	bool clock_jumped; /* in this life: its leases prove nothing */
	int64_t tick_at_us;
	uint32_t tick_epoch;
	int64_t flush_us; /* of its disk */
	enum node_stage stage;
	struct core_ready ready;
	bool cut_done;
	bool cutting; /* flushed entries are being taken away */
	bool may_vote; /* was to be a voter once: an old disk would break its promises */
	struct inbox inbox;
	struct shadow shadow;
	uint64_t checked_term; /* of the last leadership that was checked */
	uint64_t base; /* what the saved configurations are for */
	uint64_t vote_term, vote;
	uint64_t fed; /* index up to which the state machine has been told */
	uint64_t installed; /* news of what was applied before it are stale */
	int64_t paused_until;
	uint64_t waiting[SIM_WAITING]; /* reads */
	uint32_t waiting_count;
	struct packet *images[SIM_NODES]; /* snapshots pinned for peers */
	struct core_start *starting;
	struct error why; /* it could not start */
	struct buf scratch; /* a message being encoded */
};

void node_init(struct sim *, struct node *, uint8_t slot);
void node_fini(struct sim *, struct node *);
/* Brings an existing or new node up. With members it bootstraps them if it is empty. */
void node_start(struct sim *, struct node *, const struct peer_configuration *members);
/* Kills the process; with power its disk loses what was not flushed. */
void node_die(struct sim *, struct node *, bool power, const char *why);
/* Makes an existing, stopped node a new one with another id and an empty disk. */
void node_wipe(struct sim *, struct node *);
/* Copies its disk; and, when it is stopped, goes back to that copy. */
void node_keep_disk(struct sim *, struct node *);
void node_take_old_disk(struct sim *, struct node *);
/* Takes an input; it is handled at once if the node is not busy. */
void node_input(struct sim *, struct node *, struct input);
/* EVENT_RUN: the disk is done, or a pause is over. */
void node_run(struct sim *, struct node *);
void node_apply(struct sim *, struct node *);
/* The node hears nothing for so long. */
void node_pause(struct sim *, struct node *, int64_t us);

uint64_t node_clock(const struct sim *, const struct node *);
void node_set_clock(struct sim *, struct node *, int64_t jump_ns, int64_t rate_ppm);
/* Schedules the tick that the core wants. */
void node_schedule_tick(struct sim *, struct node *);
bool node_leads(const struct node *);

#endif
