/*
 * Tokens of SQL; see lexer.h.  Each byte of the hostile text is looked at a
 * bounded number of times, and never one behind the end.
 */
#include "proc/sql/parse/lexer.h"

#include <string.h>
#include <strings.h>

#define KEYWORD_MAX 13

static const char *const names[TOKEN__COUNT] = { [TOKEN_EOF] = "EOF",
	[TOKEN_FAILED] = "",
	[TOKEN_ILLEGAL] = "ILLEGAL",
	[TOKEN_NAME] = "IDENT",
	[TOKEN_QUOTED] = "QIDENT",
	[TOKEN_STRING] = "STRING",
	[TOKEN_BLOB] = "BLOB",
	[TOKEN_INTEGER] = "INTEGER",
	[TOKEN_FLOAT] = "FLOAT",
	[TOKEN_BIND] = "BIND",
	[TOKEN_SEMI] = ";",
	[TOKEN_COMMA] = ",",
	[TOKEN_DOT] = ".",
	[TOKEN_LP] = "(",
	[TOKEN_RP] = ")",
	[TOKEN_PLUS] = "+",
	[TOKEN_MINUS] = "-",
	[TOKEN_STAR] = "*",
	[TOKEN_SLASH] = "/",
	[TOKEN_REM] = "%",
	[TOKEN_BITAND] = "&",
	[TOKEN_BITOR] = "|",
	[TOKEN_BITNOT] = "~",
	[TOKEN_LSHIFT] = "<<",
	[TOKEN_RSHIFT] = ">>",
	[TOKEN_LT] = "<",
	[TOKEN_LE] = "<=",
	[TOKEN_GT] = ">",
	[TOKEN_GE] = ">=",
	[TOKEN_EQ] = "=",
	[TOKEN_NE] = "!=",
	[TOKEN_CONCAT] = "||",
	[TOKEN_JSON] = "->",
	[TOKEN_JSON_TEXT] = "->>",
#define KEYWORD_NAME(word, name) [TOKEN_##word] = #word,
	SQL_KEYWORDS(KEYWORD_NAME)
#undef KEYWORD_NAME
};

static const struct keyword {
	const char *word;
	enum token_kind kind;
	bool name;
} keywords[] = {
#define KEYWORD_ENTRY(word, name) { #word, TOKEN_##word, name },
	SQL_KEYWORDS(KEYWORD_ENTRY)
#undef KEYWORD_ENTRY
};

#define KEYWORDS (sizeof(keywords) / sizeof(keywords[0]))

/* Operators; a longer one stands before its beginning. */
static const struct {
	const char *text;
	enum token_kind kind;
} operators[] = {
	{ "->>", TOKEN_JSON_TEXT },
	{ "->", TOKEN_JSON },
	{ "||", TOKEN_CONCAT },
	{ "<<", TOKEN_LSHIFT },
	{ ">>", TOKEN_RSHIFT },
	{ "<=", TOKEN_LE },
	{ ">=", TOKEN_GE },
	{ "<>", TOKEN_NE },
	{ "!=", TOKEN_NE },
	{ "==", TOKEN_EQ },
	{ "=", TOKEN_EQ },
	{ "<", TOKEN_LT },
	{ ">", TOKEN_GT },
	{ ";", TOKEN_SEMI },
	{ ",", TOKEN_COMMA },
	{ ".", TOKEN_DOT },
	{ "(", TOKEN_LP },
	{ ")", TOKEN_RP },
	{ "+", TOKEN_PLUS },
	{ "-", TOKEN_MINUS },
	{ "*", TOKEN_STAR },
	{ "/", TOKEN_SLASH },
	{ "%", TOKEN_REM },
	{ "&", TOKEN_BITAND },
	{ "|", TOKEN_BITOR },
	{ "~", TOKEN_BITNOT },
};

const char *
token_name(enum token_kind kind)
{
	return (names[kind]);
}

bool
token_is_name(enum token_kind kind)
{
	if (kind == TOKEN_NAME || kind == TOKEN_QUOTED)
		return (true);
	return (kind > TOKEN_JSON_TEXT && keywords[kind - TOKEN_JSON_TEXT - 1].name);
}

bool
token_is_literal(enum token_kind kind)
{
	return ((kind >= TOKEN_NAME && kind <= TOKEN_BIND) || kind == TOKEN_NULL ||
		kind == TOKEN_TRUE || kind == TOKEN_FALSE);
}

static enum token_kind
keyword_find(const char *text, size_t len)
{
	size_t low = 0, high = KEYWORDS;

	if (len > KEYWORD_MAX)
		return (TOKEN_NAME);
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strncasecmp(text, keywords[middle].word, len);

		if (order == 0 && keywords[middle].word[len] == '\0')
			return (keywords[middle].kind);
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return (TOKEN_NAME);
}

static bool
is_digit(int c)
{
	return (c >= '0' && c <= '9');
}

static bool
is_hex(int c)
{
	return (is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'));
}

static bool
begins_name(int c)
{
	return (((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c >= 0x80);
}

static bool
in_name(int c)
{
	return (begins_name(c) || is_digit(c) || c == '$');
}

static bool
is_space(int c)
{
	return (c == ' ' || (c >= '\t' && c <= '\r'));
}

/* The byte `at` behind the position, -1 behind the end. */
static int
ahead(const struct lexer *l, size_t at)
{
	return (at < (size_t)(l->end - l->pos) ? (unsigned char)l->pos[at] : -1);
}

static void
advance(struct lexer *l, size_t n)
{
	for (; n > 0; n--, l->pos++) {
		if (*l->pos == '\n') {
			l->line++;
			l->column = 1;
		} else if (((unsigned char)*l->pos & 0xc0) != 0x80)
			l->column++;
	}
}

void
lexer_init(struct lexer *l, const char *sql, size_t len)
{
	l->pos = sql;
	l->end = sql + len;
	l->line = l->column = 1;
}

static void
skip_blanks(struct lexer *l)
{
	for (;;) {
		if (is_space(ahead(l, 0)))
			advance(l, 1);
		else if (ahead(l, 0) == '-' && ahead(l, 1) == '-') {
			while (l->pos < l->end && *l->pos != '\n')
				advance(l, 1);
		} else if (ahead(l, 0) == '/' && ahead(l, 1) == '*') {
			advance(l, 2);
			while (l->pos < l->end && (*l->pos != '*' || ahead(l, 1) != '/'))
				advance(l, 1);
			advance(l, l->pos < l->end ? 2 : 0);
		} else
			return;
	}
}

/* From an opening quote at `at` to behind the closing one; a doubled quote is content. 0: open. */
static size_t
quoted_length(const struct lexer *l, size_t at)
{
	int quote = ahead(l, at);

	for (at++; ahead(l, at) != -1; at++) {
		if (ahead(l, at) != quote)
			continue;
		if (ahead(l, at + 1) != quote)
			return (at + 1);
		at++;
	}
	return (0);
}

static size_t
blob_length(const struct lexer *l)
{
	size_t n = 2;

	while (is_hex(ahead(l, n)))
		n++;
	return (ahead(l, n) == '\'' && n % 2 == 0 ? n + 1 : 0);
}

static size_t
number_length(const struct lexer *l, enum token_kind *kind)
{
	size_t n = 0, exponent;

	*kind = TOKEN_INTEGER;
	if (ahead(l, 0) == '0' && (ahead(l, 1) | 0x20) == 'x' && is_hex(ahead(l, 2))) {
		for (n = 2; is_hex(ahead(l, n)); n++)
			continue;
		return (n);
	}
	while (is_digit(ahead(l, n)))
		n++;
	if (ahead(l, n) == '.') {
		*kind = TOKEN_FLOAT;
		for (n++; is_digit(ahead(l, n)); n++)
			continue;
	}
	if (ahead(l, n) == 'e' || ahead(l, n) == 'E') {
		exponent = n + 1;
		if (ahead(l, exponent) == '+' || ahead(l, exponent) == '-')
			exponent++;
		if (is_digit(ahead(l, exponent))) {
			*kind = TOKEN_FLOAT;
			for (n = exponent; is_digit(ahead(l, n)); n++)
				continue;
		}
	}
	return (n);
}

static size_t
bind_length(const struct lexer *l)
{
	size_t n = 1;

	if (ahead(l, 0) == '?') {
		while (is_digit(ahead(l, n)))
			n++;
		return (n);
	}
	while (in_name(ahead(l, n)))
		n++;
	return (n > 1 ? n : 0);
}

static size_t
operator_length(const struct lexer *l, enum token_kind *kind)
{
	size_t i, n, left = (size_t)(l->end - l->pos);

	for (i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		n = strlen(operators[i].text);
		if (n <= left && memcmp(l->pos, operators[i].text, n) == 0) {
			*kind = operators[i].kind;
			return (n);
		}
	}
	return (0);
}

static size_t
name_length(const struct lexer *l, enum token_kind *kind)
{
	size_t n = 0;

	while (in_name(ahead(l, n)))
		n++;
	*kind = keyword_find(l->pos, n);
	return (n);
}

/* Kind and length of the token at the position; length 0: illegal. */
static size_t
token_length(const struct lexer *l, enum token_kind *kind)
{
	int c = ahead(l, 0);

	switch (c) {
	case '\'':
		*kind = TOKEN_STRING;
		return (quoted_length(l, 0));
	case '"':
	case '`':
		*kind = TOKEN_QUOTED;
		return (quoted_length(l, 0));
	case '?':
	case ':':
	case '@':
	case '$':
		*kind = TOKEN_BIND;
		return (bind_length(l));
	default:
		break;
	}
	if ((c | 0x20) == 'x' && ahead(l, 1) == '\'') {
		*kind = TOKEN_BLOB;
		return (blob_length(l));
	}
	if (is_digit(c) || (c == '.' && is_digit(ahead(l, 1))))
		return (number_length(l, kind));
	return (begins_name(c) ? name_length(l, kind) : operator_length(l, kind));
}

struct token
lexer_next(struct lexer *l)
{
	struct token t = { .kind = TOKEN_EOF };

	skip_blanks(l);
	t.text = l->pos;
	t.line = l->line;
	t.column = l->column;
	if (l->pos == l->end)
		return (t);
	t.len = token_length(l, &t.kind);
	if (t.len == 0) {
		t.kind = TOKEN_ILLEGAL;
		t.len = 1;
	}
	advance(l, t.len);
	return (t);
}
