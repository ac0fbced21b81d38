/*
 * Cuts SQL text into tokens.  A token points into the text, which is borrowed;
 * a lexer can be copied to look ahead.
 */
#ifndef PROC_SQL_PARSE_LEXER_H
#define PROC_SQL_PARSE_LEXER_H

#include <stdbool.h>
#include <stddef.h>

#include "proc/sql/parse/keywords.h"

enum token_kind {
	TOKEN_EOF,
	TOKEN_FAILED, /* after an error: matches nothing, so that every loop ends */
	TOKEN_ILLEGAL,
	TOKEN_NAME,
	TOKEN_QUOTED, /* "name" or `name` */
	TOKEN_STRING,
	TOKEN_BLOB,
	TOKEN_INTEGER,
	TOKEN_FLOAT,
	TOKEN_BIND, /* ?1 :a @a $a */

	TOKEN_SEMI,
	TOKEN_COMMA,
	TOKEN_DOT,
	TOKEN_LP,
	TOKEN_RP,
	TOKEN_PLUS,
	TOKEN_MINUS,
	TOKEN_STAR,
	TOKEN_SLASH,
	TOKEN_REM,
	TOKEN_BITAND,
	TOKEN_BITOR,
	TOKEN_BITNOT,
	TOKEN_LSHIFT,
	TOKEN_RSHIFT,
	TOKEN_LT,
	TOKEN_LE,
	TOKEN_GT,
	TOKEN_GE,
	TOKEN_EQ,
	TOKEN_NE,
	TOKEN_CONCAT,
	TOKEN_JSON, /* -> */
	TOKEN_JSON_TEXT, /* ->> */

#define KEYWORD_TOKEN(word, name) TOKEN_##word,
	SQL_KEYWORDS(KEYWORD_TOKEN)
#undef KEYWORD_TOKEN
	    TOKEN__COUNT
};

struct token {
	enum token_kind kind;
	const char *text; /* as written, with quotes */
	size_t len;
	unsigned line, column; /* from 1; columns count characters, not bytes */
};

struct lexer {
	const char *pos, *end;
	unsigned line, column;
};

void lexer_init(struct lexer *, const char *sql, size_t len);
struct token lexer_next(struct lexer *);

/* How a token is spelled: operators and key words in their canonical form, others by a word. */
const char *token_name(enum token_kind);
/* Can the key word (or name) be a name? */
bool token_is_name(enum token_kind);
/* Does the reader of an error see it as it was written? */
bool token_is_literal(enum token_kind);

#endif
