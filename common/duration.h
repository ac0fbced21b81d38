/*
 * Durations as text, in the form of Go's time.Duration, which scripts for
 * rqlite are written in: "1h2m3.5s", "50ms", "0".  64 bits of nanoseconds.
 */
#ifndef COMMON_DURATION_H
#define COMMON_DURATION_H

#include <stddef.h>
#include <stdint.h>

/*
 * Optional sign, then numbers with a unit each (ns us ms s m h, the u also as
 * U+00B5 or U+03BC), or a bare 0.  Returns -1, *ns untouched, if s is nothing
 * of the sort or does not fit.
 */
int duration_parse(const char *s, size_t len, int64_t *ns);

/* Writes the canonical form, NUL-terminated, and returns its length; 32 bytes are enough. */
size_t duration_format(int64_t ns, char *out, size_t cap);

#endif
