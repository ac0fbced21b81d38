/*
 * Binds a request's parameters to a statement, with the rules of rqlite: a
 * string of several statements hands the list on from one to the next, names
 * are tried with each of SQLite's prefixes.
 */
#ifndef PROC_SQL_BIND_H
#define PROC_SQL_BIND_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "proc/sql/stmtcache.h"
#include "proto/command.h"

struct bind_list {
	struct command_statement all; /* cursor at the first parameter */
	struct command_statement rest; /* cursor at the first that no statement has taken */
	uint32_t total;
	uint32_t taken;
	bool named; /* some parameter has a name */
	bool checked; /* the names were looked at */
};

/* The parameters of a statement as it came from command_next(); they must outlive the binding. */
void bind_list_init(struct bind_list *, const struct command_statement *);
/*
 * Looks at all names of the list, once: those that no statement takes are refused as well,
 * and where the kind of a statement is not asked for, before it is compiled.  Returns 0, or
 * -1 and the error.  Binding does it, too.
 */
int bind_check_names(struct bind_list *, struct error *);
/*
 * Binds the next parameters without copying their values.  `rows`: the error
 * counts what is left instead of all.  Returns 0, or -1 and the error.
 */
int bind_statement(struct bind_list *, struct statement *, bool rows, struct error *);

#endif
