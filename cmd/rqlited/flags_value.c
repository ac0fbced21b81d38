/*
 * Numbers, durations and booleans of the command line.  The text is the
 * operator's own; what matters here is to take and refuse exactly what scripts
 * written for rqlite rely on.
 */
#include "cmd/rqlited/flags_value.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "common/duration.h"

static const char parse_error[] = "parse error";
static const char range_error[] = "value out of range";

/* '_' may stand between digits, and between a base prefix and the first digit. */
static bool
underscores_fit(const char *s)
{
	char before = '^'; /* '0' after a digit or a prefix, '_' after one, '^' at the start */
	bool hex = false;

	if (s[0] == '0' && s[1] != '\0' && strchr("bBoOxX", s[1]) != NULL) {
		hex = s[1] == 'x' || s[1] == 'X';
		before = '0';
		s += 2;
	}
	for (; *s != '\0'; s++) {
		if (isdigit((unsigned char)*s) || (hex && isxdigit((unsigned char)*s)))
			before = '0';
		else if (*s == '_') {
			if (before != '0')
				return (false);
			before = '_';
		} else
			return (false);
	}
	return (before != '_');
}

/* The base that a prefix names; steps behind it. */
static unsigned
take_base(const char **s)
{
	static const struct {
		char letter;
		unsigned base;
	} prefixes[] = { { 'b', 2 }, { 'o', 8 }, { 'x', 16 } };

	if ((*s)[0] != '0')
		return (10);
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (strlen(*s) >= 3 && tolower((unsigned char)(*s)[1]) == prefixes[i].letter) {
			*s += 2;
			return (prefixes[i].base);
		}
	}
	*s += 1;
	return (8);
}

static unsigned
digit_value(char c)
{
	if (isdigit((unsigned char)c))
		return ((unsigned)(c - '0'));
	if (isalpha((unsigned char)c))
		return ((unsigned)(tolower((unsigned char)c) - 'a') + 10);
	return (99);
}

const char *
flags_value_uint(const char *text, uint64_t *value)
{
	const char *s = text;
	unsigned base;
	uint64_t n = 0;
	bool over = false;

	if (*s == '\0')
		return (parse_error);
	base = take_base(&s);
	for (; *s != '\0'; s++) {
		unsigned digit = digit_value(*s);

		if (*s == '_')
			continue;
		if (digit >= base)
			return (parse_error);
		if (__builtin_mul_overflow(n, (uint64_t)base, &n) ||
		    __builtin_add_overflow(n, (uint64_t)digit, &n))
			over = true;
	}
	if (strchr(text, '_') != NULL && !underscores_fit(text))
		return (parse_error);
	if (over)
		return (range_error);
	*value = n;
	return (NULL);
}

const char *
flags_value_int(const char *text, int64_t *value)
{
	bool negative = text[0] == '-';
	uint64_t n, most = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
	const char *why;

	if (text[0] == '-' || text[0] == '+')
		text++;
	if ((why = flags_value_uint(text, &n)) != NULL)
		return (why);
	if (n > most)
		return (range_error);
	*value = (int64_t)(negative ? 0 - n : n);
	return (NULL);
}

const char *
flags_value_duration(const char *text, int64_t *ns)
{
	return (duration_parse(text, strlen(text), ns) == 0 ? NULL : parse_error);
}

const char *
flags_value_bool(const char *text, bool *value)
{
	static const char *const words[2][6] = { { "0", "f", "F", "false", "FALSE", "False" },
		{ "1", "t", "T", "true", "TRUE", "True" } };

	for (int truth = 0; truth < 2; truth++)
		for (size_t i = 0; i < 6; i++)
			if (strcmp(text, words[truth][i]) == 0) {
				*value = truth == 1;
				return (NULL);
			}
	return (parse_error);
}
