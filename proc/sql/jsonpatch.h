/*
 * json_patch() with a bound.  SQLite's own looks through all members of an object for each
 * member of the patch: with two texts of 64 MiB one call would run for hours.
 */
#ifndef PROC_SQL_JSONPATCH_H
#define PROC_SQL_JSONPATCH_H

#include <sqlite3.h>

/* Puts it in place of SQLite's.  Returns an SQLite code. */
int jsonpatch_register(sqlite3 *);

#endif
