/* The identity: made once, read back for good, refused in any other form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "proc/raft/identity.h"
#include "tests/unit/disk_case.h"

static const char good[] = "{\"version\":1,\"instance\":\"00112233445566778899aabbccddeeff\","
			   "\"cluster\":\"00000000000000000000000000000000\"}\n";
static struct error error;

static int
read_text(const char *text, size_t len, struct identity *identity)
{
	int file = simdisk_open("node.json", true, true);

	assert_int_equal(simdisk_write(file, text, len, 0), 0);
	return (identity_open(simdisk_dir(), identity, &error));
}

static void
test_made_once(void **state)
{
	struct identity first, again;

	assert_int_equal(identity_open(simdisk_dir(), &first, &error), 0);
	assert_int_equal(identity_open(simdisk_dir(), &again, &error), 0);
	assert_memory_equal(&first, &again, sizeof(first));
	assert_int_equal(simdisk_unlink("node.json"), 0);
	assert_int_equal(identity_open(simdisk_dir(), &again, &error), 0);
	assert_memory_not_equal(&first, &again, sizeof(first));
}

/* The cluster's id is drawn once, is kept, and leaves the node's own alone. */
static void
test_cluster(void **state)
{
	static const uint8_t none[IDENTITY_SIZE];
	struct identity first, again;

	assert_int_equal(identity_open(simdisk_dir(), &first, &error), 0);
	assert_memory_equal(first.cluster, none, sizeof(none));
	again = first;
	assert_int_equal(identity_bootstrap(simdisk_dir(), &again, &error), 0);
	assert_memory_not_equal(again.cluster, none, sizeof(none));
	assert_memory_equal(again.instance, first.instance, sizeof(first.instance));
	first = again;
	assert_int_equal(identity_bootstrap(simdisk_dir(), &again, &error), 0);
	assert_memory_equal(&again, &first, sizeof(first));
	assert_int_equal(identity_open(simdisk_dir(), &again, &error), 0);
	assert_memory_equal(&again, &first, sizeof(first));
}

static void
test_text(void **state)
{
	static const uint8_t expected[IDENTITY_SIZE] = { 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66,
		0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
	struct identity identity;

	assert_int_equal(read_text(good, strlen(good), &identity), 0);
	assert_memory_equal(identity.instance, expected, sizeof(expected));
	assert_int_equal(read_text("{\"version\":2,", 13, &identity), -1);
	assert_non_null(strstr(error.text, "version 2"));
}

/* No part of it, nothing behind it, and no changed byte but of the digits. */
static void
test_nothing_else_is_taken(void **state)
{
	struct identity identity;
	char text[512];
	size_t i;

	for (i = 0; i < strlen(good); i++)
		assert_int_equal(read_text(good, i, &identity), -1);
	for (i = 1; i < 200; i++) {
		memcpy(text, good, sizeof(good));
		memset(text + strlen(good), i % 2 == 0 ? ' ' : '\0', i);
		assert_int_equal(read_text(text, strlen(good) + i, &identity), -1);
	}
	for (i = 0; i < strlen(good); i++) {
		memcpy(text, good, sizeof(good));
		text[i] = '!';
		assert_int_equal(read_text(text, strlen(good), &identity), -1);
	}
	assert_int_equal(
	    read_text("{\"version\":1,\"instance\":\"00000000000000000000000000000000\","
		      "\"cluster\":\"00000000000000000000000000000000\"}\n",
		strlen(good), &identity),
	    -1);
}

/* Dead at every step: none, or one that is the same from then on. */
static void
test_death_at_every_step(void **state)
{
	struct identity identity, first, again;
	struct simdisk *image;
	uint64_t step;
	bool done = false;

	for (step = 1; !done; step++) {
		simdisk_free(disk);
		disk = simdisk_new();
		simdisk_mount(disk);
		simdisk_events.crash_at = step;
		assert_int_equal(identity_open(simdisk_dir(), &identity, &error), 0);
		done = simdisk_events.crashed == NULL;
		if (done)
			break;
		image = simdisk_image(simdisk_events.crashed,
		    step % 2 == 0 ? SIMDISK_KILL : SIMDISK_POWER, NULL, NULL);
		simdisk_free(simdisk_events.crashed);
		simdisk_free(disk);
		simdisk_mount(image);
		assert_int_equal(identity_open(simdisk_dir(), &first, &error), 0);
		/* It has been used: no loss of power may take it back. */
		disk = simdisk_image(image, SIMDISK_POWER, NULL, NULL);
		simdisk_free(image);
		simdisk_mount(disk);
		assert_int_equal(identity_open(simdisk_dir(), &again, &error), 0);
		assert_memory_equal(&first, &again, sizeof(first));
	}
	assert_true(step > 4);
}

static void
test_failing_writes(void **state)
{
	struct identity identity;
	uint64_t n;

	for (n = 1;; n++) {
		simdisk_events.writes = 0;
		simdisk_events.fail_write = n;
		simdisk_events.fail_errno = n % 2 == 0 ? EIO : ENOSPC;
		if (identity_open(simdisk_dir(), &identity, &error) == 0)
			break;
		assert_non_null(strstr(error.text, "node.json"));
		assert_false(simdisk_exists("node.json"));
	}
	assert_true(n > 3);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_made_once),
		TEST(test_cluster),
		TEST(test_text),
		TEST(test_nothing_else_is_taken),
		TEST(test_death_at_every_step),
		TEST(test_failing_writes),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
