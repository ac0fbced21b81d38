/*
 * UTF-8 as Unicode defines it (table 3-7): no surrogates, the shortest form only.
 */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length of the well-formed sequence at s, of which `left` (> 0) bytes are there; 0 if there is none. */
size_t utf8_sequence(const uint8_t *s, size_t left);

#endif
