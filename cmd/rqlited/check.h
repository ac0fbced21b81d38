/*
 * -check: see rqlited(8).
 */
#ifndef RQLITED_CHECK_H
#define RQLITED_CHECK_H

struct master;

/* Says on standard output or standard error what a start would find; the exit status. */
int check_main(const struct master *);

#endif
