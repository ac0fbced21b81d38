/*
 * What the tests of writers on real files share: chance, a store on a directory,
 * a reader beside it.
 */
#ifndef TESTS_STORAGE_WRITER_H
#define TESTS_STORAGE_WRITER_H

#include <sqlite3.h>
#include <stdint.h>

#include "proc/sql/store.h"

/* All chance follows from the seed; each process has its own. */
void writer_seed(uint64_t);
uint64_t writer_draw(uint64_t bound);
/* Opens the store there, and says where it is; ends the process if it can't. */
struct store *writer_open(const char *path, struct store_position *);
/* Opens a connection to the database there that stays inside a read, or closes it. */
void writer_toggle_reader(sqlite3 **, const char *path);

#endif
