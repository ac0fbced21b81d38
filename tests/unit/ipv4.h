/* Addresses for tests of what counts by address. */
#ifndef TESTS_UNIT_IPV4_H
#define TESTS_UNIT_IPV4_H

#include <stdint.h>
#include <string.h>

/* An IPv4 address as 16 bytes; the next call overwrites it. */
static inline const uint8_t *
ipv4(uint32_t number)
{
	static uint8_t address[16] = { [10] = 0xff, [11] = 0xff };

	memcpy(address + 12, &number, 4);
	return (address);
}

#endif
