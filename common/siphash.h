/*
 * SipHash-2-4 with a 128-bit result (Aumasson and Bernstein): the keyed MAC of
 * tickets, and the keyed hash wherever a table or a comparison must not be
 * steered, or timed, from outside.
 */
#ifndef COMMON_SIPHASH_H
#define COMMON_SIPHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY_SIZE 16
#define SIPHASH_SIZE 16

void siphash128(
    const uint8_t key[SIPHASH_KEY_SIZE], const void *data, size_t len, uint8_t out[SIPHASH_SIZE]);

/* Whether n bytes are equal, in a time that depends on n alone. */
bool equal_constant_time(const void *, const void *, size_t n);

#endif
