/*
 * JSON bodies: see body.h.  The parser is yajl; what it calls back is checked
 * here against the grammar
 *	body = [ statement, ... ]	statement = "sql" | [ "sql", parameter, ... ]
 *	parameter = scalar | [ byte, ... ] | { name: scalar | [ byte, ... ], ... }
 * A statement is read to its end before its sense is judged, as rqlite decodes it:
 * broken syntax in it is the error, whatever stands before.
 * Hostile input: depth, counts and sizes are bounded.
 */
#include "proc/http/body.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "common/hex.h"
#include "common/limits.h"
#include "common/utf8.h"
#include "proc/http/arena.h"
#include "proc/http/names.h"
#include "proto/command.h"

enum place {
	PLACE_START, /* before the outer [ */
	PLACE_BODY, /* in it: a statement comes */
	PLACE_SQL, /* in a statement's [: its SQL comes */
	PLACE_PARAMETERS, /* behind it */
	PLACE_NAMED, /* in an object of named parameters */
	PLACE_BYTES, /* in an array of bytes */
	PLACE_DONE, /* the outer ] was read */
};

struct parse {
	struct buf *out;
	size_t at; /* where the command begins */
	struct body_error *error;
	enum place place;
	enum place bytes_in; /* where the array of bytes stands */
	uint32_t statements;
	size_t statement; /* offset, for its number of parameters */
	uint32_t parameters;
	size_t object; /* PLACE_NAMED: offset of its first member */
	uint32_t before; /* and the number of parameters before it */
	unsigned depth; /* of open brackets */
	bool wrong; /* the error is known, and said if the statement's syntax is good */
	struct buf names; /* the pending name */
	struct buf bytes; /* an array of bytes */
	struct buf text; /* a string being mended */
};

static int
fail(struct parse *parse, int status, const char *format, ...)
{
	va_list ap;

	parse->error->status = status;
	va_start(ap, format);
	(void)vsnprintf(parse->error->text, sizeof(parse->error->text), format, ap);
	va_end(ap);
	return (0); /* yajl: stop */
}

/* The same at the end of the statement. */
static int
fail_later(struct parse *parse, const char *format, ...)
{
	va_list ap;

	parse->wrong = true;
	va_start(ap, format);
	(void)vsnprintf(parse->error->text, sizeof(parse->error->text), format, ap);
	va_end(ap);
	return (1);
}

static int
too_large(struct body_error *error)
{
	error->status = 413;
	(void)snprintf(error->text, sizeof(error->text),
	    "request too large: %lu bytes in binary form is the limit", COMMAND_MAX);
	return (0);
}

/* At once where no statement is open, so that there is no more of it to read. */
static int
invalid(struct parse *parse)
{
	if (parse->depth > 1)
		return (fail_later(parse, "invalid request"));
	return (fail(parse, 400, "invalid request"));
}

/* The content of a buffer that may never have held any. */
static const void *
content(const struct buf *b)
{
	return (buf_size(b) > 0 ? buf_bytes(b) : (const uint8_t *)"");
}

/* ---- UTF-8 ---- */

static size_t
valid_prefix(const uint8_t *s, size_t len)
{
	size_t i = 0, n;

	while (i < len) {
		/* Eight bytes of ASCII at a time. */
		if (len - i >= 8) {
			uint64_t word;

			memcpy(&word, s + i, 8);
			if ((word & 0x8080808080808080ULL) == 0) {
				i += 8;
				continue;
			}
		}
		n = s[i] < 0x80 ? 1 : utf8_sequence(s + i, len - i);
		if (n == 0)
			break;
		i += n;
	}
	return (i);
}

/* What most strings are.  Of a long one the last eight bytes are seen twice in part. */
static bool
is_ascii(const uint8_t *s, size_t len)
{
	uint64_t all = 0, word;
	size_t i;

	if (len < 8) {
		for (i = 0; i < len; i++)
			all |= s[i];
		return (all < 0x80);
	}
	for (i = 0; i < len - 8; i += 8) {
		memcpy(&word, s + i, 8);
		all |= word;
	}
	memcpy(&word, s + len - 8, 8);
	return (((all | word) & 0x8080808080808080ULL) == 0);
}

/* Replaces each offending byte by U+FFFD; *s and *len are changed to a copy if there is any. */
static void
mend_utf8(struct parse *parse, const uint8_t **s, size_t *len)
{
	const uint8_t *at = *s;
	size_t left = *len, good;

	if (is_ascii(at, left) || valid_prefix(at, left) == left)
		return;
	buf_reset(&parse->text, MIB);
	while (left > 0) {
		good = valid_prefix(at, left);
		buf_add(&parse->text, at, good);
		at += good;
		left -= good;
		if (left > 0) {
			buf_add(&parse->text, "\xef\xbf\xbd", 3);
			at++;
			left--;
		}
	}
	*s = buf_bytes(&parse->text);
	*len = buf_size(&parse->text);
}

/* Four hex digits at p; -1 if they are not. */
static int
hex4(const char *p, size_t left)
{
	int value = 0, i;

	if (left < 4)
		return (-1);
	for (i = 0; i < 4; i++) {
		int digit = hex_digit(p[i]);

		if (digit == -1)
			return (-1);
		value = value << 4 | digit;
	}
	return (value);
}

/* yajl corrupts lone surrogates: each escape that is no half of a pair becomes \ufffd first. */
static void
mend_surrogates(char *body, size_t len)
{
	char *end = body + len, *at = body;

	while ((at = memchr(at, '\\', (size_t)(end - at))) != NULL && at + 1 < end) {
		int high, low = -1;

		if (at[1] != 'u') {
			at += 2;
			continue;
		}
		high = hex4(at + 2, (size_t)(end - at - 2));
		if (high < 0xd800 || high > 0xdfff) {
			at += 2;
			continue;
		}
		if (high < 0xdc00 && end - at >= 12 && at[6] == '\\' && at[7] == 'u')
			low = hex4(at + 8, (size_t)(end - at - 8));
		if (low >= 0xdc00 && low <= 0xdfff)
			at += 12;
		else {
			memcpy(at + 2, "fffd", 4);
			at += 6;
		}
	}
}

/* ---- parameters ---- */

static int
add(struct parse *parse, struct command_parameter *parameter)
{
	if (parse->place == PLACE_NAMED ||
	    (parse->place == PLACE_BYTES && parse->bytes_in == PLACE_NAMED)) {
		parameter->name = content(&parse->names);
		parameter->name_len = (uint16_t)buf_size(&parse->names);
	}
	if (++parse->parameters > PARAMETERS_MAX)
		return (fail(parse, 413, "too many parameters (%d is the limit)", PARAMETERS_MAX));
	command_add_parameter(parse->out, parameter);
	return (parse->out->len - parse->at > COMMAND_MAX ? too_large(parse->error) : 1);
}

static bool
takes_value(const struct parse *parse)
{
	return (parse->place == PLACE_PARAMETERS || parse->place == PLACE_NAMED);
}

/* Text of the form x'HEX', blanks around it ignored, is a blob (a documented feature of rqlite). */
static bool
decode_hex(struct parse *parse, const uint8_t *s, size_t len)
{
	size_t i;

	while (len > 0 && (*s == ' ' || (*s >= '\t' && *s <= '\r'))) {
		s++;
		len--;
	}
	while (len > 0 && (s[len - 1] == ' ' || (s[len - 1] >= '\t' && s[len - 1] <= '\r')))
		len--;
	if (len < 3 || (s[0] | 32) != 'x' || s[1] != '\'' || s[len - 1] != '\'' || len % 2 == 0)
		return (false);
	buf_reset(&parse->bytes, MIB);
	for (i = 2; i + 1 < len; i += 2) {
		int high = hex_digit((char)s[i]), low = hex_digit((char)s[i + 1]);

		if (high == -1 || low == -1)
			return (false);
		buf_add_u8(&parse->bytes, (uint8_t)(high << 4 | low));
	}
	return (true);
}

static int
add_string(struct parse *parse, const uint8_t *s, size_t len)
{
	struct command_parameter parameter = {
		.type = COMMAND_TEXT, .data = s, .len = (uint32_t)len
	};

	if (decode_hex(parse, s, len)) {
		parameter.type = COMMAND_BLOB;
		parameter.data = content(&parse->bytes);
		parameter.len = (uint32_t)buf_size(&parse->bytes);
	}
	return (add(parse, &parameter));
}

static int
add_sql(struct parse *parse, const uint8_t *s, size_t len)
{
	if (++parse->statements > STATEMENTS_MAX)
		return (fail(parse, 413, "too many statements (%d is the limit)", STATEMENTS_MAX));
	parse->statement = command_add_statement(parse->out, (const char *)s, (uint32_t)len);
	parse->parameters = 0;
	command_set_parameters(parse->out, parse->statement, 0);
	return (parse->out->len - parse->at > COMMAND_MAX ? too_large(parse->error) : 1);
}

/* ---- what yajl calls ---- */

static int
on_string(void *arg, const unsigned char *s, size_t len)
{
	struct parse *parse = arg;
	const uint8_t *text = s;

	if (parse->wrong)
		return (1);
	mend_utf8(parse, &text, &len);
	switch (parse->place) {
	case PLACE_BODY:
		return (add_sql(parse, text, len));
	case PLACE_SQL:
		parse->place = PLACE_PARAMETERS;
		return (add_sql(parse, text, len));
	case PLACE_PARAMETERS:
	case PLACE_NAMED:
		return (add_string(parse, text, len));
	case PLACE_BYTES:
		return (fail_later(parse, "unsupported type string"));
	default:
		return (invalid(parse));
	}
}

/* An integer as SQLite has them; false if the text is none or does not fit. */
static bool
to_integer(const char *s, size_t len, int64_t *value)
{
	bool negative = s[0] == '-';
	uint64_t limit = (uint64_t)INT64_MAX + negative, n = 0;
	size_t i;

	for (i = negative; i < len; i++) {
		uint64_t digit = (uint64_t)(s[i] - '0');

		if (s[i] < '0' || s[i] > '9')
			return (false);
		/* The division only where it can matter. */
		if (n >= INT64_MAX / 10 && n > (limit - digit) / 10)
			return (false);
		n = n * 10 + digit;
	}
	*value = negative ? (int64_t)(0 - n) : (int64_t)n;
	return (true);
}

/*
 * A decimal fraction of at most 15 digits: both its digits and the power of ten
 * below them are doubles, so one division rounds as strtod() does, in a fraction
 * of its time.  False for any other number.
 */
static bool
to_short_real(const char *s, size_t len, double *value)
{
	static const double powers[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
		1e11, 1e12, 1e13, 1e14, 1e15 };
	bool negative = s[0] == '-';
	size_t i, fraction = 0;
	int64_t digits = 0;

	if (len - negative > 16)
		return (false);
	for (i = negative; i < len; i++) {
		if (s[i] == '.' && fraction == 0)
			fraction = i + 1;
		else if (s[i] >= '0' && s[i] <= '9')
			digits = digits * 10 + (s[i] - '0');
		else
			return (false);
	}
	if (fraction == 0)
		return (false);
	*value = (double)digits / powers[len - fraction];
	if (negative)
		*value = -*value;
	return (true);
}

static int
on_byte(struct parse *parse, const char *s, size_t len)
{
	int64_t value;

	if (!to_integer(s, len, &value) || value < 0 || value > 255)
		return (
		    fail_later(parse, "unsupported type %.*s", (int)(len < 1024 ? len : 1024), s));
	buf_add_u8(&parse->bytes, (uint8_t)value);
	return (1);
}

static int
on_number(void *arg, const char *s, size_t len)
{
	struct parse *parse = arg;
	struct command_parameter parameter = { .type = COMMAND_INTEGER };

	if (parse->wrong)
		return (1);
	if (parse->place == PLACE_BYTES)
		return (on_byte(parse, s, len));
	if (!takes_value(parse))
		return (invalid(parse));
	if (to_integer(s, len, &parameter.integer))
		return (add(parse, &parameter));
	parameter.type = COMMAND_REAL;
	/* A comma or bracket follows in the body, so strtod() ends where the number does. */
	if (!to_short_real(s, len, &parameter.real))
		parameter.real = strtod(s, NULL);
	if (isinf(parameter.real))
		return (
		    fail_later(parse, "invalid number %.*s", (int)(len < 1024 ? len : 1024), s));
	return (add(parse, &parameter));
}

static int
on_boolean(void *arg, int value)
{
	struct parse *parse = arg;
	struct command_parameter parameter = { .type = COMMAND_INTEGER, .integer = value != 0 };

	if (parse->wrong)
		return (1);
	if (parse->place == PLACE_BYTES)
		return (fail_later(parse, "unsupported type bool"));
	return (takes_value(parse) ? add(parse, &parameter) : invalid(parse));
}

static int
on_null(void *arg)
{
	struct parse *parse = arg;
	struct command_parameter parameter = { .type = COMMAND_NULL };

	if (parse->wrong)
		return (1);
	if (parse->place == PLACE_BYTES)
		return (fail_later(parse, "unsupported type <nil>"));
	return (takes_value(parse) ? add(parse, &parameter) : invalid(parse));
}

/* Counts an opening bracket; false if there are too many. */
static bool
descend(struct parse *parse)
{
	/* That of the list does not count. */
	if (++parse->depth > 1 + JSON_DEPTH_MAX)
		return (fail(parse, 400, "invalid JSON body"));
	return (true);
}

/* Counts a closing bracket; says an error that waited for the end of its statement. */
static int
ascend(struct parse *parse)
{
	parse->depth--;
	if (!parse->wrong || parse->depth > 1)
		return (1);
	parse->error->status = 400;
	return (0);
}

static int
on_start_map(void *arg)
{
	struct parse *parse = arg;

	if (parse->place == PLACE_START)
		return (invalid(parse));
	if (!descend(parse))
		return (0);
	if (parse->wrong)
		return (1);
	switch (parse->place) {
	case PLACE_PARAMETERS:
		parse->place = PLACE_NAMED;
		parse->object = parse->out->len;
		parse->before = parse->parameters;
		return (1);
	case PLACE_NAMED:
	case PLACE_BYTES:
		return (fail_later(parse, "unsupported type map[string]interface {}"));
	default:
		return (invalid(parse));
	}
}

static int
on_map_key(void *arg, const unsigned char *s, size_t len)
{
	struct parse *parse = arg;
	const uint8_t *text = s;

	if (parse->wrong)
		return (1);
	mend_utf8(parse, &text, &len);
	if (len > UINT16_MAX)
		return (fail(
		    parse, 413, "parameter name too long (%d bytes is the limit)", UINT16_MAX));
	buf_reset(&parse->names, MIB);
	buf_add(&parse->names, text, len);
	return (1);
}

static int
on_end_map(void *arg)
{
	struct parse *parse = arg;

	if (parse->wrong)
		return (ascend(parse));
	parse->place = PLACE_PARAMETERS;
	parse->parameters = parse->before + names_collapse(parse->out, parse->object,
						parse->parameters - parse->before);
	return (ascend(parse));
}

static int
on_start_array(void *arg)
{
	struct parse *parse = arg;

	if (!descend(parse))
		return (0);
	if (parse->wrong)
		return (1);
	switch (parse->place) {
	case PLACE_START:
		parse->place = PLACE_BODY;
		return (1);
	case PLACE_BODY:
		parse->place = PLACE_SQL;
		return (1);
	case PLACE_PARAMETERS:
	case PLACE_NAMED:
		parse->bytes_in = parse->place;
		parse->place = PLACE_BYTES;
		buf_reset(&parse->bytes, MIB);
		return (1);
	case PLACE_BYTES:
		return (fail_later(parse, "unsupported type []interface {}"));
	default:
		return (invalid(parse));
	}
}

static int
end_bytes(struct parse *parse)
{
	struct command_parameter parameter = { .type = COMMAND_BLOB,
		.data = content(&parse->bytes),
		.len = (uint32_t)buf_size(&parse->bytes) };
	int go_on = add(parse, &parameter);

	parse->place = parse->bytes_in;
	return (go_on && ascend(parse));
}

static int
on_end_array(void *arg)
{
	struct parse *parse = arg;

	if (parse->wrong)
		return (ascend(parse));
	switch (parse->place) {
	case PLACE_BODY:
		parse->place = PLACE_DONE;
		return (0); /* what follows is not looked at */
	case PLACE_PARAMETERS:
		command_set_parameters(parse->out, parse->statement, parse->parameters);
		parse->place = PLACE_BODY;
		return (ascend(parse));
	case PLACE_BYTES:
		return (end_bytes(parse));
	default:
		/* An empty array has no SQL. */
		(void)invalid(parse);
		return (ascend(parse));
	}
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_map_key,
	.yajl_end_map = on_end_map,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end_array,
};

/* yajl takes two more characters for blanks: they become one that it refuses everywhere. */
static void
mend_blanks(char *body, size_t len)
{
	static const char blanks[] = "\v\f";
	char *end = body + len, *at;
	size_t i;

	for (i = 0; i < sizeof(blanks) - 1; i++)
		for (at = body; (at = memchr(at, blanks[i], (size_t)(end - at))) != NULL;)
			*at = '\1';
}

/* What yajl's verdict means, when no callback had one of its own. */
static void
judge(struct parse *parse)
{
	if (parse->error->status != 0)
		return;
	if (parse->place != PLACE_DONE)
		(void)fail(parse, 400, "invalid JSON body");
	else if (parse->statements == 0)
		(void)fail(parse, 400, "no statements");
}

int
body_json(char *body, size_t len, struct buf *out, size_t at, struct body_error *error)
{
	struct parse parse = { .out = out, .at = at, .error = error };
	struct arena arena;
	yajl_alloc_funcs alloc;
	yajl_handle handle;

	error->status = 0;
	if (len > 0) {
		mend_surrogates(body, len);
		mend_blanks(body, len);
		arena_begin(&arena, &alloc);
		handle = yajl_alloc(&callbacks, &alloc, &parse);
		assert(handle != NULL);
		(void)yajl_config(handle, yajl_dont_validate_strings, 1);
		/* A number that is the whole body is only known to be one at its end. */
		if (yajl_parse(handle, (const unsigned char *)body, len) == yajl_status_ok)
			(void)yajl_complete_parse(handle);
		yajl_free(handle);
	}
	judge(&parse);
	buf_fini(&parse.names);
	buf_fini(&parse.bytes);
	buf_fini(&parse.text);
	if (error->status != 0)
		return (-1);
	command_set_statements(out, at, parse.statements);
	return (0);
}

int
body_text(const char *sql, size_t len, struct buf *out, size_t at, struct body_error *error)
{
	if (len > COMMAND_MAX - COMMAND_HEAD_SIZE - 2 * sizeof(uint32_t)) {
		(void)too_large(error);
		return (-1);
	}
	command_set_parameters(out, command_add_statement(out, sql, (uint32_t)len), 0);
	command_set_statements(out, at, 1);
	return (0);
}
