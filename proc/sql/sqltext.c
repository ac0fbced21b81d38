/* A look at SQL text; see sqltext.h. */
#include "proc/sql/sqltext.h"

#include <string.h>
#include <strings.h>

#include "common/limits.h"

static const struct {
	const char *word;
	enum sqltext_word kind;
} words[] = {
	{ "INSERT", SQLTEXT_WRITE },
	{ "UPDATE", SQLTEXT_WRITE },
	{ "DELETE", SQLTEXT_WRITE },
	{ "REPLACE", SQLTEXT_WRITE },
	{ "WITH", SQLTEXT_WRITE },
	{ "BEGIN", SQLTEXT_SOLO },
	{ "COMMIT", SQLTEXT_SOLO },
	{ "END", SQLTEXT_SOLO },
	{ "ROLLBACK", SQLTEXT_SOLO },
	{ "SAVEPOINT", SQLTEXT_SOLO },
	{ "RELEASE", SQLTEXT_SOLO },
	{ "VACUUM", SQLTEXT_SOLO },
	{ "REINDEX", SQLTEXT_SOLO },
	/* PRAGMA optimize runs ANALYZE, and other pragmas leave their mark on the connection. */
	{ "PRAGMA", SQLTEXT_FRESH },
	{ "ANALYZE", SQLTEXT_FRESH },
};

size_t
sqltext_length(const char *sql, size_t len)
{
	const char *nul = len > 0 ? memchr(sql, '\0', len) : NULL;

	return (nul != NULL ? (size_t)(nul - sql) : len);
}

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f');
}

static bool
is_letter(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
}

/*
 * Past a comment that begins at i, or i itself.  As in SQLite an unterminated one ends with
 * the text.
 */
static size_t
skip_comment(const char *sql, size_t len, size_t i)
{
	const char *end;

	if (len - i < 2)
		return (i);
	if (sql[i] == '-' && sql[i + 1] == '-') {
		end = memchr(sql + i, '\n', len - i);
		return (end != NULL ? (size_t)(end - sql) + 1 : len);
	}
	if (sql[i] != '/' || sql[i + 1] != '*' || len - i < 3)
		return (i);
	end = memmem(sql + i + 2, len - i - 2, "*/", 2);
	return (end != NULL ? (size_t)(end - sql) + 2 : len);
}

size_t
sqltext_skip(const char *sql, size_t len, bool semicolons)
{
	size_t i = 0, next;

	/* A byte order mark is blank to SQLite too. */
	while (i < len) {
		if (is_blank(sql[i]) || (semicolons && sql[i] == ';'))
			i++;
		else if (len - i >= 3 && memcmp(sql + i, "\xef\xbb\xbf", 3) == 0)
			i += 3;
		else {
			next = skip_comment(sql, len, i);
			if (next == i)
				break;
			i = next;
		}
	}
	return (i);
}

static size_t
word_length(const char *sql, size_t len)
{
	size_t n = 0;

	while (n < len && is_letter(sql[n]))
		n++;
	return (n);
}

static bool
word_is(const char *sql, size_t n, const char *word)
{
	return (strlen(word) == n && strncasecmp(sql, word, n) == 0);
}

enum sqltext_word
sqltext_first(const char *sql, size_t len)
{
	size_t at = sqltext_skip(sql, len, true), n, i;

	sql += at;
	len -= at;
	n = word_length(sql, len);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (word_is(sql, n, words[i].word))
			return (words[i].kind);
	if (!word_is(sql, n, "CREATE"))
		return (SQLTEXT_OTHER);
	at = n + sqltext_skip(sql + n, len - n, false);
	n = word_length(sql + at, len - at);
	if (word_is(sql + at, n, "TEMP") || word_is(sql + at, n, "TEMPORARY"))
		return (SQLTEXT_FRESH);
	return (SQLTEXT_OTHER);
}

/* Past quoted text that begins at i. */
static size_t
skip_quoted(const char *sql, size_t len, size_t i)
{
	char quote = sql[i] == '[' ? ']' : sql[i];
	const char *end = memchr(sql + i + 1, quote, len - i - 1);

	return (end != NULL ? (size_t)(end - sql) + 1 : len);
}

/* Past the semicolon that ends the statement at i, or to the end of the text. */
static size_t
skip_statement(const char *sql, size_t len, size_t i)
{
	size_t next;

	while (i < len) {
		switch (sql[i]) {
		case ';':
			return (i + 1);
		case '\'':
		case '"':
		case '`':
		case '[':
			i = skip_quoted(sql, len, i);
			break;
		case '-':
		case '/':
			next = skip_comment(sql, len, i);
			i = next == i ? i + 1 : next;
			break;
		default:
			i++;
		}
	}
	return (i);
}

enum sqltext_word
sqltext_classify(const char *sql, size_t len)
{
	enum sqltext_word kind, strongest = SQLTEXT_OTHER;
	size_t i = 0;

	len = sqltext_length(sql, len);
	while (i < len) {
		kind = sqltext_first(sql + i, len - i);
		if (kind > strongest)
			strongest = kind;
		i += sqltext_skip(sql + i, len - i, true);
		i = skip_statement(sql, len, i);
	}
	return (strongest);
}

/* What SQLite takes for a part of a name. */
static bool
is_name(char c)
{
	return (is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '$' || (c & 0x80) != 0);
}

static size_t
skip_name(const char *sql, size_t len, size_t i)
{
	while (i < len && is_name(sql[i]))
		i++;
	return (i);
}

/* Past a parameter with a name that begins at i: also $name::name(anything). */
static size_t
skip_parameter(const char *sql, size_t len, size_t i)
{
	size_t start = ++i;

	for (;;) {
		i = skip_name(sql, len, i);
		if (len - i < 2 || sql[i] != ':' || sql[i + 1] != ':')
			break;
		i += 2;
	}
	if (i == start || i == len || sql[i] != '(')
		return (i);
	while (i < len && sql[i] != ')' && !is_blank(sql[i]))
		i++;
	return (i < len && sql[i] == ')' ? i + 1 : i);
}

/* Past the name at i; true if it counts. */
static bool
count_name(const char *sql, size_t len, size_t *i)
{
	size_t start = *i;

	*i = skip_name(sql, len, start);
	if (*i - start == 1 && (sql[start] | 0x20) == 'x' && *i < len && sql[*i] == '\'')
		return (false); /* of a blob */
	return (!word_is(sql + start, *i - start, "NULL"));
}

/* Past the token at i; true if it is a word. */
static bool
count_token(const char *sql, size_t len, size_t *i)
{
	size_t at = *i, next;

	switch (sql[at]) {
	case '\'':
	case '"':
	case '`':
	case '[':
		*i = skip_quoted(sql, len, at);
		return (sql[at] != '\'');
	case '-':
	case '/':
		next = skip_comment(sql, len, at);
		*i = next == at ? at + 1 : next;
		return (false);
	case '?':
		*i = skip_name(sql, len, at + 1);
		return (*i > at + 1);
	case '$':
	case '@':
	case '#':
	case ':':
		*i = skip_parameter(sql, len, at);
		return (true);
	}
	if (!is_name(sql[at])) {
		*i = at + 1;
		return (false);
	}
	if (sql[at] < '0' || sql[at] > '9')
		return (count_name(sql, len, i));
	*i = skip_name(sql, len, at);
	return (false);
}

bool
sqltext_is_complex(const char *sql, size_t len)
{
	size_t count = 0, i = 0;

	/* The rest can not be enough. */
	while (len - i > 2 * (SQL_WORDS_MAX - count)) {
		if (sql[i] == ';') {
			count = 0;
			i++;
		} else if (count_token(sql, len, &i) && ++count > SQL_WORDS_MAX)
			return (true);
	}
	return (false);
}
