/*
 * Entries in batches against the same entries one by one: results, counters,
 * chain and content of the database must be equal, whatever the SQL.  The second
 * node is also closed and opened again at random, so that nothing may depend on
 * what its connection has lived through.
 *
 * Seeds are fresh and printed; RQLITED_SEED repeats one, RQLITED_FULL=1 runs 4,000 scripts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "proc/sql/applier.h"
#include "proc/sql/sqlvfs.h"
#include "proc/sql/store.h"
#include "proto/command.h"
#include "tests/storage/script.h"

#define ENTRIES 60 /* of a script */
#define SCRIPTS 150
#define SCRIPTS_FULL 4000

struct node {
	const char *name;
	char path[256];
	struct file_dir *dir;
	struct store *store;
	struct apply *apply;
	bool foreign_keys;
	struct buf results[ENTRIES + 2]; /* by index */
};

static void
on_result(void *arg, const struct apply_entry *e, const struct buf *results, const char *error)
{
	struct node *node = arg;
	struct buf *b = &node->results[e->index];

	b->len = 0;
	buf_add(b, buf_bytes(results), buf_size(results));
	if (error != NULL)
		buf_printf(b, " error %s", error);
	buf_add_u8(b, 0);
}

static void
node_open(struct node *node)
{
	struct apply_config config = {
		.foreign_keys = node->foreign_keys,
		.result = on_result,
		.arg = node,
	};
	struct store_config store = { .path = node->path };
	struct error e;

	node->dir = file_dir_open(node->path);
	if (node->dir == NULL)
		fatal("%s", node->path);
	store.dir = node->dir;
	node->store = store_pick(&store, &e);
	if (node->store == NULL || store_open(node->store, &e) == -1)
		fatalx("%s: %s", node->path, e.text);
	node->apply = apply_new(node->store, &config, &e);
	if (node->apply == NULL)
		fatalx("%s", e.text);
}

static void
node_close(struct node *node)
{
	apply_free(node->apply);
	store_close(node->store);
	file_dir_close(node->dir);
}

static void
node_start(struct node *node, const char *name, bool foreign_keys)
{
	node->name = name;
	node->foreign_keys = foreign_keys;
	snprintf(node->path, sizeof(node->path), "%s/rqlited-batch-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(node->path) == NULL)
		fatal("mkdtemp");
	node_open(node);
}

static void
unlink_each(void *arg, const char *name)
{
	struct node *node = arg;

	(void)node->dir->ops->unlink(node->dir, name);
}

static void
node_remove(struct node *node)
{
	node_close(node);
	node->dir = file_dir_open(node->path);
	if (node->dir != NULL) {
		(void)node->dir->ops->list(node->dir, unlink_each, node);
		file_dir_close(node->dir);
	}
	(void)rmdir(node->path);
}

static void
add_rows(struct buf *b, sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;
	int i;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return;
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		for (i = 0; i < sqlite3_column_count(stmt); i++) {
			buf_printf(b, "%d:", sqlite3_column_type(stmt, i));
			if (sqlite3_column_type(stmt, i) != SQLITE_NULL) {
				const void *value = sqlite3_column_blob(stmt, i);

				buf_add(b, value, (size_t)sqlite3_column_bytes(stmt, i));
			}
			buf_add_u8(b, '|');
		}
		buf_add_u8(b, '\n');
	}
	sqlite3_finalize(stmt);
}

/* All content, rowids included. */
static void
dump(struct node *node, struct buf *b)
{
	sqlite3 *db = store_db(node->store);
	sqlite3_stmt *stmt;
	char sql[256];

	b->len = 0;
	add_rows(b, db, "SELECT type, name, sql FROM sqlite_schema");
	add_rows(b, db, "PRAGMA user_version");
	if (sqlite3_prepare_v2(db, "SELECT name FROM sqlite_schema WHERE type = 'table'", -1, &stmt,
		NULL) != SQLITE_OK)
		fatalx("dump: %s", sqlite3_errmsg(db));
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		buf_printf(b, "table %s\n", sqlite3_column_text(stmt, 0));
		snprintf(
		    sql, sizeof(sql), "SELECT rowid, * FROM \"%s\"", sqlite3_column_text(stmt, 0));
		add_rows(b, db, sql);
		snprintf(sql, sizeof(sql), "SELECT * FROM \"%s\"", sqlite3_column_text(stmt, 0));
		add_rows(b, db, sql);
	}
	sqlite3_finalize(stmt);
	buf_add_u8(b, 0);
}

struct script {
	uint64_t seed;
	size_t count; /* of entries that are run */
	struct buf commands[ENTRIES];
	struct apply_entry entries[ENTRIES];
};

static void
script_make(struct script *s)
{
	uint64_t seed = s->seed;
	size_t i;

	for (i = 0; i < ENTRIES; i++) {
		s->commands[i].len = 0;
		if (i == 0)
			script_add_schema(&s->commands[i]);
		else
			script_add_command(&s->commands[i], &seed);
		s->entries[i] = (struct apply_entry){
			.index = i + 1,
			.term = 1,
			.time_ns = 1700000000000000000 + (int64_t)i * 1000000000,
			.seed = script_random(&seed),
			.vm_steps = 40000 + script_random(&seed) % 100000,
			.type = i % 17 == 5 ? APPLY_NOOP : APPLY_COMMAND,
			.command = s->commands[i].data,
			.len = s->commands[i].len,
			.origin = s,
		};
	}
}

static void
apply_all(struct node *node, const struct apply_entry *e, size_t n)
{
	int code;

	if (apply_batch(node->apply, e, n, &code) != n)
		fatalx("%s: entry %d: machine failure %d", node->name,
		    (int)apply_index(node->apply) + 1, code);
}

/* Checkpoints come when they come, and must not show. */
static void
maybe_checkpoint(struct node *node, uint64_t *seed)
{
	if (script_random(seed) % 10 == 0 && apply_checkpoint(node->apply) != SQLITE_OK)
		fatalx("%s: no checkpoint", node->name);
}

static void
run_in_batches(struct node *node, const struct script *s, uint64_t seed)
{
	size_t i, n;

	for (i = 0; i < s->count; i += n) {
		n = 1 + script_random(&seed) % (script_random(&seed) % 4 == 0 ? 4 : ENTRIES);
		if (n > s->count - i)
			n = s->count - i;
		apply_all(node, &s->entries[i], n);
		maybe_checkpoint(node, &seed);
	}
}

static void
run_one_by_one(struct node *node, const struct script *s, uint64_t seed)
{
	struct apply_entry e;
	size_t i;

	for (i = 0; i < s->count; i++) {
		e = s->entries[i];
		/* A follower prints no results; they must not matter. */
		if (script_random(&seed) % 16 == 0) {
			e.origin = NULL;
			node->results[e.index].len = 0;
		}
		node->apply->careful = true;
		apply_all(node, &e, 1);
		maybe_checkpoint(node, &seed);
		if (script_random(&seed) % 12 == 0) {
			node_close(node);
			node_open(node);
		}
	}
}

static void
print_difference(const char *a, const char *b)
{
	const char *line_a = a, *line_b = b;

	for (; *a == *b && *a != '\0'; a++, b++)
		if (*a == '\n') {
			line_a = a + 1;
			line_b = b + 1;
		}
	printf("  batch: %.*s\n  alone: %.*s\n", (int)strcspn(line_a, "\n"), line_a,
	    (int)strcspn(line_b, "\n"), line_b);
}

/* What differs between the nodes, NULL if nothing does. */
static const char *
compare(struct node *a, struct node *b, const struct script *s)
{
	struct buf x = BUF_INIT, y = BUF_INIT;
	const struct applier_state *m = &a->apply->state, *n = &b->apply->state;
	const char *what = NULL;
	size_t i;

	dump(a, &x);
	dump(b, &y);
	if (strcmp((char *)x.data, (char *)y.data) != 0) {
		what = "dumps";
		print_difference((char *)x.data, (char *)y.data);
	}
	if (m->chain != n->chain)
		what = "chains";
	if (m->total != n->total || m->changes != n->changes || m->rowid != n->rowid)
		what = "counters";
	for (i = 1; i <= s->count; i++)
		if (b->results[i].len > 0 &&
		    strcmp((char *)a->results[i].data, (char *)b->results[i].data) != 0) {
			what = "results";
			printf("  entry %zu\n", i);
			print_difference((char *)a->results[i].data, (char *)b->results[i].data);
		}
	buf_fini(&x);
	buf_fini(&y);
	return (what);
}

static const char *
run_script(struct script *s, struct node *a, struct node *b)
{
	const char *what;

	node_start(a, "batch", s->seed % 2 == 0);
	node_start(b, "alone", s->seed % 2 == 0);
	run_in_batches(a, s, s->seed ^ 0x5555);
	run_one_by_one(b, s, s->seed ^ 0xaaaa);
	what = compare(a, b, s);
	node_remove(a);
	node_remove(b);
	return (what);
}

static void
print_entry(const struct apply_entry *e)
{
	struct command c;
	struct command_statement s;

	if (!command_open(&c, e->command, e->len))
		return;
	printf("  entry %d kind %d flags %x\n", (int)e->index, c.kind, c.flags);
	while (command_next(&c, &s))
		printf("    %.*s (%u parameters)\n", (int)s.sql_len, s.sql, s.parameters);
}

/* Finds the first entry after which the nodes differ. */
static void
explain(struct script *s, struct node *a, struct node *b)
{
	const char *what = NULL;

	for (s->count = 1; s->count < ENTRIES && what == NULL; s->count++)
		what = run_script(s, a, b);
	s->count -= what != NULL;
	what = run_script(s, a, b);
	if (what == NULL)
		what = "only longer runs";
	printf("seed %llu: %s differ after\n", (unsigned long long)s->seed, what);
	print_entry(&s->entries[s->count - 1]);
	printf("  batch: %.1000s\n  alone: %.1000s\n", (char *)a->results[s->count].data,
	    (char *)b->results[s->count].data);
}

static int
check_script(struct script *s)
{
	static struct node a, b;

	script_make(s);
	s->count = ENTRIES;
	if (run_script(s, &a, &b) == NULL)
		return (0);
	explain(s, &a, &b);
	return (1);
}

int
main(void)
{
	static struct script s;
	const char *one = getenv("RQLITED_SEED"), *full = getenv("RQLITED_FULL");
	int scripts = full != NULL ? SCRIPTS_FULL : SCRIPTS, failures = 0, i;
	uint64_t seed = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();

	sqlvfs_init();
	if (one != NULL) {
		s.seed = strtoull(one, NULL, 10);
		return (check_script(&s));
	}
	printf("first seed %llu, %d scripts of %d entries\n", (unsigned long long)seed, scripts,
	    ENTRIES);
	for (i = 0; i < scripts && failures < 3; i++) {
		s.seed = seed + (uint64_t)i;
		failures += check_script(&s);
	}
	printf("%d scripts, %d differ\n", i, failures);
	return (failures != 0);
}
