/*
 * See duration.h.  Fractions are kept as integers, so that what is exact in
 * text is exact in nanoseconds; what is finer than one is cut.
 */
#include "common/duration.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NS_MAX ((uint64_t)1 << 63) /* of a negative duration */

static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "\xc2\xb5s", 1000 }, /* U+00B5 */
	{ "\xce\xbcs", 1000 }, /* U+03BC */
	{ "ms", 1000000 },
	{ "s", 1000000000 },
	{ "m", UINT64_C(60000000000) },
	{ "h", UINT64_C(3600000000000) },
};

struct text {
	const char *p;
	const char *end;
};

static bool
at_digit(const struct text *text)
{
	return (text->p < text->end && *text->p >= '0' && *text->p <= '9');
}

/* Digits before the point; false if they are too many. */
static bool
take_whole(struct text *text, uint64_t *value)
{
	for (*value = 0; at_digit(text); text->p++) {
		if (*value > NS_MAX / 10)
			return (false);
		*value = *value * 10 + (uint64_t)(*text->p - '0');
		if (*value > NS_MAX)
			return (false);
	}
	return (true);
}

/* Digits behind the point, as value / scale; those that no longer fit are dropped. */
static void
take_fraction(struct text *text, uint64_t *value, double *scale)
{
	bool full = false;

	*value = 0;
	for (*scale = 1; at_digit(text); text->p++) {
		if (full || *value > (NS_MAX - 1) / 10) {
			full = true;
			continue;
		}
		*value = *value * 10 + (uint64_t)(*text->p - '0');
		*scale *= 10;
	}
}

/* The unit's nanoseconds, 0 for none. */
static uint64_t
take_unit(struct text *text)
{
	size_t len = 0;

	while (text->p + len < text->end && text->p[len] != '.' &&
	       (text->p[len] < '0' || text->p[len] > '9'))
		len++;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].name) == len && memcmp(units[i].name, text->p, len) == 0) {
			text->p += len;
			return (units[i].ns);
		}
	return (0);
}

/* One number with its unit, added to the sum. */
static bool
take_term(struct text *text, uint64_t *sum)
{
	const char *start = text->p;
	uint64_t whole, fraction = 0, unit;
	double scale = 1;
	bool digits;

	if (!take_whole(text, &whole))
		return (false);
	digits = text->p > start;
	if (text->p < text->end && *text->p == '.') {
		start = ++text->p;
		take_fraction(text, &fraction, &scale);
		digits = digits || text->p > start;
	}
	if (!digits || (unit = take_unit(text)) == 0 || whole > NS_MAX / unit)
		return (false);
	whole *= unit;
	if (fraction > 0)
		whole += (uint64_t)((double)fraction * ((double)unit / scale));
	if (whole > NS_MAX || *sum > NS_MAX - whole)
		return (false);
	*sum += whole;
	return (true);
}

int
duration_parse(const char *s, size_t len, int64_t *ns)
{
	struct text text = { s, s + len };
	bool negative = len > 0 && *s == '-';
	uint64_t sum = 0;

	if (len > 0 && (*s == '-' || *s == '+'))
		text.p++;
	if (text.end - text.p == 1 && *text.p == '0') {
		*ns = 0;
		return (0);
	}
	if (text.p == text.end)
		return (-1);
	while (text.p < text.end)
		if (!take_term(&text, &sum))
			return (-1);
	if (!negative && sum > INT64_MAX)
		return (-1);
	*ns = (int64_t)(negative ? 0 - sum : sum);
	return (0);
}

/* value / 10^digits without trailing zeros: "1.5". */
static size_t
format_decimal(char *out, size_t cap, uint64_t value, unsigned digits)
{
	uint64_t scale = 1, fraction;
	unsigned used = digits;

	for (unsigned i = 0; i < digits; i++)
		scale *= 10;
	for (fraction = value % scale; used > 0 && fraction % 10 == 0; used--)
		fraction /= 10;
	if (used == 0)
		return ((size_t)snprintf(out, cap, "%llu", (unsigned long long)(value / scale)));
	return ((size_t)snprintf(out, cap, "%llu.%0*llu", (unsigned long long)(value / scale),
	    (int)used, (unsigned long long)fraction));
}

size_t
duration_format(int64_t ns, char *out, size_t cap)
{
	static const uint64_t minute = UINT64_C(60000000000);
	uint64_t n = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	char number[32], text[64];
	size_t len = 0;

	if (ns < 0)
		text[len++] = '-';
	if (n >= 60 * minute)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%lluh",
		    (unsigned long long)(n / (60 * minute)));
	if (n >= minute)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%llum", (unsigned long long)(n / minute % 60));
	(void)format_decimal(number, sizeof(number), n >= 1000000000 ? n % minute : n,
	    n >= 1000000000 ? 9
	    : n >= 1000000  ? 6
	    : n >= 1000	    ? 3
			    : 0);
	(void)snprintf(text + len, sizeof(text) - len, "%s%s", number,
	    n >= 1000000000 || n == 0 ? "s"
	    : n >= 1000000	      ? "ms"
	    : n >= 1000		      ? "\xc2\xb5s"
				      : "ns");
	return ((size_t)snprintf(out, cap, "%s", text));
}
