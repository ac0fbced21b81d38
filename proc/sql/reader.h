/*
 * A read-only connection of the pool and its state between requests.  Private
 * to query.c and reader.c.
 */
#ifndef PROC_SQL_READER_H
#define PROC_SQL_READER_H

#include <sqlite3.h>
#include <stdbool.h>

#include "common/error.h"
#include "proc/sql/authorizer.h"
#include "proc/sql/stmtcache.h"

enum reader_statement { READER_BEGIN, READER_COMMIT, READER_STATEMENT__COUNT };

struct reader {
	sqlite3 *db;
	struct authorizer authorizer;
	struct stmtcache cache;
	sqlite3_stmt *statements[READER_STATEMENT__COUNT];
	bool foreign_keys;
	bool begun;        /* our transaction is open: all that reads now sees one snapshot */
	struct query *running;
	struct query *owner; /* a stream keeps it */
};

/* Opens the file and reads from it, so that no file is left to be opened later. */
int reader_open(struct reader *, const char *path, bool foreign_keys, struct error *);
void reader_close(struct reader *);
/* Opens and ends the common read transaction, whatever statements of clients did to it. */
void reader_begin(struct reader *);
void reader_end(struct reader *);
/* After a request that changed settings. */
void reader_reset(struct reader *);

#endif
