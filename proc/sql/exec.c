/* One statement at a time on the writer; see exec.h. */
#include "proc/sql/exec.h"

#include <assert.h>
#include <string.h>

#include "common/clock.h"
#include "common/limits.h"
#include "proc/sql/connection.h"
#include "proc/sql/likecost.h"
#include "proc/sql/memory.h"
#include "proc/sql/sqltext.h"
#include "proc/sql/sqlvfs.h"

#define STEPS_PER_CALL 1000 /* opcodes between two calls of the progress handler */
#define CHANGE_TEXT "attempt to change database via query operation"
#define LARGE_TEXT "result is too large"

/* A running statement, and what it is printed into. */
struct run {
	struct exec *exec;
	struct statement *statement;
	struct json *json;
	struct json json_before;
	size_t out_before;
	int64_t started_ns;
	bool print_rows;
	bool marked;
};

static int
count_steps(void *arg)
{
	struct exec *x = arg;

	x->entry.steps_left -= STEPS_PER_CALL;
	if (x->entry.steps_left > 0)
		return (0);
	x->stop = EXEC_STOP_STEPS;
	return (1);
}

int
exec_attach(struct exec *x, sqlite3 *db, bool foreign_keys)
{
	int rc;

	x->db = db;
	x->foreign_keys = foreign_keys;
	x->authorizer.writer = true;
	stmtcache_init(&x->cache, db, &x->authorizer);
	rc = connection_confine(db);
	if (rc == SQLITE_OK)
		rc = tally_attach(&x->tally, db);
	authorizer_reset_pragmas(&x->authorizer, db, foreign_keys);
	authorizer_install(&x->authorizer, db);
	likecost_begin(db);
	sqlite3_progress_handler(db, STEPS_PER_CALL, count_steps, x);
	return (rc);
}

void
exec_detach(struct exec *x)
{
	stmtcache_clear(&x->cache);
	tally_detach(&x->tally);
	x->db = NULL;
}

void
exec_fini(struct exec *x)
{
	exec_detach(x);
	authorizer_fini(&x->authorizer);
	render_fini(&x->render);
}

void
exec_begin(struct exec *x, const struct command *c, int64_t time_ns, uint64_t seed, uint64_t steps)
{
	x->entry.transaction = (c->flags & COMMAND_TRANSACTION) != 0;
	x->entry.flags = c->flags;
	x->entry.time_ns = time_ns;
	x->entry.seed = seed;
	x->entry.ordinal = 0;
	x->entry.steps_left =
	    (int64_t)(steps > 0 && steps < INT64_MAX ? steps : SQL_VM_STEPS_DEFAULT);
	x->entry.rows_bytes = 0;
	x->entry.seen = 0;
	x->entry.hash = 0;
	x->entry.touched = false;
}

void
exec_string_init(struct exec_string *s, enum command_kind kind, const struct command_statement *c)
{
	s->pos = c->sql;
	s->left = sqltext_length(c->sql, c->sql_len);
	bind_list_init(&s->binds, c);
	s->first = true;
	s->rows = kind == COMMAND_QUERY;
	s->by_kind = kind == COMMAND_REQUEST;
	s->done = false;
}

static void
forget_schema(struct exec *x)
{
	stmtcache_clear(&x->cache);
	x->tables_known = false;
}

void
exec_rolled_back(struct exec *x)
{
	if (x->schema_changed)
		forget_schema(x);
}

int
exec_internal(struct exec *x, const char *sql)
{
	int64_t steps = x->entry.steps_left;
	int rc;

	/* Our own work is not charged to the entry. */
	x->entry.steps_left = INT64_MAX;
	x->authorizer.internal = true;
	rc = sqlite3_exec(x->db, sql, NULL, NULL, NULL);
	x->authorizer.internal = false;
	x->entry.steps_left = steps;
	return (rc);
}

/* Drops one temporary object; false if there is none left. */
static bool
drop_temporary(struct exec *x)
{
	static const char find[] =
	    "SELECT printf('DROP %s temp.\"%w\"', type, name) FROM sqlite_temp_schema"
	    " WHERE type IN ('table', 'view', 'trigger') AND name NOT LIKE 'sqlite_%'"
	    " ORDER BY type = 'table', rowid DESC LIMIT 1";
	sqlite3_stmt *stmt;
	bool found = false;

	if (sqlite3_prepare_v2(x->db, find, -1, &stmt, NULL) != SQLITE_OK)
		return (false);
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		char *sql = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 0));

		sqlite3_reset(stmt);
		found = sql != NULL && sqlite3_exec(x->db, sql, NULL, NULL, NULL) == SQLITE_OK;
		sqlite3_free(sql);
	}
	sqlite3_finalize(stmt);
	return (found);
}

void
exec_refresh(struct exec *x)
{
	int64_t steps = x->entry.steps_left;

	forget_schema(x);
	x->entry.steps_left = INT64_MAX;
	authorizer_reset_pragmas(&x->authorizer, x->db, x->foreign_keys);
	x->authorizer.internal = true;
	while (drop_temporary(x))
		continue;
	/*
	 * Hash tables of the schema keep an order that depends on their history: ANALYZE shows
	 * it.
	 */
	(void)sqlite3_exec(x->db, "PRAGMA writable_schema=RESET", NULL, NULL, NULL);
	x->authorizer.internal = false;
	sqlite3_set_last_insert_rowid(x->db, x->tally.rowid);
	x->entry.steps_left = steps;
}

bool
exec_is_machine_code(int extended)
{
	switch (extended) {
	case SQLITE_CORRUPT_VTAB: /* what a full-text table says of its own content */
	case SQLITE_CORRUPT_SEQUENCE: /* sqlite_sequence is open to users */
		return (false);
	}
	switch (extended & 0xff) {
	case SQLITE_FULL:
	case SQLITE_NOMEM:
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_PROTOCOL:
	case SQLITE_INTERRUPT:
	case SQLITE_BUSY:
		return (true);
	}
	return (false);
}

static uint64_t
fold(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15;
	return (h ^ h >> 32);
}

void
exec_fold(struct exec *x, int code, const char *error)
{
	size_t n = error != NULL ? strlen(error) : 0, i;
	uint64_t h = x->entry.hash, v;

	h = fold(h, (uint64_t)code);
	h = fold(h, (uint64_t)x->tally.changes);
	h = fold(h, (uint64_t)x->tally.rowid);
	h = fold(h, n);
	for (i = 0; i < n; i += sizeof(v)) {
		v = 0;
		memcpy(&v, error + i, n - i < sizeof(v) ? n - i : sizeof(v));
		h = fold(h, v);
	}
	x->entry.hash = h;
}

/* 0 if nobody wants to know. */
static int64_t
timing_ns(const struct exec *x)
{
	return ((x->entry.flags & COMMAND_TIMINGS) != 0 ? clock_monotonic_ns() : 0);
}

static double
seconds_of(const struct run *r)
{
	return ((double)(timing_ns(r->exec) - r->started_ns) / 1e9);
}

/* The string ends in an error, which is its result. */
static enum exec_status
fail(struct exec *x, struct exec_string *s, struct json *j, int code, const char *text)
{
	exec_fold(x, code, text);
	if (!x->entry.silent)
		render_error(j, x->entry.flags, s->rows, text);
	s->done = true;
	return (EXEC_FAILED);
}

static bool
is_machine_failure(const struct exec *x, int rc)
{
	if ((rc & 0xff) == SQLITE_INTERRUPT && x->stop != EXEC_STOP_NONE)
		return (false);
	/* Our limit on memory is a limit like that on steps; the machine's is not. */
	if ((rc & 0xff) == SQLITE_NOMEM && x->refusals != memory_refusals())
		return (false);
	/* A table without a free rowid says FULL as well. */
	if (rc == SQLITE_FULL && x->full_writes == sqlvfs_full_writes())
		return (false);
	return (exec_is_machine_code(rc));
}

/* SQLite's text, unless what it calls too large is so for a pattern only. */
static const char *
sqlite_text(const struct exec *x)
{
	return (
	    likecost_failed(x->db, sqlite3_errcode(x->db)) ? LIKECOST_TEXT : sqlite3_errmsg(x->db));
}

static enum exec_status
fail_prepare(struct exec *x, struct exec_string *s, struct json *j)
{
	int code = sqlite3_extended_errcode(x->db);

	x->entry.seen |= x->authorizer.seen & ~(unsigned)SEEN_FORBIDDEN;
	if (x->batch && (x->authorizer.seen & SEEN_SOLO) != 0)
		return (EXEC_GIVE_UP);
	if (is_machine_failure(x, code)) {
		x->machine_code = code;
		return (EXEC_MACHINE);
	}
	/*
	 * Only in a request is it unknown what the statement would have been; a failure has
	 * the write's form.
	 */
	if (x->authorizer.seen & SEEN_FORBIDDEN)
		return (fail(x, s, j, code, AUTHORIZER_FORBIDDEN_TEXT));
	return (fail(x, s, j, code, sqlite_text(x)));
}

/* What no statement follows is the result; blank strings have an empty one. */
static void
print_write(struct run *r, struct exec_string *s)
{
	struct exec *x = r->exec;

	if (x->entry.silent || !r->statement->last)
		return;
	if (r->statement->stmt != NULL)
		render_write(
		    r->json, x->entry.flags, x->tally.rowid, x->tally.changes, seconds_of(r));
	else if (s->rows)
		render_blank_rows(r->json, x->entry.flags, seconds_of(r));
	else
		render_write(r->json, x->entry.flags, 0, 0, seconds_of(r));
}

/* Ends a statement whose rows are too many.  If it has written, an interrupt undoes that. */
static int
abandon(struct run *r)
{
	r->exec->stop = EXEC_STOP_LARGE;
	if (r->statement->readonly)
		return (SQLITE_INTERRUPT);
	sqlite3_interrupt(r->exec->db);
	return (sqlite3_step(r->statement->stmt));
}

/* Ends a statement of which a row can not be shown: as in rqlite, what it wrote stays. */
static int
end_unshown(struct run *r)
{
	int rc;

	if (sqlite3_errcode(r->exec->db) == SQLITE_NOMEM)
		return (SQLITE_NOMEM);
	rc = sqlite3_reset(r->statement->stmt);
	if (rc != SQLITE_OK)
		return (rc);
	r->exec->stop = EXEC_STOP_RENDER;
	return (SQLITE_INTERRUPT);
}

/* Steps through all rows and prints them if they are wanted; returns SQLite's code. */
static int
run_rows(struct run *r)
{
	struct exec *x = r->exec;
	uint64_t printed;
	int rc;

	while ((rc = sqlite3_step(r->statement->stmt)) == SQLITE_ROW) {
		if (!r->print_rows)
			continue;
		if (!render_row(&x->render))
			return (end_unshown(r));
		printed = r->json->out->len - r->out_before;
		if (printed > RESULT_STATEMENT_MAX ||
		    x->entry.rows_bytes + printed > RESULT_QUEUE_MAX)
			return (abandon(r));
	}
	return (rc);
}

static bool
is_returning(const struct statement *st)
{
	return (st->columns > 0 && st->write_word);
}

static const char *
error_text(struct run *r, const struct exec_string *s)
{
	struct exec *x = r->exec;

	switch (x->stop) {
	case EXEC_STOP_STEPS:
		return (
		    s->rows || is_returning(r->statement) ? "query timeout" : "execute timeout");
	case EXEC_STOP_LARGE:
		return (LARGE_TEXT);
	case EXEC_STOP_RENDER:
		return (x->render.error);
	case EXEC_STOP_NONE:
		break;
	}
	if (x->authorizer.seen & SEEN_FORBIDDEN)
		return (AUTHORIZER_FORBIDDEN_TEXT);
	return (sqlite_text(x));
}

static void
forget_rows(struct run *r)
{
	*r->json = r->json_before;
	r->json->out->len = r->out_before;
}

/* Foreign keys that would be due now, were the statement alone. */
static bool
has_deferred_keys(struct exec *x)
{
	int current = 0, high;

	if (x->foreign_keys && !x->entry.transaction)
		sqlite3_db_status(x->db, SQLITE_DBSTATUS_DEFERRED_FKS, &current, &high, 0);
	return (current != 0);
}

/* The statement ended in an error. */
static enum exec_status
run_failed(struct run *r, struct exec_string *s, int rc)
{
	struct exec *x = r->exec;

	forget_rows(r);
	if (is_machine_failure(x, rc)) {
		x->machine_code = rc;
		return (EXEC_MACHINE);
	}
	if (x->batch && (sqlite3_get_autocommit(x->db) || has_deferred_keys(x)))
		return (EXEC_GIVE_UP);
	x->again = likecost_again(x->db, rc, r->statement->text_len);
	if (x->again)
		return (EXEC_GIVE_UP);
	/* SQLite's text lives until the next call that can fail: the counters' can not. */
	tally_after(&x->tally, r->statement->write_word, r->marked);
	return (fail(x, s, r->json, rc, error_text(r, s)));
}

static enum exec_status
run_succeeded(struct run *r, struct exec_string *s)
{
	struct exec *x = r->exec;

	if (x->batch && has_deferred_keys(x))
		return (EXEC_GIVE_UP);
	tally_after(&x->tally, r->statement->write_word, r->marked);
	exec_fold(x, SQLITE_OK, NULL);
	if (r->print_rows) {
		x->entry.rows_bytes += r->json->out->len - r->out_before;
		render_end(&x->render, seconds_of(r));
	} else
		print_write(r, s);
	return (EXEC_OK);
}

static bool
changes_schema(const struct statement *st)
{
	return (!st->readonly && !st->write_word && !st->explain);
}

/* Our own statement among them is neither refused nor charged to the entry. */
static void
note_tally(struct run *r)
{
	struct exec *x = r->exec;
	int64_t steps = x->entry.steps_left;

	x->entry.steps_left = INT64_MAX;
	x->authorizer.internal = true;
	tally_before(&x->tally, r->marked);
	x->authorizer.internal = false;
	x->entry.steps_left = steps;
}

static enum exec_status
run_statement(struct run *r, struct exec_string *s)
{
	struct exec *x = r->exec;
	struct statement *st = r->statement;
	bool all = s->rows || is_returning(st);
	int rc;

	/*
	 * A statement that is kept counts its opcodes over all its runs; the limit is for this
	 * one.
	 */
	if (st->kept)
		sqlite3_stmt_status(st->stmt, SQLITE_STMTSTATUS_VM_STEP, 1);
	r->print_rows = all && st->last;
	r->marked = changes_schema(st) || (st->seen & SEEN_COUNTERS) != 0;
	if (r->print_rows)
		render_begin(&x->render, r->json, st,
		    s->rows && s->first ? x->entry.flags
					: (uint16_t)(x->entry.flags & ~COMMAND_QUALIFY));
	if (changes_schema(st))
		x->schema_changed = true;
	x->entry.touched = true;
	x->full_writes = sqlvfs_full_writes();
	note_tally(r);
	x->authorizer.seen = 0;
	x->authorizer.stepping = true;
	/* VACUUM holds a copy of the database in memory, however large it is. */
	if ((st->seen & SEEN_KEYWORD) != 0)
		memory_set_limit(0);
	rc = all ? run_rows(r) : sqlite3_step(st->stmt);
	x->authorizer.stepping = false;
	x->entry.seen |= x->authorizer.seen;
	if (x->batch && (x->authorizer.seen & SEEN_SOLO) != 0)
		return (EXEC_GIVE_UP);
	if (rc == SQLITE_ROW)
		rc = sqlite3_reset(st->stmt);
	return (rc == SQLITE_DONE || rc == SQLITE_OK ? run_succeeded(r, s) : run_failed(r, s, rc));
}

static enum exec_status
bind_and_run(struct run *r, struct exec_string *s)
{
	struct exec *x = r->exec;
	struct statement *st = r->statement;
	struct error e;

	if (x->entry.steps_left <= 0) {
		x->stop = EXEC_STOP_STEPS;
		return (fail(x, s, r->json, SQLITE_INTERRUPT, error_text(r, s)));
	}
	if (bind_check_names(&s->binds, &e) == -1)
		return (fail(x, s, r->json, SQLITE_MISUSE, e.text));
	if (st->stmt == NULL) {
		exec_fold(x, SQLITE_OK, NULL);
		print_write(r, s);
		return (EXEC_OK);
	}
	if ((st->parameters > 0 || s->binds.total > 0) &&
	    bind_statement(&s->binds, st, s->rows || is_returning(st), &e) == -1)
		return (fail(x, s, r->json, SQLITE_MISUSE,
		    likecost_failed(x->db, sqlite3_errcode(x->db)) ? LIKECOST_TEXT : e.text));
	/* Each statement of a string looks through all names: that is work, too. */
	if (s->binds.named && st->parameters > 0)
		x->entry.steps_left -= s->binds.total;
	/* Of a string that gives rows only the last statement is run. */
	if (s->rows && !st->last)
		return (EXEC_OK);
	if (s->rows && !st->readonly && !st->explain)
		return (fail(x, s, r->json, SQLITE_READONLY, CHANGE_TEXT));
	return (run_statement(r, s));
}

/* Leaves the statement; what is not kept, and what it may have made stale, is finalized. */
static void
leave(struct exec *x, struct statement *st)
{
	bool stale = st->stmt != NULL && (changes_schema(st) || (st->seen & SEEN_MARKS) != 0);

	stmtcache_put(&x->cache, st);
	if (stale)
		forget_schema(x);
}

static bool
load_tables(struct exec *x)
{
	int64_t steps = x->entry.steps_left;

	x->entry.steps_left = INT64_MAX;
	x->machine_code = authorizer_load_tables(&x->authorizer, x->db);
	x->entry.steps_left = steps;
	x->tables_known = x->machine_code == SQLITE_OK;
	return (x->tables_known);
}

static enum exec_status
run_next(struct exec *x, struct exec_string *s, struct json *j)
{
	struct run r = { .exec = x, .json = j, .json_before = *j, .out_before = j->out->len };
	struct exec_string before = *s;
	enum exec_status status;
	struct error e;
	size_t text_len;
	bool last;

	x->authorizer.batch = x->batch;
	r.started_ns = timing_ns(x);
	if (!x->tables_known && !load_tables(x))
		return (EXEC_MACHINE);
	if (s->first && sqltext_is_complex(s->pos, s->left))
		return (fail(x, s, j, SQLITE_TOOBIG, SQLTEXT_COMPLEX_TEXT));
	/* A request compiles first, to know what the statement is. */
	if (!s->by_kind && bind_check_names(&s->binds, &e) == -1)
		return (fail(x, s, j, SQLITE_MISUSE, e.text));
	r.statement = stmtcache_get(&x->cache, s->pos, s->left);
	if (r.statement == NULL) {
		if (s->by_kind && s->first)
			s->rows = false;
		return (fail_prepare(x, s, j));
	}
	if (s->by_kind && s->first)
		s->rows = r.statement->readonly;
	x->entry.seen |= r.statement->seen;
	if (x->batch && (r.statement->seen & SEEN_SOLO) != 0)
		status = EXEC_GIVE_UP;
	else
		status = bind_and_run(&r, s);
	last = r.statement->last;
	text_len = r.statement->text_len;
	leave(x, r.statement);
	if (status == EXEC_GIVE_UP || status == EXEC_MACHINE) {
		*s = before;
		return (status);
	}
	/* SQLite has copied the rest of the string, as it does for each statement. */
	x->entry.steps_left -= (int64_t)(s->left / SQL_BYTES_PER_STEP);
	s->first = false;
	s->pos += text_len;
	s->left -= text_len;
	s->done = s->done || last;
	return (status);
}

enum exec_status
exec_step(struct exec *x, struct exec_string *s, struct json *j)
{
	enum exec_status status;

	assert(!s->done);
	do {
		x->cache.bypass = x->again;
		x->again = false;
		x->stop = EXEC_STOP_NONE;
		sqlvfs_statement(x->entry.time_ns, x->entry.seed, x->entry.ordinal);
		x->refusals = memory_refusals();
		memory_set_limit(memory_used() + SQL_STATEMENT_MEMORY_MAX);
		status = run_next(x, s, j);
		memory_set_limit(0);
	} while (x->again);
	x->entry.ordinal++;
	if (x->cache.bypass)
		likecost_begin(x->db);
	x->cache.bypass = false;
	memory_give_back();
	return (status);
}
