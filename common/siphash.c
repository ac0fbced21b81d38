/*
 * SipHash-2-4, 128-bit variant, after the paper and its reference vectors
 * (which the unit test has): two rounds per 8-byte word, four at the end, and
 * four more for the second half.
 */
#include "common/siphash.h"

#include <string.h>

static inline uint64_t
rotate(uint64_t x, unsigned n)
{
	return (x << n | x >> (64 - n));
}

static inline uint64_t
load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v)); /* little-endian machines only: limits.h asserts it */
	return (v);
}

static inline void
rounds(uint64_t v[4], unsigned n)
{
	while (n-- > 0) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

static inline void
absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	rounds(v, 2);
	v[0] ^= word;
}

void
siphash128(
    const uint8_t key[SIPHASH_KEY_SIZE], const void *data, size_t len, uint8_t out[SIPHASH_SIZE])
{
	const uint8_t *p = data;
	uint64_t k0 = load64(key), k1 = load64(key + 8), last = (uint64_t)len << 56, half;
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d ^ 0xee,
		k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573 };
	size_t left = len;

	for (; left >= 8; left -= 8, p += 8)
		absorb(v, load64(p));
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)p[i] << (8 * i);
	absorb(v, last);

	v[2] ^= 0xee;
	rounds(v, 4);
	half = v[0] ^ v[1] ^ v[2] ^ v[3];
	memcpy(out, &half, sizeof(half));
	v[1] ^= 0xdd;
	rounds(v, 4);
	half = v[0] ^ v[1] ^ v[2] ^ v[3];
	memcpy(out + 8, &half, sizeof(half));
}

bool
equal_constant_time(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *left = a, *right = b;
	uint8_t differ = 0;

	for (size_t i = 0; i < n; i++)
		differ |= (uint8_t)(left[i] ^ right[i]);
	return (differ == 0);
}
