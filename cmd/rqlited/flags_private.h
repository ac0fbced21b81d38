/*
 * Between the files of the command line: parsing (flags.c), checking
 * (flags_check.c), -h (flags_usage.c).
 */
#ifndef RQLITED_FLAGS_PRIVATE_H
#define RQLITED_FLAGS_PRIVATE_H

#include <stdio.h>

#include "cmd/rqlited/flags.h"

/* flags_parse() with another place for what it says. */
int flags_parse_to(int argc, char **argv, struct flags *, FILE *out);

/* What -h prints. */
void flags_print_usage(FILE *);

/*
 * Section by section: the texts of rqlite in its order, then what it should
 * have refused, then what this version cannot do yet.  Fills in the advertised
 * addresses and the node's name on the way.  `words` are those after the data
 * directory.  Returns -1 with the whole line, "fatal: " included.
 */
int flags_check(struct flags *, int words, char **argv, struct error *);

/* Makes a text belong to the flags. */
const char *flags_own(struct flags *, char *);

#endif
