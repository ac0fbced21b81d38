/* The vote: read back, kept through any one damage and any torn write, refused if not ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/limits.h"
#include "proc/raft/vote.h"
#include "tests/storage/dead.h"
#include "tests/unit/disk_case.h"

#define ODD 17 /* candidates of odd and even terms */
#define EVEN 18

static const uint8_t instance[16] = "me", other[16] = "another";
static struct error error;

static int
write_vote(uint64_t term, uint64_t whom)
{
	struct vote vote = { .term = term, .synced = 3 * term, .candidate = whom };

	return (vote_write(simdisk_dir(), instance, &vote));
}

/* The term that is read; 0: none; -1: refused. */
static int
read_term(void)
{
	struct vote vote;

	if (vote_read(simdisk_dir(), instance, &vote, &error) == -1)
		return (-1);
	assert_int_equal(vote.synced, 3 * vote.term);
	assert_int_equal(vote.candidate, vote.term % 2 == 1 ? ODD : vote.term > 0 ? EVEN : 0);
	return ((int)vote.term);
}

static void
test_read_back(void **state)
{
	int term;

	assert_int_equal(read_term(), 0);
	for (term = 1; term < 6; term++) {
		assert_int_equal(write_vote((uint64_t)term, term % 2 == 1 ? ODD : EVEN), 0);
		assert_int_equal(read_term(), term);
	}
}

static void
test_foreign_and_newer(void **state)
{
	struct vote vote;
	int file;

	assert_int_equal(write_vote(1, ODD), 0);
	assert_int_equal(vote_read(simdisk_dir(), other, &vote, &error), -1);
	assert_non_null(strstr(error.text, "belongs to another node"));
	file = simdisk_open("vote", false, false);
	assert_int_equal(simdisk_truncate(file, 0), 0);
	assert_int_equal(read_term(), -1);
	assert_non_null(strstr(error.text, "both copies are damaged"));
}

/* One copy damaged at any byte: the other one holds the same. */
static void
test_any_byte_of_a_copy(void **state)
{
	int file, copy;
	size_t i;
	uint8_t byte;

	assert_int_equal(write_vote(1, ODD), 0);
	assert_int_equal(write_vote(2, EVEN), 0);
	file = simdisk_open("vote", false, false);
	for (copy = 0; copy < 2; copy++)
		for (i = 0; i < 400; i++) {
			uint64_t offset = (uint64_t)copy * LOG_BLOCK + i;

			assert_int_equal(simdisk_read(file, &byte, 1, offset), 1);
			byte ^= 0x20;
			assert_int_equal(simdisk_write(file, &byte, 1, offset), 0);
			assert_int_equal(read_term(), 2);
			byte ^= 0x20;
			assert_int_equal(simdisk_write(file, &byte, 1, offset), 0);
		}
}

/* Dead at every step of a change, by kill and by loss of power: the old vote or the new one. */
static void
test_death_at_every_step(void **state)
{
	uint64_t step;
	int round, term;
	bool done = false;

	for (step = 1; !done; step++)
		for (round = 0; round < 20; round++) {
			struct simdisk *image;

			simdisk_free(disk);
			(void)disk_setup(NULL);
			simdisk_seed(step * 1000 + (uint64_t)round);
			assert_int_equal(write_vote(1, ODD), 0);
			simdisk_events.crash_at = simdisk_events.ops + step;
			assert_int_equal(write_vote(2, EVEN), 0);
			done = simdisk_events.crashed == NULL;
			if (done)
				break;
			image = simdisk_image(simdisk_events.crashed,
			    round % 2 == 0 ? SIMDISK_POWER : SIMDISK_KILL, NULL, NULL);
			simdisk_free(simdisk_events.crashed);
			simdisk_mount(image);
			term = read_term();
			assert_true(term == 1 || term == 2);
			/* From the second slot's write on the new one is safe. */
			assert_true(step <= 2 || term == 2);
			assert_int_equal(write_vote(3, ODD), 0);
			assert_int_equal(read_term(), 3);
			simdisk_free(image);
			simdisk_mount(disk);
		}
	assert_true(step > 4);
}

/* The first vote of all: none, or whole. */
static void
test_death_in_creation(void **state)
{
	uint64_t step;
	bool done = false;

	for (step = 1; !done; step++) {
		struct simdisk *image;

		simdisk_free(disk);
		(void)disk_setup(NULL);
		simdisk_seed(step);
		simdisk_events.crash_at = step;
		assert_int_equal(write_vote(1, ODD), 0);
		done = simdisk_events.crashed == NULL;
		if (done)
			break;
		image = simdisk_image(simdisk_events.crashed, SIMDISK_POWER, NULL, NULL);
		simdisk_free(simdisk_events.crashed);
		simdisk_mount(image);
		assert_in_range(read_term(), 0, 1);
		simdisk_free(image);
		simdisk_mount(disk);
	}
	assert_true(step > 5);
}

/* A name that a kill left in memory only is flushed before the vote counts. */
static void
test_name_is_flushed_by_reading(void **state)
{
	struct simdisk *image;

	simdisk_seed(1);
	simdisk_events.crash_at = 5; /* the flush of the name */
	assert_int_equal(write_vote(1, ODD), 0);
	image = simdisk_image(simdisk_events.crashed, SIMDISK_KILL, NULL, NULL);
	simdisk_free(simdisk_events.crashed);
	simdisk_free(disk);
	disk = image;
	simdisk_mount(disk);
	assert_true(disk->rename_count > 0);
	assert_int_equal(read_term(), 1);
	assert_int_equal(disk->rename_count, 0);
}

static void
test_failing_writes(void **state)
{
	uint64_t n;

	assert_int_equal(write_vote(1, ODD), 0);
	for (n = 1;; n++) {
		simdisk_events.writes = 0;
		simdisk_events.fail_write = n;
		simdisk_events.fail_errno = n % 2 == 0 ? EIO : ENOSPC;
		simdisk_events.failed = false;
		if (write_vote(2, EVEN) == 0)
			break;
		assert_true(simdisk_events.failed);
		assert_in_range(read_term(), 1, 2);
	}
	assert_int_equal(n, 3);
	simdisk_events.fail_write = 0;
	assert_int_equal(read_term(), 2);
}

static void
test_failing_flush_is_death(void **state)
{
	volatile uint64_t n;

	assert_int_equal(write_vote(1, ODD), 0);
	dead_hook = disk_on_death;
	for (n = 1; n <= 2; n++) {
		simdisk_events.syncs = 0;
		simdisk_events.fail_sync = n;
		simdisk_events.fail_errno = EIO;
		if (setjmp(disk_dead) == 0) {
			(void)write_vote(2, EVEN);
			fail_msg("lived on after a failed flush");
		}
	}
	dead_hook = NULL;
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_read_back),
		TEST(test_foreign_and_newer),
		TEST(test_any_byte_of_a_copy),
		TEST(test_death_at_every_step),
		TEST(test_death_in_creation),
		TEST(test_name_is_flushed_by_reading),
		TEST(test_failing_writes),
		TEST(test_failing_flush_is_death),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
