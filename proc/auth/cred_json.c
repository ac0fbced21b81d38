/*
 * Tokens of the credentials file.  See cred_json.h.
 */
#include "proc/auth/cred_json.h"

#include <stdio.h>
#include <string.h>

int
cred_json_peek(struct cred_json *json)
{
	while (json->p < json->end && strchr(" \t\r\n", *json->p) != NULL && *json->p != '\0')
		json->p++;
	return (json->p < json->end ? (unsigned char)*json->p : -1);
}

int
cred_json_unexpected(struct cred_json *json, const char *where)
{
	unsigned char c;

	if (json->p >= json->end)
		return (error_set(json->error, "unexpected EOF"));
	c = (unsigned char)*json->p;
	if (c == '\'' || c == '\\')
		return (error_set(json->error, "invalid character '\\%c' %s", c, where));
	if (c == '\n' || c == '\r' || c == '\t')
		return (error_set(json->error, "invalid character '\\%c' %s",
		    c == '\n'	? 'n'
		    : c == '\r' ? 'r'
				: 't',
		    where));
	if (c < 0x20 || c >= 0x7f)
		return (error_set(json->error, "invalid character '\\x%02x' %s", c, where));
	return (error_set(json->error, "invalid character '%c' %s", c, where));
}

/* The length of the valid UTF-8 sequence at p, or 0. */
static size_t
sequence_length(const unsigned char *p, size_t left)
{
	size_t n;
	uint32_t code;

	if (p[0] < 0x80)
		return (1);
	n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || left < n)
		return (0);
	code = p[0] & (0xff >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return (0);
		code = code << 6 | (p[i] & 0x3f);
	}
	if ((n == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) ||
	    (n == 4 && (code < 0x10000 || code > 0x10ffff)))
		return (0);
	return (n);
}

static int
put(struct cred_json *json, struct cred_text *text, const void *bytes, size_t n)
{
	if (text == NULL)
		return (0);
	if (text->len + n > CREDENTIALS_NAME_MAX)
		return (error_set(
		    json->error, "a string is longer than %d bytes", CREDENTIALS_NAME_MAX));
	memcpy(text->bytes + text->len, bytes, n);
	text->len += n;
	text->bytes[text->len] = '\0';
	return (0);
}

static int
put_code(struct cred_json *json, struct cred_text *text, uint32_t code)
{
	unsigned char out[4];

	if (code < 0x80) {
		out[0] = (unsigned char)code;
		return (put(json, text, out, 1));
	}
	if (code < 0x800) {
		out[0] = (unsigned char)(0xc0 | code >> 6);
		out[1] = (unsigned char)(0x80 | (code & 0x3f));
		return (put(json, text, out, 2));
	}
	if (code < 0x10000) {
		out[0] = (unsigned char)(0xe0 | code >> 12);
		out[1] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (unsigned char)(0x80 | (code & 0x3f));
		return (put(json, text, out, 3));
	}
	out[0] = (unsigned char)(0xf0 | code >> 18);
	out[1] = (unsigned char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (unsigned char)(0x80 | (code & 0x3f));
	return (put(json, text, out, 4));
}

/* Four hex digits, behind the u. */
static int
take_hex(struct cred_json *json, uint32_t *code)
{
	*code = 0;
	for (int i = 0; i < 4; i++, json->p++) {
		unsigned char c = json->p < json->end ? (unsigned char)*json->p : 0;
		uint32_t digit;

		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (c | 0x20u) - 'a' + 10;
		else
			return (cred_json_unexpected(json, "in \\u hexadecimal character escape"));
		*code = *code << 4 | digit;
	}
	return (0);
}

/* Behind \u: a code, or two that form a pair; half a pair is replaced. */
static int
take_unicode(struct cred_json *json, struct cred_text *text)
{
	uint32_t code, low;
	const char *mark;

	if (take_hex(json, &code) == -1)
		return (-1);
	if (code >= 0xd800 && code < 0xdc00 && json->end - json->p >= 2 && json->p[0] == '\\' &&
	    json->p[1] == 'u') {
		mark = json->p;
		json->p += 2;
		if (take_hex(json, &low) == -1)
			return (-1);
		if (low >= 0xdc00 && low < 0xe000)
			return (put_code(
			    json, text, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)));
		json->p = mark;
	}
	return (put_code(json, text, code >= 0xd800 && code < 0xe000 ? 0xfffd : code));
}

/* Behind the backslash. */
static int
take_escape(struct cred_json *json, struct cred_text *text)
{
	static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *found;

	if (json->p >= json->end || *json->p == '\0')
		return (cred_json_unexpected(json, "in string escape code"));
	if (*json->p == 'u') {
		json->p++;
		return (take_unicode(json, text));
	}
	if ((found = strchr(letters, *json->p)) == NULL)
		return (cred_json_unexpected(json, "in string escape code"));
	json->p++;
	return (put(json, text, &meant[found - letters], 1));
}

/* One character of a string, escaped or not. */
static int
take_character(struct cred_json *json, struct cred_text *text)
{
	size_t n;

	if (*json->p == '\\') {
		json->p++;
		return (take_escape(json, text));
	}
	if ((unsigned char)*json->p < 0x20)
		return (cred_json_unexpected(json, "in string literal"));
	n = sequence_length((const unsigned char *)json->p, (size_t)(json->end - json->p));
	if (n == 0) {
		json->p++;
		return (put_code(json, text, 0xfffd));
	}
	json->p += n;
	return (put(json, text, json->p - n, n));
}

int
cred_json_string(struct cred_json *json, struct cred_text *text)
{
	if (text != NULL) {
		text->len = 0;
		text->bytes[0] = '\0';
	}
	json->p++; /* the quote */
	while (json->p < json->end && *json->p != '"')
		if (take_character(json, text) == -1)
			return (-1);
	if (json->p >= json->end)
		return (cred_json_unexpected(json, "in string literal"));
	json->p++;
	return (0);
}

static int
skip_word(struct cred_json *json, const char *word)
{
	for (; *word != '\0'; word++, json->p++)
		if (json->p >= json->end || *json->p != *word)
			return (cred_json_unexpected(json, "in literal"));
	return (0);
}

static int
skip_digits(struct cred_json *json)
{
	const char *start = json->p;

	while (json->p < json->end && *json->p >= '0' && *json->p <= '9')
		json->p++;
	return (json->p > start ? 0 : cred_json_unexpected(json, "in numeric literal"));
}

static int
skip_number(struct cred_json *json)
{
	if (*json->p == '-')
		json->p++;
	if (json->p < json->end && *json->p == '0')
		json->p++;
	else if (skip_digits(json) == -1)
		return (-1);
	if (json->p < json->end && *json->p == '.') {
		json->p++;
		if (skip_digits(json) == -1)
			return (-1);
	}
	if (json->p < json->end && (*json->p == 'e' || *json->p == 'E')) {
		json->p++;
		if (json->p < json->end && (*json->p == '+' || *json->p == '-'))
			json->p++;
		return (skip_digits(json));
	}
	return (0);
}

static int
skip_scalar(struct cred_json *json)
{
	int c = cred_json_peek(json);

	switch (c) {
	case '"':
		return (cred_json_string(json, NULL));
	case 't':
		return (skip_word(json, "true"));
	case 'f':
		return (skip_word(json, "false"));
	case 'n':
		return (skip_word(json, "null"));
	default:
		if (c == '-' || (c >= '0' && c <= '9'))
			return (skip_number(json));
		return (cred_json_unexpected(json, "looking for beginning of value"));
	}
}

int
cred_json_name(struct cred_json *json, struct cred_text *name)
{
	if (cred_json_peek(json) != '"')
		return (cred_json_unexpected(json, "looking for beginning of object key string"));
	if (cred_json_string(json, name) == -1)
		return (-1);
	if (cred_json_peek(json) != ':')
		return (cred_json_unexpected(json, "after object key"));
	json->p++;
	return (0);
}

int
cred_json_open(struct cred_json *json, char close)
{
	json->p++;
	if (cred_json_peek(json) != close)
		return (1);
	json->p++;
	return (0);
}

int
cred_json_more(struct cred_json *json, char close)
{
	int c = cred_json_peek(json);

	if (c != ',' && c != close)
		return (cred_json_unexpected(
		    json, close == '}' ? "after object key:value pair" : "after array element"));
	json->p++;
	return (c == ',');
}

/* Goes into a bracket, or over a scalar or an empty bracket; 1 if something is to be read inside. */
static int
enter(struct cred_json *json, char *closers, size_t *depth)
{
	int c = cred_json_peek(json), inside;
	char close = c == '{' ? '}' : ']';

	if (c != '{' && c != '[')
		return (skip_scalar(json));
	if ((inside = cred_json_open(json, close)) == 0)
		return (0);
	if (*depth == CREDENTIALS_NESTING_MAX)
		return (error_set(json->error, "exceeded max depth"));
	closers[(*depth)++] = close;
	if (close == '}' && cred_json_name(json, NULL) == -1)
		return (-1);
	return (inside);
}

/* After a value: out of the brackets that end here; 1 if another value follows. */
static int
leave(struct cred_json *json, const char *closers, size_t *depth)
{
	int more;

	while (*depth > 0) {
		if ((more = cred_json_more(json, closers[*depth - 1])) == -1)
			return (-1);
		if (more == 1 && closers[*depth - 1] == '}' && cred_json_name(json, NULL) == -1)
			return (-1);
		if (more == 1)
			return (1);
		(*depth)--;
	}
	return (0);
}

int
cred_json_skip(struct cred_json *json)
{
	char closers[CREDENTIALS_NESTING_MAX];
	size_t depth = 0;
	int inside;

	do {
		if ((inside = enter(json, closers, &depth)) == -1)
			return (-1);
		if (inside == 0 && leave(json, closers, &depth) == -1)
			return (-1);
	} while (depth > 0);
	return (0);
}

int
cred_json_wrong_type(struct cred_json *json, const char *what)
{
	int c = cred_json_peek(json);
	const char *kind = c == '"'		  ? "string"
			   : c == '{'		  ? "object"
			   : c == '['		  ? "array"
			   : c == 't' || c == 'f' ? "bool"
						  : "number";

	if (cred_json_skip(json) == -1)
		return (-1);
	if (!json->has_wrong_type)
		(void)error_set(&json->wrong_type, "json: cannot unmarshal %s into %s", kind, what);
	json->has_wrong_type = true;
	return (0);
}

int
cred_json_string_or_null(struct cred_json *json, const char *field, struct cred_text *text)
{
	char what[96];
	int c = cred_json_peek(json);

	if (c == '"')
		return (cred_json_string(json, text) == -1 ? -1 : 1);
	if (c == 'n')
		return (cred_json_skip(json));
	(void)snprintf(what, sizeof(what), "Go struct field Credential.%s of type string", field);
	return (cred_json_wrong_type(json, what));
}
