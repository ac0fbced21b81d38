/*
 * SELECT, VALUES, WITH and what they are made of.
 */
#include "proc/sql/parse/parser.h"

bool
parser_at_select(const struct parser *p)
{
	return (
	    parser_at(p, TOKEN_SELECT) || parser_at(p, TOKEN_VALUES) || parser_at(p, TOKEN_WITH));
}

void
parse_where(struct parser *p)
{
	if (parser_take(p, TOKEN_WHERE))
		parse_expr(p);
}

void
parse_ordering_terms(struct parser *p)
{
	bool ordering = p->ordering;

	p->ordering = true;
	do {
		parse_expr(p);
		if (!parser_take(p, TOKEN_ASC))
			parser_take(p, TOKEN_DESC);
		if (parser_take(p, TOKEN_NULLS) && !parser_take(p, TOKEN_FIRST))
			parser_need(p, TOKEN_LAST);
	} while (parse_comma(p));
	p->ordering = ordering;
}

void
parse_order_limit(struct parser *p)
{
	if (parser_take(p, TOKEN_ORDER)) {
		parser_need(p, TOKEN_BY);
		parse_ordering_terms(p);
	}
	if (!parser_take(p, TOKEN_LIMIT))
		return;
	parse_expr(p);
	/* The comma has the offset first; rqlite shows it as if it had not. */
	if (parser_at(p, TOKEN_COMMA)) {
		parser_advance(p);
		emit_word(p, "OFFSET");
		parse_expr(p);
	} else if (parser_take(p, TOKEN_OFFSET))
		parse_expr(p);
}

static void
parse_common_table(struct parser *p)
{
	parse_name(p, "table name");
	if (parser_at(p, TOKEN_LP))
		parse_name_list(p);
	parser_need(p, TOKEN_AS);
	if (parser_take(p, TOKEN_NOT))
		parser_need(p, TOKEN_MATERIALIZED);
	else
		parser_take(p, TOKEN_MATERIALIZED);
	parse_open(p);
	parse_select(p);
	parse_close(p);
}

void
parse_with(struct parser *p)
{
	bool kept = p->kept;

	if (!parser_take(p, TOKEN_WITH))
		return;
	p->kept = true;
	parser_take(p, TOKEN_RECURSIVE);
	do
		parse_common_table(p);
	while (parse_comma(p));
	p->kept = kept;
}

/* Does t.* stand here? */
static bool
at_table_star(const struct parser *p)
{
	struct lexer ahead = p->lexer;

	return (token_is_name(p->token.kind) && lexer_next(&ahead).kind == TOKEN_DOT &&
		lexer_next(&ahead).kind == TOKEN_STAR);
}

void
parse_result_columns(struct parser *p)
{
	do {
		if (parser_take(p, TOKEN_STAR))
			continue;
		if (at_table_star(p)) {
			emit_name(p);
			emit_tight(p, ".*", false);
			parser_advance(p);
			parser_advance(p);
			continue;
		}
		parse_expr(p);
		parse_alias(p, true);
	} while (parse_comma(p));
}

static void
parse_indexed(struct parser *p)
{
	if (parser_take(p, TOKEN_INDEXED)) {
		parser_need(p, TOKEN_BY);
		parse_name(p, "index name");
	} else if (parser_at(p, TOKEN_NOT) && parser_peek(p) == TOKEN_INDEXED) {
		parser_take(p, TOKEN_NOT);
		parser_take(p, TOKEN_INDEXED);
	}
}

static void
parse_source(struct parser *p)
{
	if (parser_at(p, TOKEN_LP)) {
		parse_open(p);
		if (parser_at_select(p))
			parse_select(p);
		else
			parse_sources(p);
		parse_close(p);
		parse_alias(p, true);
	} else if (token_is_name(p->token.kind) && parser_peek(p) == TOKEN_LP) {
		parse_call(p);
		parse_alias(p, true);
	} else {
		parse_table_name(p, "table name or left paren");
		parse_alias(p, true);
		parse_indexed(p);
	}
}

/* A comma or a JOIN; false: neither. */
static bool
parse_join(struct parser *p)
{
	bool natural;

	if (parse_comma(p))
		return (true);
	natural = parser_take(p, TOKEN_NATURAL);
	if (parser_take(p, TOKEN_LEFT))
		parser_take(p, TOKEN_OUTER);
	else if (!parser_take(p, TOKEN_INNER) && !parser_take(p, TOKEN_CROSS) && !natural &&
		 !parser_at(p, TOKEN_JOIN))
		return (false);
	parser_need(p, TOKEN_JOIN);
	return (true);
}

void
parse_sources(struct parser *p)
{
	if (parser_enter(p)) {
		parse_source(p);
		while (parse_join(p)) {
			parse_source(p);
			if (parser_take(p, TOKEN_ON))
				parse_expr(p);
			else if (parser_take(p, TOKEN_USING))
				parse_name_list(p);
		}
	}
	parser_leave(p);
}

static void
parse_windows(struct parser *p)
{
	if (!parser_take(p, TOKEN_WINDOW))
		return;
	do {
		parse_name(p, "window name");
		parser_need(p, TOKEN_AS);
		parse_window(p);
	} while (parse_comma(p));
}

static void
parse_values(struct parser *p)
{
	do {
		parse_open(p);
		parse_expr_list(p);
		parse_close(p);
	} while (parse_comma(p));
}

static void
parse_select_core(struct parser *p)
{
	if (parser_take(p, TOKEN_VALUES)) {
		parse_values(p);
		return;
	}
	if (!parser_take(p, TOKEN_SELECT)) {
		parser_expected(p, "SELECT or VALUES");
		return;
	}
	if (!parser_take(p, TOKEN_DISTINCT))
		parser_take(p, TOKEN_ALL);
	parse_result_columns(p);
	if (parser_take(p, TOKEN_FROM))
		parse_sources(p);
	parse_where(p);
	if (parser_take(p, TOKEN_GROUP)) {
		parser_need(p, TOKEN_BY);
		parse_expr_list(p);
	}
	if (parser_take(p, TOKEN_HAVING))
		parse_expr(p);
	parse_windows(p);
}

static bool
parse_compound(struct parser *p)
{
	if (parser_take(p, TOKEN_UNION)) {
		parser_take(p, TOKEN_ALL);
		return (true);
	}
	return (parser_take(p, TOKEN_INTERSECT) || parser_take(p, TOKEN_EXCEPT));
}

void
parse_select(struct parser *p)
{
	if (parser_enter(p)) {
		parse_with(p);
		do
			parse_select_core(p);
		while (parse_compound(p));
		parse_order_limit(p);
	}
	parser_leave(p);
}
