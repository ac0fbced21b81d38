/*
 * Calls of functions, and what the display replaces: random(), randomblob(n),
 * and the 'now' of the time functions.
 *
 * A call is printed like any other first.  To replace it, the output is cut
 * off where the call or the argument began, and the value printed there.
 */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "proc/sql/parse/parser.h"

enum call_kind {
	CALL_OTHER,
	CALL_RANDOM,
	CALL_RANDOMBLOB,
	CALL_TIME, /* now is the first argument */
	CALL_STRFTIME, /* the second */
	CALL_TIMEDIFF, /* either of two */
};

struct call {
	enum call_kind kind;
	size_t arguments;
	bool integer; /* the first argument is a lone integer */
	struct token first;
};

static const struct {
	const char *name;
	enum call_kind kind;
} kinds[] = {
	{ "random", CALL_RANDOM },
	{ "randomblob", CALL_RANDOMBLOB },
	{ "date", CALL_TIME },
	{ "time", CALL_TIME },
	{ "datetime", CALL_TIME },
	{ "julianday", CALL_TIME },
	{ "unixepoch", CALL_TIME },
	{ "strftime", CALL_STRFTIME },
	{ "timediff", CALL_TIMEDIFF },
};

static enum call_kind
call_kind(const struct token *name)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (name->len == strlen(kinds[i].name) &&
		    strncasecmp(name->text, kinds[i].name, name->len) == 0)
			return (kinds[i].kind);
	return (CALL_OTHER);
}

static bool
is_now(const struct token *t)
{
	if (t->kind == TOKEN_NAME)
		return (t->len == 3 && strncasecmp(t->text, "now", 3) == 0);
	return ((t->kind == TOKEN_STRING || t->kind == TOKEN_QUOTED) && t->len == 5 &&
		strncasecmp(t->text + 1, "now", 3) == 0);
}

/* Does the display show the clock in the place of this argument, the n-th from 0? */
static bool
takes_clock(const struct parser *p, const struct call *c, size_t n)
{
	if (p->kept || !p->options->rewrite_time)
		return (false);
	switch (c->kind) {
	case CALL_TIME:
		return (n == 0);
	case CALL_STRFTIME:
		return (n == 1);
	case CALL_TIMEDIFF:
		return (n == 1 || (n == 0 && parser_at(p, TOKEN_COMMA)));
	default:
		return (false);
	}
}

static void
parse_argument(struct parser *p, struct call *c)
{
	enum token_kind next = parser_peek(p);
	bool lone = next == TOKEN_COMMA || next == TOKEN_RP || next == TOKEN_EOF;
	bool now = lone && is_now(&p->token);
	size_t n = c->arguments++;
	size_t from = parser_word_begin(p);

	if (n == 0) {
		c->first = p->token;
		c->integer = lone && parser_at(p, TOKEN_INTEGER);
	}
	parse_expr(p);
	if (now && takes_clock(p, c, n)) {
		p->out->len = from;
		buf_printf(p->out, "%.6f", p->options->julian_day);
	}
}

static void
parse_arguments(struct parser *p, struct call *c)
{
	if (parser_take(p, TOKEN_STAR) || parser_at(p, TOKEN_RP))
		return;
	parser_take(p, TOKEN_DISTINCT);
	do
		parse_argument(p, c);
	while (parse_comma(p));
	if (parser_take(p, TOKEN_ORDER)) {
		parser_need(p, TOKEN_BY);
		parse_ordering_terms(p);
	}
}

static void
put_random(struct parser *p, size_t from)
{
	struct sqlparse_options *o = p->options;

	p->out->len = from;
	buf_printf(p->out, "%" PRId64, (int64_t)(o->random(o->arg) & INT64_MAX));
}

/* The value of an integer literal; more than the budget can be is SIZE_MAX. */
static size_t
integer_value(const struct token *t)
{
	size_t i, n = 0;

	for (i = 0; i < t->len; i++) {
		if (t->text[i] < '0' || t->text[i] > '9' || n > SIZE_MAX / 100)
			return (SIZE_MAX); /* hexadecimal, too */
		n = n * 10 + (size_t)(t->text[i] - '0');
	}
	return (n);
}

static void
put_blob(struct parser *p, size_t from, size_t n)
{
	struct sqlparse_options *o = p->options;
	uint64_t bits = 0;
	size_t i;

	if (n == 0)
		n = 1;
	if (n > o->blob_left)
		return;
	o->blob_left -= n;
	p->out->len = from;
	buf_add_text(p->out, "x'");
	for (i = 0; i < n; i++, bits >>= 8) {
		if (i % 8 == 0)
			bits = o->random(o->arg);
		buf_printf(p->out, "%02X", (unsigned)(bits & 0xff));
	}
	buf_add_u8(p->out, '\'');
}

static void
replace_random(struct parser *p, const struct call *c, size_t from)
{
	if (p->kept || p->ordering || !p->options->rewrite_random || parser_at(p, TOKEN_FAILED))
		return;
	if (c->kind == CALL_RANDOM)
		put_random(p, from);
	else if (c->kind == CALL_RANDOMBLOB && c->arguments == 1 && c->integer)
		put_blob(p, from, integer_value(&c->first));
}

static void
parse_filter(struct parser *p)
{
	if (!parser_at(p, TOKEN_FILTER) || parser_peek(p) != TOKEN_LP)
		return;
	parser_need(p, TOKEN_FILTER);
	parse_open(p);
	if (!parser_at(p, TOKEN_WHERE))
		parser_expected(p, "WHERE");
	parse_where(p);
	parse_close(p);
}

static void
parse_over(struct parser *p)
{
	if (!parser_take(p, TOKEN_OVER))
		return;
	if (parser_at(p, TOKEN_LP))
		parse_window(p);
	else
		parse_name(p, "window name");
}

void
parse_call(struct parser *p)
{
	struct call c = { .kind = call_kind(&p->token) };
	size_t from = parser_word_begin(p);

	emit_token(p);
	emit_tight(p, "(", true);
	parser_advance(p);
	parse_arguments(p, &c);
	parse_close(p);
	replace_random(p, &c, from);
	parse_filter(p);
	parse_over(p);
}

static void
parse_frame_bound(struct parser *p)
{
	if (parser_take(p, TOKEN_CURRENT)) {
		parser_need(p, TOKEN_ROW);
		return;
	}
	if (!parser_take(p, TOKEN_UNBOUNDED))
		parse_expr(p);
	if (!parser_take(p, TOKEN_PRECEDING))
		parser_need(p, TOKEN_FOLLOWING);
}

static void
parse_frame(struct parser *p)
{
	if (!parser_take(p, TOKEN_ROWS) && !parser_take(p, TOKEN_RANGE) &&
	    !parser_take(p, TOKEN_GROUPS))
		return;
	if (parser_take(p, TOKEN_BETWEEN)) {
		parse_frame_bound(p);
		parser_need(p, TOKEN_AND);
	}
	parse_frame_bound(p);
	if (!parser_take(p, TOKEN_EXCLUDE))
		return;
	if (parser_take(p, TOKEN_NO))
		parser_need(p, TOKEN_OTHERS);
	else if (parser_take(p, TOKEN_CURRENT))
		parser_need(p, TOKEN_ROW);
	else if (!parser_take(p, TOKEN_GROUP))
		parser_need(p, TOKEN_TIES);
}

void
parse_window(struct parser *p)
{
	parse_open(p);
	if (parser_at(p, TOKEN_NAME) || parser_at(p, TOKEN_QUOTED))
		emit_name(p);
	if (parser_take(p, TOKEN_PARTITION)) {
		parser_need(p, TOKEN_BY);
		parse_expr_list(p);
	}
	if (parser_take(p, TOKEN_ORDER)) {
		parser_need(p, TOKEN_BY);
		parse_ordering_terms(p);
	}
	parse_frame(p);
	parse_close(p);
}
