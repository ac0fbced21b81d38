/*
 * Statements; see sqlparse.h.
 */
#include "proc/sql/parse/sqlparse.h"

#include "proc/sql/parse/parser.h"

void
parse_pragma(struct parser *p)
{
	parser_need(p, TOKEN_PRAGMA);
	if (token_is_name(p->token.kind) && parser_peek(p) == TOKEN_DOT) {
		emit_name(p);
		emit_tight(p, ".", true);
		parser_advance(p);
	}
	if (token_is_name(p->token.kind) && parser_peek(p) == TOKEN_LP) {
		parse_call(p);
		return;
	}
	parse_name(p, "pragma name");
	if (parser_take(p, TOKEN_EQ))
		parse_expr(p);
}

static void
parse_begin(struct parser *p)
{
	parser_need(p, TOKEN_BEGIN);
	if (!parser_take(p, TOKEN_DEFERRED) && !parser_take(p, TOKEN_IMMEDIATE))
		parser_take(p, TOKEN_EXCLUSIVE);
	parser_take(p, TOKEN_TRANSACTION);
}

static void
parse_commit(struct parser *p)
{
	if (!parser_take(p, TOKEN_COMMIT))
		parser_need(p, TOKEN_END);
	parser_take(p, TOKEN_TRANSACTION);
}

static void
parse_savepoint(struct parser *p, enum token_kind first)
{
	parser_need(p, first);
	if (first == TOKEN_ROLLBACK) {
		parser_take(p, TOKEN_TRANSACTION);
		if (!parser_take(p, TOKEN_TO))
			return;
	}
	if (first != TOKEN_SAVEPOINT && parser_at(p, TOKEN_SAVEPOINT) &&
	    token_is_name(parser_peek(p)))
		parser_take(p, TOKEN_SAVEPOINT);
	parse_name(p, "savepoint name");
}

static void
parse_optional_table(struct parser *p, enum token_kind first)
{
	parser_need(p, first);
	if (token_is_name(p->token.kind))
		parse_table_name(p, "table name");
}

bool
parse_data_statement(struct parser *p)
{
	bool with = parser_at(p, TOKEN_WITH);

	parse_with(p);
	switch (p->token.kind) {
	case TOKEN_SELECT:
	case TOKEN_VALUES:
		parse_select(p);
		return (true);
	case TOKEN_INSERT:
	case TOKEN_REPLACE:
		parse_insert(p);
		return (true);
	case TOKEN_UPDATE:
		parse_update(p);
		return (true);
	case TOKEN_DELETE:
		parse_delete(p);
		return (true);
	default:
		if (with)
			parser_expected(p, "SELECT, VALUES, INSERT, REPLACE, UPDATE, or DELETE");
		return (with);
	}
}

static void
parse_other_statement(struct parser *p)
{
	switch (p->token.kind) {
	case TOKEN_BEGIN:
		parse_begin(p);
		break;
	case TOKEN_COMMIT:
	case TOKEN_END:
		parse_commit(p);
		break;
	case TOKEN_ROLLBACK:
	case TOKEN_SAVEPOINT:
	case TOKEN_RELEASE:
		parse_savepoint(p, p->token.kind);
		break;
	case TOKEN_ANALYZE:
	case TOKEN_REINDEX:
		parse_optional_table(p, p->token.kind);
		break;
	case TOKEN_CREATE:
		parse_create(p);
		break;
	case TOKEN_DROP:
		parse_drop(p);
		break;
	case TOKEN_ALTER:
		parse_alter(p);
		break;
	case TOKEN_PRAGMA:
		parse_pragma(p);
		break;
	default:
		parser_expected(p, "statement");
	}
}

void
parse_statement(struct parser *p)
{
	if (parser_take(p, TOKEN_EXPLAIN) && parser_take(p, TOKEN_QUERY))
		parser_need(p, TOKEN_PLAN);
	if (!parse_data_statement(p))
		parse_other_statement(p);
	if (!parser_at(p, TOKEN_SEMI) && !parser_at(p, TOKEN_EOF))
		parser_expected(p, "semicolon or EOF");
}

int
sqlparse_rewrite(const char *sql, size_t len, struct sqlparse_options *options, struct buf *out,
    struct error *error)
{
	struct parser p = { .options = options, .out = out, .glued = true, .error = error };
	size_t before = buf_size(out);

	lexer_init(&p.lexer, sql, len);
	parser_advance(&p);
	if (parser_at(&p, TOKEN_EOF))
		return (error_set(error, "EOF"));
	parse_statement(&p);
	if (!parser_at(&p, TOKEN_FAILED))
		return (0);
	out->len = out->pos + before;
	return (-1);
}
