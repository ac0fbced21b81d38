/*
 * Fuzz target: paths and the search for their route, and the start of a statement
 * that may be a forbidden PRAGMA.
 *
 * Besides not reading too far: what is decoded is never longer; any path written
 * wholly in escapes decodes to itself; a route found does stand in front; and
 * blanks before a statement change nothing.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc/http/path.h"
#include "proc/http/pragma.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_route(const char *path, size_t len)
{
	const struct route *route = route_find(path, len);
	size_t n;

	if (route == NULL)
		return;
	n = strlen(route->path);
	if (len < n || memcmp(path, route->path, n) != 0 || (!route->prefix && len != n))
		__builtin_trap();
}

static void
check_decode(const char *raw, size_t len)
{
	char *out = malloc(len + 1);
	int n = path_decode(raw, len, out);

	if (n > (int)len || (n >= 0 && out[n] != '\0'))
		__builtin_trap();
	if (n == -1 && memchr(raw, '%', len) == NULL)
		__builtin_trap();
	if (n >= 0)
		check_route(out, (size_t)n);
	free(out);
}

static void
check_escaped(const uint8_t *data, size_t len)
{
	char *raw = malloc(len * 3 + 1), *out = malloc(len * 3 + 1);
	size_t i;

	for (i = 0; i < len; i++)
		(void)snprintf(raw + i * 3, 4, "%%%02x", data[i]);
	if (path_decode(raw, len * 3, out) != (int)len || memcmp(out, data, len) != 0)
		__builtin_trap();
	free(raw);
	free(out);
}

static void
check_pragma(const char *sql, size_t len)
{
	char *blanks = malloc(len + 2);

	memcpy(blanks, "\t ", 2);
	memcpy(blanks + 2, sql, len);
	if (pragma_is_forbidden(blanks, len + 2) != pragma_is_forbidden(sql, len))
		__builtin_trap();
	free(blanks);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of its exact size, so that a byte too far is seen. */
	char *exact = malloc(size > 0 ? size : 1);

	memcpy(exact, data, size);
	check_decode(exact, size);
	check_escaped(data, size);
	check_pragma(exact, size);
	free(exact);
	return (0);
}
