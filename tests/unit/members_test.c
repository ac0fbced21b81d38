/* The members at the log's base: read back, former or new after any death, refused if damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/limits.h"
#include "proc/raft/members.h"
#include "tests/storage/dead.h"
#include "tests/unit/disk_case.h"

static const uint8_t instance[16] = "me", other[16] = "another";
static struct error error;

/* Of `base`, all follows. */
static void
make(uint64_t base, struct members *members)
{
	uint32_t i;

	memset(members, 0, sizeof(*members));
	members->base = base;
	members->configuration.index = base / 2;
	members->configuration.count = 1 + (uint32_t)base % PEER_MEMBERS_MAX;
	for (i = 0; i < members->configuration.count; i++) {
		struct peer_member *member = &members->configuration.members[i];

		member->id = base + i;
		member->suffrage = PEER_VOTER;
		(void)snprintf(member->name, sizeof(member->name), "node%u", i);
		(void)snprintf(member->address, sizeof(member->address), "10.0.0.%u:4002", i);
	}
}

static int
put(uint64_t base)
{
	struct members members;

	make(base, &members);
	return (members_write(simdisk_dir(), instance, &members));
}

/* The base of what is read, which must be as it was written; -1: refused. */
static int
get(void)
{
	static struct members members, expected;

	if (members_read(simdisk_dir(), instance, &members, &error) == -1)
		return (-1);
	if (members.base == 0)
		assert_int_equal(members.configuration.count, 0);
	else
		make(members.base, &expected);
	if (members.base != 0)
		assert_memory_equal(&members, &expected, sizeof(members));
	return ((int)members.base);
}

static void
test_read_back(void **state)
{
	int base;

	assert_int_equal(get(), 0);
	for (base = 1; base <= 2 * PEER_MEMBERS_MAX; base++) {
		assert_int_equal(put((uint64_t)base), 0);
		assert_int_equal(get(), base);
	}
}

static void
test_foreign(void **state)
{
	struct members members;

	assert_int_equal(put(5), 0);
	assert_int_equal(members_read(simdisk_dir(), other, &members, &error), -1);
	assert_string_equal(error.text, "raft/peers belongs to another node");
}

/* Shorter, longer, or with any byte changed it is refused, never taken for another. */
static void
test_damage(void **state)
{
	uint64_t size, i;
	uint8_t byte;
	int file;

	assert_int_equal(put(3), 0);
	file = simdisk_open("peers", false, false);
	size = simdisk_size(file);
	for (i = 0; i < size; i++) {
		assert_int_equal(simdisk_read(file, &byte, 1, i), 1);
		byte ^= 0x04;
		assert_int_equal(simdisk_write(file, &byte, 1, i), 0);
		assert_int_equal(get(), -1);
		byte ^= 0x04;
		assert_int_equal(simdisk_write(file, &byte, 1, i), 0);
	}
	assert_int_equal(simdisk_truncate(file, size + 1), 0);
	assert_int_equal(get(), -1);
	for (i = size; i-- > 0;) {
		assert_int_equal(simdisk_truncate(file, i), 0);
		assert_int_equal(get(), -1);
	}
	assert_non_null(strstr(error.text, "raft/peers is damaged"));
}

static void
test_death_at_every_step(void **state)
{
	uint64_t step;
	int round, base;
	bool done = false;

	for (step = 1; !done; step++)
		for (round = 0; round < 20; round++) {
			struct simdisk *image;

			simdisk_free(disk);
			(void)disk_setup(NULL);
			simdisk_seed(step * 1000 + (uint64_t)round);
			assert_int_equal(put(1), 0);
			simdisk_events.crash_at = simdisk_events.ops + step;
			assert_int_equal(put(2), 0);
			done = simdisk_events.crashed == NULL;
			if (done)
				break;
			image = simdisk_image(simdisk_events.crashed,
			    round % 2 == 0 ? SIMDISK_POWER : SIMDISK_KILL, NULL, NULL);
			simdisk_free(simdisk_events.crashed);
			simdisk_mount(image);
			base = get();
			assert_true(base == 1 || base == 2);
			assert_int_equal(put(3), 0);
			assert_int_equal(get(), 3);
			simdisk_free(image);
			simdisk_mount(disk);
		}
	assert_true(step > 4);
}

static void
test_failing_write_keeps_the_former(void **state)
{
	assert_int_equal(put(1), 0);
	simdisk_events.writes = 0;
	simdisk_events.fail_write = 1;
	simdisk_events.fail_errno = ENOSPC;
	assert_int_equal(put(2), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(get(), 1);
	simdisk_events.fail_write = 0;
	assert_int_equal(put(2), 0);
	assert_int_equal(get(), 2);
}

static void
test_failing_flush_is_death(void **state)
{
	assert_int_equal(put(1), 0);
	dead_hook = disk_on_death;
	simdisk_events.syncs = 0;
	simdisk_events.fail_sync = 1;
	simdisk_events.fail_errno = EIO;
	if (setjmp(disk_dead) == 0) {
		(void)put(2);
		fail_msg("lived on after a failed flush");
	}
	dead_hook = NULL;
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_read_back),
		TEST(test_foreign),
		TEST(test_damage),
		TEST(test_death_at_every_step),
		TEST(test_failing_write_keeps_the_former),
		TEST(test_failing_flush_is_death),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
