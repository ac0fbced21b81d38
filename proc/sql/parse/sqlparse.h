/*
 * What rqlite would make of a statement: parses the first statement of a
 * string with a parser of its own and prints it in rqlite's canonical form,
 * with random() and 'now' replaced by values.
 *
 * A display for /db/sql only.  Nothing executes the text, so the parser is no
 * judge of what SQLite accepts: it takes some statements that SQLite refuses,
 * and refuses some that rqlite's parser refuses too (VACUUM, ATTACH, [names]).
 *
 * The input is hostile: the depth of recursion is bounded, time and memory are
 * linear in the input, and random bytes come out of a budget.
 */
#ifndef PROC_SQL_PARSE_SQLPARSE_H
#define PROC_SQL_PARSE_SQLPARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"

struct sqlparse_options {
	bool rewrite_random;
	bool rewrite_time;
	double julian_day; /* what 'now' is replaced by */
	uint64_t (*random)(void *arg); /* may be NULL if rewrite_random is not set */
	void *arg;
	/*
	 * Bytes that calls of randomblob() may still be replaced by; what was used is taken off.  A
	 * call that wants more is left as it is.
	 */
	size_t blob_left;
};

/*
 * Appends the canonical form of the first statement to `out` and returns 0; or
 * returns -1 with the reason, "EOF" or "LINE:COLUMN: expected ...",
 * and `out` as it was.
 */
int sqlparse_rewrite(
    const char *sql, size_t len, struct sqlparse_options *, struct buf *out, struct error *);

#endif
