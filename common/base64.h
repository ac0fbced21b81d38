/*
 * Base64 (RFC 4648, section 4): decoding what clients send.
 */
#ifndef COMMON_BASE64_H
#define COMMON_BASE64_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Strict: padding as it must be, nothing else. The length, or -1 if malformed or too long. */
ssize_t base64_decode(const char *text, size_t len, uint8_t *out, size_t cap);

#endif
