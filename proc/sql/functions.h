/*
 * instr() and replace() with a search that is linear in the length of the text.
 * SQLite's own compare at every offset: with 64 MiB of text one call would run
 * for hours, and no limit can be checked inside a function.  Results are the same.
 * And those of trim.h and jsonpatch.h.
 */
#ifndef PROC_SQL_FUNCTIONS_H
#define PROC_SQL_FUNCTIONS_H

#include <sqlite3.h>

/* Returns an SQLite code. */
int functions_register(sqlite3 *);

#endif
