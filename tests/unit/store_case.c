/* Stores on the disk in memory: see store_case.h. */
#include "tests/unit/store_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct store_config config = { .path = "/sim" };
struct store *store;
struct store_position at;
struct error error;

struct simdisk *disk;

bool
pick(void)
{
	config.dir = simdisk_dir();
	store = store_pick(&config, &error);
	if (store != NULL)
		store_get_position(store, &at);
	return (store != NULL);
}

void
start(void)
{
	assert_true(pick());
	assert_int_equal(store_open(store, &error), 0);
}

int
setup(void **state)
{
	disk = simdisk_new();
	simdisk_mount(disk);
	simdisk_forget_locks();
	store = NULL;
	config.scale = 16;
	config.snap_entries = config.snap_wal = 0;
	return (0);
}

int
teardown(void **state)
{
	if (store != NULL)
		store_close(store);
	simdisk_free(disk);
	return (0);
}

void
run(const char *sql)
{
	assert_int_equal(sqlite3_exec(store_db(store), sql, NULL, NULL, NULL), SQLITE_OK);
}

void
commit(const char *sql)
{
	run("BEGIN IMMEDIATE");
	run(sql);
	at.index++;
	at.term = 3;
	at.chain += 17;
	at.rowid = sqlite3_last_insert_rowid(store_db(store));
	at.changes = 1;
	at.total++;
	assert_int_equal(store_commit(store, &at), SQLITE_OK);
	store_record(store);
}

/* A table and n rows. */
void
fill(int n)
{
	commit("CREATE TABLE IF NOT EXISTS t(x)");
	while (n-- > 0)
		commit("INSERT INTO t VALUES(randomblob(100))");
}

int
count_rows(void)
{
	sqlite3_stmt *stmt;
	int n;

	assert_int_equal(
	    sqlite3_prepare_v2(store_db(store), "SELECT count(*) FROM t", -1, &stmt, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return (n);
}

void
restart(void)
{
	store_close(store);
	start();
}
