/*
 * CRC-32C by the processor's instruction where it has one, else by a table.
 */
#include "common/crc32c.h"

#include <stdbool.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78U

static uint32_t table[256];
static bool table_made;

static void
make_table(void)
{
	uint32_t i, bit, crc;

	for (i = 0; i < 256; i++) {
		crc = i;
		for (bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
		table[i] = crc;
	}
	table_made = true;
}

uint32_t
crc32c_by_table(uint32_t seed, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint32_t crc = ~seed;

	if (!table_made)
		make_table();
	while (len-- > 0)
		crc = table[(crc ^ *bytes++) & 0xff] ^ crc >> 8;
	return (~crc);
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t
by_instruction(uint32_t crc, const uint8_t *data, size_t len)
{
	uint64_t wide = crc;

	for (; len >= 8; len -= 8, data += 8) {
		uint64_t word;

		memcpy(&word, data, 8);
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	while (len-- > 0)
		crc = __builtin_ia32_crc32qi(crc, *data++);
	return (crc);
}
#endif

uint32_t
crc32c(uint32_t seed, const void *data, size_t len)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return (~by_instruction(~seed, data, len));
#endif
	return (crc32c_by_table(seed, data, len));
}
