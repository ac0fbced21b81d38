/*
 * The cluster simulator: up to seven nodes (and two that come and go) in one
 * process, under one seed.  One struct sim is one run; it is torn down whole.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "tests/sim/check.h"
#include "tests/sim/net.h"
#include "tests/sim/node.h"
#include "tests/sim/replay.h"
#include "tests/sim/rng.h"
#include "tests/sim/sched.h"
#include "tests/sim/sim_limits.h"

/* What may go wrong in a run; a failing run is tried again without each. */
enum fault {
	FAULT_CHAOS = 1 << 0, /* the network loses, doubles, delays, reorders */
	FAULT_PARTITION = 1 << 1, /* also in one direction */
	FAULT_CLOSE = 1 << 2, /* connections end while both ends live */
	FAULT_KILL = 1 << 3,
	FAULT_POWER = 1 << 4,
	FAULT_FUSE = 1 << 5, /* death in the middle of a change on disk */
	FAULT_DISK = 1 << 6, /* full, EIO, failed sync */
	FAULT_SLOW = 1 << 7, /* slow disks, stopped processes */
	FAULT_CLOCK = 1 << 8,
	FAULT_MEMBERS = 1 << 9,
	FAULT_TRANSFER = 1 << 10,
	FAULT_SNAPSHOT = 1 << 11, /* checkpoints at odd times */
	FAULT_OLD_DISK = 1 << 12,
	FAULT_ALL = (1 << 13) - 1
};

/* In which runs the real executor is the state machine. */
enum sim_real { SIM_REAL_SOME, SIM_REAL_ALL, SIM_REAL_NONE };

extern enum sim_real sim_real;

struct plan {
	unsigned voters;
	unsigned clients;
	uint32_t faults; /* enum fault */
	int64_t election_ms;
	int64_t nemesis_us; /* mean time between faults */
	int64_t client_us; /* mean time between a client's operations */
	uint32_t read_ppm;
	uint32_t window; /* of the core, entries */
	uint32_t segment; /* bytes of a log segment */
	uint32_t checkpoint_every; /* entries */
	uint32_t keep; /* entries kept in the log behind a checkpoint */
	uint32_t payload; /* bytes of a command, at most */
	bool real; /* the real executor is the state machine */
	bool readers; /* who hold its checkpoints up */
	uint32_t scale; /* that its disk constants are divided by */
};

enum op_state { OP_NONE, OP_SENT, OP_CONFIRMED, OP_DONE };

/* A client's operation. */
struct op {
	uint64_t id;
	enum op_state state;
	bool read;
	uint8_t node;
	uint32_t life; /* of the node: an answer of a later one is not for us */
	uint64_t floor; /* what was acknowledged before it began */
	uint64_t index; /* a read's */
	uint64_t key, value;
};

struct clients {
	struct rng rng;
	struct op ops[SIM_OPS];
	uint64_t next;
	uint64_t acknowledged; /* highest index that any client knows of */
	uint64_t writes, reads; /* done */
};

struct sim {
	uint64_t seed;
	struct plan plan;
	struct sched sched;
	struct net net;
	struct rng nemesis;
	struct node nodes[SIM_NODES];
	struct clients clients;
	struct check check;
	struct replay replay;
	uint64_t steps;
	bool healing; /* the last part: nothing breaks any more */
	const struct peer_configuration *bootstrap; /* while a new cluster's node starts */
	jmp_buf out; /* a failed check leaves by it */
	char failure[512];
	bool tracing;
	struct trace *trace;
	struct {
		uint64_t elections, deaths, powers, snapshots, changes, transfers, committed;
		int64_t simulated_us;
	} stats;
};

/* One whole run; 0, or -1 and sim->failure. The sim is the caller's to tear down. */
int sim_run(struct sim *, uint64_t seed, uint64_t steps, uint32_t without);
/* Whether that run is one with the real executor. */
bool sim_is_real(uint64_t seed);
/* Its parts: an empty run of the seed; the cluster of sim->plan; one event. */
void sim_prepare(struct sim *, uint64_t seed);
void sim_build(struct sim *);
void sim_fini(struct sim *);
void sim_step(struct sim *);

noreturn void sim_fail(struct sim *, const char *, ...) __attribute__((format(printf, 2, 3)));

/* The slot that a node's id names; another node may live there by now. */
static inline unsigned
sim_slot(uint64_t id)
{
	return ((unsigned)(id & ((1 << SIM_SLOT_BITS) - 1)) - 1);
}

static inline struct node *
sim_node(struct sim *sim, uint64_t id)
{
	return (&sim->nodes[sim_slot(id)]);
}

/* client.c */
void client_init(struct sim *);
void client_act(struct sim *, unsigned client);
void client_propose(struct sim *, struct node *, uint64_t op);
void client_read(struct sim *, struct node *, uint64_t op);
void client_read_confirmed(struct sim *, struct node *, uint64_t op, uint64_t index);
/* Whether a client waits for the operation at this node. */
bool client_waits(struct sim *, const struct node *, uint64_t op);
/* The node has applied an entry, or a batch. */
void client_applied(struct sim *, struct node *, uint64_t op, uint64_t index);
void client_reads_due(struct sim *, struct node *);

/* nemesis.c */
void nemesis_init(struct sim *);
void nemesis_act(struct sim *);
void nemesis_heal(struct sim *);
/* A leader has just changed the members: a good moment for trouble. */
void nemesis_on_change(struct sim *, struct node *);
/* A node that died before is about to start. */
void nemesis_on_start(struct sim *, struct node *);
/* A machine fault stopped the node: when it comes back. */
void nemesis_schedule_restart(struct sim *, struct node *);
/* members.c */
void members_change(struct sim *);
void members_fill(struct peer_member *, const struct node *, uint8_t suffrage);
void members_old_disk(struct sim *);

/* trace.c */
struct trace *trace_new(void);
void trace_free(struct trace *);
void trace_add(struct sim *, const char *, ...) __attribute__((format(printf, 2, 3)));
void trace_print(const struct trace *, unsigned lines);
#define TRACE(sim, ...)                              \
	do {                                         \
		if ((sim)->tracing)                  \
			trace_add(sim, __VA_ARGS__); \
	} while (0)

#endif
