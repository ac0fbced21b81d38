/*
 * The display of /db/sql: a table of statements and what rqlite shows for each,
 * the texts of errors, what is deep or long, and the page.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "proc/sql/parse/sqlparse.h"
#include "proc/sql/sqlpage.h"
#include "proto/command.h"

#define DAY 2461368.678231

struct row {
	const char *sql, *shown;
};

/* As rqlite answers. */
static const struct row recorded[] = {
	/* literals and names */
	{ "SELECT 1", "SELECT 1" },
	{ "select a from b", "SELECT \"a\" FROM \"b\"" },
	{ "SELECT a, \"B\", `c`, main.t.c FROM t",
	    "SELECT \"a\", \"B\", \"c\", \"main\".\"t\".\"c\" FROM \"t\"" },
	{ "SELECT 'it''s', x'00FF', X'aB', 1.50, 1e3, -1, NULL, TRUE, false",
	    "SELECT 'it''s', x'00FF', x'aB', 1.50, 1e3, -1, NULL, TRUE, FALSE" },
	{ "SELECT \"a\"\"b\"", "SELECT \"a\"\"b\"" },
	{ "SELECT t.* FROM t", "SELECT \"t\".* FROM \"t\"" },
	{ "SELECT *", "SELECT *" },
	{ "SELECT a AS b, a b FROM t AS u",
	    "SELECT \"a\" AS \"b\", \"a\" AS \"b\" FROM \"t\" AS \"u\"" },
	{ "SELECT '\303\251', \"\303\251\"", "SELECT '\303\251', \"\303\251\"" },
	{ "SELECT 0x10", "SELECT 0x10" },
	{ "SELECT .5, 5., 1E-3", "SELECT .5, 5., 1E-3" },
	{ "SELECT :a, @b, $c, ?, ?7", "SELECT :a, @b, $c, ?, ?7" },

	/* operators */
	{ "SELECT a==1, a<>1, a!=1, a=1", "SELECT \"a\" = 1, \"a\" != 1, \"a\" != 1, \"a\" = 1" },
	{ "SELECT a ISNULL, a NOTNULL, a IS NOT NULL, a IS NULL, a NOT NULL",
	    "SELECT \"a\" IS NULL, \"a\" NOT NULL, \"a\" NOT NULL, \"a\" IS NULL, \"a\" NOT NULL" },
	{ "SELECT -a, +a, ~a, NOT a, - -1", "SELECT -\"a\", +\"a\", ~\"a\", NOT \"a\", --1" },
	{ "SELECT a||b, a+b*c, (a+b)*c, a%b, a<<1, a&b|c",
	    "SELECT \"a\" || \"b\", \"a\" + \"b\" * \"c\", (\"a\" + \"b\") * \"c\", \"a\" % \"b\", "
	    "\"a\" << 1, \"a\" & \"b\" | \"c\"" },
	{ "SELECT a AND b OR NOT c", "SELECT \"a\" AND \"b\" OR NOT \"c\"" },
	{ "SELECT a IN (1,2), a NOT IN (1,2), a IN (SELECT 1), a IN t",
	    "SELECT \"a\" IN (1, 2), \"a\" NOT IN (1, 2), \"a\" IN (SELECT 1), \"a\" IN \"t\"" },
	{ "SELECT a BETWEEN 1 AND 2, a NOT BETWEEN 1 AND 2",
	    "SELECT \"a\" BETWEEN 1 AND 2, \"a\" NOT BETWEEN 1 AND 2" },
	{ "SELECT a LIKE 'x', a NOT LIKE 'x', a GLOB 'x', a REGEXP 'x', a MATCH 'x'",
	    "SELECT \"a\" LIKE 'x', \"a\" NOT LIKE 'x', \"a\" GLOB 'x', \"a\" REGEXP 'x', \"a\" "
	    "MATCH 'x'" },
	{ "SELECT a IS 1, a IS NOT 1", "SELECT \"a\" IS 1, \"a\" IS NOT 1" },
	{ "SELECT a -> 'x', a ->> 'x'", "SELECT \"a\" -> 'x', \"a\" ->> 'x'" },
	{ "SELECT a COLLATE nocase", "SELECT \"a\" COLLATE \"nocase\"" },

	/* expressions */
	{ "SELECT count(*), COUNT( * ), count(DISTINCT a), max(a,b)",
	    "SELECT count(*), COUNT(*), count(DISTINCT \"a\"), max(\"a\", \"b\")" },
	{ "SELECT CASE a WHEN 1 THEN 'x' ELSE 'y' END, case when a then b end",
	    "SELECT CASE \"a\" WHEN 1 THEN 'x' ELSE 'y' END, CASE WHEN \"a\" THEN \"b\" END" },
	{ "SELECT CAST(a AS TEXT), cast(a as varchar(10))",
	    "SELECT CAST(\"a\" AS TEXT), CAST(\"a\" AS varchar(10))" },
	{ "SELECT EXISTS(SELECT 1), NOT EXISTS(SELECT 1)",
	    "SELECT EXISTS (SELECT 1), NOT EXISTS (SELECT 1)" },
	{ "SELECT (SELECT 1), (1), (1,2)", "SELECT (SELECT 1), (1), (1, 2)" },
	{ "SELECT sum(a) OVER (PARTITION BY b ORDER BY c), row_number() OVER w FROM t WINDOW w AS "
	  "(ORDER BY a)",
	    "SELECT sum(\"a\") OVER (PARTITION BY \"b\" ORDER BY \"c\"), row_number() OVER \"w\" "
	    "FROM \"t\" WINDOW \"w\" AS (ORDER BY \"a\")" },
	{ "SELECT sum(a) FILTER (WHERE a>1) FROM t",
	    "SELECT sum(\"a\") FILTER (WHERE \"a\" > 1) FROM \"t\"" },
	{ "SELECT group_concat(a, ',') FROM t", "SELECT group_concat(\"a\", ',') FROM \"t\"" },
	{ "SELECT iif(a,b,c), coalesce(a,b)",
	    "SELECT iif(\"a\", \"b\", \"c\"), coalesce(\"a\", \"b\")" },
	{ "SELECT RAISE(ABORT,'x')", "SELECT RAISE(ABORT, 'x')" },

	/* select clauses */
	{ "SELECT DISTINCT a FROM t WHERE a>1 GROUP BY a HAVING count(*)>1 ORDER BY a DESC, b ASC "
	  "LIMIT 5 OFFSET 2",
	    "SELECT DISTINCT \"a\" FROM \"t\" WHERE \"a\" > 1 GROUP BY \"a\" HAVING count(*) > 1 "
	    "ORDER BY \"a\" DESC, \"b\" ASC LIMIT 5 OFFSET 2" },
	{ "SELECT a FROM t LIMIT 5, 10", "SELECT \"a\" FROM \"t\" LIMIT 5 OFFSET 10" },
	{ "SELECT ALL a FROM t", "SELECT ALL \"a\" FROM \"t\"" },
	{ "SELECT a FROM t ORDER BY a COLLATE nocase NULLS LAST",
	    "SELECT \"a\" FROM \"t\" ORDER BY \"a\" COLLATE \"nocase\" NULLS LAST" },
	{ "SELECT 1 UNION SELECT 2 UNION ALL SELECT 3 EXCEPT SELECT 4 INTERSECT SELECT 5",
	    "SELECT 1 UNION SELECT 2 UNION ALL SELECT 3 EXCEPT SELECT 4 INTERSECT SELECT 5" },
	{ "VALUES (1,2),(3,4)", "VALUES (1, 2), (3, 4)" },
	{ "WITH x AS (SELECT 1), y(a) AS (SELECT 2) SELECT * FROM x, y",
	    "WITH \"x\" AS (SELECT 1), \"y\" (\"a\") AS (SELECT 2) SELECT * FROM \"x\", \"y\"" },
	{ "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT i FROM n",
	    "WITH RECURSIVE \"n\" (\"i\") AS (SELECT 1 UNION ALL SELECT \"i\" + 1 FROM \"n\") "
	    "SELECT \"i\" FROM \"n\"" },
	{ "WITH x AS MATERIALIZED (SELECT 1) SELECT * FROM x",
	    "WITH \"x\" AS MATERIALIZED (SELECT 1) SELECT * FROM \"x\"" },

	/* right join is misread */
	{ "SELECT * FROM a RIGHT JOIN b ON 1", "SELECT * FROM \"a\" AS \"RIGHT\" JOIN \"b\" ON 1" },

	/* writes */
	{ "insert into foo(v) values (1)", "INSERT INTO \"foo\" (\"v\") VALUES (1)" },
	{ "INSERT INTO t VALUES(1),(2)", "INSERT INTO \"t\" VALUES (1), (2)" },
	{ "INSERT INTO t DEFAULT VALUES", "INSERT INTO \"t\" DEFAULT VALUES" },
	{ "INSERT OR REPLACE INTO t(a) VALUES(1)",
	    "INSERT OR REPLACE INTO \"t\" (\"a\") VALUES (1)" },
	{ "REPLACE INTO t VALUES(1)", "REPLACE INTO \"t\" VALUES (1)" },
	{ "INSERT INTO t SELECT * FROM u", "INSERT INTO \"t\" SELECT * FROM \"u\"" },
	{ "INSERT INTO t(a) VALUES(1) ON CONFLICT(a) DO UPDATE SET b=excluded.b WHERE b>1",
	    "INSERT INTO \"t\" (\"a\") VALUES (1) ON CONFLICT (\"a\") DO UPDATE SET \"b\" = "
	    "\"excluded\".\"b\" WHERE \"b\" > 1" },
	{ "INSERT INTO t(a) VALUES(1) ON CONFLICT DO NOTHING",
	    "INSERT INTO \"t\" (\"a\") VALUES (1) ON CONFLICT DO NOTHING" },
	{ "INSERT INTO t(a) VALUES(1) RETURNING *",
	    "INSERT INTO \"t\" (\"a\") VALUES (1) RETURNING *" },
	{ "UPDATE t SET a=1, b=b+1 WHERE c=2",
	    "UPDATE \"t\" SET \"a\" = 1, \"b\" = \"b\" + 1 WHERE \"c\" = 2" },
	{ "UPDATE OR IGNORE t SET a=1", "UPDATE OR IGNORE \"t\" SET \"a\" = 1" },
	{ "DELETE FROM t WHERE a=1", "DELETE FROM \"t\" WHERE \"a\" = 1" },
	{ "DELETE FROM t", "DELETE FROM \"t\"" },
	{ "INSERT INTO t AS x VALUES(1)", "INSERT INTO \"t\" AS \"x\" VALUES (1)" },
	{ "UPDATE t SET (a,b)=(1,2)", "UPDATE \"t\" SET (\"a\", \"b\") = (1, 2)" },
	{ "UPDATE t SET a=u.b FROM u", "UPDATE \"t\" SET \"a\" = \"u\".\"b\" FROM \"u\"" },

	/* returning dropped */
	{ "UPDATE t SET a=1 RETURNING *", "UPDATE \"t\" SET \"a\" = 1" },
	{ "DELETE FROM t RETURNING a", "DELETE FROM \"t\"" },
	{ "DELETE FROM a WHERE t<date('now') RETURNING *",
	    "DELETE FROM \"a\" WHERE \"t\" < date(2461368.678231)" },

	/* other statements */
	{ "BEGIN", "BEGIN" },
	{ "BEGIN IMMEDIATE TRANSACTION", "BEGIN IMMEDIATE TRANSACTION" },
	{ "COMMIT", "COMMIT" },
	{ "END", "END" },
	{ "ROLLBACK", "ROLLBACK" },
	{ "SAVEPOINT s", "SAVEPOINT \"s\"" },
	{ "RELEASE s", "RELEASE \"s\"" },
	{ "ROLLBACK TO s", "ROLLBACK TO \"s\"" },
	{ "EXPLAIN SELECT 1", "EXPLAIN SELECT 1" },
	{ "EXPLAIN QUERY PLAN SELECT 1", "EXPLAIN QUERY PLAN SELECT 1" },
	{ "ANALYZE", "ANALYZE" },
	{ "ANALYZE t", "ANALYZE \"t\"" },
	{ "PRAGMA user_version", "PRAGMA \"user_version\"" },
	{ "PRAGMA user_version=1", "PRAGMA \"user_version\" = 1" },
	{ "PRAGMA table_info(t)", "PRAGMA table_info(\"t\")" },
	{ "PRAGMA main.user_version", "PRAGMA \"main\".\"user_version\"" },

	/* time now */
	{ "SELECT datetime('now')", "SELECT datetime(2461368.678231)" },
	{ "SELECT date('now'), time('NOW'), julianday('Now'), unixepoch('now')",
	    "SELECT date(2461368.678231), time(2461368.678231), julianday(2461368.678231), "
	    "unixepoch(2461368.678231)" },
	{ "SELECT strftime('%s','now')", "SELECT strftime('%s', 2461368.678231)" },
	{ "SELECT strftime('%Y','now','+1 day','localtime')",
	    "SELECT strftime('%Y', 2461368.678231, '+1 day', 'localtime')" },
	{ "INSERT INTO foo(t) VALUES(datetime('now','+1 day'))",
	    "INSERT INTO \"foo\" (\"t\") VALUES (datetime(2461368.678231, '+1 day'))" },
	{ "UPDATE t SET a=datetime('now') WHERE b<date('now')",
	    "UPDATE \"t\" SET \"a\" = datetime(2461368.678231) WHERE \"b\" < "
	    "date(2461368.678231)" },
	{ "SELECT DATETIME('now')", "SELECT DATETIME(2461368.678231)" },
	{ "SELECT timediff('now','2020-01-01'), timediff('2020-01-01','now')",
	    "SELECT timediff(2461368.678231, '2020-01-01'), timediff('2020-01-01', "
	    "2461368.678231)" },
	{ "SELECT date(\"now\")", "SELECT date(2461368.678231)" },
	{ "DELETE FROM t WHERE a<datetime('now','-1 day')",
	    "DELETE FROM \"t\" WHERE \"a\" < datetime(2461368.678231, '-1 day')" },
	{ "SELECT * FROM t ORDER BY date('now')",
	    "SELECT * FROM \"t\" ORDER BY date(2461368.678231)" },
	{ "SELECT (date('now'))", "SELECT (date(2461368.678231))" },
	{ "SELECT CASE WHEN date('now')>1 THEN 1 END",
	    "SELECT CASE WHEN date(2461368.678231) > 1 THEN 1 END" },
	{ "SELECT a FROM t WHERE EXISTS (SELECT 1 WHERE b=date('now'))",
	    "SELECT \"a\" FROM \"t\" WHERE EXISTS (SELECT 1 WHERE \"b\" = date(2461368.678231))" },
	{ "SELECT * FROM (SELECT date('now'))", "SELECT * FROM (SELECT date(2461368.678231))" },
	{ "SELECT 1 UNION SELECT date('now')", "SELECT 1 UNION SELECT date(2461368.678231)" },
	{ "INSERT INTO t SELECT date('now')", "INSERT INTO \"t\" SELECT date(2461368.678231)" },
	{ "INSERT INTO t VALUES(1) ON CONFLICT DO UPDATE SET a=date('now')",
	    "INSERT INTO \"t\" VALUES (1) ON CONFLICT DO UPDATE SET \"a\" = date(2461368.678231)" },
	{ "SELECT count(*) FROM t GROUP BY date('now') HAVING date('now')>1",
	    "SELECT count(*) FROM \"t\" GROUP BY date(2461368.678231) HAVING date(2461368.678231) "
	    "> 1" },
	{ "SELECT * FROM a JOIN b ON a.x=date('now')",
	    "SELECT * FROM \"a\" JOIN \"b\" ON \"a\".\"x\" = date(2461368.678231)" },

	/* time not now */
	{ "SELECT date('2020-01-01')", "SELECT date('2020-01-01')" },
	{ "SELECT date()", "SELECT date()" },
	{ "SELECT datetime(a) FROM t", "SELECT datetime(\"a\") FROM \"t\"" },
	{ "SELECT strftime('now')", "SELECT strftime('now')" },
	{ "SELECT strftime('%s')", "SELECT strftime('%s')" },
	{ "SELECT date('now ')", "SELECT date('now ')" },
	{ "SELECT date(' now')", "SELECT date(' now')" },
	{ "SELECT CURRENT_TIMESTAMP", "SELECT \"CURRENT_TIMESTAMP\"" },
	{ "SELECT timediff('now')", "SELECT timediff('now')" },
	{ "SELECT nowfunc('now')", "SELECT nowfunc('now')" },

	/* time column named now */
	{ "SELECT date(now) FROM t", "SELECT date(2461368.678231) FROM \"t\"" },

	/* random */
	{ "SELECT RANDOM()", "SELECT 81985529216486895" },
	{ "INSERT INTO foo(v) VALUES(RANDOM())",
	    "INSERT INTO \"foo\" (\"v\") VALUES (81985529216486895)" },
	{ "SELECT random()+1, Random()", "SELECT 81985529216486895 + 1, 81985529216486895" },
	{ "SELECT random(1)", "SELECT 81985529216486895" },
	{ "UPDATE t SET a=random()", "UPDATE \"t\" SET \"a\" = 81985529216486895" },
	{ "SELECT * FROM t WHERE a<random()",
	    "SELECT * FROM \"t\" WHERE \"a\" < 81985529216486895" },
	{ "INSERT INTO t VALUES(random()),(random())",
	    "INSERT INTO \"t\" VALUES (81985529216486895), (81985529216486895)" },
	{ "SELECT abs(random() % 10)", "SELECT abs(81985529216486895 % 10)" },

	/* randomblob */
	{ "SELECT randomblob(4)", "SELECT x'EFCDAB89'" },
	{ "INSERT INTO t VALUES(RandomBlob(2))", "INSERT INTO \"t\" VALUES (x'EFCD')" },
	{ "SELECT randomblob(0)", "SELECT x'EF'" },
	{ "SELECT randomblob(-1)", "SELECT randomblob(-1)" },
	{ "SELECT randomblob(a)", "SELECT randomblob(\"a\")" },
	{ "SELECT randomblob('4')", "SELECT randomblob('4')" },
	{ "SELECT * FROM t ORDER BY randomblob(4)", "SELECT * FROM \"t\" ORDER BY randomblob(4)" },

	/* renderer crash */
	{ "SELECT 1", "SELECT 1" },

	/* not executed */
	{ "INSERT INTO t VALUES(1)", "INSERT INTO \"t\" VALUES (1)" },
	{ "DROP TABLE t", "DROP TABLE \"t\"" },
};

/* What the recorded ones do not hold. */
static const struct row more[] = {
	{ "SELECT a LIKE 'x' ESCAPE '!'", "SELECT \"a\" LIKE 'x' ESCAPE '!'" },
	{ "SELECT a FROM t WHERE a NOT LIKE 'x' ESCAPE '!'",
	    "SELECT \"a\" FROM \"t\" WHERE \"a\" NOT LIKE 'x' ESCAPE '!'" },
	{ "  /* a */ SELECT -- b\n 1 ; SELECT 2", "SELECT 1" },
	{ "SELECT (1", "SELECT (1)" },
	{ "SELECT `a``b\"c`", "SELECT \"a`b\"\"c\"" },
	{ "SELECT a BETWEEN 1 AND 2 AND b", "SELECT \"a\" BETWEEN 1 AND 2 AND \"b\"" },
	{ "SELECT a IN (), a IN main.t, a IN f(1)",
	    "SELECT \"a\" IN (), \"a\" IN \"main\".\"t\", \"a\" IN f(1)" },
	{ "SELECT replace(a, 'x', 'y'), key FROM t",
	    "SELECT replace(\"a\", 'x', 'y'), \"key\" FROM \"t\"" },
	{ "SELECT group_concat(a, ',' ORDER BY b DESC)",
	    "SELECT group_concat(\"a\", ',' ORDER BY \"b\" DESC)" },
	{ "SELECT sum(a) FILTER (WHERE a) OVER (w ROWS BETWEEN 1 PRECEDING AND CURRENT ROW "
	  "EXCLUDE NO OTHERS)",
	    "SELECT sum(\"a\") FILTER (WHERE \"a\") OVER (\"w\" ROWS BETWEEN 1 PRECEDING AND "
	    "CURRENT ROW EXCLUDE NO OTHERS)" },
	{ "SELECT * FROM a NATURAL LEFT OUTER JOIN (b CROSS JOIN c) d INDEXED", NULL },
	{ "SELECT * FROM a NATURAL LEFT OUTER JOIN (b CROSS JOIN c) AS d, json_each(a.x) j "
	  "INNER JOIN e NOT INDEXED USING (y, z)",
	    "SELECT * FROM \"a\" NATURAL LEFT OUTER JOIN (\"b\" CROSS JOIN \"c\") AS \"d\", "
	    "json_each(\"a\".\"x\") AS \"j\" INNER JOIN \"e\" NOT INDEXED USING (\"y\", \"z\")" },
	{ "create table t2 ( a , b default (date('2020-01-01')) )",
	    "CREATE TABLE \"t2\" (\"a\", \"b\" DEFAULT (date('2020-01-01')))" },
	{ "CREATE TABLE IF NOT EXISTS main.t(a INTEGER PRIMARY KEY AUTOINCREMENT, "
	  "b varchar(10,2) NOT NULL DEFAULT -1 REFERENCES u(x) ON DELETE SET NULL DEFERRABLE "
	  "INITIALLY DEFERRED, c AS (a+1) STORED, CONSTRAINT k UNIQUE(a,b) ON CONFLICT IGNORE, "
	  "CHECK(a>0)) STRICT, WITHOUT ROWID",
	    "CREATE TABLE IF NOT EXISTS \"main\".\"t\" (\"a\" INTEGER PRIMARY KEY AUTOINCREMENT, "
	    "\"b\" varchar(10, 2) NOT NULL DEFAULT -1 REFERENCES \"u\" (\"x\") ON DELETE SET NULL "
	    "DEFERRABLE INITIALLY DEFERRED, \"c\" AS (\"a\" + 1) STORED, CONSTRAINT \"k\" UNIQUE "
	    "(\"a\", \"b\") ON CONFLICT IGNORE, CHECK (\"a\" > 0)) STRICT, WITHOUT ROWID" },
	{ "CREATE TABLE t AS SELECT 1", "CREATE TABLE \"t\" AS SELECT 1" },
	{ "CREATE UNIQUE INDEX i ON t(a COLLATE nocase DESC) WHERE b",
	    "CREATE UNIQUE INDEX \"i\" ON \"t\" (\"a\" COLLATE \"nocase\" DESC) WHERE \"b\"" },
	{ "CREATE VIEW v(a) AS SELECT 1", "CREATE VIEW \"v\" (\"a\") AS SELECT 1" },
	{ "CREATE VIRTUAL TABLE f USING fts5(a, tokenize = 'x (y)')",
	    "CREATE VIRTUAL TABLE \"f\" USING \"fts5\" (a, tokenize = 'x (y)')" },
	{ "CREATE TRIGGER r AFTER UPDATE OF a, b ON t FOR EACH ROW WHEN new.a "
	  "BEGIN UPDATE t SET a=1; DELETE FROM u; END",
	    "CREATE TRIGGER \"r\" AFTER UPDATE OF \"a\", \"b\" ON \"t\" FOR EACH ROW WHEN "
	    "\"new\".\"a\" BEGIN UPDATE \"t\" SET \"a\" = 1; DELETE FROM \"u\"; END" },
	{ "ALTER TABLE t RENAME a TO b", "ALTER TABLE \"t\" RENAME \"a\" TO \"b\"" },
	{ "ALTER TABLE t ADD COLUMN a INT", "ALTER TABLE \"t\" ADD COLUMN \"a\" INT" },
	{ "DROP INDEX IF EXISTS main.i", "DROP INDEX IF EXISTS \"main\".\"i\"" },
	{ "WITH x AS (SELECT random() AS r) SELECT r, (SELECT random()) FROM x",
	    "WITH \"x\" AS (SELECT random() AS \"r\") SELECT \"r\", (SELECT random()) FROM \"x\"" },
	{ "SELECT a IN (SELECT date('now')), date('now')",
	    "SELECT \"a\" IN (SELECT date('now')), date(2461368.678231)" },
	{ "SELECT date(t.now), date(-now), timediff('now', 'now'), strftime('now', 'now')",
	    "SELECT date(\"t\".\"now\"), date(-\"now\"), timediff(2461368.678231, 2461368.678231), "
	    "strftime('now', 2461368.678231)" },
	{ "SELECT abs(random()), max(-random(), 'random()')",
	    "SELECT abs(81985529216486895), max(-81985529216486895, 'random()')" },
	{ "SELECT random(random(), date('now')) OVER w", "SELECT 81985529216486895 OVER \"w\"" },
	{ "SELECT randomblob(99999999999999999999999), randomblob(2000), randomblob(0x2)",
	    "SELECT randomblob(99999999999999999999999), randomblob(2000), randomblob(0x2)" },
	{ "WITH x AS (SELECT 1) WITH y AS (SELECT 2) SELECT 1", NULL },
};

static const struct row errors[] = {
	{ "", "EOF" },
	{ " ", "EOF" },
	{ "-- a comment", "EOF" },
	{ "/* one that does not end", "EOF" },
	{ "SLECT * FORM foo", "1:1: expected statement, found SLECT" },
	{ "PRAGMA journal_mode=DELETE", "1:21: expected expression, found 'DELETE'" },
	{ "PRAGMA x = ON", "1:12: expected expression, found 'ON'" },
	{ "VACUUM", "1:1: expected statement, found 'VACUUM'" },
	{ "SELECT\n \xc3\xa9 [a]", "2:4: expected semicolon or EOF, found 'ILLEGAL'" },
	{ "SELECT 'a", "1:8: expected expression, found 'ILLEGAL'" },
	{ "SELECT 1 2", "1:10: expected semicolon or EOF, found 2" },
	{ "SELECT a IS DISTINCT FROM b", "1:13: expected expression, found 'DISTINCT'" },
	{ "SELECT * FROM a FULL OUTER JOIN b", "1:22: expected semicolon or EOF, found 'OUTER'" },
	{ "CREATE TEMP TABLE t(a)", "1:8: expected TABLE, VIEW, INDEX, TRIGGER, found 'TEMP'" },
	{ "SELECT", "1:7: expected expression, found 'EOF'" },
	{ ";", "1:1: expected statement, found ';'" },
};

static uint64_t
same_random(void *arg)
{
	return (UINT64_C(0x8123456789abcdef));
}

static int
rewrite(const char *sql, size_t len, struct buf *out, struct error *error)
{
	struct sqlparse_options options = { .rewrite_random = true,
		.rewrite_time = true,
		.julian_day = DAY,
		.random = same_random,
		.blob_left = 1000 };

	return (sqlparse_rewrite(sql, len, &options, out, error));
}

static void
check_rows(const struct row *rows, size_t count)
{
	struct buf out = BUF_INIT;
	struct error error;
	size_t i;
	int r;

	for (i = 0; i < count; i++) {
		buf_reset(&out, SIZE_MAX);
		r = rewrite(rows[i].sql, strlen(rows[i].sql), &out, &error);
		if (rows[i].shown == NULL) {
			assert_int_equal(r, -1);
			continue;
		}
		if (r == -1)
			fail_msg("%s: %s", rows[i].sql, error.text);
		buf_add_u8(&out, 0);
		assert_string_equal((const char *)buf_bytes(&out), rows[i].shown);
	}
	buf_fini(&out);
}

static void
test_recorded(void **state)
{
	check_rows(recorded, sizeof(recorded) / sizeof(recorded[0]));
}

static void
test_more(void **state)
{
	check_rows(more, sizeof(more) / sizeof(more[0]));
}

static void
test_errors(void **state)
{
	struct buf out = BUF_INIT;
	struct error error;
	size_t i;

	buf_add_text(&out, "before");
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		assert_int_equal(rewrite(errors[i].sql, strlen(errors[i].sql), &out, &error), -1);
		assert_string_equal(error.text, errors[i].shown);
		assert_int_equal(buf_size(&out), 6);
	}
	buf_fini(&out);
}

/* What is shown of a statement is shown of itself again, but for what loses its place. */
static void
test_again(void **state)
{
	struct buf once = BUF_INIT, twice = BUF_INIT;
	struct error error;
	size_t i;

	for (i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
		if (strstr(recorded[i].shown, "--1") != NULL)
			continue;
		buf_reset(&once, SIZE_MAX);
		buf_reset(&twice, SIZE_MAX);
		assert_int_equal(
		    rewrite(recorded[i].sql, strlen(recorded[i].sql), &once, &error), 0);
		if (rewrite((const char *)buf_bytes(&once), buf_size(&once), &twice, &error) == -1)
			fail_msg("%s: %s", recorded[i].shown, error.text);
		assert_int_equal(buf_size(&once), buf_size(&twice));
		assert_memory_equal(buf_bytes(&once), buf_bytes(&twice), buf_size(&once));
	}
	buf_fini(&once);
	buf_fini(&twice);
}

/* `begin`, many times `part` */
static int
rewrite_repeated(const char *begin, const char *part, size_t times, struct error *error)
{
	struct buf sql = BUF_INIT, out = BUF_INIT;
	size_t i;
	int r;

	buf_add_text(&sql, begin);
	for (i = 0; i < times; i++)
		buf_add_text(&sql, part);
	r = rewrite((const char *)buf_bytes(&sql), buf_size(&sql), &out, error);
	buf_fini(&sql);
	buf_fini(&out);
	return (r);
}

static void
test_deep(void **state)
{
	static const struct {
		const char *begin, *part;
	} rows[] = {
		{ "SELECT ", "(" },
		{ "SELECT ", "f(" },
		{ "SELECT ", "CASE WHEN " },
		{ "SELECT ", "CASE " },
		{ "SELECT ", "CAST(" },
		{ "SELECT ", "1 BETWEEN " },
		{ "SELECT ", "a IN (" },
		{ "", "SELECT * FROM (" },
		{ "SELECT * FROM ", "(" },
		{ "", "WITH x AS (" },
		{ "", "SELECT EXISTS(" },
		{ "SELECT ", "f() OVER (ORDER BY " },
		{ "SELECT ", "date('now', " },
	};
	struct error error;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(rewrite_repeated(rows[i].begin, rows[i].part, 100000, &error), -1);
		assert_non_null(strstr(error.text, "nested too deeply"));
	}
}

/* Long but not deep: fine, and in linear time (a quadratic one would take minutes). */
static void
test_long(void **state)
{
	static const char *const parts[] = { "1+", "-", "NOT ", "a AND ", "f(1),", "'x',",
		"date('now'),", "a IN (1) AND ", "1 AS a, ", "/* */ 1, ", "a.b.c,", "random(),",
		"(SELECT 1)," };
	struct error error;
	size_t i;
	clock_t begin;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		begin = clock();
		assert_int_equal(rewrite_repeated("SELECT ", parts[i], 200000, &error), -1);
		assert_non_null(strstr(error.text, "expected expression, found 'EOF'"));
		assert_true(clock() - begin < 5 * CLOCKS_PER_SEC);
	}
}

/* A token in an error is cut between characters. */
static void
test_long_token(void **state)
{
	struct error error;

	assert_int_equal(rewrite_repeated("S", "\xc3\xa9", 1000, &error), -1);
	assert_int_equal(strlen(error.text), strlen("1:1: expected statement, found ") + 63);
}

static void
test_switches(void **state)
{
	static const char sql[] = "SELECT datetime('now'), random()";
	struct sqlparse_options options = { .julian_day = DAY, .random = same_random };
	struct buf out = BUF_INIT;
	struct error error;

	assert_int_equal(sqlparse_rewrite(sql, strlen(sql), &options, &out, &error), 0);
	options.rewrite_random = true;
	assert_int_equal(sqlparse_rewrite(sql, strlen(sql), &options, &out, &error), 0);
	options.rewrite_random = false;
	options.rewrite_time = true;
	assert_int_equal(sqlparse_rewrite(sql, strlen(sql), &options, &out, &error), 0);
	buf_add_u8(&out, 0);
	assert_string_equal((const char *)buf_bytes(&out),
	    "SELECT datetime('now'), random()"
	    "SELECT datetime('now'), 81985529216486895"
	    "SELECT datetime(2461368.678231), random()");
	buf_fini(&out);
}

static void
test_page(void **state)
{
	struct sqlpage_clock clock = { .julian_day = DAY, .random = same_random };
	struct buf command = BUF_INIT, out = BUF_INIT;

	command_begin(&command, COMMAND_QUERY, 0, 0);
	command_set_parameters(
	    &command, command_add_statement(&command, "SELECT a<random()", 17), 0);
	command_set_parameters(&command, command_add_statement(&command, "SLECT", 5), 0);
	command_set_statements(&command, 0, 2);
	assert_int_equal(sqlpage_print(buf_bytes(&command), buf_size(&command), &clock, &out), 0);
	command_set_flags(&command, 0, COMMAND_PRETTY | COMMAND_KEEP_RANDOM);
	assert_int_equal(sqlpage_print(buf_bytes(&command), buf_size(&command), &clock, &out), 0);
	buf_add_u8(&out, 0);
	assert_string_equal((const char *)buf_bytes(&out),
	    "[{\"original\":\"SELECT a\\u003crandom()\","
	    "\"rewritten\":\"SELECT \\\"a\\\" \\u003c 81985529216486895\"},"
	    "{\"original\":\"SLECT\",\"error\":\"1:1: expected statement, found SLECT\"}]"
	    "[\n        {\n            \"original\": \"SELECT a\\u003crandom()\",\n"
	    "            \"rewritten\": \"SELECT \\\"a\\\" \\u003c random()\"\n        },\n"
	    "        {\n            \"original\": \"SLECT\",\n"
	    "            \"error\": \"1:1: expected statement, found SLECT\"\n        }\n    ]");
	assert_int_equal(
	    sqlpage_print(buf_bytes(&command), buf_size(&command) - 1, &clock, &out), -1);
	buf_fini(&out);
	buf_fini(&command);
}

static void
test_day(void **state)
{
	assert_float_equal(sqlpage_julian_day(0), 2440587.5, 0);
	assert_float_equal(sqlpage_julian_day(INT64_C(1577836800000000000)), 2458849.5, 1e-9);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_more),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_long_token),
		cmocka_unit_test(test_switches),
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_day),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
