/*
 * Start: first sql says which index the database is at, without having changed
 * anything; then the log is judged by it; only if it is whole does sql go on.
 * When it has opened the database, the core is born with what log, vote and
 * members' file remember.
 */
#include <sys/random.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proc/raft/members.h"
#include "proc/raft/raft.h"

/* The file above our directory, read while we may. */
static void
read_identity(struct raft *raft)
{
	char path[4096];
	struct file_dir *data;
	struct error error;
	char *slash;

	(void)snprintf(path, sizeof(path), "%s", raft->proc.place.directory);
	slash = strrchr(path, '/');
	if (slash != NULL)
		*slash = '\0';
	data = file_dir_open(path);
	if (data == NULL)
		proc_fail(&raft->proc, "failed to open store: %s", strerror(errno));
	if (identity_open(data, &raft->identity, &error) == -1 ||
	    (raft->settings.bootstrap && identity_bootstrap(data, &raft->identity, &error) == -1))
		proc_fail(&raft->proc, "failed to open store: %s", error.text);
	file_dir_close(data);
}

void
start_init(struct raft *raft)
{
	raft->senders = calloc(RAFT_WINDOW, sizeof(*raft->senders));
	if (raft->senders == NULL)
		fatal("calloc");
	TAILQ_INIT(&raft->uploads);
	raft->token = 1;
	raft->alarm = UINT64_MAX;
	read_identity(raft);
}

/*
 * The vote as it was read may be in memory only, and `synced` is not to be believed
 * from here on: the log may be cut.
 */
static void
read_vote(struct raft *raft, struct log_config *config)
{
	struct error error;

	if (vote_read(raft->dir, raft->identity.instance, &raft->vote, &error) == -1)
		proc_fail(&raft->proc, "failed to open store: %s", error.text);
	config->vote_synced = raft->vote.synced;
	raft->vote.synced = 0;
}

/* Nobody has an entry of a term that he has not written down before. */
static void
refuse_lost_vote(struct raft *raft)
{
	uint64_t last = log_last(raft->log), term = log_term(raft->log, last);

	if (term > raft->vote.term)
		proc_fail(&raft->proc,
		    "failed to open store: raft/vote is %s, but the log has entries of term "
		    "%" PRIu64 ": this node could vote twice. Remove its data directory and let it "
		    "join again, "
		    "or restore it from a backup",
		    raft->vote.term == 0 ? "missing" : "too old", term);
}

void
start_on_picked(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct raft *raft = state;
	const struct msg_picked *picked = &msg->picked;
	struct log_config config = { .witness = picked->installed ? 0 : picked->index };
	struct msg_log_ok ok = { 0 };
	struct error error;

	raft->dir = file_dir_open(raft->proc.place.directory);
	if (raft->dir == NULL)
		proc_fail(&raft->proc, "failed to open store: %s", strerror(errno));
	read_vote(raft, &config);
	memcpy(config.instance, raft->identity.instance, sizeof(config.instance));
	config.segment_size = LOG_SEGMENT_SIZE / (size_t)raft->settings.disk_scale / 4096 * 4096;
	raft->log = log_open(raft->dir, &config, &error);
	if (raft->log == NULL)
		proc_fail(&raft->proc, "failed to open store: %s", error.text);
	refuse_lost_vote(raft);
	raft->entries.log = raft->log;
	if (raft->vote.term > 0 &&
	    vote_write(raft->dir, raft->identity.instance, &raft->vote) == -1)
		proc_fail(&raft->proc, "raft/vote: %s", strerror(errno));
	ok.last = log_last(raft->log);
	msg_log_ok_send(chan, &ok, -1);
}

/* ---- the core ---- */

/* What log, vote, members' file and database remember. */
static void
remember(struct raft *raft, struct core_start *start)
{
	static struct members members;
	struct error error;

	if (members_read(raft->dir, raft->identity.instance, &members, &error) == -1)
		proc_fail(&raft->proc, "failed to open store: %s", error.text);
	start->now = raft_now_ns();
	start->term = raft->vote.term;
	start->vote = raft->vote.candidate;
	start->base = members.base;
	start->base_term = members.base > 0 ? log_term(raft->log, members.base) : 0;
	start->latest = members.configuration;
	start->last = log_last(raft->log);
	start->applied = raft->applied;
	start->chain = raft->chain;
	if (log_first(raft->log) > start->base + 1 || start->last < start->base)
		proc_fail(&raft->proc,
		    "failed to open store: raft/peers is of entry %" PRIu64
		    ", but the log holds %" PRIu64 " to %" PRIu64
		    ": files of different times were mixed; restore this node from a backup",
		    start->base, log_first(raft->log), start->last);
	if (start->applied < start->base || start->applied > start->last)
		proc_fail(&raft->proc,
		    "failed to open store: the database is at entry %" PRIu64
		    ", but the log holds %" PRIu64 " to %" PRIu64
		    ": files of different times were mixed; restore this node from a backup",
		    start->applied, start->base + 1, start->last);
	if (entries_note_members(raft->log, start, &error) == -1)
		proc_fail(&raft->proc, "failed to open store: %s", error.text);
}

/* The first entry of a new cluster: this node is its one member. */
static void
bootstrap(struct raft *raft)
{
	static struct peer_configuration members;
	struct peer_member *self = &members.members[0];

	members.count = 1;
	self->id = identity_id(&raft->identity);
	self->suffrage = PEER_VOTER;
	(void)snprintf(self->name, sizeof(self->name), "%s", raft->settings.node_id);
	(void)snprintf(self->address, sizeof(self->address), "%s", raft->settings.raft_adv_addr);
	(void)core_bootstrap(raft->core, &members);
}

/*
 * Whether a cluster is to begin here, or began and was cut off before its first entry
 * was durable.  Then term and vote may be written already: term 1 is that of the first
 * entry and never one to vote in, and only who has a configuration votes for himself.
 * Nobody else can know of such a vote.
 */
static bool
is_beginning(const struct raft *raft)
{
	const struct vote *vote = &raft->vote;

	return (raft->settings.bootstrap && log_last(raft->log) == 0 &&
		(vote->term <= 1 || vote->candidate == identity_id(&raft->identity)));
}

static uint64_t
draw_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		fatal("getrandom");
	return (seed);
}

static void
make_core(struct raft *raft)
{
	struct core_start *start = calloc(1, sizeof(*start));
	struct core_config config = {
		.id = identity_id(&raft->identity),
		.seed = draw_seed(),
		/* Patience before an election; heartbeats come ten times as often. */
		.election_ns = (uint64_t)raft->settings.heartbeat_ns,
		.lease_ns = (uint64_t)raft->settings.lease_ns,
		.window = RAFT_WINDOW,
		/* More than http is let send ahead of sql (feed.c), and then the largest command. */
		.window_bytes = 3 * COMMAND_MAX,
		.ops = entries_ops(&raft->entries),
	};

	if (start == NULL)
		fatal("calloc");
	remember(raft, start);
	raft->core = core_new(&config, start);
	if (raft->core == NULL)
		fatal("core");
	raft->handed = start->last;
	free(start);
}

/* A cluster of one that went to join another would leave its own without a quorum. */
static void
refuse_to_join(struct raft *raft)
{
	const struct peer_configuration *members = core_members(raft->core);

	if (!raft->settings.bootstrap && members->count == 1 &&
	    peer_configuration_find(members, identity_id(&raft->identity)) != NULL)
		proc_fail(&raft->proc,
		    "clustering failure: node is the only node in a single-node cluster, joining "
		    "other clusters not supported");
}

void
start_on_opened(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct raft *raft = state;
	bool begins;

	if (raft->log == NULL || raft->sql_open)
		fatalx("sql: opened out of turn");
	raft->sql_open = true;
	raft->reported = raft_now_ns();
	raft->commit = raft->apply = raft->applied = raft->fed = msg->opened.index;
	raft->chain = msg->opened.chain;
	log_as("store", "opening store with node ID %s, listening on %s", raft->settings.node_id,
	    raft->settings.raft_adv_addr);
	begins = is_beginning(raft);
	if (begins)
		raft->vote.term = raft->vote.candidate = 0;
	make_core(raft);
	if (begins)
		bootstrap(raft);
	refuse_to_join(raft);
	raft->changed = true;
}
