/*
 * Tokens in, words out: the primitives of the parser; see parser.h.
 */
#include "proc/sql/parse/parser.h"

#include <string.h>

#define DEPTH_MAX 250
#define FOUND_MAX 64 /* bytes of a token that an error shows */

void
parser_advance(struct parser *p)
{
	if (p->token.kind != TOKEN_FAILED)
		p->token = lexer_next(&p->lexer);
}

enum token_kind
parser_peek(const struct parser *p)
{
	struct lexer ahead = p->lexer;

	return (p->token.kind == TOKEN_FAILED ? TOKEN_FAILED : lexer_next(&ahead).kind);
}

bool
parser_take(struct parser *p, enum token_kind kind)
{
	if (p->token.kind != kind)
		return (false);
	emit_word(p, token_name(kind));
	parser_advance(p);
	return (true);
}

void
parser_need(struct parser *p, enum token_kind kind)
{
	if (!parser_take(p, kind))
		parser_expected(p, token_name(kind));
}

/* Bytes of the text that end a character, at most FOUND_MAX. */
static int
shown_length(const char *text, size_t len)
{
	if (len <= FOUND_MAX)
		return ((int)len);
	len = FOUND_MAX;
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return ((int)len);
}

void
parser_expected(struct parser *p, const char *what)
{
	const struct token *t = &p->token;
	const char *text = t->text;
	size_t len = t->len;

	if (t->kind == TOKEN_FAILED)
		return;
	if (t->kind == TOKEN_STRING || t->kind == TOKEN_QUOTED) {
		text++;
		len -= 2;
	}
	if (token_is_literal(t->kind))
		(void)error_set(p->error, "%u:%u: expected %s, found %.*s", t->line, t->column,
		    what, shown_length(text, len), text);
	else
		(void)error_set(p->error, "%u:%u: expected %s, found '%s'", t->line, t->column,
		    what, token_name(t->kind));
	p->token.kind = TOKEN_FAILED;
}

bool
parser_enter(struct parser *p)
{
	p->depth++;
	if (p->depth <= DEPTH_MAX)
		return (true);
	if (p->token.kind != TOKEN_FAILED)
		(void)error_set(
		    p->error, "%u:%u: nested too deeply", p->token.line, p->token.column);
	p->token.kind = TOKEN_FAILED;
	return (false);
}

void
parser_leave(struct parser *p)
{
	p->depth--;
}

void
emit(struct parser *p, const char *text, size_t len)
{
	if (!p->glued)
		buf_add_u8(p->out, ' ');
	buf_add(p->out, text, len);
	p->glued = false;
}

void
emit_word(struct parser *p, const char *word)
{
	emit(p, word, strlen(word));
}

void
emit_tight(struct parser *p, const char *text, bool glued)
{
	buf_add_text(p->out, text);
	p->glued = glued;
}

void
emit_token(struct parser *p)
{
	emit(p, p->token.text, p->token.len);
	parser_advance(p);
}

void
emit_name(struct parser *p)
{
	const struct token *t = &p->token;
	char quote = t->len > 0 ? t->text[0] : '\0';
	size_t from = 0, to = t->len, i;

	if (quote == '"' || quote == '`' || quote == '\'') {
		from++;
		to--;
	} else
		quote = '\0';
	emit_word(p, "\"");
	for (i = from; i < to; i++) {
		if (t->text[i] == '"')
			buf_add_u8(p->out, '"');
		buf_add_u8(p->out, (uint8_t)t->text[i]);
		/* A doubled quote is one character of the name. */
		if (quote != '\0' && t->text[i] == quote)
			i++;
	}
	buf_add_u8(p->out, '"');
	parser_advance(p);
}

void
parse_open(struct parser *p)
{
	parser_need(p, TOKEN_LP);
	p->glued = true;
}

void
parse_close(struct parser *p)
{
	emit_tight(p, ")", false);
	if (parser_at(p, TOKEN_RP))
		parser_advance(p);
	else if (!parser_at(p, TOKEN_EOF))
		parser_expected(p, "right paren");
}

bool
parse_comma(struct parser *p)
{
	if (!parser_at(p, TOKEN_COMMA))
		return (false);
	emit_tight(p, ",", false);
	parser_advance(p);
	return (true);
}

void
parse_name(struct parser *p, const char *what)
{
	if (token_is_name(p->token.kind) || parser_at(p, TOKEN_STRING))
		emit_name(p);
	else
		parser_expected(p, what);
}

void
parse_table_name(struct parser *p, const char *what)
{
	parse_name(p, what);
	if (parser_at(p, TOKEN_DOT)) {
		emit_tight(p, ".", true);
		parser_advance(p);
		parse_name(p, what);
	}
}

void
parse_name_list(struct parser *p)
{
	parse_open(p);
	do
		parse_name(p, "column name");
	while (parse_comma(p));
	parse_close(p);
}

void
parse_alias(struct parser *p, bool bare)
{
	if (parser_take(p, TOKEN_AS))
		parse_name(p, "alias name");
	else if (bare && (parser_at(p, TOKEN_NAME) || parser_at(p, TOKEN_QUOTED) ||
			     parser_at(p, TOKEN_STRING))) {
		emit_word(p, "AS");
		emit_name(p);
	}
}

void
parse_if_not_exists(struct parser *p)
{
	if (parser_take(p, TOKEN_IF)) {
		parser_need(p, TOKEN_NOT);
		parser_need(p, TOKEN_EXISTS);
	}
}

void
parse_type(struct parser *p)
{
	bool any = false;

	while (parser_at(p, TOKEN_NAME) || parser_at(p, TOKEN_QUOTED)) {
		emit_token(p);
		any = true;
	}
	if (!any || !parser_at(p, TOKEN_LP))
		return;
	emit_tight(p, "(", true);
	parser_advance(p);
	do {
		if (parser_at(p, TOKEN_MINUS) || parser_at(p, TOKEN_PLUS)) {
			emit_token(p);
			p->glued = true;
		}
		if (parser_at(p, TOKEN_INTEGER) || parser_at(p, TOKEN_FLOAT))
			emit_token(p);
		else
			parser_expected(p, "precision");
	} while (parse_comma(p));
	parse_close(p);
}
