/*
 * Runs the statements of one log entry on the writer's connection and prints
 * their results.  What a statement does depends on the database, the entry and
 * the counters only; each is given its own clock and seed before it is prepared.
 *
 * The caller (apply.c) owns transactions.  In a batch, whatever could make the
 * outcome differ from that of entries run one by one ends in EXEC_GIVE_UP.
 */
#ifndef PROC_SQL_EXEC_H
#define PROC_SQL_EXEC_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/json.h"
#include "proc/sql/authorizer.h"
#include "proc/sql/bind.h"
#include "proc/sql/tally.h"
#include "proc/sql/render.h"
#include "proc/sql/stmtcache.h"

enum exec_status {
	EXEC_OK,
	EXEC_FAILED, /* the statement failed, its error is printed */
	EXEC_GIVE_UP, /* of a batch: must be run alone */
	EXEC_MACHINE, /* the machine failed: exec->machine_code; no result */
};

/* Why a statement was interrupted: by us, or (none of these) by the machine. */
enum exec_stop { EXEC_STOP_NONE, EXEC_STOP_STEPS, EXEC_STOP_LARGE, EXEC_STOP_RENDER };

/* The entry that is run, and how far it is. */
struct exec_entry {
	bool transaction; /* it is one unit: deferred foreign keys are due at its end */
	bool silent; /* nobody waits for results */
	uint16_t flags; /* COMMAND_* */
	int64_t time_ns;
	uint64_t seed;
	uint32_t ordinal; /* of the next statement */
	int64_t steps_left;
	uint64_t rows_bytes; /* printed row results */
	unsigned seen; /* by the authorizer */
	uint64_t hash; /* of all outcomes */
	bool touched; /* a statement was run, not only compiled */
};

struct exec {
	sqlite3 *db;
	bool foreign_keys;
	struct authorizer authorizer;
	struct stmtcache cache;
	struct tally tally;
	struct render render;
	bool tables_known; /* the authorizer has the names of virtual tables */
	bool schema_changed; /* since the last commit: a rollback makes cached statements stale */
	bool batch; /* the entry shares a transaction with others */
	struct exec_entry entry;
	enum exec_stop stop;
	bool again; /* the statement is to be run with other limits (likecost.h) */
	uint64_t full_writes; /* of the VFS, when the statement began */
	uint64_t refusals; /* of memory, likewise */
	int machine_code; /* extended */
};

/* One string of the request's list: one or more statements. */
struct exec_string {
	const char *pos;
	size_t left;
	struct bind_list binds;
	bool first; /* nothing of it was run yet */
	bool rows; /* it is to give a row result */
	bool by_kind; /* rows is to be found out from the first statement */
	bool done;
};

/* The connection is borrowed; counters are kept, also over a change of connection. */
int exec_attach(struct exec *, sqlite3 *, bool foreign_keys);
void exec_detach(struct exec *);
void exec_fini(struct exec *);

/* Before the strings of an entry.  steps: its budget. */
void exec_begin(
    struct exec *, const struct command *, int64_t time_ns, uint64_t seed, uint64_t steps);
void exec_string_init(struct exec_string *, enum command_kind, const struct command_statement *);
/*
 * Runs the next statement of a string that is not done; prints the result of
 * the last, or of one that fails.  EXEC_OK and EXEC_FAILED move on in the
 * string, after the other two it stands where it stood.
 */
enum exec_status exec_step(struct exec *, struct exec_string *, struct json *);

/* After a rollback of whatever kind. */
void exec_rolled_back(struct exec *);
/*
 * Makes the connection as good as a fresh one: no cached statements, settings
 * as at the start, no temporary objects, the schema read anew.
 */
void exec_refresh(struct exec *);
/* Adds an outcome to the entry's hash. */
void exec_fold(struct exec *, int code, const char *error);
/* An own statement (transaction control); returns the extended SQLite code. */
int exec_internal(struct exec *, const char *sql);
/* True if the code says that the machine failed, not the statement. */
bool exec_is_machine_code(int extended);

#endif
