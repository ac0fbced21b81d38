/*
 * Kills and losses of power, over and over on what the last one left: after each
 * the node must start, be at an index that the log still holds, and come to the
 * same database and chain as a node that never died.
 *
 * Half of the deaths are crowded around checkpoints and recovery: deaths at
 * random instants miss two of the seeded bugs for thousands of images.
 *
 * Built with STORE_BUG it succeeds when it finds the bug.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proc/sql/sqlvfs.h"
#include "proc/sql/store.h"
#include "tests/storage/dead.h"
#include "tests/storage/simdisk.h"
#include "tests/storage/work.h"

#ifndef STORE_BUG
#define STORE_BUG 0
#endif

#define ENTRIES 160 /* in a chain of lives */
#define PATH "/sim"
#define SCALE 64 /* a ledger of 128 records, so that it is renewed */
#define CREATE_OPS 40
#define RECOVER_OPS 10
#define CHECKPOINT_OPS 30

/*
 * Where a life ends.  The last two are stories of two deaths:
 * - killed in a checkpoint, often with BASE written and not flushed; then power
 *   fails in recovery;
 * - power fails, the ledger loses what the WAL keeps, so the WAL is cut; then the
 *   WAL loses the cut and what followed it, and the ledger keeps all.
 */
enum plan { ANYWHERE, IN_RECOVERY, IN_CHECKPOINT, KILLED_IN_CHECKPOINT, STALE_WAL, PLAN__COUNT };

static struct {
	uint64_t chain[ENTRIES + 1], dump[ENTRIES + 1];
} reference;

static struct {
	uint64_t seed, images, wanted, lives, kills, checkpoints, partial, in_checkpoint,
	    in_recovery;
} count;

struct life {
	struct work work;
	struct store *store;
	uint64_t highest; /* index that may be in the WAL */
	uint64_t told; /* base index that raft was told: the log before it is gone */
	sqlite3 *reader; /* in a read transaction, or NULL */
	uint64_t reader_index;
	enum plan plan;
	bool is_second; /* death of the story */
};

static void
report(const char *what)
{
	if (STORE_BUG != 0) {
		printf("bug %d found at image %llu: %s\n", STORE_BUG,
		    (unsigned long long)count.images, what);
		exit(0);
	}
	printf("FAILED: %s (RQLITED_SEED=%llu, image %llu, life %llu)\n", what,
	    (unsigned long long)count.seed, (unsigned long long)count.images,
	    (unsigned long long)count.lives);
	exit(1);
}

static bool
crashed(void)
{
	return (simdisk_events.crashed != NULL);
}

static struct store *
pick(struct error *error)
{
	struct store_config config = { .path = PATH, .dir = simdisk_dir(), .scale = SCALE };

	return (store_pick(&config, error));
}

/* Opens what a death left, and checks that it is what some index must be. */
static void
start(struct life *life)
{
	struct error error;

	life->store = pick(&error);
	if (life->store == NULL)
		report(error.text);
	store_get_position(life->store, &life->work.at);
	if (life->work.at.index < life->told)
		report("the index is below what the log still holds");
	if (life->work.at.index > life->highest)
		report("the index was never reached");
	if (life->work.at.chain != reference.chain[life->work.at.index])
		report("the chain is not the one of the index");
	if (store_open(life->store, &error) == -1)
		report(error.text);
	life->work.alone_done = 0;
	/* The only one that could hold a lock is a reader of this very process. */
	(void)sqlite3_busy_timeout(store_db(life->store), 0);
}

static void
stop(struct life *life)
{
	(void)sqlite3_close_v2(life->reader);
	life->reader = NULL;
	store_close(life->store);
	life->store = NULL;
}

static void
batch(struct life *life)
{
	unsigned n = 1 + (unsigned)simdisk_random(8);
	int rc;

	if (n > ENTRIES - life->work.at.index)
		n = (unsigned)(ENTRIES - life->work.at.index);
	if (life->highest < life->work.at.index + n)
		life->highest = life->work.at.index + n;
	rc = work_batch(&life->work, life->store, n);
	if (rc != SQLITE_OK && !crashed())
		report(sqlite3_errstr(rc));
	if (life->work.at.chain != reference.chain[life->work.at.index])
		report("an entry had another result");
}

/* A reader of long breath stops checkpoints halfway and restarts of the WAL. */
static void
toggle_reader(struct life *life)
{
	if (life->reader != NULL) {
		if (work_dump(life->reader) != reference.dump[life->reader_index])
			report("a reader sees another state");
		(void)sqlite3_close_v2(life->reader);
		life->reader = NULL;
		return;
	}
	if (sqlite3_open_v2(PATH "/db.sqlite", &life->reader, SQLITE_OPEN_READONLY, NULL) !=
		SQLITE_OK ||
	    sqlite3_exec(life->reader, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL,
		NULL) != SQLITE_OK)
		report("a reader can not open");
	life->reader_index = life->work.at.index;
}

static void
checkpoint(struct life *life)
{
	uint64_t before = store_base_index(life->store);
	int rc;

	if (life->plan == STALE_WAL)
		return;
	if (life->plan == KILLED_IN_CHECKPOINT && simdisk_random(3) == 0)
		simdisk_events.crash_after_records = 2; /* FLOOR, BASE */
	else if (life->plan >= IN_CHECKPOINT && simdisk_random(3) == 0)
		simdisk_events.crash_at = simdisk_events.ops + 1 + simdisk_random(CHECKPOINT_OPS);
	rc = store_checkpoint(life->store);
	if (crashed())
		return;
	if (rc != SQLITE_OK)
		report(sqlite3_errstr(rc));
	simdisk_events.crash_at = life->plan == ANYWHERE ? simdisk_events.crash_at : 0;
	simdisk_events.crash_after_records = 0;
	count.checkpoints++;
	if (store_base_index(life->store) == before && life->work.at.index != before)
		count.partial++;
	life->told = store_base_index(life->store);
}

static void
set_crash(struct life *life)
{
	if (life->plan == IN_RECOVERY || (life->plan == KILLED_IN_CHECKPOINT && life->is_second)) {
		simdisk_events.crash_at =
		    1 + simdisk_random(life->highest == 0 ? CREATE_OPS : RECOVER_OPS);
		count.in_recovery++;
	} else if (life->plan == ANYWHERE) {
		simdisk_events.crash_at = 1 + simdisk_random(400);
	} else if (life->plan == STALE_WAL) {
		simdisk_events.crash_at = 10 + simdisk_random(100);
	} else {
		count.in_checkpoint++;
	}
}

/* Runs until the crash or the end of the log; true if it came to the end. */
static bool
live(struct life *life)
{
	count.lives++;
	set_crash(life);
	start(life);
	if (simdisk_random(3) == 0)
		(void)sqlite3_exec(store_db(life->store), "PRAGMA cache_size=5", NULL, NULL, NULL);
	while (!crashed() && life->work.at.index < ENTRIES) {
		if (simdisk_random(5) == 0)
			toggle_reader(life);
		batch(life);
		if (!crashed() && simdisk_random(4) == 0)
			checkpoint(life);
	}
	stop(life);
	return (!crashed());
}

/* Starts from the image and applies the rest. */
static void
verify(const struct life *was, const struct simdisk *image)
{
	struct simdisk *disk = simdisk_copy(image);
	struct life life = *was;

	count.images++;
	simdisk_mount(disk);
	life.reader = NULL;
	life.plan = ANYWHERE;
	life.is_second = false;
	start(&life);
	if (work_dump(store_db(life.store)) != reference.dump[life.work.at.index])
		report("the database is not the one of the index");
	while (life.work.at.index < was->highest) {
		batch(&life);
		if (simdisk_random(6) == 0)
			checkpoint(&life);
	}
	if (work_dump(store_db(life.store)) != reference.dump[life.work.at.index])
		report("after the replay the database is another one");
	if (!work_is_whole(store_db(life.store)))
		report("integrity_check");
	stop(&life);
	simdisk_free(disk);
}

static void
make_reference(uint64_t seed)
{
	struct simdisk *disk = simdisk_new();
	struct work work = { .seed = seed };
	struct store *store;
	struct error error;

	memset(&reference, 0, sizeof(reference));
	simdisk_mount(disk);
	store = pick(&error);
	if (store == NULL || store_open(store, &error) == -1)
		report(error.text);
	reference.dump[0] = work_dump(store_db(store));
	while (work.at.index < ENTRIES) {
		if (work_batch(&work, store, 1) != SQLITE_OK)
			report("the reference run");
		reference.chain[work.at.index] = work.at.chain;
		reference.dump[work.at.index] = work_dump(store_db(store));
	}
	store_close(store);
	simdisk_free(disk);
}

static enum simdisk_death
choose_death(const struct life *life)
{
	if (life->plan == STALE_WAL)
		return (SIMDISK_POWER);
	if (life->plan == KILLED_IN_CHECKPOINT)
		return (life->is_second ? SIMDISK_POWER : SIMDISK_KILL);
	return (simdisk_random(4) == 0 ? SIMDISK_KILL : SIMDISK_POWER);
}

/* Images of one death; goes on with one of them. */
static struct simdisk *
die(struct life *life, struct simdisk *crashed_disk)
{
	enum simdisk_death death = choose_death(life);
	const char *kept = NULL, *lost = NULL;
	struct simdisk *image, *next = NULL;
	int n;

	if (life->plan == STALE_WAL) {
		kept = life->is_second ? "ledger" : "db.sqlite-wal";
		lost = life->is_second ? "db.sqlite-wal" : "ledger";
	}
	for (n = 0; n < (death == SIMDISK_KILL ? 1 : 4); n++) {
		image = simdisk_image(crashed_disk, death, kept, lost);
		verify(life, image);
		simdisk_free(next);
		next = image;
	}
	count.kills += death == SIMDISK_KILL;
	life->is_second = !life->is_second && life->plan >= KILLED_IN_CHECKPOINT;
	return (next);
}

static void
run_chain(uint64_t seed)
{
	struct life life = { .work = { .seed = seed } };
	struct simdisk *disk = simdisk_new(), *crashed_disk;
	bool ended = false;

	make_reference(seed);
	while (!ended && count.images < count.wanted) {
		if (!life.is_second)
			life.plan = (enum plan)simdisk_random(PLAN__COUNT);
		if (life.highest == 0 && simdisk_random(2) == 0)
			life.plan = IN_RECOVERY; /* the making of a database */
		simdisk_mount(disk);
		ended = live(&life);
		crashed_disk = simdisk_events.crashed;
		simdisk_free(disk);
		disk = NULL;
		if (!ended)
			disk = die(&life, crashed_disk);
		simdisk_free(crashed_disk);
	}
	simdisk_free(disk);
}

int
main(void)
{
	const char *seed = getenv("RQLITED_SEED");

	count.seed = seed != NULL ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
	count.wanted = STORE_BUG != 0 ? 4000 : getenv("RQLITED_FULL") != NULL ? 20000 : 2000;
	printf("RQLITED_SEED=%llu\n", (unsigned long long)count.seed);
	simdisk_seed(count.seed);
	dead_hook = report;
	simdisk_register_vfs();
	sqlvfs_init();
	while (count.images < count.wanted)
		run_chain(work_mix(count.seed, count.images));
	if (STORE_BUG != 0) {
		printf("FAILED: bug %d not found in %llu images\n", STORE_BUG,
		    (unsigned long long)count.images);
		return (1);
	}
	printf("%llu images of %llu lives, %llu kills; %llu lives ended in recovery, %llu around a "
	       "checkpoint; %llu checkpoints, %llu partial: all right\n",
	    (unsigned long long)count.images, (unsigned long long)count.lives,
	    (unsigned long long)count.kills, (unsigned long long)count.in_recovery,
	    (unsigned long long)count.in_checkpoint, (unsigned long long)count.checkpoints,
	    (unsigned long long)count.partial);
	return (0);
}
