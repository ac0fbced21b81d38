/*
 * Flushes that fail.  The process ends, but its machine goes on: the page cache shows
 * the next life what the disk does not have, and no later flush brings it there.  So
 * each flush of a checkpoint, of the making of a database and of an installation
 * fails in turn; the next life starts, works, and loses power at each of its
 * changes in turn; and the one after that must find a whole database.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "proc/sql/sqlvfs.h"
#include "proc/sql/store.h"
#include "tests/storage/dead.h"
#include "tests/storage/simdisk.h"

#define IMAGES 2 /* of each loss of power */
#define NEW 100 /* index of a snapshot */
#define NEW_ROWS 5

static const struct store_config config_all = { .path = "/sim", .scale = 1024 };
static struct store_config config;
static struct simdisk *disk;
static struct store *store;
static struct store_position at;
static struct error error;
static jmp_buf death;
static uint64_t told; /* base index that raft has dropped its log by */

static void
on_death(const char *text)
{
	longjmp(death, 1);
}

/* ---- lives ---- */

static void
mount(struct simdisk *new)
{
	simdisk_free(disk);
	disk = new;
	simdisk_mount(disk);
	simdisk_forget_locks();
	config = config_all;
	config.dir = simdisk_dir();
	store = NULL;
}

static void
start(void)
{
	store = store_pick(&config, &error);
	if (store == NULL && simdisk_events.failed)
		longjmp(death, 1);
	if (store == NULL)
		fail_msg("%s", error.text);
	store_get_position(store, &at);
	if (store_open(store, &error) == -1)
		fail_msg("%s", error.text);
}

static void
run(const char *sql)
{
	assert_int_equal(sqlite3_exec(store_db(store), sql, NULL, NULL, NULL), SQLITE_OK);
}

/* The first entry makes the table, each other one a row. */
static void
commit(int n)
{
	for (; n > 0; n--) {
		assert_int_equal(store_settle(store), SQLITE_OK);
		run("BEGIN IMMEDIATE");
		run(at.index == 0 ? "CREATE TABLE t(x)" : "INSERT INTO t VALUES(randomblob(100))");
		at.index++;
		assert_int_equal(store_commit(store, &at), SQLITE_OK);
		store_record(store);
	}
}

static void
checkpoint(void)
{
	assert_int_equal(store_checkpoint(store), SQLITE_OK);
	told = store_base_index(store);
}

static int64_t
query(const char *sql)
{
	sqlite3_stmt *stmt;
	int64_t value;

	assert_int_equal(sqlite3_prepare_v2(store_db(store), sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	value = strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0
		    ? 1
		    : sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return (value);
}

static void
check_whole(void)
{
	assert_int_equal(query("PRAGMA integrity_check"), 1);
	if (at.index > 0)
		assert_int_equal(query("SELECT count(*) FROM t"),
		    at.index < NEW ? at.index - 1 : at.index - NEW + NEW_ROWS);
}

/* ---- the trial ---- */

struct trial {
	void (*before)(void); /* on an empty disk */
	void (*act)(void); /* a flush of it fails */
	void (*after)(void); /* in the next life, which loses power */
};

/* Up to the n-th flush of the act, which fails.  False: it has no so many. */
static bool
die_of_flush(const struct trial *trial, uint64_t n)
{
	mount(simdisk_new());
	memset(&simdisk_events, 0, sizeof(simdisk_events));
	memset(&at, 0, sizeof(at));
	told = 0;
	trial->before();
	simdisk_events.fail_errno = EIO;
	simdisk_events.fail_sync = simdisk_events.syncs + n;
	if (setjmp(death) != 0) {
		sqlvfs_set_guard(SQLVFS_CLOSED);
		return (true);
	}
	trial->act();
	store_close(store);
	return (false);
}

/* The life after that, and its end before its m-th change.  False: it has no so many. */
static bool
lose_power(const struct trial *trial, uint64_t m)
{
	mount(simdisk_image(disk, SIMDISK_KILL, NULL, NULL));
	memset(&simdisk_events, 0, sizeof(simdisk_events));
	simdisk_events.crash_at = m;
	start();
	check_whole();
	trial->after();
	store_close(store);
	store = NULL;
	return (simdisk_events.crashed != NULL);
}

static void
try(const struct trial *trial)
{
	uint64_t n, m, dropped;
	struct simdisk *crashed;
	int i;

	for (n = 1; die_of_flush(trial, n); n++) {
		struct simdisk *dead = simdisk_copy(disk);

		dropped = told;
		for (m = 1; lose_power(trial, m); m++) {
			crashed = simdisk_events.crashed;
			for (i = 0; i < IMAGES; i++) {
				mount(simdisk_image(crashed, SIMDISK_POWER, NULL, NULL));
				memset(&simdisk_events, 0, sizeof(simdisk_events));
				start();
				check_whole();
				assert_true(at.index >= dropped);
				commit(2);
				checkpoint();
				check_whole();
				store_close(store);
			}
			simdisk_free(crashed);
			mount(simdisk_copy(dead));
		}
		simdisk_free(dead);
		assert_true(m > 10);
	}
	assert_true(n > 3);
	mount(NULL);
}

/* ---- what is tried ---- */

static void
nothing(void)
{
}

static void
begin(void)
{
	start();
	commit(5);
	checkpoint();
	commit(3);
}

static void
work(void)
{
	commit(2);
	checkpoint();
	commit(1);
}

static void
test_checkpoint(void **state)
{
	const struct trial trial = { begin, checkpoint, work };

	try(&trial);
}

/* Of what is in the WAL only, and a reader that lets only a part of it be copied. */
static void
checkpoint_under_reader(void)
{
	sqlite3 *reader;

	(void)sqlite3_busy_timeout(store_db(store), 0);
	assert_int_equal(sqlite3_open("/sim/db.sqlite", &reader), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(reader, "BEGIN; SELECT * FROM t", NULL, NULL, NULL), SQLITE_OK);
	commit(2);
	assert_int_equal(store_checkpoint(store), SQLITE_OK);
	(void)sqlite3_close(reader);
}

static void
test_partial_checkpoint(void **state)
{
	const struct trial trial = { begin, checkpoint_under_reader, work };

	try(&trial);
}

static void
test_creation(void **state)
{
	const struct trial trial = { nothing, start, work };

	try(&trial);
}

/* A snapshot of fewer rows lies there, at index NEW. */
static void
begin_installation(void)
{
	static uint8_t data[1 << 20];
	size_t size;
	int file;

	start();
	commit(1 + NEW_ROWS);
	checkpoint();
	file = simdisk_open("db.sqlite", false, false);
	size = simdisk_read(file, data, sizeof(data), 0);
	file = simdisk_open(STORE_INCOMING, true, true);
	assert_int_equal(simdisk_write(file, data, size, 0), 0);
	assert_int_equal(simdisk_sync(file), 0);
	commit(2);
	checkpoint();
	commit(2);
	store_close(store);
	store = NULL;
}

static void
install(void)
{
	const struct store_position new = { .index = NEW, .term = 7, .chain = 13 };

	assert_int_equal(store_install(&config, &new, &error), 0);
	start();
	assert_int_equal(at.index, NEW);
	assert_true(store_is_installed(store));
	check_whole();
}

static void
test_installation(void **state)
{
	const struct trial trial = { begin_installation, install, work };

	try(&trial);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checkpoint),
		cmocka_unit_test(test_partial_checkpoint),
		cmocka_unit_test(test_creation),
		cmocka_unit_test(test_installation),
	};

	simdisk_seed(1);
	simdisk_register_vfs();
	sqlvfs_init();
	dead_hook = on_death;
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
