/*
 * Expressions.  Operators are printed in the order they stand in, so no
 * precedence is needed but that of the AND of BETWEEN; a chain of operators is
 * a loop, and only parentheses, calls and the like go deeper.
 */
#include <string.h>

#include "proc/sql/parse/parser.h"

static void parse_expr_level(struct parser *, bool range);

/* Runs a subquery in which nothing is replaced. */
static void
parse_kept_select(struct parser *p)
{
	bool kept = p->kept;

	p->kept = true;
	parse_select(p);
	p->kept = kept;
}

static bool
take_prefix(struct parser *p)
{
	switch (p->token.kind) {
	case TOKEN_NOT:
		return (parser_take(p, TOKEN_NOT));
	case TOKEN_PLUS:
	case TOKEN_MINUS:
	case TOKEN_BITNOT:
		emit_token(p);
		p->glued = true;
		return (true);
	default:
		return (false);
	}
}

static void
parse_case(struct parser *p)
{
	parser_need(p, TOKEN_CASE);
	if (!parser_at(p, TOKEN_WHEN))
		parse_expr(p);
	if (!parser_at(p, TOKEN_WHEN))
		parser_expected(p, "WHEN");
	while (parser_take(p, TOKEN_WHEN)) {
		parse_expr(p);
		parser_need(p, TOKEN_THEN);
		parse_expr(p);
	}
	if (parser_take(p, TOKEN_ELSE))
		parse_expr(p);
	parser_need(p, TOKEN_END);
}

/* Takes the word and the parenthesis behind it, which follows without a blank. */
static void
open_tight(struct parser *p)
{
	emit_word(p, token_name(p->token.kind));
	parser_advance(p);
	emit_tight(p, "(", true);
	parser_advance(p);
}

static void
parse_cast(struct parser *p)
{
	open_tight(p);
	parse_expr(p);
	parser_need(p, TOKEN_AS);
	parse_type(p);
	parse_close(p);
}

static void
parse_raise(struct parser *p)
{
	open_tight(p);
	if (parser_take(p, TOKEN_IGNORE)) {
		parse_close(p);
		return;
	}
	if (!parser_take(p, TOKEN_ROLLBACK) && !parser_take(p, TOKEN_ABORT))
		parser_need(p, TOKEN_FAIL);
	if (!parse_comma(p))
		parser_expected(p, "comma");
	parse_expr(p);
	parse_close(p);
}

static void
parse_exists(struct parser *p)
{
	parser_need(p, TOKEN_EXISTS);
	parse_open(p);
	parse_select(p);
	parse_close(p);
}

/* (a), (a, b), (SELECT ...) */
static void
parse_parenthesis(struct parser *p)
{
	parse_open(p);
	if (parser_at_select(p))
		parse_kept_select(p);
	else
		parse_expr_list(p);
	parse_close(p);
}

/* a, t.a, main.t.a */
static void
parse_column_name(struct parser *p)
{
	int parts = 1;

	emit_name(p);
	while (parts < 3 && parser_at(p, TOKEN_DOT)) {
		emit_tight(p, ".", true);
		parser_advance(p);
		parse_name(p, "column name");
		parts++;
	}
}

static void
parse_primary_word(struct parser *p)
{
	enum token_kind next = parser_peek(p);

	if (parser_at(p, TOKEN_CAST) && next == TOKEN_LP)
		parse_cast(p);
	else if (parser_at(p, TOKEN_RAISE) && next == TOKEN_LP)
		parse_raise(p);
	else if (!token_is_name(p->token.kind))
		parser_expected(p, "expression");
	else if (next == TOKEN_LP)
		parse_call(p);
	else
		parse_column_name(p);
}

static void
parse_primary(struct parser *p)
{
	switch (p->token.kind) {
	case TOKEN_STRING:
	case TOKEN_INTEGER:
	case TOKEN_FLOAT:
	case TOKEN_BIND:
		emit_token(p);
		break;
	case TOKEN_BLOB:
		emit_word(p, "x");
		p->glued = true;
		emit(p, p->token.text + 1, p->token.len - 1);
		parser_advance(p);
		break;
	case TOKEN_NULL:
	case TOKEN_TRUE:
	case TOKEN_FALSE:
		parser_take(p, p->token.kind);
		break;
	case TOKEN_CASE:
		parse_case(p);
		break;
	case TOKEN_EXISTS:
		parse_exists(p);
		break;
	case TOKEN_LP:
		parse_parenthesis(p);
		break;
	default:
		parse_primary_word(p);
	}
}

/* What follows IN. */
static void
parse_in(struct parser *p)
{
	parser_need(p, TOKEN_IN);
	if (parser_at(p, TOKEN_LP)) {
		parse_open(p);
		if (parser_at_select(p))
			parse_kept_select(p);
		else if (!parser_at(p, TOKEN_RP))
			parse_expr_list(p);
		parse_close(p);
	} else if (parser_peek(p) == TOKEN_LP && token_is_name(p->token.kind))
		parse_call(p);
	else
		parse_table_name(p, "table name");
}

static void
parse_between(struct parser *p)
{
	parser_need(p, TOKEN_BETWEEN);
	parse_expr_level(p, true);
	if (!parser_take(p, TOKEN_AND))
		parser_expected(p, "range expression");
	parse_expr_level(p, true);
}

/* IS: true if an operand must follow. */
static bool
parse_is(struct parser *p)
{
	bool not ;

	parser_advance(p);
	not = parser_at(p, TOKEN_NOT);
	if (not )
		parser_advance(p);
	if (not &&parser_at(p, TOKEN_NULL)) {
		emit_word(p, "NOT NULL");
		parser_advance(p);
		return (false);
	}
	emit_word(p, not ? "IS NOT" : "IS");
	return (true);
}

static bool
is_pattern(enum token_kind kind)
{
	return (kind == TOKEN_LIKE || kind == TOKEN_GLOB || kind == TOKEN_REGEXP ||
		kind == TOKEN_MATCH);
}

/* A NOT behind an operand: true if another one must follow. */
static bool
parse_not(struct parser *p)
{
	parser_need(p, TOKEN_NOT);
	if (is_pattern(p->token.kind))
		return (parser_take(p, p->token.kind));
	if (parser_at(p, TOKEN_IN))
		parse_in(p);
	else if (parser_at(p, TOKEN_BETWEEN))
		parse_between(p);
	else if (!parser_take(p, TOKEN_NULL))
		parser_expected(p, "IN, LIKE, GLOB, REGEXP, MATCH, BETWEEN or NULL");
	return (false);
}

static bool
is_binary(enum token_kind kind, bool range)
{
	if (kind == TOKEN_AND || kind == TOKEN_OR)
		return (!range);
	return ((kind >= TOKEN_PLUS && kind <= TOKEN_JSON_TEXT && kind != TOKEN_BITNOT) ||
		kind == TOKEN_ESCAPE || is_pattern(kind));
}

/* What stands behind an operand.  *more: it goes on; returns whether an operand must follow. */
static bool
parse_operator(struct parser *p, bool range, bool *more)
{
	*more = true;
	switch (p->token.kind) {
	case TOKEN_COLLATE:
		parser_take(p, TOKEN_COLLATE);
		parse_name(p, "collation name");
		return (false);
	case TOKEN_ISNULL:
		parser_advance(p);
		emit_word(p, "IS NULL");
		return (false);
	case TOKEN_NOTNULL:
		parser_advance(p);
		emit_word(p, "NOT NULL");
		return (false);
	case TOKEN_IS:
		return (parse_is(p));
	case TOKEN_NOT:
		return (parse_not(p));
	case TOKEN_IN:
		parse_in(p);
		return (false);
	case TOKEN_BETWEEN:
		parse_between(p);
		return (false);
	default:
		*more = is_binary(p->token.kind, range);
		return (*more && parser_take(p, p->token.kind));
	}
}

/* range: up to the AND of a BETWEEN */
static void
parse_expr_level(struct parser *p, bool range)
{
	bool operand, more;

	if (parser_enter(p)) {
		do {
			while (take_prefix(p))
				continue;
			parse_primary(p);
			do
				operand = parse_operator(p, range, &more);
			while (more && !operand);
		} while (operand);
	}
	parser_leave(p);
}

void
parse_expr(struct parser *p)
{
	parse_expr_level(p, false);
}

void
parse_expr_list(struct parser *p)
{
	do
		parse_expr(p);
	while (parse_comma(p));
}
