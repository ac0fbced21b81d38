/*
 * The counters that outlive a request: last_insert_rowid(), changes() and
 * total_changes().  SQLite keeps them per connection; here they are part of the
 * replicated state, since a connection ends where a node restarts.  changes()
 * and total_changes() are overridden to answer from here.
 */
#ifndef PROC_SQL_TALLY_H
#define PROC_SQL_TALLY_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* An internal table module that no client may touch. */
#define TALLY_MODULE "rqlited_tally"

struct tally {
	int64_t rowid;
	int64_t changes;
	int64_t total;
	/* Of the connection, when the running statement began. */
	sqlite3 *db;
	sqlite3_stmt *mark;
	int64_t own_changes;
	int64_t own_total;
};

/*
 * Takes a fresh connection over: registers the functions, sets its
 * last_insert_rowid.  The struct must outlive the connection.
 */
int tally_attach(struct tally *, sqlite3 *);
/* Before the connection is closed. */
void tally_detach(struct tally *);
/*
 * Around each statement that runs.  `marked`: what SQLite's own counter says must
 * be told apart from what it said before (schema changes, triggers that ask).
 */
void tally_before(struct tally *, bool marked);
/* `counts`: the statement was an INSERT, UPDATE, DELETE or REPLACE that ran. */
void tally_after(struct tally *, bool counts, bool marked);
/* Sets values, after a rollback. */
void tally_restore(struct tally *, int64_t rowid, int64_t changes, int64_t total);

#endif
