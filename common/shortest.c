/*
 * Shortest decimals after R. Giulietti, "The Schubfach way to render doubles"
 * (2020): the number and the two borders of its rounding interval are scaled
 * by a power of ten with 128 bits, exact enough to see which short decimals lie
 * inside.  No loop, no division of long numbers.
 *
 * The powers of ten are computed once, at the first use, with plain long
 * arithmetic: a table of 617 pairs of constants could not be reviewed.
 */
#include "common/shortest.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define POWER_MIN (-292)
#define POWER_MAX 324
#define WORDS 20 /* 10^324 has 1077 bits, and room for the shift */
#define FRACTION_BITS 1216 /* of 2^1216 / 10^k: 128 bits are left even at k = 292 */

struct power {
	uint64_t high, low; /* ceil(10^k * 2^s), s such that bit 127 is set */
};

struct decimal {
	uint64_t digits;
	int exponent;
};

static struct power powers[POWER_MAX - POWER_MIN + 1];
static bool powers_ready;

static int
words_top(const uint64_t *words)
{
	int i = WORDS - 1;

	while (words[i] == 0)
		i--;
	return (i * 64 + 63 - __builtin_clzll(words[i]));
}

static uint64_t
words_get(const uint64_t *words, int bit)
{
	int word = bit >> 6, shift = bit & 63;
	uint64_t v = words[word] >> shift;

	if (shift != 0 && word + 1 < WORDS)
		v |= words[word + 1] << (64 - shift);
	return (v);
}

static bool
words_any_below(const uint64_t *words, int bit)
{
	int i;

	for (i = 0; i < bit >> 6; i++)
		if (words[i] != 0)
			return (true);
	return ((bit & 63) != 0 && words[bit >> 6] << (64 - (bit & 63)) != 0);
}

/* The 128 leading bits, rounded up if anything follows them or is known to be missing. */
static struct power
power_of_words(const uint64_t *words, bool inexact)
{
	int first = words_top(words) - 127;
	struct power p;

	if (first < 0) {
		assert(words_top(words) < 128);
		p.high = words[1];
		p.low = words[0];
		while (p.high >> 63 == 0) {
			p.high = p.high << 1 | p.low >> 63;
			p.low <<= 1;
		}
		return (p);
	}
	p.low = words_get(words, first);
	p.high = words_get(words, first + 64);
	if (inexact || words_any_below(words, first))
		p.high += ++p.low == 0;
	return (p);
}

static void
powers_make(void)
{
	uint64_t words[WORDS];
	unsigned __int128 v;
	int k, i;

	memset(words, 0, sizeof(words));
	words[0] = 1;
	for (k = 0; k <= POWER_MAX; k++) {
		powers[k - POWER_MIN] = power_of_words(words, false);
		for (i = 0, v = 0; i < WORDS; i++) {
			v += (unsigned __int128)words[i] * 10;
			words[i] = (uint64_t)v;
			v >>= 64;
		}
	}
	memset(words, 0, sizeof(words));
	words[FRACTION_BITS / 64] = 1;
	for (k = -1; k >= POWER_MIN; k--) {
		for (i = WORDS - 1, v = 0; i >= 0; i--) {
			v = v << 64 | words[i];
			words[i] = (uint64_t)(v / 10);
			v %= 10;
		}
		powers[k - POWER_MIN] = power_of_words(words, true);
	}
	powers_ready = true;
}

/* floor(log2(10^e)), floor(log10(2^e)), floor(log10(3/4 * 2^e)), for all exponents of a double. */
static int
log2_of_power10(int e)
{
	return ((e * 1741647) >> 19);
}

static int
log10_of_power2(int e)
{
	return ((e * 1262611) >> 22);
}

static int
log10_of_power2_three_quarters(int e)
{
	return ((e * 1262611 - 524031) >> 22);
}

/* The upper 64 bits of p * c / 2^64, the last bit set if anything was lost. */
static uint64_t
scale_to_odd(struct power p, uint64_t c)
{
	unsigned __int128 x = (unsigned __int128)p.low * c;
	unsigned __int128 y = (unsigned __int128)p.high * c + (uint64_t)(x >> 64);

	return ((uint64_t)(y >> 64) | ((uint64_t)y > 1));
}

static struct decimal
shortest_of(uint64_t fraction, int biased)
{
	bool closer =
	    fraction == 0 && biased > 1; /* a power of two: the lower neighbour is nearer */
	uint64_t c = biased != 0 ? fraction | 1ULL << 52 : fraction;
	int q = (biased != 0 ? biased : 1) - 1075;
	bool odd = (c & 1) != 0; /* borders belong to the interval only of even numbers */
	int k = closer ? log10_of_power2_three_quarters(q) : log10_of_power2(q);
	int h = q + log2_of_power10(-k) + 1;
	struct power p = powers[-k - POWER_MIN];
	uint64_t lower = scale_to_odd(p, (4 * c - 2 + closer) << h) + odd;
	uint64_t middle = scale_to_odd(p, 4 * c << h);
	uint64_t upper = scale_to_odd(p, (4 * c + 2) << h) - odd;
	uint64_t s = middle / 4, tens = s / 10, half;
	bool down, up;

	if (s >= 10) {
		down = lower <= 40 * tens;
		up = 40 * tens + 40 <= upper;
		if (down != up)
			return ((struct decimal){ tens + up, k + 1 });
	}
	down = lower <= 4 * s;
	up = 4 * s + 4 <= upper;
	if (down != up)
		return ((struct decimal){ s + up, k });
	half = 4 * s + 2;
	up = middle > half || (middle == half && (s & 1) != 0);
	return ((struct decimal){ s + up, k });
}

/* Writes the digits; returns how many. */
static int
print_digits(char *out, uint64_t v)
{
	char text[20];
	int n = sizeof(text);

	do {
		text[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	memcpy(out, text + n, sizeof(text) - (size_t)n);
	return ((int)sizeof(text) - n);
}

/* digits[0].digits[1..] * 10^(point - 1), written in the space of out where the digits stand. */
static size_t
print_exponent(char *out, int n, int point)
{
	int e = point - 1;
	char *p;

	if (n > 1) {
		memmove(out + 2, out + 1, (size_t)n - 1);
		out[1] = '.';
		n++;
	}
	p = out + n;
	*p++ = 'e';
	*p++ = e < 0 ? '-' : '+';
	p += print_digits(p, (uint64_t)(e < 0 ? -e : e));
	return ((size_t)(p - out));
}

static size_t
print_plain(char *out, int n, int point)
{
	if (point <= 0) {
		memmove(out + 2 - point, out, (size_t)n);
		memset(out, '0', (size_t)(2 - point));
		out[1] = '.';
		return ((size_t)(n + 2 - point));
	}
	if (point >= n) {
		memset(out + n, '0', (size_t)(point - n));
		return ((size_t)point);
	}
	memmove(out + point + 1, out + point, (size_t)(n - point));
	out[point] = '.';
	return ((size_t)n + 1);
}

size_t
shortest_print(char *out, double v)
{
	uint64_t bits, whole;
	struct decimal d;
	size_t sign;
	int n, point;

	memcpy(&bits, &v, sizeof(bits));
	sign = bits >> 63;
	if (sign != 0)
		*out++ = '-';
	bits = bits << 1 >> 1;
	memcpy(&v, &bits, sizeof(v));
	if (v < 9007199254740992.0) {
		whole = (uint64_t)v;
		if ((double)whole == v)
			return (sign + (size_t)print_digits(out, whole));
	}
	if (!powers_ready)
		powers_make();
	d = shortest_of(bits & ((1ULL << 52) - 1), (int)(bits >> 52));
	n = print_digits(out, d.digits);
	point = n + d.exponent;
	while (n > 1 && out[n - 1] == '0')
		n--;
	if (point > 21 || point < -5)
		return (sign + print_exponent(out, n, point));
	return (sign + print_plain(out, n, point));
}
