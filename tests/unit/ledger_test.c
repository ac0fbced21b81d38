/* The ledger: what is read back, what is skipped, where it goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/crc32c.h"
#include "proc/sql/ledger.h"
#include "tests/unit/disk_case.h"

#define SIZE (64 * LEDGER_RECORD)

struct seen {
	struct ledger_record records[128];
	size_t count;
};

static struct ledger ledger;
static struct seen seen;
static struct error error;

static int
setup(void **state)
{
	struct ledger_record base = { .index = 7, .term = 2, .chain = 99 };

	(void)disk_setup(state);
	assert_int_equal(ledger_create(simdisk_dir(), "ledger", &base, SIZE), 0);
	return (0);
}

static void
note(void *arg, const struct ledger_record *record)
{
	struct seen *to = arg;

	to->records[to->count++] = *record;
}

static int
open_ledger(void)
{
	seen.count = 0;
	return (ledger_open(&ledger, simdisk_dir(), note, &seen, &error));
}

static void
append(uint8_t kind, uint64_t index)
{
	struct ledger_record record = { .kind = kind, .index = index };

	assert_int_equal(ledger_append(&ledger, &record), 0);
}

static void
patch(uint64_t offset, uint8_t change)
{
	int file = simdisk_open("ledger", false, false);
	uint8_t byte;

	assert_int_equal(simdisk_read(file, &byte, 1, offset), 1);
	byte ^= change;
	assert_int_equal(simdisk_write(file, &byte, 1, offset), 0);
}

static void
test_new(void **state)
{
	assert_int_equal(open_ledger(), 0);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.records[0].kind, LEDGER_BASE);
	assert_int_equal(seen.records[0].sequence, 1);
	assert_int_equal(seen.records[0].index, 7);
	assert_int_equal(seen.records[0].term, 2);
	assert_int_equal(seen.records[0].chain, 99);
	assert_int_equal(ledger_slots_used(&ledger), 1);
}

/* The format is what other versions will read. */
static void
test_layout(void **state)
{
	struct ledger_record record = { .kind = LEDGER_FLOOR,
		.index = 0x1122334455667788,
		.term = 5,
		.salt = { 0xaabbccdd, 1 },
		.frames = 77,
		.sum = { 3, 4 },
		.pages = 9,
		.rowid = -1,
		.total = 8 };
	uint8_t raw[LEDGER_RECORD];
	uint32_t crc;

	assert_int_equal(open_ledger(), 0);
	assert_int_equal(ledger_append(&ledger, &record), 0);
	assert_int_equal(simdisk_read(ledger.file, raw, sizeof(raw), LEDGER_RECORD), sizeof(raw));
	assert_memory_equal(raw, "RQLL\x01\x00\x02\x00\x02\x00\x00\x00\x00\x00\x00\x00", 16);
	assert_memory_equal(raw + 16, "\x88\x77\x66\x55\x44\x33\x22\x11\x05", 9);
	assert_memory_equal(raw + 40, "\xdd\xcc\xbb\xaa\x01\x00\x00\x00\x4d\x00\x00\x00", 12);
	assert_memory_equal(raw + 52, "\x03\x00\x00\x00\x04\x00\x00\x00\x09\x00\x00\x00\xff", 13);
	assert_int_equal(raw[80], 8);
	memcpy(&crc, raw + 124, sizeof(crc));
	assert_int_equal(crc, crc32c(0, raw, 124));
}

static void
test_append_and_reopen(void **state)
{
	assert_int_equal(open_ledger(), 0);
	append(LEDGER_COMMIT, 8);
	append(LEDGER_FLOOR, 9);
	ledger_close(&ledger);
	assert_int_equal(open_ledger(), 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.records[1].index, 8);
	assert_int_equal(seen.records[2].kind, LEDGER_FLOOR);
	assert_int_equal(seen.records[2].sequence, 3);
}

/* A hole or a damaged slot is no end, and no slot is used twice. */
static void
test_damage_is_skipped(void **state)
{
	unsigned offset;

	for (offset = 0; offset < LEDGER_RECORD; offset++) {
		assert_int_equal(open_ledger(), 0);
		append(LEDGER_COMMIT, 100 + offset);
		append(LEDGER_COMMIT, 1);
		patch((ledger_slots_used(&ledger) - 2) * LEDGER_RECORD + offset, 0x10);
		ledger_close(&ledger);
		assert_int_equal(open_ledger(), 0);
		/* Only the last is left of the two. */
		assert_int_equal(seen.count, 2);
		assert_int_equal(seen.records[1].index, 1);
		assert_int_equal(ledger_slots_used(&ledger), 3);
		(void)disk_teardown(state);
		(void)setup(state);
	}
}

static void
test_damaged_last_slot_is_not_used_again(void **state)
{
	assert_int_equal(open_ledger(), 0);
	append(LEDGER_COMMIT, 8);
	patch(LEDGER_RECORD + 20, 1);
	ledger_close(&ledger);
	assert_int_equal(open_ledger(), 0);
	assert_int_equal(seen.count, 1);
	append(LEDGER_COMMIT, 9);
	ledger_close(&ledger);
	assert_int_equal(open_ledger(), 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.records[1].sequence, 3);
}

static void
test_misplaced_record(void **state)
{
	uint8_t raw[LEDGER_RECORD];

	assert_int_equal(open_ledger(), 0);
	append(LEDGER_COMMIT, 8);
	assert_int_equal(simdisk_read(ledger.file, raw, sizeof(raw), LEDGER_RECORD), sizeof(raw));
	assert_int_equal(simdisk_write(ledger.file, raw, sizeof(raw), 5 * LEDGER_RECORD), 0);
	assert_int_equal(open_ledger(), 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(ledger_slots_used(&ledger), 6);
}

static void
test_unknown_version(void **state)
{
	struct ledger_record record;

	assert_int_equal(open_ledger(), 0);
	append(LEDGER_COMMIT, 8);
	(void)simdisk_read(ledger.file, &record, sizeof(record), LEDGER_RECORD);
	record.version = 2;
	record.crc = crc32c(0, &record, offsetof(struct ledger_record, crc));
	assert_int_equal(simdisk_write(ledger.file, &record, sizeof(record), LEDGER_RECORD), 0);
	assert_int_equal(open_ledger(), -1);
	assert_non_null(strstr(error.text, "version 2"));
}

static void
test_missing(void **state)
{
	assert_int_equal(simdisk_unlink("ledger"), 0);
	assert_int_equal(open_ledger(), -1);
	assert_non_null(strstr(error.text, "No such file"));
}

static void
test_failed_append_is_written_again(void **state)
{
	struct ledger_record record = { .kind = LEDGER_COMMIT, .index = 8 };

	assert_int_equal(open_ledger(), 0);
	simdisk_events.fail_write = simdisk_events.writes + 1;
	simdisk_events.fail_errno = EIO;
	assert_int_equal(ledger_append(&ledger, &record), -1);
	append(LEDGER_COMMIT, 8);
	assert_int_equal(open_ledger(), 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.records[1].sequence, 2);
}

static void
test_full_and_renewed(void **state)
{
	struct ledger_record base = { .kind = LEDGER_BASE, .index = 50 };
	uint64_t index = 8;

	assert_int_equal(open_ledger(), 0);
	while (!ledger_is_full(&ledger))
		append(LEDGER_COMMIT, index++);
	assert_int_equal(ledger_slots_used(&ledger), 60);
	assert_int_equal(ledger_renew(&ledger, &base), 0);
	assert_false(ledger_is_full(&ledger));
	append(LEDGER_COMMIT, 51);
	assert_int_equal(simdisk_size(ledger.file), SIZE);
	assert_false(simdisk_exists("ledger.new"));
	ledger_close(&ledger);
	assert_int_equal(open_ledger(), 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.records[0].index, 50);
	assert_int_equal(seen.records[1].sequence, 2);
}

/* What is flushed into the new one must not be behind a name that a loss of power takes back. */
static void
test_renewed_for_good(void **state)
{
	struct ledger_record base = { .kind = LEDGER_BASE, .index = 50 };
	struct simdisk *before = disk, *found;
	int i;

	assert_int_equal(simdisk_dir()->ops->sync_dir(simdisk_dir()), 0);
	assert_int_equal(open_ledger(), 0);
	assert_int_equal(ledger_renew(&ledger, &base), 0);
	append(LEDGER_FLOOR, 51);
	ledger_sync(&ledger);
	for (i = 0; i < 50; i++) {
		found = simdisk_image(before, SIMDISK_POWER, NULL, NULL);
		simdisk_mount(found);
		assert_int_equal(open_ledger(), 0);
		assert_int_equal(seen.count, 2);
		assert_int_equal(seen.records[0].index, 50);
		assert_int_equal(seen.records[1].index, 51);
		ledger_close(&ledger);
		simdisk_mount(before);
		simdisk_free(found);
	}
}

/* No room for a new one: the old one grows. */
static void
test_not_renewed(void **state)
{
	struct ledger_record base = { .kind = LEDGER_BASE, .index = 50 };
	int i;

	assert_int_equal(open_ledger(), 0);
	for (i = 0; i < 70; i++)
		append(LEDGER_COMMIT, 8);
	simdisk_events.fail_write = simdisk_events.writes + 2;
	simdisk_events.fail_errno = ENOSPC;
	assert_int_equal(ledger_renew(&ledger, &base), -1);
	assert_false(simdisk_exists("ledger.new"));
	append(LEDGER_COMMIT, 9);
	assert_int_equal(open_ledger(), 0);
	assert_int_equal(seen.count, 72);
	assert_true(ledger_is_full(&ledger));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new, setup, disk_teardown),
		cmocka_unit_test_setup_teardown(test_layout, setup, disk_teardown),
		cmocka_unit_test_setup_teardown(test_append_and_reopen, setup, disk_teardown),
		cmocka_unit_test_setup_teardown(test_damage_is_skipped, setup, disk_teardown),
		cmocka_unit_test_setup_teardown(
		    test_damaged_last_slot_is_not_used_again, setup, disk_teardown),
		cmocka_unit_test_setup_teardown(test_misplaced_record, setup, disk_teardown),
		cmocka_unit_test_setup_teardown(test_unknown_version, setup, disk_teardown),
		cmocka_unit_test_setup_teardown(test_missing, setup, disk_teardown),
		cmocka_unit_test_setup_teardown(
		    test_failed_append_is_written_again, setup, disk_teardown),
		cmocka_unit_test_setup_teardown(test_full_and_renewed, setup, disk_teardown),
		cmocka_unit_test_setup_teardown(test_renewed_for_good, setup, disk_teardown),
		cmocka_unit_test_setup_teardown(test_not_renewed, setup, disk_teardown),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
