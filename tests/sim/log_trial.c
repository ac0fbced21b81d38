/*
 * Trial of the durable log and the vote alone, over the simulated disk: random
 * appends, cuts, drops and votes of one node, which is killed or loses power in
 * the middle of any of them, over and over.  What was flushed must be there
 * again; what comes back beyond it must be what was being written; and an end
 * that nobody damaged must never be called damage.
 *
 * Usage: sim_log [--from S] [--seeds N] [--lives L]
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proc/raft/log.h"
#include "proc/raft/vote.h"
#include "tests/sim/disk.h"
#include "tests/sim/guard.h"
#include "tests/sim/sim_limits.h"

#define ENTRIES_MAX 1024
#define SEGMENT (32 * 1024)

struct model {
	uint64_t terms[ENTRIES_MAX]; /* of entries on the disk, by index */
	uint64_t tags[ENTRIES_MAX];
	uint64_t last; /* of what was flushed */
	uint64_t wanted; /* while a batch is written: its last index */
	uint64_t cut; /* while a cut is made: its index, else 0 */
	uint64_t reset, reset_term; /* while the log begins anew: behind which entry, else 0 */
	uint64_t dropped; /* entries up to it may be gone */
	uint64_t next_tag;
	struct vote vote, wanted_vote;
	uint64_t vote_sure; /* term of the last vote that is on the disk for sure */
};

struct trial {
	uint64_t seed;
	struct rng rng;
	struct disk_faults faults;
	struct disk *disk;
	struct log *log;
	struct model model;
	bool failed_sync; /* since the last power loss: lives on with clean but lost pages */
	uint64_t last_read;
	uint64_t acts, deaths, powers;
	const char *act;
};

static const uint8_t instance[16] = "log-trial";

static void
fail(const struct trial *trial, const char *what, uint64_t a, uint64_t b)
{
	printf("seed %" PRIu64 ": %s (%" PRIu64 ", %" PRIu64 ") after %" PRIu64 " acts, %" PRIu64
	       " deaths; during: %s; last: %s\n",
	    trial->seed, what, a, b, trial->acts, trial->deaths, trial->act, guard.why);
	exit(1);
}

static bool
check_entry(void *arg, const struct log_entry *entry)
{
	struct trial *trial = arg;
	struct model *model = &trial->model;
	uint64_t tag = 0;

	if (entry->len < sizeof(tag))
		fail(trial, "an entry is too short", entry->index, entry->len);
	memcpy(&tag, entry->data, sizeof(tag));
	if (entry->index != trial->last_read + 1)
		fail(trial, "an entry is missing", trial->last_read + 1, entry->index);
	trial->last_read = entry->index;
	if (entry->term != model->terms[entry->index] || tag != model->tags[entry->index])
		fail(trial, "an entry is another one", entry->index, tag);
	if (entry->term != log_term(trial->log, entry->index))
		fail(trial, "log_term() differs", entry->index, entry->term);
	return (true);
}

/* What a restart found is what a correct disk may hold. */
static void
check_opened(struct trial *trial)
{
	struct model *model = &trial->model;
	uint64_t last = log_last(trial->log);
	struct error error;

	if (model->reset != 0 && log_first(trial->log) == model->reset + 1) {
		if (log_term(trial->log, model->reset) != model->reset_term)
			fail(trial, "the base has another term", model->reset, model->reset_term);
		model->terms[model->reset] = model->reset_term;
		model->last = model->wanted = model->dropped = model->reset;
	}
	model->reset = 0;
	if (model->cut != 0 && last < model->last && last == model->cut - 1)
		model->last = last;
	if (last < model->last)
		fail(trial, "flushed entries are lost", last, model->last);
	if (last > model->wanted)
		fail(trial, "entries came from nowhere", last, model->wanted);
	if (log_first(trial->log) > model->dropped + 1)
		fail(trial, "too much was dropped", log_first(trial->log), model->dropped);
	model->last = model->wanted = last;
	model->cut = 0;
	trial->last_read = log_first(trial->log) - 1;
	if (log_read(trial->log, log_first(trial->log), check_entry, trial, &error) == -1)
		fail(trial, error.text, 0, 0);
	if (trial->last_read != last)
		fail(trial, "reading ended early", trial->last_read, last);
}

static void
open_log(struct trial *trial)
{
	struct log_config config = { .segment_size = SEGMENT, .witness = trial->model.last };
	struct file_dir *dir = disk_dir(trial->disk);
	struct vote vote;
	struct error error;

	memcpy(config.instance, instance, sizeof(instance));
	if (trial->model.cut != 0 && trial->model.cut <= trial->model.last)
		config.witness = trial->model.cut - 1;
	if (trial->model.reset != 0) /* an installed state: the log may end before it, or after */
		config.witness = 0;
	trial->log = log_open(dir, &config, &error);
	if (trial->log == NULL && trial->faults.write_error_ppm == 0 &&
	    trial->faults.capacity > 1 << 20)
		fail(trial, error.text, 0, 0);
	if (trial->log == NULL)
		return;
	if (vote_read(dir, instance, &vote, &error) == -1)
		fail(trial, error.text, 0, 0);
	if (vote.term < trial->model.vote_sure || vote.term > trial->model.wanted_vote.term)
		fail(trial, "another vote", vote.term, trial->model.vote_sure);
	trial->model.vote = trial->model.wanted_vote = vote;
	/* As the log's last batch: what was read may be in memory only. */
	if (vote.term > 0 && vote_write(dir, instance, &vote) == -1) {
		log_close(trial->log);
		trial->log = NULL;
		return;
	}
	trial->model.vote_sure = vote.term;
	check_opened(trial);
}

static void
append(struct trial *trial)
{
	struct model *model = &trial->model;
	uint8_t data[9000] = { 0 };
	int i, n = (int)rng_range(&trial->rng, 1, 6);
	uint64_t term = model->last > 0 ? model->terms[model->last] : 1;

	if (model->last + 8 >= ENTRIES_MAX)
		return;
	term += rng_below(&trial->rng, 8) == 0;
	log_begin(trial->log);
	for (i = 0; i < n; i++) {
		uint64_t index = ++model->wanted;
		struct iovec part = { data, rng_below(&trial->rng, 6) == 0
						? (size_t)rng_range(&trial->rng, 8, sizeof(data))
						: (size_t)rng_range(&trial->rng, 8, 200) };

		model->terms[index] = term;
		model->tags[index] = ++model->next_tag;
		memcpy(data, &model->next_tag, 8);
		log_add(trial->log, term, 1, &part, 1);
	}
	if (log_commit(trial->log) == 0)
		model->last = model->wanted;
	else
		model->wanted = model->last;
	if (log_last(trial->log) != model->last)
		fail(trial, "log_last() after an append", log_last(trial->log), model->last);
}

static void
cut(struct trial *trial)
{
	struct model *model = &trial->model;
	uint64_t low =
	    log_first(trial->log) > model->dropped ? log_first(trial->log) : model->dropped + 1;

	if (low >= model->last)
		return;
	model->cut = (uint64_t)rng_range(&trial->rng, (int64_t)low, (int64_t)model->last);
	if (log_cut(trial->log, model->cut) == 0) {
		model->last = model->wanted = model->cut - 1;
		model->cut = 0;
	} else if (log_last(trial->log) != model->last)
		fail(trial, "a cut that failed changed the log", log_last(trial->log), model->last);
	else
		model->cut = 0;
}

/* A snapshot takes the place of all that is in the log. */
static void
reset(struct trial *trial)
{
	struct model *model = &trial->model;
	uint64_t index =
	    model->dropped + 1 + rng_below(&trial->rng, model->last + 20 - model->dropped);

	if (index + 8 >= ENTRIES_MAX)
		return;
	model->reset_term = (model->last > 0 ? model->terms[model->last] : 1) + 1;
	model->reset = index;
	if (log_reset(trial->log, index, model->reset_term) == 0) {
		model->last = model->wanted = model->dropped = index;
		model->terms[index] = model->reset_term;
	} else if (log_last(trial->log) != model->last)
		fail(trial, "a reset that failed changed the log", log_last(trial->log),
		    model->last);
	model->reset = 0;
}

static void
vote(struct trial *trial)
{
	trial->model.wanted_vote.term = trial->model.vote.term + 1;
	if (vote_write(disk_dir(trial->disk), instance, &trial->model.wanted_vote) == -1)
		return;
	trial->model.vote = trial->model.wanted_vote;
	trial->model.vote_sure = trial->model.vote.term;
}

static void
act(struct trial *trial)
{
	uint64_t kind = rng_below(&trial->rng, 100);

	trial->acts++;
	if (kind < 70) {
		trial->act = "append";
		append(trial);
	} else if (kind < 76) {
		trial->act = "cut";
		cut(trial);
	} else if (kind < 82) {
		trial->act = "drop";
		if (trial->model.last > 10)
			trial->model.dropped += rng_below(
			    &trial->rng, trial->model.last - 5 > trial->model.dropped
					     ? trial->model.last - 5 - trial->model.dropped
					     : 1);
		log_drop_before(trial->log, trial->model.dropped);
	} else if (kind < 84) {
		trial->act = "reset";
		reset(trial);
	} else if (kind < 90) {
		trial->act = "prepare";
		(void)log_prepare(trial->log);
	} else if (kind < 95) {
		trial->act = "vote";
		vote(trial);
	} else if (kind < 97)
		trial->faults.capacity = rng_below(&trial->rng, 2) ? 1 << 30 : 1 << 17;
	else
		trial->faults.write_error_ppm = rng_below(&trial->rng, 3) == 0 ? 50000 : 0;
}

static void
die(struct trial *trial, enum guard_death how)
{
	trial->deaths++;
	trial->faults.dead = true;
	if (trial->log != NULL)
		log_close(trial->log);
	trial->log = NULL;
	disk_kill(trial->disk);
	trial->failed_sync |= how == GUARD_FATAL;
	if (rng_below(&trial->rng, 2) == 0) {
		disk_lose_power(trial->disk);
		trial->powers++;
		trial->failed_sync = false;
	}
}

/* From a start to a death. */
static void
live(struct trial *trial)
{
	enum guard_death how;
	int i, n = (int)rng_range(&trial->rng, 1, 40);

	trial->faults.fuse = rng_range(&trial->rng, 1, 120);
	trial->faults.sync_error_ppm = rng_below(&trial->rng, 4) == 0 ? 30000 : 0;
	trial->faults.write_error_ppm = 0;
	trial->faults.capacity = 1 << 30;
	trial->faults.dead = false;
	how = guard_enter();
	if (how == GUARD_LIVES) {
		trial->act = "open";
		open_log(trial);
		for (i = 0; i < n && trial->log != NULL; i++)
			act(trial);
		guard_clear();
	}
	trial->faults.fuse = 0;
	die(trial, how);
}

static void
run(uint64_t seed, int lives)
{
	struct trial trial = { .seed = seed };

	rng_init(&trial.rng, seed, STREAM_PLAN);
	rng_init(&trial.faults.rng, seed, STREAM_DISK);
	rng_init(&guard_entropy, seed, STREAM_SALT);
	trial.faults.burn = guard_burn;
	trial.disk = disk_new(&trial.faults);
	while (lives-- > 0 && trial.model.last + 300 < ENTRIES_MAX)
		live(&trial);
	disk_free(trial.disk);
}

int
main(int argc, char **argv)
{
	uint64_t from = 1, seeds = 1000, seed;
	int i, lives = 30;

	for (i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--from") == 0)
			from = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--seeds") == 0)
			seeds = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--fresh") == 0)
			from = (uint64_t)time(NULL) * 100000;
		else if (strcmp(argv[i], "--lives") == 0)
			lives = (int)strtol(argv[i + 1], NULL, 10);
	}
	for (seed = from; seed < from + seeds; seed++)
		run(seed, lives);
	printf("log trial: %" PRIu64 " seeds from %" PRIu64 ", up to %d lives each, 0 failed\n",
	    seeds, from, lives);
	return (0);
}
