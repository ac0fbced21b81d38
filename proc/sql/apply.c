/*
 * Batches of entries in one transaction.  A batch ends before an entry that
 * must run alone; it is given up when something happened in it that would have
 * happened differently outside, and its entries are run again (alone.c).
 */
#include "proc/sql/apply.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proc/sql/applier.h"
#include "proc/sql/sqltext.h"
#include "proc/sql/sqlvfs.h"
#include "proc/sql/store.h"
#include "proto/command.h"

#define RESULTS_KEEP (1 * MIB) /* memory kept between batches */
#define RESULTS_BATCH_MAX (4 * MIB) /* results held back until COMMIT end a batch */

static const char *const statement_texts[APPLIER_STATEMENT__COUNT] = {
	[APPLIER_BEGIN] = "BEGIN IMMEDIATE",
	[APPLIER_SAVEPOINT] = "SAVEPOINT rqlited",
	[APPLIER_RELEASE] = "RELEASE rqlited",
	[APPLIER_ROLLBACK_TO] = "ROLLBACK TO rqlited",
	[APPLIER_NOTHING] = "SELECT 1 WHERE 0",
};

enum batch_status {
	BATCH_OK,
	BATCH_GIVE_UP, /* the first entry that was not counted must run alone */
	BATCH_MACHINE,
};

int
applier_run(struct apply *a, enum applier_statement which)
{
	sqlite3_stmt **stmt = &a->statements[which];
	struct exec *x = &a->exec;
	int64_t steps = x->entry.steps_left;
	int rc = SQLITE_OK;

	x->entry.steps_left = INT64_MAX;
	x->authorizer.internal = true;
	if (*stmt == NULL)
		rc = sqlite3_prepare_v3(
		    x->db, statement_texts[which], -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
	if (rc == SQLITE_OK) {
		(void)sqlite3_step(*stmt);
		rc = sqlite3_reset(*stmt);
	}
	x->authorizer.internal = false;
	x->entry.steps_left = steps;
	return (rc);
}

void
applier_roll_back(struct apply *a, const struct applier_state *state)
{
	struct exec *x = &a->exec;

	if (!sqlite3_get_autocommit(x->db))
		(void)exec_internal(x, "ROLLBACK");
	exec_rolled_back(x);
	tally_restore(&x->tally, state->rowid, state->changes, state->total);
}

void
applier_begin_results(struct apply *a, struct json *j, uint16_t flags)
{
	bool pretty = (flags & COMMAND_PRETTY) != 0;

	json_init(j, &a->results, pretty, pretty ? 1 : 0);
	json_begin_array(j);
}

void
applier_add_outcome(struct apply *a, const struct apply_entry *e, size_t at, bool envelope)
{
	struct outcome *o;

	if (e->origin == NULL) {
		a->results.len = at;
		return;
	}
	assert(a->outcome_count < APPLY_ENTRIES_MAX);
	o = &a->outcomes[a->outcome_count++];
	o->entry = e;
	o->at = at;
	o->len = a->results.len - at;
	o->envelope = envelope;
}

void
applier_add_envelope(struct apply *a, const struct apply_entry *e, size_t at, const char *text)
{
	a->results.len = at;
	buf_add(&a->results, text, strlen(text) + 1);
	applier_add_outcome(a, e, at, true);
}

static uint64_t
fold(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15;
	return (h ^ h >> 29);
}

void
applier_advance(
    struct applier_state *s, const struct apply *a, const struct apply_entry *e, uint64_t hash)
{
	s->index = e->index;
	s->term = e->term;
	s->chain = fold(fold(s->chain, e->index), hash);
	s->rowid = a->exec.tally.rowid;
	s->changes = a->exec.tally.changes;
	s->total = a->exec.tally.total;
}

bool
applier_stops(const struct command *c, enum exec_status status)
{
	return (status == EXEC_FAILED && (c->flags & COMMAND_TRANSACTION) != 0 &&
		c->kind != COMMAND_QUERY);
}

/* True if words of the statement, or what is known of it, say that its entry must run alone. */
static bool
is_solo(const struct apply *a, const char *sql, size_t len)
{
	const struct statement *kept = stmtcache_find(&a->exec.cache, sql, len);

	return (kept != NULL ? (kept->seen & SEEN_SOLO) != 0
			     : sqltext_classify(sql, len) >= SQLTEXT_SOLO);
}

/*
 * One walk over a command: false if it is malformed.  *solo: it must run alone.
 * The only statement of a command is not looked at: preparing it will tell.
 */
static bool
survey(const struct apply *a, const struct apply_entry *e, struct command *c, bool *solo)
{
	struct command_statement s;
	struct command walk;
	const char *last = NULL;
	size_t last_len = 0;

	*solo = false;
	if (!command_open(c, e->command, e->len))
		return (false);
	for (walk = *c; command_next(&walk, &s);) {
		if (c->statements < 2 || *solo)
			continue;
		if (last != NULL && s.sql_len == last_len && memcmp(s.sql, last, last_len) == 0)
			continue;
		last = s.sql;
		last_len = s.sql_len;
		*solo = is_solo(a, last, sqltext_length(last, last_len));
	}
	return (walk.statements == 0 && walk.pos == walk.end);
}

/* Runs the statements of an entry; the status is that of the last one that mattered. */
static enum exec_status
batch_statements(struct apply *a, struct command c, struct json *j)
{
	struct command_statement s;
	struct exec_string string;
	enum exec_status status = EXEC_OK;

	while (!applier_stops(&c, status) && command_next(&c, &s)) {
		if (s.sql_len == 0)
			continue;
		exec_string_init(&string, c.kind, &s);
		do {
			status = exec_step(&a->exec, &string, j);
			if (status == EXEC_GIVE_UP || status == EXEC_MACHINE)
				return (status);
		} while (!string.done);
	}
	return (status);
}

static enum exec_status
check(struct apply *a, int rc)
{
	if (rc == SQLITE_OK)
		return (EXEC_OK);
	if (!exec_is_machine_code(rc))
		return (EXEC_GIVE_UP);
	a->exec.machine_code = rc;
	return (EXEC_MACHINE);
}

/* The end of an entry that is one unit: as COMMIT or ROLLBACK would be outside of a batch. */
static enum exec_status
end_transaction(struct apply *a, const struct command *c, enum exec_status status)
{
	int keys = 0, high;

	if (applier_stops(c, status)) {
		status = check(a, applier_run(a, APPLIER_ROLLBACK_TO));
		exec_rolled_back(&a->exec);
	} else {
		status = EXEC_OK;
		if (a->exec.foreign_keys)
			sqlite3_db_status(
			    a->exec.db, SQLITE_DBSTATUS_DEFERRED_FKS, &keys, &high, 0);
		if (keys != 0)
			return (EXEC_GIVE_UP);
	}
	return (status == EXEC_OK ? check(a, applier_run(a, APPLIER_RELEASE)) : status);
}

static enum exec_status
batch_command(struct apply *a, const struct apply_entry *e, const struct command *c)
{
	struct exec *x = &a->exec;
	size_t at = a->results.len;
	enum exec_status status;
	struct json j;

	x->batch = true;
	x->entry.silent = e->origin == NULL;
	exec_begin(x, c, e->time_ns, e->seed, e->vm_steps);
	if (x->entry.transaction) {
		status = check(a, applier_run(a, APPLIER_SAVEPOINT));
		if (status != EXEC_OK)
			return (status);
	}
	applier_begin_results(a, &j, c->flags);
	status = batch_statements(a, *c, &j);
	if (status == EXEC_GIVE_UP || status == EXEC_MACHINE)
		return (status);
	json_end_array(&j);
	applier_add_outcome(a, e, at, false);
	if (!x->entry.transaction)
		return (EXEC_OK);
	return (end_transaction(a, c, status));
}

/* Runs one entry inside of the batch and moves `state` on. */
static enum exec_status
batch_entry(struct apply *a, const struct apply_entry *e, struct applier_state *state)
{
	size_t at = a->results.len, outcomes = a->outcome_count;
	enum exec_status status;
	struct command c;
	bool solo;

	a->exec.entry.hash = 0;
	a->exec.entry.touched = false;
	if (e->type == APPLY_NOOP) {
		buf_add(&a->results, "[]", 2);
		applier_add_outcome(a, e, at, false);
	} else if (!survey(a, e, &c, &solo)) {
		applier_add_envelope(a, e, at, "malformed command");
	} else {
		status = solo ? EXEC_GIVE_UP : batch_command(a, e, &c);
		if (status != EXEC_OK) {
			a->results.len = at;
			a->outcome_count = outcomes;
			return (status);
		}
	}
	applier_advance(state, a, e, a->exec.entry.hash);
	return (EXEC_OK);
}

static void
deliver(struct apply *a)
{
	struct buf none = { .data = (uint8_t *)"[]", .len = 2 }, view;
	const struct outcome *o;
	size_t i;

	for (i = 0; i < a->outcome_count; i++) {
		o = &a->outcomes[i];
		view =
		    (struct buf){ .data = a->results.data + o->at, .len = o->len, .cap = o->len };
		if (o->envelope)
			a->config.result(a->config.arg, o->entry, &none, (const char *)view.data);
		else
			a->config.result(a->config.arg, o->entry, &view, NULL);
	}
	a->outcome_count = 0;
	buf_reset(&a->results, RESULTS_KEEP);
}

static void
forget_results(struct apply *a)
{
	a->outcome_count = 0;
	buf_reset(&a->results, RESULTS_KEEP);
}

/* Ends the transaction, if there is one, and names its position; returns SQLite's code. */
static int
commit(struct apply *a, const struct applier_state *state)
{
	struct store_position position = {
		.index = state->index,
		.term = state->term,
		.chain = state->chain,
		.rowid = state->rowid,
		.changes = state->changes,
		.total = state->total,
	};
	int rc;

	a->exec.authorizer.internal = true;
	a->exec.entry.steps_left = INT64_MAX;
	rc = store_commit(a->store, &position);
	a->exec.authorizer.internal = false;
	if (rc != SQLITE_OK)
		return (rc);
	a->exec.schema_changed = false;
	a->state = *state;
	deliver(a);
	return (SQLITE_OK);
}

/* Undoes a batch; `status` says what is to be done next. */
static enum batch_status
undo_batch(struct apply *a, enum exec_status status)
{
	applier_roll_back(a, &a->state);
	forget_results(a);
	if (status == EXEC_GIVE_UP)
		return (BATCH_GIVE_UP);
	a->machine_code = a->exec.machine_code;
	return (BATCH_MACHINE);
}

/*
 * Runs up to n entries in one transaction and commits them; *count says how
 * many, or at which one the batch was given up.
 */
static enum batch_status
run_batch(struct apply *a, const struct apply_entry *e, size_t n, size_t *count)
{
	struct applier_state state = a->state;
	enum exec_status status;
	size_t i;

	*count = 0;
	status = check(a, applier_run(a, APPLIER_BEGIN));
	for (i = 0; i < n && status == EXEC_OK && a->results.len < RESULTS_BATCH_MAX;) {
		status = batch_entry(a, &e[i], &state);
		if (status == EXEC_OK)
			i++;
	}
	*count = i;
	/* An entry of which nothing was run leaves the batch before it whole. */
	if (status == EXEC_GIVE_UP && !a->exec.entry.touched && i > 0)
		status = EXEC_OK;
	if (status == EXEC_OK)
		status = check(a, commit(a, &state));
	return (status == EXEC_OK ? BATCH_OK : undo_batch(a, status));
}

/* Runs an entry by itself. */
static bool
run_alone(struct apply *a, const struct apply_entry *e)
{
	struct applier_state state = a->state;
	int rc;

	if (!alone_run(a, e))
		return (false);
	applier_advance(&state, a, e, a->exec.entry.hash);
	/*
	 * A statement that fails and yet commits (OR FAIL) tells the store's hook nothing
	 * about its frames; the end of the next statement does.
	 */
	(void)applier_run(a, APPLIER_NOTHING);
	rc = commit(a, &state);
	if (rc != SQLITE_OK)
		fatalx("entry %llu: commit outside of a transaction: %d",
		    (unsigned long long)e->index, rc);
	a->careful = false;
	return (true);
}

static void
note_machine_failure(struct apply *a, const struct apply_entry *e)
{
	if (a->failure_logged != e->index)
		log_warnx("entry %llu: %s (%d)", (unsigned long long)e->index,
		    sqlite3_errstr(a->machine_code), a->machine_code);
	a->failure_logged = e->index;
	if ((a->machine_code & 0xff) == SQLITE_NOMEM)
		a->careful = true;
}

/* Ends what a failed checkpoint left half done: no transaction may begin before. */
static bool
settle(struct apply *a)
{
	int rc;

	a->exec.authorizer.internal = true;
	a->exec.entry.steps_left = INT64_MAX;
	rc = store_settle(a->store);
	a->exec.authorizer.internal = false;
	if (rc != SQLITE_OK)
		a->machine_code = rc;
	return (rc == SQLITE_OK);
}

/* Makes some progress: a batch, or one entry alone.  Returns how many, 0 if the machine failed. */
static size_t
advance(struct apply *a, const struct apply_entry *e, size_t n)
{
	enum batch_status status;
	size_t count = 0;

	if (n > APPLY_ENTRIES_MAX)
		n = APPLY_ENTRIES_MAX;
	if (!a->careful && a->alone.index != e->index) {
		status = run_batch(a, e, n, &count);
		/* What came before the entry that spoilt it can still go together. */
		if (status == BATCH_GIVE_UP && count > 0)
			status = run_batch(a, e, count, &count);
		if (status == BATCH_MACHINE)
			return (0);
		if (status == BATCH_OK && count > 0)
			return (count);
	}
	return (run_alone(a, e) ? 1 : 0);
}

size_t
apply_batch(struct apply *a, const struct apply_entry *e, size_t n, int *machine_code)
{
	size_t done = 0, count;

	*machine_code = SQLITE_OK;
	while (done < n) {
		assert(e[done].index > a->state.index);
		count = settle(a) ? advance(a, e + done, n - done) : 0;
		if (count == 0) {
			*machine_code = a->machine_code;
			note_machine_failure(a, e + done);
			break;
		}
		done += count;
	}
	return (done);
}

struct apply *
apply_new(struct store *store, const struct apply_config *config, struct error *e)
{
	struct store_position position;
	struct apply *a = calloc(1, sizeof(*a));
	int rc;

	if (a == NULL)
		fatal("calloc");
	a->store = store;
	a->config = *config;
	store_get_position(store, &position);
	a->state = (struct applier_state){
		.index = position.index,
		.term = position.term,
		.chain = position.chain,
		.rowid = position.rowid,
		.changes = position.changes,
		.total = position.total,
	};
	a->exec.tally.rowid = position.rowid;
	a->exec.tally.changes = position.changes;
	a->exec.tally.total = position.total;
	rc = exec_attach(&a->exec, store_db(store), config->foreign_keys);
	if (rc != SQLITE_OK) {
		(void)error_set(e, "database: %s", sqlite3_errstr(rc));
		apply_free(a);
		return (NULL);
	}
	return (a);
}

void
apply_free(struct apply *a)
{
	size_t i;

	for (i = 0; i < APPLIER_STATEMENT__COUNT; i++)
		sqlite3_finalize(a->statements[i]);
	exec_fini(&a->exec);
	buf_fini(&a->results);
	free(a);
}

uint64_t
apply_index(const struct apply *a)
{
	return (a->state.index);
}

uint64_t
apply_chain(const struct apply *a)
{
	return (a->state.chain);
}

int
apply_checkpoint(struct apply *a)
{
	int rc;

	/* Its statements are ours: nothing of them is forbidden, noted or counted. */
	a->exec.authorizer.internal = true;
	a->exec.entry.steps_left = INT64_MAX;
	rc = store_checkpoint(a->store);
	a->exec.authorizer.internal = false;
	return (rc);
}
