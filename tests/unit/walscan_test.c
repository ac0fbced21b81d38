/*
 * The WAL scan against WALs that SQLite wrote: it must see what SQLite's own
 * recovery would, and end where that ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "proc/sql/walscan.h"
#include "tests/storage/simdisk.h"

static struct simdisk *disk;
static sqlite3 *db;
static struct error error;
static int frames;

static int
on_wal(void *arg, sqlite3 *connection, const char *schema, int count)
{
	frames = count;
	return (SQLITE_OK);
}

static void
run(const char *sql)
{
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void
open_database(const char *first)
{
	disk = simdisk_new();
	simdisk_mount(disk);
	frames = 0;
	assert_int_equal(sqlite3_open("/sim/d", &db), SQLITE_OK);
	if (first != NULL)
		run(first);
	run("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0");
	sqlite3_wal_hook(db, on_wal, NULL);
	run("CREATE TABLE t(x)");
	run("INSERT INTO t VALUES(randomblob(20000))");
	run("INSERT INTO t VALUES(1)");
}

static int
setup(void **state)
{
	open_database(NULL);
	return (0);
}

static int
teardown(void **state)
{
	(void)sqlite3_close(db);
	simdisk_free(disk);
	return (0);
}

static struct wal
scan(void)
{
	struct wal wal;

	assert_int_equal(walscan(simdisk_dir(), "d-wal", &wal, &error), 0);
	return (wal);
}

static uint32_t
scan_count(void)
{
	struct wal wal = scan();
	uint32_t n = wal.count;

	walscan_fini(&wal);
	return (n);
}

static void
flip(uint64_t offset)
{
	int file = simdisk_open("d-wal", false, false);
	uint8_t byte;

	assert_int_equal(simdisk_read(file, &byte, 1, offset), 1);
	byte ^= 0x40;
	assert_int_equal(simdisk_write(file, &byte, 1, offset), 0);
}

static void
test_whole(void **state)
{
	int file = simdisk_open("d-wal", false, false), i;
	struct wal wal = scan();
	uint8_t head[WAL_FRAME_HEAD];

	assert_int_equal(wal.count, frames);
	assert_int_equal(wal.page_size, 4096);
	assert_int_equal(wal_offset(wal.count, wal.page_size), simdisk_size(file));
	for (i = 0; i < frames; i++) {
		(void)simdisk_read(
		    file, head, sizeof(head), (uint64_t)wal_offset((uint32_t)i, 4096));
		assert_int_equal(wal.frames[i].pages, wal_word(head + 4));
		assert_int_equal(wal.salt[0], wal_word(head + 8));
		assert_int_equal(wal.frames[i].sum[0], wal_word(head + 16));
		assert_int_equal(wal.frames[i].sum[1], wal_word(head + 20));
	}
	assert_int_not_equal(wal.frames[frames - 1].pages, 0);
	walscan_fini(&wal);
}

static void
test_missing_and_empty(void **state)
{
	struct wal wal;

	assert_int_equal(walscan(simdisk_dir(), "none-wal", &wal, &error), 0);
	assert_int_equal(wal.count, 0);
	assert_int_equal(simdisk_truncate(simdisk_open("d-wal", false, false), 0), 0);
	assert_int_equal(scan_count(), 0);
}

/* Any damage to the header voids all; to a frame, that and what follows. */
static void
test_flipped_bytes(void **state)
{
	uint64_t offset;

	for (offset = 0; offset < WAL_HEAD; offset++) {
		flip(offset);
		assert_int_equal(scan_count(), 0);
		flip(offset);
	}
	for (offset = 0; offset < WAL_FRAME_HEAD + 4096; offset += offset < 40 ? 1 : 97) {
		flip((uint64_t)wal_offset(2, 4096) + offset);
		assert_int_equal(scan_count(), 2);
		flip((uint64_t)wal_offset(2, 4096) + offset);
	}
	assert_int_equal(scan_count(), frames);
}

static void
test_torn_tail(void **state)
{
	int file = simdisk_open("d-wal", false, false);

	assert_int_equal(
	    simdisk_truncate(file, (uint64_t)wal_offset((uint32_t)frames, 4096) - 1), 0);
	assert_int_equal(scan_count(), frames - 1);
	assert_int_equal(simdisk_truncate(file, (uint64_t)wal_offset(1, 4096) + 10), 0);
	assert_int_equal(scan_count(), 1);
	assert_int_equal(simdisk_truncate(file, WAL_HEAD - 1), 0);
	assert_int_equal(scan_count(), 0);
}

/* After a restart the frames of the former WAL follow: they have other salts. */
static void
test_leftovers(void **state)
{
	uint32_t before = scan_count();

	assert_int_equal(
	    sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL), SQLITE_OK);
	run("INSERT INTO t VALUES(2)");
	assert_true((uint32_t)frames < before);
	assert_int_equal(scan_count(), frames);
}

static void
test_page_sizes(void **state)
{
	static const uint32_t sizes[] = { 512, 1024, 65536 };
	char sql[64];
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct wal wal;

		(void)teardown(state);
		(void)sqlite3_snprintf(sizeof(sql), sql, "PRAGMA page_size=%u", sizes[i]);
		open_database(sql);
		wal = scan();
		assert_int_equal(wal.page_size, sizes[i]);
		assert_int_equal(wal.count, frames);
		walscan_fini(&wal);
	}
}

/* More than what is read at once. */
static void
test_many_frames(void **state)
{
	run("INSERT INTO t VALUES(randomblob(4000000))");
	assert_true(frames > 800);
	assert_int_equal(scan_count(), frames);
}

static void
put_big(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 24);
	p[1] = (uint8_t)(value >> 16);
	p[2] = (uint8_t)(value >> 8);
	p[3] = (uint8_t)value;
}

static void
add_big(const uint8_t *p, size_t len, uint32_t sum[2])
{
	for (; len > 0; p += 8, len -= 8) {
		sum[0] += wal_word(p) + sum[1];
		sum[1] += wal_word(p + 4) + sum[0];
	}
}

/* A WAL from a machine of the other byte order: the same, with other sums. */
static void
test_big_endian_sums(void **state)
{
	int file = simdisk_open("d-wal", false, false), i;
	static uint8_t frame[WAL_FRAME_HEAD + 4096];
	uint32_t sum[2] = { 0, 0 };

	(void)simdisk_read(file, frame, WAL_HEAD, 0);
	put_big(frame, wal_word(frame) | 1);
	add_big(frame, 24, sum);
	put_big(frame + 24, sum[0]);
	put_big(frame + 28, sum[1]);
	(void)simdisk_write(file, frame, WAL_HEAD, 0);
	for (i = 0; i < frames; i++) {
		uint64_t offset = (uint64_t)wal_offset((uint32_t)i, 4096);

		(void)simdisk_read(file, frame, sizeof(frame), offset);
		add_big(frame, 8, sum);
		add_big(frame + WAL_FRAME_HEAD, 4096, sum);
		put_big(frame + 16, sum[0]);
		put_big(frame + 20, sum[1]);
		(void)simdisk_write(file, frame, sizeof(frame), offset);
	}
	assert_int_equal(scan_count(), frames);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing_and_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flipped_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn_tail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leftovers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_page_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_frames, setup, teardown),
		cmocka_unit_test_setup_teardown(test_big_endian_sums, setup, teardown),
	};

	simdisk_register_vfs();
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
