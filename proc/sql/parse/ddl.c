/*
 * CREATE TABLE with its columns and constraints.
 */
#include "proc/sql/parse/parser.h"

bool
parser_at_constraint(const struct parser *p)
{
	switch (p->token.kind) {
	case TOKEN_CONSTRAINT:
	case TOKEN_PRIMARY:
	case TOKEN_UNIQUE:
	case TOKEN_CHECK:
	case TOKEN_FOREIGN:
		return (true);
	default:
		return (false);
	}
}

static void
parse_constraint_name(struct parser *p)
{
	if (parser_take(p, TOKEN_CONSTRAINT))
		parse_name(p, "constraint name");
}

static void
parse_on_conflict(struct parser *p)
{
	if (!parser_at(p, TOKEN_ON) || parser_peek(p) != TOKEN_CONFLICT)
		return;
	parser_take(p, TOKEN_ON);
	parser_take(p, TOKEN_CONFLICT);
	if (!parser_take(p, TOKEN_ROLLBACK) && !parser_take(p, TOKEN_ABORT) &&
	    !parser_take(p, TOKEN_FAIL) && !parser_take(p, TOKEN_IGNORE))
		parser_need(p, TOKEN_REPLACE);
}

static void
parse_check(struct parser *p)
{
	parser_need(p, TOKEN_CHECK);
	parse_open(p);
	parse_expr(p);
	parse_close(p);
}

static void
parse_reference_action(struct parser *p)
{
	if (!parser_take(p, TOKEN_DELETE))
		parser_need(p, TOKEN_UPDATE);
	if (parser_take(p, TOKEN_SET)) {
		if (!parser_take(p, TOKEN_NULL))
			parser_need(p, TOKEN_DEFAULT);
	} else if (parser_take(p, TOKEN_NO))
		parser_need(p, TOKEN_ACTION);
	else if (!parser_take(p, TOKEN_CASCADE))
		parser_need(p, TOKEN_RESTRICT);
}

static void
parse_deferrable(struct parser *p)
{
	if (parser_at(p, TOKEN_NOT) && parser_peek(p) == TOKEN_DEFERRABLE)
		parser_take(p, TOKEN_NOT);
	if (!parser_take(p, TOKEN_DEFERRABLE))
		return;
	if (parser_take(p, TOKEN_INITIALLY) && !parser_take(p, TOKEN_DEFERRED))
		parser_need(p, TOKEN_IMMEDIATE);
}

static void
parse_references(struct parser *p)
{
	parser_need(p, TOKEN_REFERENCES);
	parse_table_name(p, "foreign table name");
	if (parser_at(p, TOKEN_LP))
		parse_name_list(p);
	for (;;) {
		if (parser_take(p, TOKEN_ON))
			parse_reference_action(p);
		else if (parser_take(p, TOKEN_MATCH))
			parse_name(p, "match name");
		else
			break;
	}
	parse_deferrable(p);
}

static void
parse_default(struct parser *p)
{
	parser_need(p, TOKEN_DEFAULT);
	if (parser_at(p, TOKEN_LP)) {
		parse_open(p);
		parse_expr(p);
		parse_close(p);
		return;
	}
	if (parser_at(p, TOKEN_PLUS) || parser_at(p, TOKEN_MINUS)) {
		emit_token(p);
		p->glued = true;
	}
	if (parser_at(p, TOKEN_STRING) || parser_at(p, TOKEN_INTEGER) ||
	    parser_at(p, TOKEN_FLOAT) || parser_at(p, TOKEN_BLOB))
		emit_token(p);
	else if (!parser_take(p, TOKEN_NULL) && !parser_take(p, TOKEN_TRUE) &&
		 !parser_take(p, TOKEN_FALSE))
		parse_name(p, "literal value or left paren");
}

static void
parse_generated(struct parser *p)
{
	if (parser_take(p, TOKEN_GENERATED))
		parser_need(p, TOKEN_ALWAYS);
	parser_need(p, TOKEN_AS);
	parse_open(p);
	parse_expr(p);
	parse_close(p);
	if (!parser_take(p, TOKEN_STORED))
		parser_take(p, TOKEN_VIRTUAL);
}

static void
parse_column_key(struct parser *p)
{
	parser_need(p, TOKEN_PRIMARY);
	parser_need(p, TOKEN_KEY);
	if (!parser_take(p, TOKEN_ASC))
		parser_take(p, TOKEN_DESC);
	parse_on_conflict(p);
	parser_take(p, TOKEN_AUTOINCREMENT);
}

/* One constraint of a column; false: there is none. */
static bool
parse_column_constraint(struct parser *p)
{
	parse_constraint_name(p);
	switch (p->token.kind) {
	case TOKEN_PRIMARY:
		parse_column_key(p);
		return (true);
	case TOKEN_UNIQUE:
	case TOKEN_NULL:
		parser_take(p, p->token.kind);
		parse_on_conflict(p);
		return (true);
	case TOKEN_NOT:
		parser_take(p, TOKEN_NOT);
		parser_need(p, TOKEN_NULL);
		parse_on_conflict(p);
		return (true);
	case TOKEN_CHECK:
		parse_check(p);
		return (true);
	case TOKEN_DEFAULT:
		parse_default(p);
		return (true);
	case TOKEN_COLLATE:
		parser_take(p, TOKEN_COLLATE);
		parse_name(p, "collation name");
		return (true);
	case TOKEN_REFERENCES:
		parse_references(p);
		return (true);
	case TOKEN_GENERATED:
	case TOKEN_AS:
		parse_generated(p);
		return (true);
	default:
		return (false);
	}
}

void
parse_column(struct parser *p)
{
	parse_name(p, "column name");
	parse_type(p);
	while (parse_column_constraint(p))
		continue;
}

void
parse_table_constraint(struct parser *p)
{
	parse_constraint_name(p);
	if (parser_at(p, TOKEN_CHECK)) {
		parse_check(p);
		return;
	}
	if (parser_take(p, TOKEN_FOREIGN)) {
		parser_need(p, TOKEN_KEY);
		parse_name_list(p);
		parse_references(p);
		return;
	}
	if (parser_take(p, TOKEN_PRIMARY))
		parser_need(p, TOKEN_KEY);
	else
		parser_need(p, TOKEN_UNIQUE);
	parse_open(p);
	parse_ordering_terms(p);
	parse_close(p);
	parse_on_conflict(p);
}
