/*
 * What LIKE and GLOB may cost.  SQLite compares every byte of the text with every byte
 * of the pattern at worst, without a look at any limit.  An own like() would lose the
 * use of indexes, so the product is bounded by the two limits SQLite has: short patterns
 * meet texts of any length, longer ones shorter texts.  A statement that fails because
 * its pattern is longer than is allowed at first is run again, with the limits of the
 * next of a few pairs.
 *
 * For the writer, which can not be ended in the midst of an opcode.  Readers can.
 */
#ifndef PROC_SQL_LIKECOST_H
#define PROC_SQL_LIKECOST_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#define LIKECOST_TEXT "LIKE or GLOB pattern too complex" /* SQLite's own */

/* The connection's limits become those that a statement is run with first. */
void likecost_begin(sqlite3 *);
/*
 * After a statement failed: whether it is to be run again, compiled anew, with the limits
 * that are now set; text_len is that of the statement, whose literals SQLite checks once.
 * When there is no further pair the failure stays as it is.
 */
bool likecost_again(sqlite3 *, int rc, size_t text_len);
/* Whether an error came from the limits of a statement that was run again. */
bool likecost_failed(sqlite3 *, int rc);

#endif
