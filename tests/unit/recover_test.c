/*
 * Start of the store: a new database, each kind of ending of the life before, and
 * what can not be recovered.  And what the store says and does between.
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

#include "common/limits.h"
#include "proc/sql/ledger.h"
#include "proc/sql/sqlvfs.h"
#include "tests/storage/dead.h"
#include "tests/unit/store_case.h"

#define FRAME (4096 + 24)

static jmp_buf death;
static char death_text[512];

static void
on_death(const char *text)
{
	(void)strncpy(death_text, text, sizeof(death_text) - 1);
	longjmp(death, 1);
}

static uint64_t
size_of(const char *name)
{
	int file = simdisk_open(name, false, false);

	assert_int_not_equal(file, -1);
	return (simdisk_size(file));
}

static void
test_new_database(void **state)
{
	start();
	assert_int_equal(at.index, 0);
	assert_int_equal(store_base_index(store), 0);
	assert_false(store_is_installed(store));
	assert_false(simdisk_exists("install"));
	assert_false(simdisk_exists("db.new"));
	assert_false(simdisk_exists("db.new-wal"));
	assert_false(simdisk_exists("ledger.new"));
	assert_int_equal(size_of("db.sqlite"), 4096);
	/* It is sealed. */
	assert_int_equal(size_of("db.sqlite-wal"), 32 + FRAME);
	assert_int_equal(size_of("ledger"), LEDGER_SIZE / 16);
}

static void
test_settings(void **state)
{
	static const char *const pragmas[][2] = { { "journal_mode", "wal" }, { "synchronous", "1" },
		{ "wal_autocheckpoint", "0" }, { "temp_store", "2" } };
	sqlite3_stmt *stmt;
	char sql[64];
	size_t i;

	start();
	for (i = 0; i < sizeof(pragmas) / sizeof(pragmas[0]); i++) {
		(void)sqlite3_snprintf(sizeof(sql), sql, "PRAGMA %s", pragmas[i][0]);
		assert_int_equal(
		    sqlite3_prepare_v2(store_db(store), sql, -1, &stmt, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
		assert_string_equal(sqlite3_column_text(stmt, 0), pragmas[i][1]);
		(void)sqlite3_finalize(stmt);
	}
	/* Closing leaves the WAL as it is. */
	fill(3);
	store_close(store);
	store = NULL;
	assert_true(size_of("db.sqlite-wal") > 32 + 2 * FRAME);
	assert_int_equal(size_of("db.sqlite"), 4096);
}

static void
test_position_comes_back(void **state)
{
	struct store_position before;

	start();
	fill(4);
	before = at;
	restart();
	assert_memory_equal(&at, &before, sizeof(at));
	assert_int_equal(count_rows(), 4);
}

/* Picking is looking only: raft may still say no. */
static void
test_pick_changes_nothing(void **state)
{
	uint64_t ops;

	start();
	fill(2);
	store_close(store);
	ops = simdisk_events.ops;
	assert_true(pick());
	assert_int_equal(simdisk_events.ops, ops);
	assert_int_equal(at.index, 3);
}

static void
test_commit_without_record_is_cut(void **state)
{
	start();
	fill(2);
	run("BEGIN IMMEDIATE; INSERT INTO t VALUES(1); COMMIT; INSERT INTO t VALUES(2)");
	restart();
	assert_int_equal(at.index, 3);
	assert_int_equal(count_rows(), 2);
	commit("INSERT INTO t VALUES(3)");
	restart();
	assert_int_equal(at.index, 4);
	assert_int_equal(count_rows(), 3);
}

/* kill -9 and a new start, on a copy of the disk; the dead store is closed on the old one. */
static void
die(void)
{
	struct simdisk *image = simdisk_image(disk, SIMDISK_KILL, NULL, NULL);

	store_close(store);
	simdisk_free(disk);
	disk = image;
	simdisk_mount(disk);
	simdisk_forget_locks();
	start();
}

/* What the ledger does not know is cut; a checkpoint knows it. */
static void
test_commits_without_record(void **state)
{
	struct store_position known;

	start();
	fill(2);
	known = at;
	run("BEGIN IMMEDIATE; INSERT INTO t VALUES(1)");
	at.index++;
	assert_int_equal(store_commit(store, &at), SQLITE_OK);
	die();
	assert_int_equal(at.index, known.index);
	assert_int_equal(at.total, known.total);
	assert_int_equal(count_rows(), 2);
	run("BEGIN IMMEDIATE; INSERT INTO t VALUES(1)");
	at.index++;
	assert_int_equal(store_commit(store, &at), SQLITE_OK);
	assert_int_equal(store_checkpoint(store), SQLITE_OK);
	die();
	assert_int_equal(at.index, known.index + 1);
	assert_int_equal(count_rows(), 3);
}

/* Of an entry of which a part is committed the ledger says nothing. */
static void
test_record_inside_an_entry(void **state)
{
	start();
	fill(1);
	run("BEGIN IMMEDIATE; INSERT INTO t VALUES(1)");
	at.index++;
	assert_int_equal(store_commit(store, &at), SQLITE_OK);
	run("INSERT INTO t VALUES(2)");
	store_record(store);
	die();
	assert_int_equal(at.index, 2);
	assert_int_equal(count_rows(), 1);
}

static void
test_entry_that_changes_nothing(void **state)
{
	start();
	fill(1);
	at.index++;
	assert_int_equal(store_commit(store, &at), SQLITE_OK);
	store_record(store);
	commit("SELECT 1");
	restart();
	assert_int_equal(at.index, 4);
}

static void
test_checkpoint(void **state)
{
	start();
	fill(5);
	assert_int_equal(store_checkpoint(store), SQLITE_OK);
	assert_int_equal(store_base_index(store), 6);
	assert_int_equal(store_base_term(store), 3);
	assert_int_equal(store_wal_bytes(store), FRAME);
	assert_int_equal(store_database_bytes(store), size_of("db.sqlite"));
	/* The file alone is that index. */
	store_close(store);
	assert_int_equal(simdisk_unlink("db.sqlite-wal"), 0);
	start();
	assert_int_equal(at.index, 6);
	assert_int_equal(at.total, 6);
	assert_int_equal(count_rows(), 5);
}

static void
test_checkpoint_inside_an_entry(void **state)
{
	start();
	fill(1);
	run("INSERT INTO t VALUES(1)");
	assert_int_equal(store_checkpoint(store), SQLITE_LOCKED);
	run("BEGIN IMMEDIATE");
	assert_int_equal(store_checkpoint(store), SQLITE_LOCKED);
	run("COMMIT");
	at.index++;
	assert_int_equal(store_commit(store, &at), SQLITE_OK);
	assert_int_equal(store_checkpoint(store), SQLITE_OK);
}

static void
test_checkpoint_under_a_reader(void **state)
{
	struct store_demand demand = { .idle = true, .log_bytes = LOG_SINCE_BASE };
	sqlite3 *reader;
	int i;

	config.scale = 1024;
	start();
	(void)sqlite3_busy_timeout(store_db(store), 0);
	fill(1);
	assert_int_equal(sqlite3_open("/sim/db.sqlite", &reader), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(reader, "BEGIN; SELECT * FROM t", NULL, NULL, NULL), SQLITE_OK);
	fill(2);
	assert_true(store_wants_checkpoint(store, &demand));
	assert_int_equal(store_checkpoint(store), SQLITE_OK);
	assert_int_equal(store_base_index(store), 0);
	/* Again when it has grown, not at each batch. */
	assert_false(store_wants_checkpoint(store, &demand));
	for (i = 0; !store_wants_checkpoint(store, &demand); i++)
		fill(1);
	assert_in_range(i, 1, WAL_AGAIN / 1024 / FRAME + 1);
	(void)sqlite3_close(reader);
	assert_int_equal(store_checkpoint(store), SQLITE_OK);
	assert_int_equal(store_base_index(store), at.index);
}

/* All is copied, but a reader keeps the WAL: no checkpoint at each idle moment after that. */
static void
test_wal_that_is_not_restarted(void **state)
{
	struct store_demand demand = { .idle = true };
	sqlite3 *reader;

	config.scale = 1024;
	start();
	(void)sqlite3_busy_timeout(store_db(store), 0);
	fill(3);
	assert_true(store_wants_checkpoint(store, &demand));
	assert_int_equal(sqlite3_open("/sim/db.sqlite", &reader), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(reader, "BEGIN; SELECT * FROM t", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(store_checkpoint(store), SQLITE_OK);
	assert_int_equal(store_base_index(store), at.index);
	assert_true(store_wal_bytes(store) > FRAME);
	assert_false(store_wants_checkpoint(store, &demand));
	demand.tick = true;
	assert_true(store_wants_checkpoint(store, &demand));
	demand.tick = false;
	(void)sqlite3_close(reader);
	fill(2);
	while (!store_wants_checkpoint(store, &demand))
		fill(1);
	assert_int_equal(store_checkpoint(store), SQLITE_OK);
	assert_int_equal(store_wal_bytes(store), FRAME);
	assert_false(store_wants_checkpoint(store, &demand));
}

static void
test_policy(void **state)
{
	struct store_demand idle = { .idle = true }, busy = { .idle = false },
			    tick = { .tick = true }, log = { .log_bytes = LOG_SINCE_BASE / 16 };

	config.snap_entries = 3;
	start();
	fill(1);
	assert_false(store_wants_checkpoint(store, &idle));
	assert_false(store_wants_checkpoint(store, &tick));
	assert_true(store_wants_checkpoint(store, &log));
	fill(1);
	assert_true(store_wants_checkpoint(store, &tick));
	assert_false(store_wants_checkpoint(store, &idle));
	while (store_wal_bytes(store) < WAL_IDLE / 16)
		fill(1);
	assert_true(store_wants_checkpoint(store, &idle));
	assert_false(store_wants_checkpoint(store, &busy));
	commit("INSERT INTO t VALUES(zeroblob(1000000))");
	assert_true(store_wants_checkpoint(store, &busy));
	assert_int_equal(store_get_pressure(store), STORE_CALM);
	commit("INSERT INTO t VALUES(zeroblob(17000000))");
	assert_int_equal(store_get_pressure(store), STORE_INTERRUPT);
	commit("UPDATE t SET x = zeroblob(60000000) WHERE length(x) > 10000000");
	assert_int_equal(store_get_pressure(store), STORE_REFUSE);
}

static void
test_wal_size_flag(void **state)
{
	struct store_demand tick = { .tick = true }, none = { .tick = false };

	config.snap_wal = 3 * FRAME;
	start();
	commit("CREATE TABLE t(x)");
	assert_true(store_wal_bytes(store) >= 3 * FRAME);
	assert_true(store_wants_checkpoint(store, &tick));
	assert_false(store_wants_checkpoint(store, &none));
}

/* BASE can't be written: it is owed, and paid before the next entry. */
static void
test_base_fails(void **state)
{
	bool owed = false;
	uint64_t n;

	start();
	fill(3);
	simdisk_events.fail_errno = ENOSPC;
	/* The n-th write of a checkpoint, in turn: FLOOR, pages, BASE. */
	for (n = 1; store_base_index(store) == 0; n++) {
		simdisk_events.fail_write = simdisk_events.writes + n;
		assert_int_not_equal(store_checkpoint(store), SQLITE_OK);
		simdisk_events.fail_write = simdisk_events.writes + 1;
		if (store_settle(store) == SQLITE_OK)
			continue;
		owed = true;
		assert_int_equal(store_settle(store), SQLITE_OK);
	}
	assert_true(owed);
	assert_int_equal(store_base_index(store), 4);
	commit("INSERT INTO t VALUES(1)");
	restart();
	assert_int_equal(at.index, 5);
	assert_int_equal(count_rows(), 4);
}

static void
test_lost_ledger(void **state)
{
	start();
	fill(2);
	store_close(store);
	store = NULL;
	assert_int_equal(simdisk_truncate(simdisk_open("ledger", false, false), 0), 0);
	assert_false(pick());
	assert_non_null(strstr(error.text, "db/ledger is lost"));
	assert_int_equal(simdisk_unlink("ledger"), 0);
	assert_false(pick());
	assert_non_null(strstr(error.text, "db/ledger is missing"));
}

static void
test_lost_database(void **state)
{
	start();
	store_close(store);
	store = NULL;
	assert_int_equal(simdisk_unlink("db.sqlite"), 0);
	assert_false(pick());
	assert_non_null(strstr(error.text, "db/db.sqlite is missing"));
}

/* A FLOOR says what was flushed; a WAL without it has lost it. */
static void
test_damaged_wal(void **state)
{
	uint8_t byte = 0;
	sqlite3 *reader;

	start();
	fill(1);
	assert_int_equal(sqlite3_open("/sim/db.sqlite", &reader), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(reader, "BEGIN; SELECT * FROM t", NULL, NULL, NULL), SQLITE_OK);
	fill(1);
	assert_int_equal(store_checkpoint(store), SQLITE_OK);
	(void)sqlite3_close(reader);
	store_close(store);
	store = NULL;
	assert_int_equal(
	    simdisk_write(simdisk_open("db.sqlite-wal", false, false), &byte, 1, 40), 0);
	assert_false(pick());
	assert_non_null(strstr(error.text, "db/db.sqlite-wal is damaged"));
	assert_non_null(strstr(error.text, "index 4"));
}

/* All steps of the making of a database can be cut off; the next start makes it. */
static void
test_creation_cut_off(void **state)
{
	struct simdisk *image;
	uint64_t ops, n;
	int i;

	start();
	store_close(store);
	ops = simdisk_events.ops;
	for (n = 1; n <= ops; n++)
		for (i = 0; i < 8; i++) {
			simdisk_free(disk);
			(void)setup(state);
			simdisk_events.crash_at = n;
			start();
			store_close(store);
			image = simdisk_image(simdisk_events.crashed,
			    i == 0 ? SIMDISK_KILL : SIMDISK_POWER, NULL, NULL);
			simdisk_free(simdisk_events.crashed);
			simdisk_free(disk);
			disk = image;
			simdisk_mount(disk);
			start();
			assert_int_equal(at.index, 0);
			assert_false(simdisk_exists("install"));
			fill(1);
			store_close(store);
		}
	store = NULL;
	assert_true(ops > 20);
}

static int
open_but_install(struct file_dir *dir, const char *name, int flags)
{
	if (strcmp(name, "install") != 0)
		return (simdisk_dir()->ops->open(dir, name, flags));
	errno = EIO;
	return (-1);
}

static ssize_t
pread_nothing(struct file_dir *dir, int file, void *data, size_t len, off_t offset)
{
	errno = EIO;
	return (-1);
}

/* Half of the renames may be done: without the file to say so nothing may be removed. */
static void
test_install_that_can_not_be_read(void **state)
{
	struct file_ops ops[2] = { *simdisk_dir()->ops, *simdisk_dir()->ops };
	struct file_dir dirs[2] = { { &ops[0] }, { &ops[1] } };
	uint64_t n;
	int i;

	ops[0].open = open_but_install;
	ops[1].pread = pread_nothing;
	for (n = 1; !simdisk_exists("db.sqlite") || simdisk_exists("ledger"); n++) {
		simdisk_free(disk);
		(void)setup(state);
		simdisk_events.crash_at = n;
		start();
		store_close(store);
		store = NULL;
		simdisk_free(disk);
		disk = simdisk_events.crashed;
		simdisk_mount(disk);
	}
	for (i = 0; i < 2; i++) {
		config.dir = &dirs[i];
		assert_null(store_pick(&config, &error));
		assert_string_equal(error.text, "db/install: Input/output error");
	}
	start();
	assert_int_equal(at.index, 0);
}

static int64_t
query_int(const char *sql)
{
	sqlite3_stmt *stmt;
	int64_t value;

	assert_int_equal(sqlite3_prepare_v2(store_db(store), sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	value = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return (value);
}

static void
test_time_and_randomness(void **state)
{
	int64_t first;

	start();
	sqlvfs_statement(1700000000LL * 1000000000, 42, 1);
	assert_int_equal(query_int("SELECT unixepoch()"), 1700000000);
	first = query_int("SELECT random()");
	assert_int_not_equal(query_int("SELECT random()"), first);
	sqlvfs_statement(0, 42, 1);
	assert_int_equal(query_int("SELECT unixepoch('now')"), 0);
	assert_int_equal(query_int("SELECT random()"), first);
	sqlvfs_statement(0, 42, 2);
	assert_int_not_equal(query_int("SELECT random()"), first);
	sqlvfs_statement(0, 43, 1);
	assert_int_not_equal(query_int("SELECT random()"), first);
	sqlvfs_entropy();
	assert_true(query_int("SELECT unixepoch()") > 1700000000);
}

/* The guard: no write to the file, no restart of the WAL, no life after a failed flush. */
static void
test_guard(void **state)
{
	start();
	fill(1);
	if (setjmp(death) == 0) {
		(void)sqlite3_wal_checkpoint_v2(
		    store_db(store), "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
		fail();
	}
	assert_non_null(strstr(death_text, "outside a checkpoint"));
	store = NULL; /* left behind in mid-step */
}

static void
test_failed_flush(void **state)
{
	start();
	fill(1);
	simdisk_events.fail_sync = simdisk_events.syncs + 1;
	simdisk_events.fail_errno = EIO;
	if (setjmp(death) == 0) {
		(void)store_checkpoint(store);
		fail();
	}
	assert_non_null(strstr(death_text, "sync of the WAL"));
	store = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new_database, setup, teardown),
		cmocka_unit_test_setup_teardown(test_settings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_position_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pick_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_commit_without_record_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_commits_without_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_record_inside_an_entry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_entry_that_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_checkpoint, setup, teardown),
		cmocka_unit_test_setup_teardown(test_checkpoint_inside_an_entry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_checkpoint_under_a_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wal_that_is_not_restarted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_policy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wal_size_flag, setup, teardown),
		cmocka_unit_test_setup_teardown(test_base_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_ledger, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_database, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_wal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_creation_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_install_that_can_not_be_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_time_and_randomness, setup, teardown),
		cmocka_unit_test_setup_teardown(test_guard, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed_flush, setup, teardown),
	};

	dead_hook = on_death;
	simdisk_register_vfs();
	sqlvfs_init();
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
