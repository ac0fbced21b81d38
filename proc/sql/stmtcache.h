/*
 * Prepared statements of one connection, kept by their text.  Beside each stands
 * what is worth knowing about it: whether it reads or writes, its columns with
 * their types, and the JSON they are printed as.
 *
 * Only a text that is one statement is kept, and only if running it changes
 * nothing but data: what the authorizer calls solo is prepared each time.
 */
#ifndef PROC_SQL_STMTCACHE_H
#define PROC_SQL_STMTCACHE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "proc/sql/authorizer.h"

#define STMTCACHE_SIZE 128 /* statements */
#define STMTCACHE_TEXT_MAX 16384 /* bytes of a text that is kept */

enum column_kind { COLUMN_PLAIN, COLUMN_BOOLEAN, COLUMN_DATE };

struct column {
	const char *name; /* SQLite's, valid until the statement is prepared again */
	size_t name_len;
	const char *type; /* declared, lower case; "" if there is none */
	size_t type_len;
	enum column_kind kind;
	bool textual; /* a BLOB in it is shown as text */
};

struct statement {
	sqlite3_stmt *stmt; /* NULL: blank, or a comment */
	bool readonly;
	bool explain;
	bool write_word; /* INSERT, UPDATE, DELETE, REPLACE, and not read-only: sets changes() */
	bool last; /* nothing but blanks and comments follows it in the text */
	bool kept; /* owned by the cache */
	unsigned seen; /* by the authorizer, at prepare */
	int parameters;
	int columns;
	size_t text_len; /* bytes of the text up to the end of this statement */

	/* Made by statement_describe(), and again when SQLite has prepared it again. */
	bool described;
	int prepares;
	struct column *column;
	int *order; /* columns sorted by name, of equal names the right-most */
	int order_count;
	struct buf types; /* the text of all types */
	struct buf head; /* {"columns":[...],"types": and, if all are declared, [...] */
	bool typed; /* every column has a declared type */

	/* Of the cache. */
	uint64_t hash;
	char *text;
	size_t text_size;
	int next; /* in the bucket, -1: none */
	bool used; /* since the clock hand passed */
};

struct stmtcache {
	sqlite3 *db;
	struct authorizer *authorizer;
	struct statement slots[STMTCACHE_SIZE];
	int buckets[2 * STMTCACHE_SIZE];
	int count;
	int hand;
	int latest; /* slot found last: a request often repeats one text */
	bool bypass; /* statements are prepared anew, and not kept */
	struct statement single; /* a statement that is not kept */
};

/* Connection and authorizer are borrowed and must outlive the cache. */
void stmtcache_init(struct stmtcache *, sqlite3 *, struct authorizer *);
/* Finalizes all statements. */
void stmtcache_clear(struct stmtcache *);
/*
 * The first statement of a text, reset and without bindings; NULL if SQLite
 * could not prepare it (sqlite3_errmsg() of the connection).  Valid until it is
 * put back, which must happen before the next get.
 */
struct statement *stmtcache_get(struct stmtcache *, const char *text, size_t len);
void stmtcache_put(struct stmtcache *, struct statement *);

/* A text that is kept, which then is one statement; NULL if it is not. */
const struct statement *stmtcache_find(const struct stmtcache *, const char *text, size_t len);

/* Fills in columns and their JSON, unless they are known and still true. */
void statement_describe(struct statement *);

#endif
