/*
 * The parser's state and its primitives, private to this directory.
 *
 * There is no syntax tree: the canonical form has the order of the source, so
 * it is printed while parsing.  A call that is replaced, or a clause that is
 * dropped, cuts the end of the output off again.
 *
 * An error is remembered (the first wins) and turns the current token into
 * TOKEN_FAILED, which nothing accepts: callers go on without asking, and all
 * end soon.
 */
#ifndef PROC_SQL_PARSE_PARSER_H
#define PROC_SQL_PARSE_PARSER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "proc/sql/parse/lexer.h"
#include "proc/sql/parse/sqlparse.h"

struct parser {
	struct lexer lexer;
	struct token token; /* the current one, not yet taken */
	struct sqlparse_options *options;
	struct buf *out;
	bool glued; /* the next word follows without a blank */
	bool kept; /* nothing is replaced here: WITH, scalar subqueries, IN (SELECT) */
	bool ordering; /* random functions are not replaced here */
	unsigned depth;
	struct error *error;
};

/* ---- tokens ---- */
static inline bool
parser_at(const struct parser *p, enum token_kind kind)
{
	return (p->token.kind == kind);
}

/* Where the next word will begin in the output, behind its blank. */
static inline size_t
parser_word_begin(const struct parser *p)
{
	return (p->out->len + (p->glued ? 0 : 1));
}

void parser_advance(struct parser *);
/* The token behind the current one. */
enum token_kind parser_peek(const struct parser *);
/* Takes and prints the token if it is of the kind. */
bool parser_take(struct parser *, enum token_kind);
/* The same, and an error if it is not. */
void parser_need(struct parser *, enum token_kind);
/* An error: expected `what`, found the current token. */
void parser_expected(struct parser *, const char *what);
/* One level deeper; false and an error if that is too deep.  Pair with parser_leave(). */
bool parser_enter(struct parser *);
void parser_leave(struct parser *);

/* ---- printing ---- */
void emit(struct parser *, const char *, size_t);
void emit_word(struct parser *, const char *);
/* Without a blank before it; `glued`: nor behind it. */
void emit_tight(struct parser *, const char *, bool glued);
/* The current token as it was written, and takes it. */
void emit_token(struct parser *);
/* The current token as a name in double quotes, and takes it. */
void emit_name(struct parser *);

/* ---- shared grammar ---- */
/* "(" ; ")" is supplied at the end of the text. */
void parse_open(struct parser *);
void parse_close(struct parser *);
bool parse_comma(struct parser *);
/* A name; `what` is for the error. */
void parse_name(struct parser *, const char *what);
/* schema.table */
void parse_table_name(struct parser *, const char *what);
/* (a, b) */
void parse_name_list(struct parser *);
/* AS name or, if `bare`, just a name. */
void parse_alias(struct parser *, bool bare);
/* IF NOT EXISTS */
void parse_if_not_exists(struct parser *);
/* varchar(10, 2): nothing if there is none. */
void parse_type(struct parser *);

void parse_expr(struct parser *);
/* a, b: without parentheses */
void parse_expr_list(struct parser *);
void parse_call(struct parser *);
void parse_window(struct parser *);
/* a COLLATE x DESC NULLS LAST, ... */
void parse_ordering_terms(struct parser *);
/* WHERE x, if there is one. */
void parse_where(struct parser *);
/* ORDER BY ..., LIMIT ..., if there. */
void parse_order_limit(struct parser *);

/* A SELECT or VALUES with all its compounds; WITH before it too. */
void parse_select(struct parser *);
bool parser_at_select(const struct parser *);
/* WITH ..., if there is one. */
void parse_with(struct parser *);
/* a, *, t.*, ... */
void parse_result_columns(struct parser *);
/* What follows FROM. */
void parse_sources(struct parser *);

void parse_insert(struct parser *);
void parse_update(struct parser *);
void parse_delete(struct parser *);
void parse_create(struct parser *);
void parse_create_trigger(struct parser *);
void parse_column(struct parser *);
void parse_table_constraint(struct parser *);
bool parser_at_constraint(const struct parser *);
void parse_drop(struct parser *);
void parse_alter(struct parser *);
void parse_pragma(struct parser *);
/* A statement that can stand in a trigger or behind WITH. */
bool parse_data_statement(struct parser *);
void parse_statement(struct parser *);

#endif
