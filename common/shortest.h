/*
 * Prints a double as the shortest decimal that reads back as the same double,
 * and of those the closest, in the form JSON numbers have in Go.
 */
#ifndef COMMON_SHORTEST_H
#define COMMON_SHORTEST_H

#include <stddef.h>

#define SHORTEST_SIZE_MAX 32

/*
 * Writes a finite number without a terminating NUL; returns the length.  Zero
 * or 1e-6 <= |v| < 1e21: plain decimal; else an exponent of at least one digit
 * with its sign.  Negative zero is -0.
 */
size_t shortest_print(char *out, double v);

#endif
