/*
 * JSON as Go's encoder writes it (see json.h).  The scanner of strings copies
 * runs of plain bytes and stops only where one needs an escape or begins a
 * sequence that must be checked; most strings are one run.
 */
#include "common/json.h"

#include <assert.h>
#include <math.h>

#include "common/shortest.h"
#include "common/utf8.h"

static const char digits_hex[] = "0123456789abcdef";

/*
 * 0: plain; 1: begins a multi-byte sequence or is bad; 'u': \u00XX; else the letter behind the
 * backslash.
 */
static const uint8_t escapes[256] = {
	[0 ... 7] = 'u',
	[0x0b] = 'u',
	[0x0e ... 0x1f] = 'u',
	['\n'] = 'n',
	['\r'] = 'r',
	['\t'] = 't',
	['\b'] = 'b',
	['\f'] = 'f',
	['"'] = '"',
	['\\'] = '\\',
	['<'] = 'u',
	['>'] = 'u',
	['&'] = 'u',
	[0x80 ... 0xff] = 1,
};

/*
 * Appends the escape of the byte at s, or the sequence there; returns how many bytes it stands
 * for.
 */
static size_t
add_special(struct buf *b, const uint8_t *s, size_t len)
{
	uint8_t kind = escapes[s[0]];
	size_t n;

	if (kind == 'u') {
		uint8_t *p = buf_reserve(b, 6);

		memcpy(p, "\\u00", 4);
		p[4] = (uint8_t)digits_hex[s[0] >> 4];
		p[5] = (uint8_t)digits_hex[s[0] & 15];
		buf_advance(b, 6);
		return (1);
	}
	if (kind != 1) {
		buf_add_u8(b, '\\');
		buf_add_u8(b, kind);
		return (1);
	}
	n = utf8_sequence(s, len);
	if (n == 0) {
		buf_add(b, "\\ufffd", 6);
		return (1);
	}
	if (n == 3 && s[0] == 0xe2 && s[1] == 0x80 && (s[2] & 0xfe) == 0xa8)
		buf_add(b, s[2] == 0xa8 ? "\\u2028" : "\\u2029", 6);
	else
		buf_add(b, s, n);
	return (n);
}

void
json_add_string(struct buf *b, const void *data, size_t len)
{
	const uint8_t *s = data;
	size_t run = 0, i = 0;
	uint8_t *p;

	p = buf_reserve(b, len + 2);
	*p = '"';
	buf_advance(b, 1);
	while (i < len) {
		if (escapes[s[i]] == 0) {
			i++;
			continue;
		}
		buf_add(b, s + run, i - run);
		i += add_special(b, s + i, len - i);
		run = i;
	}
	buf_add(b, s + run, len - run);
	buf_add_u8(b, '"');
}

static const char digits_pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

static size_t
count_digits(uint64_t v)
{
	size_t n = 1;

	for (; v >= 10000; v /= 10000)
		n += 4;
	return (n + (v >= 10) + (v >= 100) + (v >= 1000));
}

void
json_add_uint(struct buf *b, uint64_t v)
{
	size_t n = count_digits(v);
	uint8_t *p = buf_reserve(b, n) + n;

	buf_advance(b, n);
	while (v >= 100) {
		p -= 2;
		memcpy(p, digits_pairs + (v % 100) * 2, 2);
		v /= 100;
	}
	if (v >= 10)
		memcpy(p - 2, digits_pairs + v * 2, 2);
	else
		p[-1] = (uint8_t)('0' + v);
}

void
json_add_int(struct buf *b, int64_t v)
{
	if (v < 0) {
		buf_add_u8(b, '-');
		json_add_uint(b, 0 - (uint64_t)v);
	} else
		json_add_uint(b, (uint64_t)v);
}

void
json_add_double(struct buf *b, double v)
{
	if (!isfinite(v)) {
		buf_add(b, "null", 4);
		return;
	}
	buf_advance(b, shortest_print((char *)buf_reserve(b, SHORTEST_SIZE_MAX), v));
}

void
json_add_base64(struct buf *b, const void *data, size_t len)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *s = data;
	uint8_t *start, *p;
	uint32_t v;

	start = p = buf_reserve(b, (len + 2) / 3 * 4 + 2);
	*p++ = '"';
	for (; len >= 3; len -= 3, s += 3) {
		v = (uint32_t)s[0] << 16 | (uint32_t)s[1] << 8 | s[2];
		*p++ = (uint8_t)letters[v >> 18];
		*p++ = (uint8_t)letters[v >> 12 & 63];
		*p++ = (uint8_t)letters[v >> 6 & 63];
		*p++ = (uint8_t)letters[v & 63];
	}
	if (len > 0) {
		v = (uint32_t)s[0] << 16 | (len == 2 ? (uint32_t)s[1] << 8 : 0);
		*p++ = (uint8_t)letters[v >> 18];
		*p++ = (uint8_t)letters[v >> 12 & 63];
		*p++ = (uint8_t)(len == 2 ? letters[v >> 6 & 63] : '=');
		*p++ = '=';
	}
	*p++ = '"';
	buf_advance(b, (size_t)(p - start));
}

void
json_init(struct json *j, struct buf *out, bool pretty, unsigned depth)
{
	j->out = out;
	j->depth = depth;
	j->pretty = pretty;
	j->empty = true;
	j->after_key = true; /* the outermost value has nothing before it */
}

static void
new_line(struct json *j)
{
	size_t n = (size_t)j->depth * 4 + 1;
	uint8_t *p = buf_reserve(j->out, n);

	*p = '\n';
	memset(p + 1, ' ', n - 1);
	buf_advance(j->out, n);
}

void
json_value(struct json *j)
{
	if (j->after_key) {
		j->after_key = false;
		return;
	}
	if (!j->empty)
		buf_add_u8(j->out, ',');
	j->empty = false;
	if (j->pretty)
		new_line(j);
}

static void
begin(struct json *j, uint8_t bracket)
{
	json_value(j);
	buf_add_u8(j->out, bracket);
	j->depth++;
	j->empty = true;
}

static void
end(struct json *j, uint8_t bracket)
{
	assert(j->depth > 0 && !j->after_key);
	j->depth--;
	if (j->pretty && !j->empty)
		new_line(j);
	buf_add_u8(j->out, bracket);
	j->empty = false;
}

void
json_begin_object(struct json *j)
{
	begin(j, '{');
}

void
json_end_object(struct json *j)
{
	end(j, '}');
}

void
json_begin_array(struct json *j)
{
	begin(j, '[');
}

void
json_end_array(struct json *j)
{
	end(j, ']');
}

void
json_key_n(struct json *j, const char *key, size_t len)
{
	assert(!j->after_key);
	json_value(j);
	json_add_string(j->out, key, len);
	if (j->pretty)
		buf_add(j->out, ": ", 2);
	else
		buf_add_u8(j->out, ':');
	j->after_key = true;
}

void
json_key(struct json *j, const char *key)
{
	json_key_n(j, key, strlen(key));
}

void
json_string_n(struct json *j, const void *s, size_t len)
{
	json_value(j);
	json_add_string(j->out, s, len);
}

void
json_string(struct json *j, const char *s)
{
	json_string_n(j, s, strlen(s));
}

void
json_int(struct json *j, int64_t v)
{
	json_value(j);
	json_add_int(j->out, v);
}

void
json_uint(struct json *j, uint64_t v)
{
	json_value(j);
	json_add_uint(j->out, v);
}

void
json_double(struct json *j, double v)
{
	json_value(j);
	json_add_double(j->out, v);
}

void
json_bool(struct json *j, bool v)
{
	if (v)
		json_raw(j, "true", 4);
	else
		json_raw(j, "false", 5);
}

void
json_null(struct json *j)
{
	json_raw(j, "null", 4);
}

void
json_raw(struct json *j, const void *data, size_t len)
{
	json_value(j);
	buf_add(j->out, data, len);
}
