/*
 * trim(), ltrim() and rtrim(), linear in the length of what is cut.  SQLite's own look at
 * each character of the set for each one they cut: two arguments of 32 MiB would keep one
 * call busy for days.  Results are the same to the byte, for invalid UTF-8 too.
 */
#ifndef PROC_SQL_TRIM_H
#define PROC_SQL_TRIM_H

#include <sqlite3.h>

/* Puts them in place of SQLite's.  Returns an SQLite code. */
int trim_register(sqlite3 *);

#endif
