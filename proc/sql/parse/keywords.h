/*
 * The key words of the display's grammar, in alphabetical order (they are
 * searched for by halves).  The second argument tells whether a word can also
 * be a name where nothing else can stand.
 */
#ifndef PROC_SQL_PARSE_KEYWORDS_H
#define PROC_SQL_PARSE_KEYWORDS_H

/* clang-format off */
#define SQL_KEYWORDS(K)                                                                      \
	K(ABORT, 1) K(ACTION, 1) K(ADD, 0) K(AFTER, 1) K(ALL, 0) K(ALTER, 0) K(ALWAYS, 1)        \
	K(ANALYZE, 1) K(AND, 0) K(AS, 0) K(ASC, 1) K(ATTACH, 1) K(AUTOINCREMENT, 0)              \
	K(BEFORE, 1) K(BEGIN, 1) K(BETWEEN, 0) K(BY, 1) K(CASCADE, 1) K(CASE, 0) K(CAST, 1)      \
	K(CHECK, 0) K(COLLATE, 0) K(COLUMN, 1) K(COMMIT, 0) K(CONFLICT, 1) K(CONSTRAINT, 0)      \
	K(CREATE, 0) K(CROSS, 0) K(CURRENT, 1) K(DEFAULT, 0) K(DEFERRABLE, 0) K(DEFERRED, 1)     \
	K(DELETE, 0) K(DESC, 1) K(DETACH, 1) K(DISTINCT, 0) K(DO, 1) K(DROP, 0) K(EACH, 1)       \
	K(ELSE, 0) K(END, 1) K(ESCAPE, 0) K(EXCEPT, 0) K(EXCLUDE, 1) K(EXCLUSIVE, 1)             \
	K(EXISTS, 0) K(EXPLAIN, 1) K(FAIL, 1) K(FALSE, 0) K(FILTER, 1) K(FIRST, 1)               \
	K(FOLLOWING, 1) K(FOR, 1) K(FOREIGN, 0) K(FROM, 0) K(GENERATED, 1) K(GLOB, 1)            \
	K(GROUP, 0) K(GROUPS, 1) K(HAVING, 0) K(IF, 1) K(IGNORE, 1) K(IMMEDIATE, 1) K(IN, 0)     \
	K(INDEX, 0) K(INDEXED, 0) K(INITIALLY, 1) K(INNER, 0) K(INSERT, 0) K(INSTEAD, 1)         \
	K(INTERSECT, 0) K(INTO, 0) K(IS, 0) K(ISNULL, 0) K(JOIN, 0) K(KEY, 1) K(LAST, 1)         \
	K(LEFT, 0) K(LIKE, 1) K(LIMIT, 0) K(MATCH, 1) K(MATERIALIZED, 1) K(NATURAL, 0) K(NO, 1)  \
	K(NOT, 0) K(NOTHING, 0) K(NOTNULL, 0) K(NULL, 0) K(NULLS, 1) K(OF, 1) K(OFFSET, 1)       \
	K(ON, 0) K(OR, 0) K(ORDER, 0) K(OTHERS, 1) K(OUTER, 0) K(OVER, 1) K(PARTITION, 1)        \
	K(PLAN, 1) K(PRAGMA, 1) K(PRECEDING, 1) K(PRIMARY, 0) K(QUERY, 1) K(RAISE, 1)            \
	K(RANGE, 1) K(RECURSIVE, 1) K(REFERENCES, 0) K(REGEXP, 1) K(REINDEX, 1) K(RELEASE, 1)    \
	K(RENAME, 1) K(REPLACE, 1) K(RESTRICT, 1) K(RETURNING, 0) K(ROLLBACK, 1) K(ROW, 1)       \
	K(ROWID, 1) K(ROWS, 1) K(SAVEPOINT, 1) K(SELECT, 0) K(SET, 0) K(STORED, 1) K(STRICT, 1)  \
	K(TABLE, 0) K(TEMP, 1) K(TEMPORARY, 1) K(THEN, 0) K(TIES, 1) K(TO, 0) K(TRANSACTION, 0)  \
	K(TRIGGER, 1) K(TRUE, 0) K(UNBOUNDED, 1) K(UNION, 0) K(UNIQUE, 0) K(UPDATE, 0)           \
	K(USING, 0) K(VACUUM, 1) K(VALUES, 0) K(VIEW, 1) K(VIRTUAL, 1) K(WHEN, 0) K(WHERE, 0)    \
	K(WINDOW, 1) K(WITH, 1) K(WITHOUT, 1)
/* clang-format on */

#endif
