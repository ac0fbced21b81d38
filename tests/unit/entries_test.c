/* Entries in memory: packed, kept as long as somebody needs them, read back from the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "common/limits.h"
#include "proc/raft/entries.h"
#include "tests/storage/logbook.h"
#include "tests/storage/simdisk.h"

static struct simdisk *disk;
static struct logbook book;
static struct entries entries;

static int
setup(void **state)
{
	disk = simdisk_new();
	simdisk_mount(disk);
	logbook_init(&book, simdisk_dir());
	assert_true(logbook_open(&book));
	entries.log = book.log;
	return (0);
}

static int
teardown(void **state)
{
	entries_fini(&entries);
	logbook_close(&book);
	simdisk_free(disk);
	return (0);
}

static uint8_t *
put(size_t len, uint8_t byte, void **owner)
{
	return (memset(entries_alloc(&entries, len, owner), byte, len));
}

/* What is released by all makes room for what comes, without more memory. */
static void
test_memory_is_used_again(void **state)
{
	void *owner, *other;
	uint8_t *first = put(1000, 1, &owner), *next;
	int i;

	entries_release(&entries, owner);
	for (i = 0; i < 1000; i++) {
		next = put(1000, 2, &owner);
		assert_ptr_equal(next, first);
		entries_release(&entries, owner);
	}
	next = put(10, 3, &owner);
	assert_ptr_equal(put(10, 4, &other), next + 10);
	entries_release(&entries, owner);
	entries_release(&entries, other);
}

/* Many at once, of all sizes, released in another order: each keeps its bytes. */
static void
test_each_keeps_its_bytes(void **state)
{
	static uint8_t *data[600];
	static void *owners[600];
	size_t i, k, len;

	for (i = 0; i < 600; i++)
		data[i] = put(i * 173 + 1, (uint8_t)i, &owners[i]);
	for (k = 0; k < 600; k++) {
		i = k * 7 % 600;
		len = i * 173 + 1;
		assert_int_equal(data[i][0], (uint8_t)i);
		assert_int_equal(data[i][len / 2], (uint8_t)i);
		assert_int_equal(data[i][len - 1], (uint8_t)i);
		entries_release(&entries, owners[i]);
	}
}

static void
test_hold_and_release(void **state)
{
	struct core_ops ops = entries_ops(&entries);
	uint8_t bytes[] = "hello";
	struct peer_entry entry = { .data = bytes, .len = sizeof(bytes) }, empty = { .len = 0 };

	ops.hold(ops.arg, &entry);
	bytes[0] = 'j';
	assert_string_equal((const char *)entry.data, "hello");
	ops.release(ops.arg, &entry);
	assert_null(entry.owner);
	ops.hold(ops.arg, &empty);
	assert_null(empty.owner);
	ops.release(ops.arg, &empty);
}

/* Bounded by number and by bytes; the views outlive what is read and written after them. */
static void
test_read_log(void **state)
{
	struct core_ops ops = entries_ops(&entries);
	struct peer_entry out[64], more[64];
	uint8_t copy[100];

	assert_true(logbook_append(&book, 1, 20, 100));
	assert_true(logbook_append(&book, 2, 20, 100));
	assert_int_equal(ops.term(ops.arg, 20), 1);
	assert_int_equal(ops.term(ops.arg, 21), 2);
	assert_int_equal(ops.term(ops.arg, 41), 0);
	assert_int_equal(ops.read(ops.arg, 0, 64, MIB, out), 0);
	assert_int_equal(ops.read(ops.arg, 41, 64, MIB, out), 0);
	assert_int_equal(ops.read(ops.arg, 15, 10, MIB, out), 10);
	assert_int_equal(out[5].term, 1);
	assert_int_equal(out[6].term, 2);
	assert_int_equal(out[6].len, 100);
	memcpy(copy, out[9].data, 100);
	assert_int_equal(ops.read(ops.arg, 1, 64, 450, more), 5);
	assert_memory_equal(copy, out[9].data, 100);
	assert_int_equal(ops.read(ops.arg, 24, 1, MIB, more), 1);
	assert_memory_equal(copy, more[0].data, 100);
	entries_drop_views(&entries);
}

static void
put_members(const uint8_t *data, size_t len)
{
	struct iovec part = { (void *)(uintptr_t)data, len };

	log_begin(book.log);
	log_add(book.log, 1, PEER_ENTRY_NOOP, NULL, 0);
	log_add(book.log, 1, PEER_ENTRY_CONFIGURATION, &part, 1);
	assert_int_equal(log_commit(book.log), 0);
}

/* What is behind the base counts, the last of it; what can't be read stops the start. */
static void
test_members_of_the_log(void **state)
{
	static struct peer_configuration members = { .count = 1,
		.members = { { .id = 7, .suffrage = PEER_VOTER, .name = "a", .address = "b" } } };
	static struct core_start start, later, damaged;
	uint8_t data[PEER_CONFIGURATION_MAX];
	struct error error;

	put_members(data, peer_configuration_encode(&members, data));
	members.members[0].id = 8;
	put_members(data, peer_configuration_encode(&members, data));
	assert_int_equal(entries_note_members(book.log, &start, &error), 0);
	assert_int_equal(start.latest.index, 4);
	assert_int_equal(start.latest.members[0].id, 8);
	assert_int_equal(start.before.members[0].id, 7);
	later.base = 4;
	assert_int_equal(entries_note_members(book.log, &later, &error), 0);
	assert_int_equal(later.latest.count, 0);
	put_members(data, 3);
	assert_int_equal(entries_note_members(book.log, &damaged, &error), -1);
	assert_non_null(strstr(error.text, "entry 6 should name the members"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_memory_is_used_again),
		TEST(test_each_keeps_its_bytes),
		TEST(test_hold_and_release),
		TEST(test_read_log),
		TEST(test_members_of_the_log),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
