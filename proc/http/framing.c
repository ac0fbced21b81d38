/*
 * Framing: see framing.h.
 */
#include "proc/http/framing.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct seen {
	unsigned hosts;
	unsigned lengths;
	unsigned encodings;
	bool bad_host;
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

static bool
is_bad_host(const char *value, size_t len)
{
	size_t i;

	while (len > 0 && (*value == ' ' || *value == '\t')) {
		value++;
		len--;
	}
	while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		len--;
	for (i = 0; i < len; i++)
		if (value[i] <= ' ' || value[i] == '/' || value[i] == '@' || value[i] == 0x7f)
			return (true);
	return (false);
}

/* One header line without its end; false if it is malformed. */
static bool
look_at(const char *line, size_t len, struct seen *seen)
{
	const char *colon = memchr(line, ':', len);
	size_t name, i;

	if (colon == NULL || colon == line || line[0] == ' ' || line[0] == '\t')
		return (false);
	name = (size_t)(colon - line);
	for (i = 0; i < name; i++)
		if (line[i] <= ' ' || line[i] == 0x7f)
			return (false);
	if (memchr(line, '\r', len) != NULL || memchr(line, '\0', len) != NULL)
		return (false);
	if (is_name(line, name, "host")) {
		seen->hosts++;
		seen->bad_host = seen->bad_host || is_bad_host(colon + 1, len - name - 1);
	} else if (is_name(line, name, "content-length"))
		seen->lengths++;
	else if (is_name(line, name, "transfer-encoding"))
		seen->encodings++;
	return (true);
}

static int
judge(const struct seen *seen, int version, struct framing_verdict *verdict)
{
	if (seen->lengths > 1 || seen->encodings > 1 || (seen->lengths > 0 && seen->encodings > 0))
		return (refuse(verdict, "400 Bad Request"));
	if (seen->encodings > 0 && version < 0x101)
		return (refuse(verdict, "400 Bad Request"));
	if (seen->hosts > 1)
		return (refuse(verdict, "400 Bad Request"));
	if (seen->hosts == 0 && version >= 0x101)
		return (refuse(verdict, "400 Bad Request: missing required Host header"));
	if (seen->bad_host)
		return (refuse(verdict, "400 Bad Request: malformed Host header"));
	return (0);
}

int
framing_check(const char *bytes, size_t len, int version, struct framing_verdict *verdict)
{
	const char *end = bytes + len;
	struct seen seen = { 0 };
	bool first = true;

	while (bytes < end) {
		const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
		size_t n;

		if (newline == NULL || newline == bytes || newline[-1] != '\r')
			return (refuse(verdict, "400 Bad Request"));
		n = (size_t)(newline - bytes) - 1;
		if (n == 0 && !first)
			return (judge(&seen, version, verdict));
		if (!first && !look_at(bytes, n, &seen))
			return (refuse(verdict, "400 Bad Request"));
		/* An empty line before the request is let pass, as h2o does. */
		if (n > 0)
			first = false;
		bytes = newline + 1;
	}
	return (refuse(verdict, "400 Bad Request"));
}
