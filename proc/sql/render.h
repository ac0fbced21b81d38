/*
 * Prints the results of statements as rqlite does: write results, row results
 * in the normal and in the associative form, errors.  The shape is a matter of
 * command flags (proto/command.h) only.
 */
#ifndef PROC_SQL_RENDER_H
#define PROC_SQL_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/json.h"
#include "proc/sql/stmtcache.h"

/*
 * A row result while it is printed.  Zero it before its first use; the memory is kept from use
 * to use.
 */
struct render {
	struct json *json;
	struct statement *statement;
	uint16_t flags;
	bool opened; /* columns and types are printed */
	uint64_t rows;
	const char *error; /* why the last row could not be printed */

	/* Columns as they are shown; the statement's own, unless they carry the table's name. */
	const struct column *column;
	struct column *qualified;
	struct buf names;
	uint8_t
	    *first_type; /* of columns without a declared type: SQLite's code, from the first row */
	int *order; /* by name, of equal names only the last */
	int order_count;
	int capacity; /* of the arrays, in columns */
};

void render_fini(struct render *);

/* A row result begins; the statement was prepared, perhaps stepped.  Nothing is printed yet. */
void render_begin(struct render *, struct json *, struct statement *, uint16_t flags);
/*
 * Prints the current row; false if it can not be shown (render->error), which fails the
 * statement.
 */
bool render_row(struct render *);
/* Closes the result; `seconds` is printed if timings are asked for. */
void render_end(struct render *, double seconds);

/* A write result; a blank statement has zeros. */
void render_write(struct json *, uint16_t flags, int64_t rowid, int64_t changes, double seconds);
/* A row result without columns. */
void render_blank_rows(struct json *, uint16_t flags, double seconds);
/*
 * {"error":...}; with `rows` as the failure of a row result, which differs in the associative
 * form.
 */
void render_error(struct json *, uint16_t flags, bool rows, const char *text);

#endif
