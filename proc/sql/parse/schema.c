/*
 * CREATE, DROP and ALTER.
 */
#include <string.h>

#include "proc/sql/parse/parser.h"

static void
parse_table_options(struct parser *p)
{
	do {
		if (parser_take(p, TOKEN_WITHOUT))
			parser_need(p, TOKEN_ROWID);
		else if (!parser_take(p, TOKEN_STRICT))
			return;
	} while (parse_comma(p));
}

static void
parse_create_table(struct parser *p)
{
	parser_need(p, TOKEN_TABLE);
	parse_if_not_exists(p);
	parse_table_name(p, "table name");
	if (parser_take(p, TOKEN_AS)) {
		parse_select(p);
		return;
	}
	if (!parser_at(p, TOKEN_LP)) {
		parser_expected(p, "AS or left paren");
		return;
	}
	parse_open(p);
	do {
		if (parser_at_constraint(p))
			parse_table_constraint(p);
		else
			parse_column(p);
	} while (parse_comma(p));
	while (parser_at_constraint(p)) /* the comma between constraints may be missing */
		parse_table_constraint(p);
	parse_close(p);
	parse_table_options(p);
}

/* The arguments of a module are its own business: shown as written. */
static void
parse_module_arguments(struct parser *p)
{
	const char *from = p->lexer.pos, *to = from;
	unsigned depth = 1;

	parse_open(p);
	while (depth > 0 && !parser_at(p, TOKEN_EOF) && !parser_at(p, TOKEN_FAILED)) {
		if (parser_at(p, TOKEN_LP))
			depth++;
		else if (parser_at(p, TOKEN_RP) && --depth == 0)
			break;
		to = p->token.text + p->token.len;
		parser_advance(p);
	}
	while (from < to && (*from == ' ' || (*from >= '\t' && *from <= '\r')))
		from++;
	emit(p, from, (size_t)(to - from));
	parse_close(p);
}

static void
parse_create_virtual(struct parser *p)
{
	parser_need(p, TOKEN_VIRTUAL);
	parser_need(p, TOKEN_TABLE);
	parse_if_not_exists(p);
	parse_table_name(p, "table name");
	parser_need(p, TOKEN_USING);
	parse_name(p, "module name");
	if (parser_at(p, TOKEN_LP))
		parse_module_arguments(p);
}

static void
parse_create_view(struct parser *p)
{
	parser_need(p, TOKEN_VIEW);
	parse_if_not_exists(p);
	parse_table_name(p, "view name");
	if (parser_at(p, TOKEN_LP))
		parse_name_list(p);
	parser_need(p, TOKEN_AS);
	parse_select(p);
}

static void
parse_create_index(struct parser *p)
{
	parser_take(p, TOKEN_UNIQUE);
	parser_need(p, TOKEN_INDEX);
	parse_if_not_exists(p);
	parse_table_name(p, "index name");
	parser_need(p, TOKEN_ON);
	parse_name(p, "table name");
	parse_open(p);
	parse_ordering_terms(p);
	parse_close(p);
	parse_where(p);
}

static void
parse_trigger_event(struct parser *p)
{
	if (!parser_take(p, TOKEN_BEFORE) && !parser_take(p, TOKEN_AFTER) &&
	    parser_take(p, TOKEN_INSTEAD))
		parser_need(p, TOKEN_OF);
	if (parser_take(p, TOKEN_DELETE) || parser_take(p, TOKEN_INSERT))
		return;
	if (!parser_take(p, TOKEN_UPDATE)) {
		parser_expected(p, "DELETE, INSERT, or UPDATE");
		return;
	}
	if (parser_take(p, TOKEN_OF)) {
		do
			parse_name(p, "column name");
		while (parse_comma(p));
	}
}

static void
parse_trigger_body(struct parser *p)
{
	parser_need(p, TOKEN_BEGIN);
	do {
		if (!parse_data_statement(p))
			parser_expected(p, "statement");
		emit_tight(p, ";", false);
		if (parser_at(p, TOKEN_SEMI))
			parser_advance(p);
		else
			parser_expected(p, "semicolon");
	} while (!parser_at(p, TOKEN_END) && !parser_at(p, TOKEN_FAILED));
	parser_need(p, TOKEN_END);
}

void
parse_create_trigger(struct parser *p)
{
	parser_need(p, TOKEN_TRIGGER);
	parse_if_not_exists(p);
	parse_table_name(p, "trigger name");
	parse_trigger_event(p);
	parser_need(p, TOKEN_ON);
	parse_name(p, "table name");
	if (parser_take(p, TOKEN_FOR)) {
		parser_need(p, TOKEN_EACH);
		parser_need(p, TOKEN_ROW);
	}
	if (parser_take(p, TOKEN_WHEN))
		parse_expr(p);
	parse_trigger_body(p);
}

void
parse_create(struct parser *p)
{
	parser_need(p, TOKEN_CREATE);
	switch (p->token.kind) {
	case TOKEN_TABLE:
		parse_create_table(p);
		break;
	case TOKEN_VIRTUAL:
		parse_create_virtual(p);
		break;
	case TOKEN_VIEW:
		parse_create_view(p);
		break;
	case TOKEN_INDEX:
	case TOKEN_UNIQUE:
		parse_create_index(p);
		break;
	case TOKEN_TRIGGER:
		parse_create_trigger(p);
		break;
	default:
		parser_expected(p, "TABLE, VIEW, INDEX, TRIGGER");
	}
}

void
parse_drop(struct parser *p)
{
	parser_need(p, TOKEN_DROP);
	if (!parser_take(p, TOKEN_TABLE) && !parser_take(p, TOKEN_VIEW) &&
	    !parser_take(p, TOKEN_INDEX) && !parser_take(p, TOKEN_TRIGGER))
		parser_expected(p, "TABLE, VIEW, INDEX, or TRIGGER");
	if (parser_take(p, TOKEN_IF))
		parser_need(p, TOKEN_EXISTS);
	parse_table_name(p, "name");
}

static void
parse_rename(struct parser *p)
{
	if (parser_take(p, TOKEN_TO)) {
		parse_name(p, "new table name");
		return;
	}
	parser_take(p, TOKEN_COLUMN);
	parse_name(p, "column name");
	parser_need(p, TOKEN_TO);
	parse_name(p, "new column name");
}

void
parse_alter(struct parser *p)
{
	parser_need(p, TOKEN_ALTER);
	parser_need(p, TOKEN_TABLE);
	parse_table_name(p, "table name");
	if (parser_take(p, TOKEN_RENAME))
		parse_rename(p);
	else if (parser_take(p, TOKEN_ADD)) {
		parser_take(p, TOKEN_COLUMN);
		parse_column(p);
	} else if (parser_take(p, TOKEN_DROP)) {
		parser_take(p, TOKEN_COLUMN);
		parse_name(p, "column name");
	} else
		parser_expected(p, "ADD, DROP or RENAME");
}
