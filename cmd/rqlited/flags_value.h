/*
 * Values of flags as text: Go's literals, which operators' scripts are written
 * in (0x10, 1_000, 1h2m3.5s, T).
 */
#ifndef RQLITED_FLAGS_VALUE_H
#define RQLITED_FLAGS_VALUE_H

#include <stdbool.h>
#include <stdint.h>

/* Each sets the value and returns NULL, or leaves it and returns why not: "parse error" or "value out of range". */
const char *flags_value_int(const char *, int64_t *);
const char *flags_value_uint(const char *, uint64_t *);
const char *flags_value_duration(const char *, int64_t *ns);
const char *flags_value_bool(const char *, bool *);

#endif
