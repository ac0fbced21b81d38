/*
 * Framing: see framing.h.
 */
#include "proc/http/framing.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#define BAD_REQUEST "400 Bad Request"

struct seen {
	unsigned hosts;
	unsigned lengths;
	unsigned encodings;
	bool bad_host;
	bool bad_name; /* a blank in a header's name */
	bool bad_expect;
};

static bool
is_name(const char *line, size_t len, const char *name)
{
	return (strlen(name) == len && strncasecmp(line, name, len) == 0);
}

static int
refuse(struct framing_verdict *verdict, const char *body)
{
	verdict->status = 400;
	verdict->body = body;
	return (-1);
}

static int
refuse_expectation(struct framing_verdict *verdict)
{
	verdict->status = 417;
	verdict->body = "";
	return (-1);
}

/* Where a byte may stand: in a token (RFC 9110, 5.6.2), so in a header's name, ... */
#define TOKEN 1
/* ... and in an authority, of a name, an address or a port (RFC 3986, 3.2). */
#define HOST 2

static const uint8_t places[256] = {
	['a' ... 'z'] = TOKEN | HOST,
	['A' ... 'Z'] = TOKEN | HOST,
	['0' ... '9'] = TOKEN | HOST,
	['!'] = TOKEN | HOST,
	['#'] = TOKEN,
	['$'] = TOKEN | HOST,
	['%'] = TOKEN | HOST,
	['&'] = TOKEN | HOST,
	['\''] = TOKEN | HOST,
	['('] = HOST,
	[')'] = HOST,
	['*'] = TOKEN | HOST,
	['+'] = TOKEN | HOST,
	[','] = HOST,
	['-'] = TOKEN | HOST,
	['.'] = TOKEN | HOST,
	[':'] = HOST,
	[';'] = HOST,
	['='] = HOST,
	['['] = HOST,
	[']'] = HOST,
	['^'] = TOKEN,
	['_'] = TOKEN | HOST,
	['`'] = TOKEN,
	['|'] = TOKEN,
	['~'] = TOKEN | HOST,
};

static bool
may_stand(char c, uint8_t place)
{
	return ((places[(uint8_t)c] & place) != 0);
}

/* Takes the blanks off both ends; the length that is left. */
static size_t
trim(const char **value, size_t len)
{
	while (len > 0 && (**value == ' ' || **value == '\t')) {
		(*value)++;
		len--;
	}
	while (len > 0 && ((*value)[len - 1] == ' ' || (*value)[len - 1] == '\t'))
		len--;
	return (len);
}

static bool
is_bad_host(const char *value, size_t len)
{
	size_t i;

	len = trim(&value, len);
	for (i = 0; i < len; i++)
		if (!may_stand(value[i], HOST))
			return (true);
	return (false);
}

/* h2o heeds the header only where a body comes. */
static bool
is_bad_expect(const char *value, size_t len)
{
	len = trim(&value, len);
	return (len > 0 && !is_name(value, len, "100-continue"));
}

/* One header line without its end; false if it is malformed. */
static bool
look_at(const char *line, size_t len, struct seen *seen)
{
	const char *colon = memchr(line, ':', len);
	size_t name, i;

	/* A blank in front folds a line into the one before it, as nobody should any more. */
	if (colon == NULL || colon == line || line[0] == ' ' || line[0] == '\t')
		return (false);
	name = (size_t)(colon - line);
	for (i = 0; i < name; i++) {
		if (line[i] == ' ')
			seen->bad_name = true;
		else if (!may_stand(line[i], TOKEN))
			return (false);
	}
	if (memchr(line, '\r', len) != NULL || memchr(line, '\0', len) != NULL)
		return (false);
	if (is_name(line, name, "host")) {
		seen->hosts++;
		seen->bad_host = seen->bad_host || is_bad_host(colon + 1, len - name - 1);
	} else if (is_name(line, name, "content-length"))
		seen->lengths++;
	else if (is_name(line, name, "transfer-encoding"))
		seen->encodings++;
	else if (is_name(line, name, "expect"))
		seen->bad_expect = seen->bad_expect || is_bad_expect(colon + 1, len - name - 1);
	return (true);
}

static int
judge(const struct seen *seen, int version, struct framing_verdict *verdict)
{
	if (seen->lengths > 1 || seen->encodings > 1 || (seen->lengths > 0 && seen->encodings > 0))
		return (refuse(verdict, BAD_REQUEST));
	if (seen->encodings > 0 && version < 0x101)
		return (refuse(verdict, BAD_REQUEST));
	if (seen->hosts > 1)
		return (refuse(verdict, BAD_REQUEST));
	if (seen->hosts == 0 && version >= 0x101)
		return (refuse(verdict, BAD_REQUEST ": missing required Host header"));
	if (seen->bad_name)
		return (refuse(verdict, BAD_REQUEST ": invalid header name"));
	if (seen->bad_host)
		return (refuse(verdict, BAD_REQUEST ": malformed Host header"));
	verdict->chunked = seen->encodings > 0;
	return (seen->bad_expect ? refuse_expectation(verdict) : 0);
}

/* Takes a line off the front; false if it does not end in CR LF. */
static bool
take_line(const char **at, const char *end, const char **line, size_t *len)
{
	const char *newline = memchr(*at, '\n', (size_t)(end - *at));

	if (newline == NULL || newline == *at || newline[-1] != '\r')
		return (false);
	*line = *at;
	*len = (size_t)(newline - *at) - 1;
	*at = newline + 1;
	return (true);
}

/* The request line begins with its method, which is a token; the rest is h2o's to judge. */
static bool
has_method(const char *line, size_t len)
{
	size_t i = 0;

	while (i < len && (places[(uint8_t)line[i]] & TOKEN) != 0)
		i++;
	return (i > 0 && i < len && line[i] == ' ');
}

int
framing_check(const char *bytes, size_t len, int version, struct framing_verdict *verdict)
{
	const char *end = bytes + len, *line;
	struct seen seen = { 0 };
	size_t n;

	/* One empty line before the request is let pass, as h2o does. */
	if (len >= 2 && bytes[0] == '\r' && bytes[1] == '\n')
		bytes += 2;
	if (!take_line(&bytes, end, &line, &n) || !has_method(line, n))
		return (refuse(verdict, BAD_REQUEST));
	while (take_line(&bytes, end, &line, &n)) {
		if (n == 0)
			return (judge(&seen, version, verdict));
		if (!look_at(line, n, &seen))
			break;
	}
	return (refuse(verdict, BAD_REQUEST));
}
