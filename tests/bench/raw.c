/*
 * What the work costs without a server: SQLite, yajl and printing in one
 * process.  Prints seconds per repetition.
 *	raw insert BODY DB	yajl parses the body; 1,000 inserts in one transaction
 *	raw read DB SQL		steps the query and prints rqlite's JSON to memory
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <yajl/yajl_parse.h>

#include "common/buf.h"
#include "common/json.h"

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

static double
cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return ((double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
}

static sqlite3 *
open_db(const char *path)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK)
		exit(1);
	sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0",
	    NULL, NULL, NULL);
	return (db);
}

static int
ignore_string(void *ctx, const unsigned char *s, size_t len)
{
	return (1);
}

static int
ignore(void *ctx)
{
	return (1);
}

static void
parse(const char *body, size_t len)
{
	static yajl_callbacks callbacks = { .yajl_string = ignore_string,
		.yajl_number = (int (*)(void *, const char *, size_t))(void *)ignore_string,
		.yajl_start_array = ignore,
		.yajl_end_array = ignore };
	yajl_handle h = yajl_alloc(&callbacks, NULL, NULL);

	yajl_config(h, yajl_dont_validate_strings, 1);
	if (yajl_parse(h, (const unsigned char *)body, len) != yajl_status_ok)
		exit(1);
	yajl_complete_parse(h);
	yajl_free(h);
}

static int
bench_insert(const char *body_path, const char *path)
{
	static char body[1 << 20];
	FILE *fp = fopen(body_path, "r");
	size_t len;
	sqlite3 *db = open_db(path);
	sqlite3_stmt *st;
	int rep, i, reps = 300;
	double begin;

	if (fp == NULL)
		return (1);
	len = fread(body, 1, sizeof(body), fp);
	fclose(fp);
	sqlite3_exec(db, "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, name TEXT, age INTEGER)",
	    NULL, NULL, NULL);
	sqlite3_prepare_v2(db, "INSERT INTO t(name, age) VALUES(?, ?)", -1, &st, NULL);
	begin = cpu();
	for (rep = 0; rep < reps; rep++) {
		parse(body, len);
		sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
		for (i = 0; i < 1000; i++) {
			sqlite3_bind_text(st, 1, "name-of-somebody", -1, SQLITE_STATIC);
			sqlite3_bind_int(st, 2, i);
			sqlite3_step(st);
			sqlite3_reset(st);
		}
		sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
		if (rep % 20 == 19)
			sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
	}
	printf("%.9f\n", (cpu() - begin) / reps);
	return (0);
}

static void
print_row(struct buf *out, sqlite3_stmt *st)
{
	int i, n = sqlite3_column_count(st);

	buf_add_u8(out, '[');
	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_add_u8(out, ',');
		if (sqlite3_column_type(st, i) == SQLITE_INTEGER)
			json_add_int(out, sqlite3_column_int64(st, i));
		else
			json_add_string(out, (const char *)sqlite3_column_text(st, i),
			    (size_t)sqlite3_column_bytes(st, i));
	}
	buf_add_u8(out, ']');
	buf_add_u8(out, ',');
}

static int
bench_read(const char *path, const char *sql, int reps)
{
	sqlite3 *db = open_db(path);
	struct buf out = BUF_INIT;
	sqlite3_stmt *st;
	double begin, wall;
	int rep;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		return (1);
	begin = cpu();
	wall = now();
	for (rep = 0; rep < reps; rep++) {
		while (sqlite3_step(st) == SQLITE_ROW) {
			print_row(&out, st);
			if (buf_size(&out) > 60000)
				buf_reset(&out, 1 << 20);
		}
		sqlite3_reset(st);
	}
	printf("%.9f %.9f\n", (cpu() - begin) / reps, (now() - wall) / reps);
	return (0);
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "insert") == 0)
		return (bench_insert(argv[2], argv[3]));
	if (argc == 5 && strcmp(argv[1], "read") == 0)
		return (bench_read(argv[2], argv[3], (int)strtol(argv[4], NULL, 10)));
	return (2);
}
