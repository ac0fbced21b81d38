/* Random commands; see script.h. */
#include "tests/storage/script.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "proto/command.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const schema[] = {
	"CREATE TABLE t(id INTEGER PRIMARY KEY, a, b UNIQUE, CHECK(a IS NULL OR a <> 13))",
	"CREATE TABLE u(id INTEGER PRIMARY KEY AUTOINCREMENT, a DEFAULT (random()), at DEFAULT "
	"CURRENT_TIMESTAMP)",
	"CREATE TABLE p(id INTEGER PRIMARY KEY)",
	"CREATE TABLE c(pid INTEGER REFERENCES p(id) DEFERRABLE INITIALLY DEFERRED)",
	"CREATE TABLE n(pid INTEGER REFERENCES p(id) ON DELETE CASCADE)",
	"CREATE TABLE log(m, x)",
	"CREATE TRIGGER ta AFTER INSERT ON t BEGIN INSERT INTO log VALUES('t', changes()); END",
	"CREATE TRIGGER tb BEFORE UPDATE ON t WHEN new.a = 7 BEGIN SELECT RAISE(ROLLBACK, "
	"'seven'); END",
	"CREATE TRIGGER tc BEFORE UPDATE ON t WHEN new.a = 8 BEGIN SELECT RAISE(FAIL, 'eight'); "
	"END",
	"CREATE TRIGGER td BEFORE UPDATE ON t WHEN new.a = 9 BEGIN SELECT RAISE(ABORT, 'nine'); "
	"END",
	"CREATE TRIGGER te BEFORE UPDATE ON t WHEN new.a = 10 BEGIN SELECT RAISE(IGNORE); END",
	"CREATE TRIGGER tf AFTER DELETE ON t BEGIN UPDATE log SET x = x + 1 WHERE m = 'd';"
	" INSERT INTO log VALUES('d', total_changes()); INSERT INTO log SELECT 'c', changes(); END",
	"CREATE VIEW v AS SELECT id, a FROM t",
	"CREATE TRIGGER vi INSTEAD OF INSERT ON v BEGIN INSERT INTO t(a) VALUES(new.a); END",
	"CREATE VIRTUAL TABLE f USING fts5(body)",
};

/* %d becomes a small number. */
static const char *const writes[] = {
	"INSERT INTO t(id, a, b) VALUES(%d, %d, %d)",
	"INSERT INTO t(a, b) VALUES(%d, NULL)",
	"INSERT INTO t(a, b) VALUES(?, ?)",
	"INSERT INTO t(id, a, b) VALUES(?, ?, ?)",
	"INSERT OR REPLACE INTO t(id, a, b) VALUES(%d, %d, %d)",
	"INSERT OR IGNORE INTO t(id, a, b) VALUES(%d, 1, %d),(%d, 2, %d)",
	"INSERT OR FAIL INTO t(id, a) VALUES(%d, 1),(%d, 2),(%d, 3)",
	"INSERT OR ABORT INTO t(id, a) VALUES(%d, 1),(%d, 2),(%d, 3)",
	"INSERT OR ROLLBACK INTO t(id, a) VALUES(%d, 1),(%d, 2)",
	"REPLACE INTO t(id, b) VALUES(%d, %d)",
	"INSERT INTO t(id, b) VALUES(%d, %d) ON CONFLICT DO UPDATE SET a = excluded.b",
	"INSERT INTO t(id, b) VALUES(%d, %d) ON CONFLICT DO NOTHING RETURNING id, b",
	"UPDATE t SET a = %d WHERE id = %d",
	"UPDATE t SET a = a + 1",
	"UPDATE OR FAIL t SET id = %d WHERE id > %d",
	"UPDATE OR ROLLBACK t SET b = %d",
	"UPDATE t SET b = random() WHERE id < %d RETURNING id, b",
	"DELETE FROM t WHERE id = %d",
	"DELETE FROM t WHERE id < %d RETURNING *",
	"DELETE FROM t",
	"INSERT INTO u DEFAULT VALUES",
	"INSERT INTO u(id) VALUES(%d)",
	"INSERT INTO u(a) VALUES(randomblob(%d))",
	"INSERT INTO u(a) SELECT changes() + total_changes() UNION ALL SELECT last_insert_rowid()",
	"INSERT INTO u(id) VALUES(9223372036854775807)",
	"DELETE FROM u",
	"INSERT INTO p VALUES(%d)",
	"DELETE FROM p WHERE id = %d",
	"INSERT INTO c VALUES(%d)",
	"DELETE FROM c WHERE pid = %d",
	"UPDATE c SET pid = %d",
	"INSERT INTO n VALUES(%d)",
	"INSERT INTO v(a) VALUES(%d)",
	"WITH x(i) AS (VALUES(%d),(%d)) INSERT INTO log SELECT 'w', i FROM x",
	"INSERT INTO log SELECT datetime('now'), hex(randomblob(2))",
	"INSERT INTO log SELECT 'o', id FROM t ORDER BY random() LIMIT 2",
	"INSERT INTO log VALUES('k', changes()), ('l', total_changes()), ('r', "
	"last_insert_rowid())",
	"INSERT INTO f VALUES('word%d other')",
	"DELETE FROM f WHERE f MATCH 'word%d'",
	"INSERT INTO f(f) VALUES('optimize')",
	"INSERT INTO log SELECT 'i', name FROM pragma_index_list('t')",
	"INSERT INTO log SELECT 'q', name FROM pragma_table_list",
	"INSERT INTO log SELECT 'g', name FROM pragma_function_list LIMIT 300",
	"INSERT INTO log SELECT 'h', pageno FROM dbstat WHERE name = 't'",
	"INSERT INTO x%d VALUES(1)",
	"INSERT INTO nope VALUES(1)",
	"INSERT INTO t(id) SELECT abs(-9223372036854775808)",
	"INSERT INTO t VALUES(1)",
	"INSERT INTO t(id) VALUES('word')",
	"SELEC",
	"INSERT INTO log WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < "
	"9000) SELECT 'big', count(*) FROM r",
};

static const char *const reads[] = {
	"SELECT * FROM t",
	"SELECT changes(), total_changes(), last_insert_rowid()",
	"SELECT random(), datetime('now')",
	"SELECT count(*) FROM x%d",
	"SELECT abs(-9223372036854775808)",
	"SELECT a FROM t WHERE id = %d",
	"SELECT ?",
	"SELECT body FROM f WHERE f MATCH 'other'",
	"SELECT name FROM sqlite_schema",
	"WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 9000) SELECT "
	"count(*) FROM r",
};

static const char *const definitions[] = {
	"CREATE TABLE x%d(a)",
	"CREATE TABLE IF NOT EXISTS x%d(a, b)",
	"CREATE TABLE x%d AS SELECT * FROM t",
	"DROP TABLE x%d",
	"DROP TABLE IF EXISTS x%d",
	"ALTER TABLE x%d ADD COLUMN z%d",
	"ALTER TABLE x%d RENAME TO x%d",
	"CREATE INDEX i%d ON t(a)",
	"DROP INDEX i%d",
	"CREATE UNIQUE INDEX j%d ON log(m)",
	"CREATE VIRTUAL TABLE x%d USING fts5(a)",
	"CREATE TRIGGER z%d AFTER INSERT ON u BEGIN INSERT INTO log VALUES('z%d', new.id); END",
	"CREATE TRIGGER y%d AFTER INSERT ON u BEGIN INSERT INTO log VALUES('y%d', new.id); END",
	"DROP TRIGGER z%d",
	"ALTER TABLE u RENAME TO u2",
	"ALTER TABLE u2 RENAME TO u",
	"ALTER TABLE t ADD COLUMN w%d",
	"DROP TABLE p",
	"CREATE TABLE IF NOT EXISTS p(id INTEGER PRIMARY KEY)",
};

static const char *const solos[] = {
	"BEGIN",
	"COMMIT",
	"END",
	"ROLLBACK",
	"BEGIN IMMEDIATE",
	"SAVEPOINT s",
	"RELEASE s",
	"ROLLBACK TO s",
	"VACUUM",
	"ANALYZE",
	"ANALYZE t",
	"REINDEX",
	"PRAGMA optimize",
	"PRAGMA user_version=%d",
	"PRAGMA foreign_keys=ON",
	"PRAGMA foreign_keys=OFF",
	"PRAGMA defer_foreign_keys=1",
	"PRAGMA recursive_triggers=1",
	"PRAGMA ignore_check_constraints=1",
	"PRAGMA case_sensitive_like=1",
	"PRAGMA reverse_unordered_selects=1",
	"PRAGMA synchronous=0",
	"PRAGMA journal_mode=DELETE",
	"CREATE TEMP TABLE tt(a)",
	"INSERT INTO tt VALUES(%d)",
	"INSERT INTO temp.tt VALUES(%d)",
	"CREATE TEMP TABLE t(a)",
	"CREATE TEMP TRIGGER tg AFTER INSERT ON log BEGIN SELECT RAISE(ABORT, 'temp'); END",
	"CREATE TEMP VIEW tv AS SELECT 1",
	"SELECT * FROM temp.tt",
	"ATTACH ':memory:' AS m",
	"DETACH m",
	"SELECT * FROM pragma_table_info('t')",
};

uint64_t
script_random(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (*seed * 0x2545f4914f6cdd1d >> 16);
}

static uint64_t
below(uint64_t *seed, uint64_t n)
{
	return (script_random(seed) % n);
}

/* A statement of some kind with its numbers drawn. */
static void
draw(uint64_t *seed, char *out, size_t size)
{
	uint64_t kind = below(seed, 100);
	const char *text;
	size_t n = 0;

	if (kind < 68)
		text = writes[below(seed, COUNT(writes))];
	else if (kind < 82)
		text = reads[below(seed, COUNT(reads))];
	else if (kind < 94)
		text = definitions[below(seed, COUNT(definitions))];
	else
		text = solos[below(seed, COUNT(solos))];
	for (; *text != '\0' && n + 8 < size; text++) {
		if (text[0] == '%' && text[1] == 'd') {
			n += (size_t)snprintf(out + n, size - n, "%d", (int)below(seed, 14));
			text++;
		} else
			out[n++] = *text;
	}
	out[n] = '\0';
}

static void
add_statement(struct buf *b, uint64_t *seed)
{
	struct command_parameter p = { .type = COMMAND_INTEGER };
	char sql[1024], more[512];
	uint32_t parameters = (uint32_t)below(seed, 4), i;
	size_t at;

	draw(seed, sql, 512);
	while (below(seed, 12) == 0 && strlen(sql) < 512) {
		draw(seed, more, sizeof(more));
		strncat(sql, ";", sizeof(sql) - strlen(sql) - 1);
		strncat(sql, more, sizeof(sql) - strlen(sql) - 1);
	}
	if (below(seed, 20) == 0)
		strncat(
		    sql, below(seed, 2) == 0 ? "; -- tail" : ";;", sizeof(sql) - strlen(sql) - 1);
	at = command_add_statement(b, sql, below(seed, 50) == 0 ? 0 : (uint32_t)strlen(sql));
	for (i = 0; i < parameters; i++) {
		p.integer = (int64_t)below(seed, 14);
		command_add_parameter(b, &p);
	}
	command_set_parameters(b, at, parameters);
}

void
script_add_schema(struct buf *b)
{
	size_t i;

	command_begin(b, COMMAND_EXECUTE, 0, 0);
	for (i = 0; i < COUNT(schema); i++)
		(void)command_add_statement(b, schema[i], (uint32_t)strlen(schema[i]));
	command_set_statements(b, 0, COUNT(schema));
}

void
script_add_command(struct buf *b, uint64_t *seed)
{
	uint32_t count = below(seed, 3) != 0 ? 1 : 1 + (uint32_t)below(seed, 5), i;
	enum command_kind kind = below(seed, 3) == 0 ? COMMAND_REQUEST : COMMAND_EXECUTE;
	uint16_t flags = 0;

	if (below(seed, 3) == 0)
		flags |= COMMAND_TRANSACTION;
	if (below(seed, 8) == 0)
		flags |= COMMAND_ASSOCIATIVE;
	command_begin(b, kind, flags, 0);
	for (i = 0; i < count; i++)
		add_statement(b, seed);
	command_set_statements(b, 0, count);
}
