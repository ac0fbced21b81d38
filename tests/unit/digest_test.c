/*
 * The ledger's digest of the frames: what SQLite's sums let pass is refused, a record
 * without one is taken at its sums, and it goes on from life to life.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <string.h>

#include "common/crc32c.h"
#include "proc/sql/ledger.h"
#include "proc/sql/sqlvfs.h"
#include "proc/sql/walscan.h"
#include "tests/unit/store_case.h"

#define FRAME (4096 + 24)

/* Changes the newest record by hand, as a program of before would have written it. */
static void
forget_digest(void)
{
	int file = simdisk_open("ledger", false, false);
	struct ledger_record record, next;
	uint64_t slot = 0;

	memset(&record, 0, sizeof(record));
	while (simdisk_read(file, &next, sizeof(next), slot * LEDGER_RECORD) == sizeof(next) &&
	       next.sequence != 0) {
		record = next;
		slot++;
	}
	assert_int_equal(record.flags, LEDGER_DIGEST);
	assert_int_not_equal(record.digest, 0);
	record.flags = 0;
	record.digest = 0;
	record.crc = crc32c(0, &record, offsetof(struct ledger_record, crc));
	assert_int_equal(
	    simdisk_write(file, &record, sizeof(record), (slot - 1) * LEDGER_RECORD), 0);
}

/*
 * Bytes of the last frame that are not what was written, and sum up to the same: a
 * torn mixture of two pages can do that.
 */
static void
test_frames_that_sum_up_alike(void **state)
{
	uint64_t index, place;
	uint8_t bytes[13];
	struct wal wal;
	int file;

	start();
	fill(3);
	index = at.index;
	store_close(store);
	file = simdisk_open("db.sqlite-wal", false, false);
	place = simdisk_size(file) - FRAME + 24 + 1003; /* free space of the page */
	assert_int_equal(simdisk_read(file, bytes, sizeof(bytes), place), sizeof(bytes));
	bytes[0] ^= 0x80;
	bytes[12] ^= 0x80;
	assert_int_equal(simdisk_write(file, bytes, sizeof(bytes), place), 0);
	assert_int_equal(walscan(config.dir, "db.sqlite-wal", &wal, &error), 0);
	assert_int_equal(wal.count, (simdisk_size(file) - 32) / FRAME);
	walscan_fini(&wal);
	assert_true(pick());
	assert_int_equal(at.index, index - 1);
	store_close(store);
	forget_digest();
	assert_true(pick());
	assert_int_equal(at.index, index);
}

/* It is taken up from what the WAL holds, and goes on, also over frames written twice. */
static void
test_digest_goes_on(void **state)
{
	uint64_t index;

	start();
	fill(3);
	store_close(store);
	forget_digest();
	start();
	run("PRAGMA cache_size=5");
	run("BEGIN IMMEDIATE; INSERT INTO t VALUES(randomblob(90000)); ROLLBACK");
	commit("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) "
	       "INSERT INTO t SELECT randomblob(300) FROM n; UPDATE t SET x = randomblob(200)");
	index = at.index;
	restart();
	assert_int_equal(at.index, index);
	commit("INSERT INTO t VALUES(1)");
	assert_int_equal(store_checkpoint(store), SQLITE_OK);
	commit("INSERT INTO t VALUES(1)");
	restart();
	assert_int_equal(at.index, index + 2);
	assert_int_equal(count_rows(), 305);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_frames_that_sum_up_alike, setup, teardown),
		cmocka_unit_test_setup_teardown(test_digest_goes_on, setup, teardown),
	};

	simdisk_register_vfs();
	sqlvfs_init();
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
