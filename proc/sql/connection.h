/*
 * What every connection gets before it runs SQL of a client, in the writer and
 * in the readers: settings that confine it, limits, and our functions.  All of it
 * must be equal in both, and on all nodes; the writer bounds LIKE besides (likecost.h).
 */
#ifndef PROC_SQL_CONNECTION_H
#define PROC_SQL_CONNECTION_H

#include <sqlite3.h>
#include <stdint.h>

/* The longest text, blob and statement, in bytes, of connections confined from now on. */
void connection_set_value_max(int64_t);
int connection_value_max(void);
/* Returns an SQLite code. */
int connection_confine(sqlite3 *);

#endif
