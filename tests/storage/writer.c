/*
 * Writers on real files: see writer.h.
 */
#include "tests/storage/writer.h"

#include <stdio.h>

#include "common/log.h"
#include "tests/storage/work.h"

#define PATH_SIZE 512

static uint64_t stream;

void
writer_seed(uint64_t seed)
{
	stream = seed;
}

uint64_t
writer_draw(uint64_t bound)
{
	stream = work_mix(stream, 1);
	return (stream % bound);
}

struct store *
writer_open(const char *path, struct store_position *at)
{
	struct store_config config = { .path = path, .dir = file_dir_open(path), .scale = 64 };
	struct store *store;
	struct error error;

	if (config.dir == NULL)
		fatal("%s", path);
	store = store_pick(&config, &error);
	if (store == NULL)
		fatalx("%s", error.text);
	store_get_position(store, at);
	if (store_open(store, &error) == -1)
		fatalx("%s", error.text);
	return (store);
}

void
writer_toggle_reader(sqlite3 **reader, const char *path)
{
	char name[PATH_SIZE];

	if (*reader != NULL) {
		(void)sqlite3_close_v2(*reader);
		*reader = NULL;
		return;
	}
	(void)snprintf(name, sizeof(name), "%s/db.sqlite", path);
	if (sqlite3_open_v2(name, reader, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
	    sqlite3_exec(*reader, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) !=
		SQLITE_OK)
		fatalx("a reader can not open: %s", sqlite3_errmsg(*reader));
}
