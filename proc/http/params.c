/*
 * Query strings: see params.h.  They come from clients and are hostile.
 *
 * Splitting, decoding and the order in which things are found wrong are those
 * of rqlite: syntax first, then freshness_strict, durations, integers, q.
 */
#include "proc/http/params.h"

#include <string.h>
#include <strings.h>

#include "common/duration.h"
#include "common/hex.h"
#include "common/utf8.h"

#define SECOND 1000000000LL
#define HEX "0123456789abcdef"
#define ESCAPE_TEXT_MAX 16 /* three bytes, each \xNN at worst */

/* The keys that mean something; all others are read past. */
#define KEYS(X)                                                                               \
	X(q)                                                                                  \
	X(pretty) X(timings) X(transaction) X(queue) X(wait) X(associative) X(blob_array)     \
	    X(qualify_columns) X(raft_index) X(noparse) X(norwrandom) X(norwtime) X(redirect) \
		X(noleader) X(sync) X(nonvoters) X(freshness_strict) X(vacuum) X(compress)    \
		    X(level) X(timeout) X(freshness) X(db_timeout) X(linearizable_timeout)    \
			X(retries) X(trailing_logs) X(key) X(fmt) X(tables) X(ver)

#define KEY_ENUM(name) KEY_##name,
enum key { KEYS(KEY_ENUM) KEY__COUNT };

#define KEY_NAME(name) { #name, sizeof(#name) - 1 },
static const struct {
	const char *name;
	size_t len;
} keys[KEY__COUNT] = { KEYS(KEY_NAME) };

/* What was given first for a key; text is NULL if nothing was. */
struct value {
	const char *text; /* NUL-terminated, and may hold more NULs */
	size_t len;
};

struct values {
	struct value list[KEY__COUNT];
	char *room; /* for decoded texts */
};

/* One byte as Go quotes it; returns what was written. */
static size_t
quote_byte(char *text, uint8_t c)
{
	if (c == '"' || c == '\\') {
		text[0] = '\\';
		text[1] = (char)c;
		return (2);
	}
	if (c >= ' ' && c < 0x7f) {
		text[0] = (char)c;
		return (1);
	}
	text[0] = '\\';
	text[1] = 'x';
	text[2] = HEX[c >> 4];
	text[3] = HEX[c & 15];
	return (4);
}

/* A character of two bytes: those up to the hard blank, and the soft hyphen, are not printable. */
static size_t
quote_pair(char *text, const uint8_t *s)
{
	unsigned c = (s[0] & 0x1fU) << 6 | (s[1] & 0x3fU);

	if (c > 0xa0 && c != 0xad) {
		memcpy(text, s, 2);
		return (2);
	}
	memcpy(text, "\\u00", 4);
	text[4] = HEX[c >> 4];
	text[5] = HEX[c & 15];
	return (6);
}

/* The text of a bad escape: its bytes, quoted as Go quotes. */
static int
bad_escape(const char *raw, size_t left, struct error *error)
{
	const uint8_t *s = (const uint8_t *)raw;
	char text[ESCAPE_TEXT_MAX];
	size_t i, n = 0, len = left < 3 ? left : 3;

	text[0] = '%';
	if (len == 3 && s[1] >= 0x80 && utf8_sequence(s + 1, 2) == 2)
		n = 1 + quote_pair(text + 1, s + 1);
	else
		for (i = 0; i < len; i++)
			n += quote_byte(text + n, s[i]);
	return (error_set(error, "invalid URL escape \"%.*s\"", (int)n, text));
}

/* Decodes percent escapes and '+' into the room; -1 with the error if an escape is bad. */
static int
decode(const char *raw, size_t len, struct values *values, struct value *value, struct error *error)
{
	char *out = values->room;
	size_t i;

	value->text = out;
	for (i = 0; i < len; i++) {
		if (raw[i] == '+')
			*out++ = ' ';
		else if (raw[i] != '%')
			*out++ = raw[i];
		else if (i + 2 < len && hex_digit(raw[i + 1]) != -1 &&
			 hex_digit(raw[i + 2]) != -1) {
			*out++ = (char)(hex_digit(raw[i + 1]) << 4 | hex_digit(raw[i + 2]));
			i += 2;
		} else
			return (bad_escape(raw + i, len - i, error));
	}
	value->len = (size_t)(out - value->text);
	*out++ = '\0';
	values->room = out;
	return (0);
}

static enum key
key_find(const struct value *name)
{
	unsigned i;

	for (i = 0; i < KEY__COUNT; i++)
		if (keys[i].len == name->len && memcmp(keys[i].name, name->text, name->len) == 0)
			break;
	return ((enum key)i);
}

/* One KEY, KEY= or KEY=VALUE.  The first of its name counts, and bad escapes always do. */
static int
add_pair(struct values *values, const char *raw, size_t len, struct error *error)
{
	const char *equals = memchr(raw, '=', len);
	size_t name_len = equals != NULL ? (size_t)(equals - raw) : len;
	struct value name, value = { "", 0 };
	enum key key;

	if (decode(raw, name_len, values, &name, error) == -1)
		return (-1);
	if (equals != NULL && decode(equals + 1, len - name_len - 1, values, &value, error) == -1)
		return (-1);
	key = key_find(&name);
	if (key != KEY__COUNT && values->list[key].text == NULL)
		values->list[key] = value;
	return (0);
}

static int
split(const char *query, size_t len, struct values *values, struct error *error)
{
	const char *end = query + len;

	/* A semicolon is the error named even if a bad escape stands before it. */
	if (memchr(query, ';', len) != NULL)
		return (error_set(error, "invalid semicolon separator in query"));
	while (query < end) {
		const char *amp = memchr(query, '&', (size_t)(end - query));
		size_t n = (size_t)((amp != NULL ? amp : end) - query);

		if (n > 0 && add_pair(values, query, n, error) == -1)
			return (-1);
		query += n + (amp != NULL);
	}
	return (0);
}

static int
read_duration(const struct values *values, enum key key, int64_t *ns, struct error *error)
{
	const struct value *value = &values->list[key];

	if (value->text != NULL && duration_parse(value->text, value->len, ns) == -1)
		return (error_set(error, "%s is not a valid duration", keys[key].name));
	return (0);
}

static int
read_integer(const struct values *values, enum key key, int64_t *result, struct error *error)
{
	const struct value *value = &values->list[key];
	const char *at, *digits;
	uint64_t n = 0, limit;
	bool negative;

	if (value->text == NULL)
		return (0);
	negative = value->text[0] == '-';
	limit = (uint64_t)INT64_MAX + negative;
	digits = value->text + (negative || value->text[0] == '+');
	for (at = digits; *at >= '0' && *at <= '9'; at++) {
		if (n > (limit - (uint64_t)(*at - '0')) / 10)
			break;
		n = n * 10 + (uint64_t)(*at - '0');
	}
	if (at == digits || (size_t)(at - value->text) != value->len)
		return (error_set(error, "%s is not a valid integer", keys[key].name));
	*result = negative ? (int64_t)(0 - n) : (int64_t)n;
	return (0);
}

static enum level
read_level(const struct value *value)
{
	static const struct {
		const char *word;
		enum level level;
	} words[] = {
		{ "none", LEVEL_NONE },
		{ "linearizable", LEVEL_LINEARIZABLE },
		{ "strong", LEVEL_STRONG },
		{ "auto", LEVEL_AUTO },
	};
	size_t i;

	for (i = 0; value->text != NULL && i < sizeof(words) / sizeof(words[0]); i++)
		if (value->len == strlen(words[i].word) &&
		    strcasecmp(value->text, words[i].word) == 0)
			return (words[i].level);
	return (LEVEL_WEAK);
}

static void
read_flags(const struct values *values, struct params *params)
{
	static const struct {
		enum key key;
		size_t offset;
	} flags[] = {
#define FLAG(name) { KEY_##name, offsetof(struct params, name) }
		FLAG(pretty),
		FLAG(timings),
		FLAG(transaction),
		FLAG(queue),
		FLAG(wait),
		FLAG(associative),
		FLAG(blob_array),
		FLAG(qualify_columns),
		FLAG(raft_index),
		FLAG(noparse),
		FLAG(norwrandom),
		FLAG(norwtime),
		FLAG(redirect),
		FLAG(noleader),
		FLAG(sync),
		FLAG(nonvoters),
		FLAG(freshness_strict),
		FLAG(vacuum),
		FLAG(compress),
#undef FLAG
		{ KEY_q, offsetof(struct params, has_q) },
	};
	size_t i;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		*(bool *)((char *)params + flags[i].offset) =
		    values->list[flags[i].key].text != NULL;
}

static int
read_numbers(const struct values *values, struct params *params, struct error *error)
{
	params->timeout_ns = 30 * SECOND;
	params->linearizable_timeout_ns = 10 * SECOND;
	if (read_duration(values, KEY_timeout, &params->timeout_ns, error) == -1 ||
	    read_duration(values, KEY_freshness, &params->freshness_ns, error) == -1 ||
	    read_duration(values, KEY_db_timeout, &params->db_timeout_ns, error) == -1 ||
	    read_duration(
		values, KEY_linearizable_timeout, &params->linearizable_timeout_ns, error) == -1 ||
	    read_integer(values, KEY_retries, &params->retries, error) == -1 ||
	    read_integer(values, KEY_trailing_logs, &params->trailing_logs, error) == -1)
		return (-1);
	if (params->linearizable_timeout_ns == 0)
		params->linearizable_timeout_ns = SECOND;
	return (0);
}

int
params_parse(const char *query, size_t len, char *room, struct params *params, struct error *error)
{
	/* A pair takes no more than its own length and a NUL for each of '=' and '&'. */
	struct values values = { .room = room };
	const struct value *q = &values.list[KEY_q], *ver = &values.list[KEY_ver];

	memset(params, 0, sizeof(*params));
	if (len > 0 && split(query, len, &values, error) == -1)
		return (-1);
	read_flags(&values, params);
	if (params->freshness_strict && values.list[KEY_freshness].text == NULL)
		return (error_set(error, "freshness_strict requires freshness"));
	if (read_numbers(&values, params, error) == -1)
		return (-1);
	if (params->has_q && q->len == 0)
		return (error_set(error, "query parameter not set"));
	params->q = params->has_q ? q->text : "";
	params->q_len = q->len;
	params->level = read_level(&values.list[KEY_level]);
	params->key = values.list[KEY_key].text;
	params->fmt = values.list[KEY_fmt].text;
	params->tables = values.list[KEY_tables].text;
	params->ver2 = ver->len == 1 && ver->text[0] == '2';
	return (0);
}
