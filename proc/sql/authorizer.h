/*
 * What SQL may do on a connection, whatever its text says: SQLite asks this
 * callback for each access while it compiles, and for some while it runs.
 *
 * Refused: ATTACH, DETACH, VACUUM INTO (the file system), PRAGMAs that are not
 * on the list, and on the writer what differs from node to node.  What is
 * allowed but changes the connection is noted in `seen`.
 */
#ifndef PROC_SQL_AUTHORIZER_H
#define PROC_SQL_AUTHORIZER_H

#include <sqlite3.h>
#include <stdbool.h>

#include "common/buf.h"

enum authorizer_seen {
	SEEN_TRANSACTION = 1 << 0, /* BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE */
	SEEN_PRAGMA = 1 << 1,
	SEEN_PRAGMA_SET = 1 << 2, /* with an argument */
	SEEN_TEMP = 1 << 3, /* temporary objects */
	SEEN_FORBIDDEN = 1 << 4, /* a PRAGMA whose refusal has a text of its own */
	SEEN_ANALYZE = 1 << 5,
	SEEN_COUNTERS = 1 << 6, /* changes() or total_changes() inside a trigger */
	SEEN_KEYWORD = 1 << 7, /* VACUUM, which asks nothing; found by stmtcache.c */
	SEEN_VIRTUAL = 1 << 8, /* writes to a virtual table; these flush when they commit */
	/* What must not share a transaction with other entries. */
	SEEN_SOLO =
	    SEEN_TRANSACTION | SEEN_PRAGMA | SEEN_TEMP | SEEN_ANALYZE | SEEN_KEYWORD | SEEN_VIRTUAL,
	/* What may leave a mark on the connection, so that statements kept are no longer good. */
	SEEN_MARKS = SEEN_SOLO & ~SEEN_VIRTUAL,
};

#define AUTHORIZER_FORBIDDEN_TEXT "disallowed pragma"

struct authorizer {
	bool writer;
	bool batch; /* settings are refused: SQLite changes many of them while it compiles */
	bool internal; /* our own statement: everything is allowed, nothing noted */
	bool stepping; /* a statement runs: only VACUUM asks for ATTACH then */
	unsigned seen; /* collected since the caller cleared it */
	struct buf virtual_tables; /* their names, each with a NUL */
};

/* The struct must outlive the connection. */
void authorizer_install(struct authorizer *, sqlite3 *);
/* Reads the names of virtual tables: after each change of the schema.  Returns an SQLite code. */
int authorizer_load_tables(struct authorizer *, sqlite3 *);
void authorizer_fini(struct authorizer *);
/* Sets back every setting of a connection that an allowed PRAGMA can have changed. */
void authorizer_reset_pragmas(struct authorizer *, sqlite3 *, bool foreign_keys);

#endif
