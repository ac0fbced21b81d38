/*
 * The n-th write fails, for n = 1, 2, ... until a run comes through: with the disk
 * full and with an I/O error, once and for a while.  The same process goes on
 * when it is over; no entry may be skipped or applied twice, none may get another
 * result, and the database must come out the same.
 *
 * The n-th flush fails: the process must end.  What it had not flushed may be
 * lost although it was read again, and the next life must start from what is there.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proc/sql/sqlvfs.h"
#include "proc/sql/store.h"
#include "tests/storage/dead.h"
#include "tests/storage/simdisk.h"
#include "tests/storage/work.h"

#define ENTRIES 60
#define PATH "/sim"
#define ATTEMPTS 50

static struct {
	uint64_t chain, dump;
} reference;

static uint64_t seed, runs, failing;
static jmp_buf death;
static bool may_die;

static void
report(const char *what)
{
	printf("FAILED: %s (RQLITED_SEED=%llu, failing %llu)\n", what, (unsigned long long)seed,
	    (unsigned long long)failing);
	exit(1);
}

/* In the middle of SQLite's work: the connection is left behind, as a dead process leaves it. */
static void
on_death(const char *what)
{
	if (!may_die || strstr(what, "sync") == NULL)
		report(what);
	longjmp(death, 1);
}

static struct store *
open_store(struct store_position *at)
{
	struct store_config config = { .path = PATH, .dir = simdisk_dir(), .scale = 64 };
	struct store *store;
	struct error error;

	store = store_pick(&config, &error);
	if (store == NULL)
		return (NULL);
	store_get_position(store, at);
	if (store_open(store, &error) == 0)
		return (store);
	store_close(store);
	return (NULL);
}

/* A failure that passes: tries again, as the node does. */
static int
try_batch(struct work *work, struct store *store)
{
	unsigned n = 1 + (unsigned)(work->at.index % 5);

	return (work_batch(
	    work, store, n < ENTRIES - work->at.index ? n : (unsigned)(ENTRIES - work->at.index)));
}

static void
run_entries(struct work *work, struct store *store)
{
	unsigned attempts = 0, batches = 0;
	int rc;

	while (work->at.index < ENTRIES) {
		rc = try_batch(work, store);
		if (rc != SQLITE_OK) {
			if (++attempts > ATTEMPTS)
				report("no end of failures");
			(void)store_checkpoint(store);
			continue;
		}
		if (++batches % 4 == 0)
			(void)store_checkpoint(store);
	}
}

static void
check(const struct work *work, struct store *store)
{
	runs++;
	if (work->at.chain != reference.chain)
		report("another chain");
	if (work_dump(store_db(store)) != reference.dump)
		report("another database");
	if (!work_is_whole(store_db(store)))
		report("integrity_check");
}

/* Opens, runs to the end, dies by a loss of power and does it again. */
static void
live_on(struct simdisk *disk)
{
	struct simdisk *image = simdisk_image(disk, SIMDISK_POWER, NULL, NULL);
	struct work work = { .seed = seed };
	struct store *store;

	simdisk_forget_locks();
	simdisk_mount(image);
	store = open_store(&work.at);
	if (store == NULL)
		report("what the failure left does not start");
	run_entries(&work, store);
	check(&work, store);
	store_close(store);
	simdisk_free(image);
}

/* True if the run had so many writes. */
static bool
fail_write(uint64_t n, int code, unsigned length)
{
	struct work work = { .seed = seed };
	struct simdisk *disk = simdisk_new();
	struct store *store;
	bool failed;

	failing = n;
	simdisk_mount(disk);
	simdisk_events.fail_write = n;
	simdisk_events.fail_length = length;
	simdisk_events.fail_errno = code;
	store = open_store(&work.at);
	/* A node that can't start is started again by hand, or by its supervisor. */
	while (store == NULL && simdisk_events.failed)
		store = open_store(&work.at);
	if (store == NULL)
		report("does not start");
	run_entries(&work, store);
	failed = simdisk_events.failed;
	check(&work, store);
	store_close(store);
	live_on(disk);
	simdisk_free(disk);
	return (failed);
}

static bool
fail_sync(uint64_t n)
{
	static struct work work;
	static struct simdisk *disk;
	static struct store *store;

	failing = n;
	disk = simdisk_new();
	memset(&work, 0, sizeof(work));
	work.seed = seed;
	simdisk_mount(disk);
	simdisk_events.fail_sync = n;
	simdisk_events.fail_errno = EIO;
	may_die = true;
	if (setjmp(death) == 0) {
		store = open_store(&work.at);
		/* The journal of a database that is being made: an error at the start. */
		if (store == NULL && simdisk_events.failed)
			longjmp(death, 1);
		if (store == NULL)
			report("does not start");
		run_entries(&work, store);
		if (simdisk_events.failed)
			report("lived on after a failed flush");
		store_close(store);
		simdisk_free(disk);
		may_die = false;
		return (false);
	}
	may_die = false;
	live_on(disk);
	simdisk_free(disk);
	return (true);
}

static void
make_reference(void)
{
	struct work work = { .seed = seed };
	struct simdisk *disk = simdisk_new();
	struct store *store;

	simdisk_mount(disk);
	store = open_store(&work.at);
	if (store == NULL)
		report("the reference run does not start");
	while (work.at.index < ENTRIES)
		if (work_batch(&work, store, 1) != SQLITE_OK)
			report("the reference run");
	reference.chain = work.at.chain;
	reference.dump = work_dump(store_db(store));
	store_close(store);
	simdisk_free(disk);
}

int
main(void)
{
	static const int codes[] = { ENOSPC, EIO };
	const char *given = getenv("RQLITED_SEED");
	uint64_t n, writes, syncs;
	unsigned length;
	size_t i;

	seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	printf("RQLITED_SEED=%llu\n", (unsigned long long)seed);
	simdisk_seed(seed);
	dead_hook = on_death;
	simdisk_register_vfs();
	sqlvfs_init();
	make_reference();
	for (writes = 0, i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		for (length = 1; length <= 4; length += 3)
			for (n = 1; fail_write(n, codes[i], length); n++)
				writes++;
	for (syncs = 1; fail_sync(syncs); syncs++)
		continue;
	printf("%llu failing writes, %llu failing flushes, %llu runs to the end: all right\n",
	    (unsigned long long)writes, (unsigned long long)syncs - 1, (unsigned long long)runs);
	return (0);
}
