/*
 * A disk that fails under the log.  A script of appends, cuts, drops and restarts
 * is run with the n-th write failing, for n = 1, 2, ... until none fails: what
 * failed has changed nothing, and works when it is tried again, and a kill or a loss
 * of power behind it finds what was acknowledged.  Then with the
 * n-th flush failing: that is death, and what was acknowledged is there after the
 * restart, and after a loss of power behind that.
 *
 * The seed is printed; RQLITED_SEED repeats it.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/storage/dead.h"
#include "tests/storage/logbook.h"
#include "tests/storage/simdisk.h"

/* A death drops what was in memory; nobody frees it. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return ("detect_leaks=0");
}

#define STEPS 60
#define TRIES 4 /* of a step: no fault is longer */

static struct logbook book;
static struct simdisk *disk;
static uint64_t seed, fault;
static jmp_buf dead;
static volatile unsigned step;

static void
wrong(const char *what)
{
	printf("seed %" PRIu64 ", fault %" PRIu64 ", step %u: %s (%s)\n", seed, fault, step, what,
	    book.error.text);
	exit(1);
}

static void
on_death(const char *text)
{
	longjmp(dead, 1);
}

static bool
restart(void)
{
	logbook_close(&book);
	return (logbook_open(&book));
}

static bool
try_step(void)
{
	if (book.log == NULL)
		return (restart());
	switch (step % 10) {
	case 3:
		/* A failure leaves no spare, and is told by nothing but that. */
		while (log_prepare(book.log))
			continue;
		return (true);
	case 5:
		return (restart());
	case 7:
		return (book.last < 4 || logbook_cut(&book, book.last - step % 3));
	case 8:
		if (step > 20)
			log_drop_before(book.log, book.last - 4);
		return (true);
	case 9:
		return (logbook_append(&book, 1 + step / 8, 1, 40000));
	default:
		return (logbook_append(&book, 1 + step / 8, 1 + step % 3, 700 * (step % 4)));
	}
}

/* The script from an empty disk. */
static void
run(void)
{
	unsigned tries;
	const char *reason;

	for (step = 0; step < STEPS; step++) {
		for (tries = 1; !try_step(); tries++) {
			reason = book.log != NULL ? logbook_check(&book) : NULL;
			if (reason != NULL)
				wrong(reason);
			if (tries == TRIES)
				wrong("fails without end");
		}
		reason = book.log != NULL ? logbook_check(&book) : NULL;
		if (reason != NULL)
			wrong(reason);
	}
}

static void
begin(bool flushes)
{
	simdisk_free(disk);
	disk = simdisk_new();
	simdisk_mount(disk);
	simdisk_seed(seed);
	logbook_init(&book, simdisk_dir());
	if (!logbook_open(&book))
		wrong("does not open");
	simdisk_events.writes = simdisk_events.syncs = 0;
	simdisk_events.fail_errno = fault % 2 == 0 ? EIO : ENOSPC;
	/* What fails past the page cache is tried through it: that is death of a flush only there. */
	simdisk_events.no_direct = flushes || fault % 4 >= 2;
}

/* The node starts again on what the death left. */
static void
start_on(enum simdisk_death death)
{
	struct simdisk *image = simdisk_image(disk, death, NULL, NULL);

	simdisk_free(disk);
	disk = image;
	simdisk_mount(disk);
	if (!logbook_open(&book))
		wrong("does not open after a death");
}

static void
failing_writes(void)
{
	for (fault = 1;; fault++) {
		begin(false);
		simdisk_events.fail_write = fault;
		simdisk_events.fail_length = 1 + fault % 3;
		run();
		if (!simdisk_events.failed)
			break;
		logbook_close(&book);
		start_on(fault / 4 % 2 == 0 ? SIMDISK_KILL : SIMDISK_POWER);
		if (logbook_check(&book) != NULL)
			wrong(logbook_check(&book));
		logbook_close(&book);
	}
	logbook_close(&book);
}

/* What was being done may have been done. */
static void
check_after_death(void)
{
	uint64_t last = log_last(book.log);
	const char *reason;

	if (last == book.wanted || (book.cutting != 0 && last == book.cutting - 1))
		book.last = last;
	book.wanted = last;
	book.cutting = 0;
	reason = logbook_check(&book);
	if (reason != NULL)
		wrong(reason);
}

static void
failing_flushes(void)
{
	volatile bool died = true;

	for (fault = 1; died; fault++) {
		begin(true);
		simdisk_events.fail_sync = fault;
		died = setjmp(dead) != 0;
		if (!died)
			run();
		/* Of a death while it is opened the log is lost: memory only. */
		logbook_close(&book);
		start_on(SIMDISK_KILL);
		check_after_death();
		logbook_close(&book);
		start_on(SIMDISK_POWER);
		if (logbook_check(&book) != NULL)
			wrong(logbook_check(&book));
		logbook_close(&book);
	}
}

int
main(void)
{
	const char *given = getenv("RQLITED_SEED");
	struct timespec now;
	uint64_t writes;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	seed = given != NULL ? strtoull(given, NULL, 10)
			     : (uint64_t)now.tv_nsec + (uint64_t)now.tv_sec;
	printf("seed %" PRIu64 "\n", seed);
	dead_hook = on_death;
	failing_writes();
	writes = fault - 1;
	failing_flushes();
	simdisk_free(disk);
	printf("log: %" PRIu64 " writes and %" PRIu64 " flushes made to fail, one by one\n", writes,
	    fault - 2);
	return (writes > 100 && fault > 50 ? 0 : 1);
}
