/*
 * A read-only connection of the pool and its state between requests.  Private
 * to query.c and roconn.c.
 */
#ifndef PROC_SQL_ROCONN_H
#define PROC_SQL_ROCONN_H

#include <sqlite3.h>
#include <stdbool.h>

#include "common/error.h"
#include "proc/sql/authorizer.h"
#include "proc/sql/stmtcache.h"

enum roconn_statement { ROCONN_BEGIN, ROCONN_COMMIT, ROCONN_STATEMENT__COUNT };

struct roconn {
	sqlite3 *db;
	struct authorizer authorizer;
	struct stmtcache cache;
	sqlite3_stmt *statements[ROCONN_STATEMENT__COUNT];
	bool foreign_keys;
	bool begun; /* our transaction is open: all that reads now sees one snapshot */
	struct query *running;
	struct query *owner; /* a stream keeps it */
};

/* Opens the file and reads from it, so that no file is left to be opened later. */
int roconn_open(struct roconn *, const char *path, bool foreign_keys, struct error *);
void roconn_close(struct roconn *);
/* Opens and ends the common read transaction, whatever statements of clients did to it. */
void roconn_begin(struct roconn *);
void roconn_end(struct roconn *);
/* After a request that changed settings. */
void roconn_reset(struct roconn *);

#endif
