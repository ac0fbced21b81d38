/*
 * The results of /db/sql: what rqlite's rewriting would make of each statement
 * of a command.  Nothing is executed, and no database is needed.
 */
#ifndef PROC_SQL_SQLPAGE_H
#define PROC_SQL_SQLPAGE_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

struct sqlpage_clock {
	double julian_day; /* what 'now' is shown as, see sqlpage_julian_day() */
	uint64_t (*random)(void *arg);
	void *arg;
};

/* The Julian day of a time of the Unix clock, UTC. */
double sqlpage_julian_day(int64_t unix_ns);

/*
 * Appends the value of "results", an array of {"original":..,"rewritten":..,
 * "error":..}, without what is empty.  Of the command's flags it heeds PRETTY
 * (indented by one level), KEEP_RANDOM and KEEP_TIME.  Returns -1 if the
 * command, which is hostile, is malformed or longer than ANALYZE_MAX; then
 * nothing was appended.
 */
int sqlpage_print(const void *command, size_t len, const struct sqlpage_clock *, struct buf *out);

#endif
