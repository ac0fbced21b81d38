/*
 * Looks at SQL text before SQLite does: just enough of its lexical rules to
 * step over blanks, comments and quoted text.  What is found here is a hint;
 * the authorizer decides (authorizer.h).
 */
#ifndef PROC_SQL_SQLTEXT_H
#define PROC_SQL_SQLTEXT_H

#include <stdbool.h>
#include <stddef.h>

enum sqltext_word {
	SQLTEXT_OTHER,
	SQLTEXT_WRITE, /* INSERT, UPDATE, DELETE, REPLACE, WITH: may set changes() */
	SQLTEXT_SOLO, /* transaction control, PRAGMA, VACUUM, ANALYZE, REINDEX, CREATE TEMP */
	SQLTEXT_FRESH, /* a solo word that needs a fresh connection: ANALYZE */
};

/* Bytes up to the first NUL, where SQLite stops reading. */
size_t sqltext_length(const char *sql, size_t len);
/*
 * Offset of the first byte that is neither blank nor comment nor, with `semicolons`, a
 * semicolon.
 */
size_t sqltext_skip(const char *sql, size_t len, bool semicolons);
/* What the first word of a statement says. */
enum sqltext_word sqltext_first(const char *sql, size_t len);
/* The strongest word that any statement of the text begins with: FRESH, then SOLO, then others. */
enum sqltext_word sqltext_classify(const char *sql, size_t len);
/*
 * Whether a statement of the text has more than SQL_WORDS_MAX words: names, keywords but
 * NULL, and parameters but "?".  SQLite's compiler takes quadratic time for conditions,
 * parameters, aggregates and common tables, and nothing can interrupt it.
 */
bool sqltext_is_complex(const char *sql, size_t len);
#define SQLTEXT_COMPLEX_TEXT "too many names and keywords in a statement"

#endif
