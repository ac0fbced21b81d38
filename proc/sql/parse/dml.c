/*
 * INSERT, UPDATE and DELETE.
 */
#include "proc/sql/parse/parser.h"

/* OR ABORT and the like */
static void
parse_conflict_choice(struct parser *p)
{
	static const enum token_kind choices[] = { TOKEN_ROLLBACK, TOKEN_ABORT, TOKEN_REPLACE,
		TOKEN_FAIL, TOKEN_IGNORE };
	size_t i;

	if (!parser_take(p, TOKEN_OR))
		return;
	for (i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
		if (parser_take(p, choices[i]))
			return;
	parser_expected(p, "ROLLBACK, REPLACE, ABORT, FAIL, or IGNORE");
}

static void
parse_assignments(struct parser *p)
{
	parser_need(p, TOKEN_SET);
	do {
		if (parser_at(p, TOKEN_LP))
			parse_name_list(p);
		else
			parse_name(p, "column name");
		parser_need(p, TOKEN_EQ);
		parse_expr(p);
	} while (parse_comma(p));
}

static void
parse_upsert(struct parser *p)
{
	parser_need(p, TOKEN_ON);
	parser_need(p, TOKEN_CONFLICT);
	if (parser_at(p, TOKEN_LP)) {
		parse_open(p);
		parse_ordering_terms(p);
		parse_close(p);
		parse_where(p);
	}
	parser_need(p, TOKEN_DO);
	if (parser_take(p, TOKEN_NOTHING))
		return;
	parser_need(p, TOKEN_UPDATE);
	parse_assignments(p);
	parse_where(p);
}

static void
parse_returning(struct parser *p)
{
	if (parser_take(p, TOKEN_RETURNING))
		parse_result_columns(p);
}

/* rqlite's display has no RETURNING of an UPDATE or DELETE. */
static void
drop_returning(struct parser *p)
{
	size_t len = p->out->len;

	parse_returning(p);
	p->out->len = len;
}

void
parse_insert(struct parser *p)
{
	if (!parser_take(p, TOKEN_REPLACE)) {
		parser_need(p, TOKEN_INSERT);
		parse_conflict_choice(p);
	}
	parser_need(p, TOKEN_INTO);
	parse_table_name(p, "table name");
	parse_alias(p, false);
	if (parser_at(p, TOKEN_LP))
		parse_name_list(p);
	if (parser_take(p, TOKEN_DEFAULT))
		parser_need(p, TOKEN_VALUES);
	else if (parser_at_select(p))
		parse_select(p);
	else
		parser_expected(p, "DEFAULT VALUES, VALUES or SELECT");
	while (parser_at(p, TOKEN_ON))
		parse_upsert(p);
	parse_returning(p);
}

static void
parse_target(struct parser *p)
{
	parse_table_name(p, "table name");
	parse_alias(p, false);
	if (parser_take(p, TOKEN_INDEXED)) {
		parser_need(p, TOKEN_BY);
		parse_name(p, "index name");
	} else if (parser_take(p, TOKEN_NOT))
		parser_need(p, TOKEN_INDEXED);
}

void
parse_update(struct parser *p)
{
	parser_need(p, TOKEN_UPDATE);
	parse_conflict_choice(p);
	parse_target(p);
	parse_assignments(p);
	if (parser_take(p, TOKEN_FROM))
		parse_sources(p);
	parse_where(p);
	drop_returning(p);
}

void
parse_delete(struct parser *p)
{
	parser_need(p, TOKEN_DELETE);
	parser_need(p, TOKEN_FROM);
	parse_target(p);
	parse_where(p);
	drop_returning(p);
	parse_order_limit(p);
}
