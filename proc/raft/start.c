/*
 * Start: first sql says which index the database is at, without having changed
 * anything; then the log is judged by it; only if it is whole does sql go on.
 *
 * A sole voter needs nobody's consent: it takes the next term, and everything in
 * its log, which is all on its disk, is committed with that term's no-op.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
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
		proc_fail(&raft->proc, true, "failed to open store: %s", strerror(errno));
	if (identity_open(data, &raft->identity, &error) == -1)
		proc_fail(&raft->proc, true, "failed to open store: %s", error.text);
	file_dir_close(data);
}

void
start_init(struct raft *raft)
{
	raft->origins = calloc(LOG_BATCH_ENTRIES_MAX, sizeof(*raft->origins));
	if (raft->origins == NULL)
		fatal("calloc");
	read_identity(raft);
}

/* Takes the next term with our own vote, durable before anything is said in it. */
static void
become_leader(struct raft *raft)
{
	raft->vote.term++;
	raft->vote.synced = 0;
	raft->vote.candidate = identity_id(&raft->identity);
	if (vote_write(raft->dir, raft->identity.instance, &raft->vote) == -1)
		proc_fail(&raft->proc, true, "raft/vote: %s", strerror(errno));
	raft->leader = true;
	raft_append(raft, ENTRY_KIND_NOOP, NULL, 0, NULL);
	raft->noop = log_last(raft->log) + raft->batch_count;
	raft_flush(raft);
	log_as("store", "this node (ID=%s, addr=%s) is now Leader", raft->settings.node_id,
	    raft->settings.raft_adv_addr);
}

/* The first entry of a new cluster: who its members are. */
static void
bootstrap(struct raft *raft)
{
	struct iovec part;
	char text[1024];
	int n;

	n = snprintf(text, sizeof(text), "{\"id\":\"%s\",\"addr\":\"%s\",\"voter\":true}",
	    raft->settings.node_id, raft->settings.raft_adv_addr);
	part.iov_base = text;
	part.iov_len = (size_t)n;
	raft->vote.term = 1;
	raft_append(raft, ENTRY_KIND_CONFIGURATION, &part, 1, NULL);
	raft_flush(raft);
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
		proc_fail(&raft->proc, true, "failed to open store: %s", strerror(errno));
	if (vote_read(raft->dir, raft->identity.instance, &raft->vote, &error) == -1)
		proc_fail(&raft->proc, true, "failed to open store: %s", error.text);
	memcpy(config.instance, raft->identity.instance, sizeof(config.instance));
	config.vote_synced = raft->vote.synced;
	config.segment_size = LOG_SEGMENT_SIZE / (size_t)raft->settings.disk_scale / 4096 * 4096;
	raft->log = log_open(raft->dir, &config, &error);
	if (raft->log == NULL)
		proc_fail(&raft->proc, true, "failed to open store: %s", error.text);
	raft->commit = raft->applied = raft->fed = picked->index;
	ok.last = log_last(raft->log);
	msg_log_ok_send(chan, &ok, -1);
}

void
start_on_opened(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct raft *raft = state;

	if (raft->log == NULL || raft->sql_open)
		fatalx("sql: opened out of turn");
	raft->sql_open = true;
	raft->applied = raft->fed = msg->opened.index;
	raft->chain = msg->opened.chain;
	log_as("store", "opening store with node ID %s, listening on %s", raft->settings.node_id,
	    raft->settings.raft_adv_addr);
	if (log_last(raft->log) == 0 && raft->settings.bootstrap)
		bootstrap(raft);
	if (log_last(raft->log) > 0)
		become_leader(raft);
	raft->changed = true;
}
