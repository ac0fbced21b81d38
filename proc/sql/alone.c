/*
 * An entry run by itself, each statement its own transaction unless the entry
 * or its SQL says otherwise.  This is what a batch must be equal to.
 *
 * Such an entry may commit several times before the store is told its position.
 * After a crash recovery cuts all of it.  After a failure of the machine (a full
 * disk) the process goes on, so the work is taken up where it was committed last.
 */
#include <string.h>

#include "proc/sql/applier.h"
#include "proc/sql/sqltext.h"
#include "proto/command.h"

static void
save(struct apply *a, const struct command *c, const struct exec_string *s, const struct json *j)
{
	struct alone *n = &a->alone;

	n->command = *c;
	n->string = *s;
	n->progress = a->exec.entry;
	n->json = *j;
	n->out_len = a->results.len;
	n->state.rowid = a->exec.tally.rowid;
	n->state.changes = a->exec.tally.changes;
	n->state.total = a->exec.tally.total;
}

/* Back to the last commit inside the entry, for the next attempt. */
static bool
stop_for_machine(struct apply *a, const struct apply_entry *e)
{
	a->machine_code = a->exec.machine_code;
	applier_roll_back(a, &a->alone.state);
	a->results.len = a->alone.out_len;
	a->alone.index = e->index;
	a->alone.bytes = e->command;
	return (false);
}

static void
move_statement(struct command_statement *s, ptrdiff_t by)
{
	s->sql += by;
	s->pos += by;
	s->end += by;
}

/* The caller keeps the entry's bytes, but not always where they were. */
static void
follow_command(struct alone *n, const struct apply_entry *e)
{
	ptrdiff_t by = (const uint8_t *)e->command - n->bytes;

	n->command.pos += by;
	n->command.end += by;
	if (n->string.done)
		return;
	n->string.pos += by;
	move_statement(&n->string.binds.all, by);
	move_statement(&n->string.binds.rest, by);
}

/* Runs what is left of a string; true at its end. */
static bool
run_string(
    struct apply *a, const struct apply_entry *e, struct alone *now, enum exec_status *status)
{
	struct exec *x = &a->exec;

	do {
		*status = exec_step(x, &now->string, &now->json);
		if (*status == EXEC_MACHINE)
			return (stop_for_machine(a, e));
		if (!x->entry.transaction && sqlite3_get_autocommit(x->db))
			save(a, &now->command, &now->string, &now->json);
	} while (!now->string.done);
	return (true);
}

/* All strings, from where `now` stands. */
static bool
run_strings(
    struct apply *a, const struct apply_entry *e, struct alone *now, enum exec_status *status)
{
	struct command_statement s;

	for (;;) {
		if (!now->string.done && !run_string(a, e, now, status))
			return (false);
		if (applier_stops(&now->command, *status))
			return (true);
		do {
			if (!command_next(&now->command, &s))
				return (true);
		} while (s.sql_len == 0);
		exec_string_init(&now->string, now->command.kind, &s);
	}
}

/* COMMIT of a transaction entry.  A failure is the request's, as a whole. */
static bool
commit_transaction(struct apply *a, const struct apply_entry *e)
{
	struct exec *x = &a->exec;
	int rc = exec_internal(x, "COMMIT");

	if (rc == SQLITE_OK) {
		applier_add_outcome(a, e, 0, false);
		return (true);
	}
	if (exec_is_machine_code(rc)) {
		x->machine_code = rc;
		return (stop_for_machine(a, e));
	}
	exec_fold(x, rc, sqlite3_errmsg(x->db));
	applier_add_envelope(a, e, 0, sqlite3_errmsg(x->db));
	if (!sqlite3_get_autocommit(x->db))
		(void)exec_internal(x, "ROLLBACK");
	exec_rolled_back(x);
	return (true);
}

/* What a client leaves open or changed ends with its request. */
static void
clean_up(struct exec *x)
{
	if (!sqlite3_get_autocommit(x->db)) {
		(void)exec_internal(x, "ROLLBACK");
		exec_rolled_back(x);
	}
	if (x->entry.seen & SEEN_MARKS)
		exec_refresh(x);
}

static bool
needs_fresh_connection(struct command c)
{
	struct command_statement s;

	while (command_next(&c, &s))
		if (sqltext_classify(s.sql, s.sql_len) >= SQLTEXT_FRESH)
			return (true);
	return (false);
}

/* Begins the entry, or finds where a former attempt stopped. */
static bool
begin(struct apply *a, const struct apply_entry *e, struct alone *now, const struct command *c)
{
	struct exec *x = &a->exec;
	int rc;

	if (a->alone.index == e->index) {
		*now = a->alone;
		follow_command(now, e);
		x->entry = now->progress;
		save(a, &now->command, &now->string, &now->json);
	} else {
		memset(now, 0, sizeof(*now));
		now->command = *c;
		now->string.done = true;
		now->out_len = a->results.len;
		if (needs_fresh_connection(*c))
			exec_refresh(x);
		exec_begin(x, c, e->time_ns, e->seed, e->vm_steps);
		x->entry.silent = e->origin == NULL;
		applier_begin_results(a, &now->json, c->flags);
		save(a, &now->command, &now->string, &now->json);
	}
	a->alone.index = 0;
	if (!x->entry.transaction)
		return (true);
	rc = applier_run(a, APPLIER_BEGIN);
	if (rc == SQLITE_OK)
		return (true);
	x->machine_code = rc;
	return (stop_for_machine(a, e));
}

static bool
run_command(struct apply *a, const struct apply_entry *e, const struct command *c)
{
	struct exec *x = &a->exec;
	enum exec_status status = EXEC_OK;
	struct alone now;

	x->batch = false;
	if (!begin(a, e, &now, c) || !run_strings(a, e, &now, &status))
		return (false);
	json_end_array(&now.json);
	if (x->entry.transaction && applier_stops(c, status)) {
		if (!sqlite3_get_autocommit(x->db))
			(void)exec_internal(x, "ROLLBACK");
		exec_rolled_back(x);
	} else if (x->entry.transaction) {
		return (commit_transaction(a, e));
	}
	applier_add_outcome(a, e, 0, false);
	return (true);
}

bool
alone_run(struct apply *a, const struct apply_entry *e)
{
	struct exec *x = &a->exec;
	struct command c;

	if (e->type == APPLY_NOOP) {
		x->entry.hash = 0;
		buf_add(&a->results, "[]", 2);
		applier_add_outcome(a, e, 0, false);
		return (true);
	}
	if (!command_check(e->command, e->len) || !command_open(&c, e->command, e->len)) {
		x->entry.hash = 0;
		applier_add_envelope(a, e, 0, "malformed command");
		return (true);
	}
	if (!run_command(a, e, &c))
		return (false);
	clean_up(x);
	return (true);
}
