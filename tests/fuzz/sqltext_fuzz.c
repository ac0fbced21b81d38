/*
 * Fuzz target: the look at SQL text before SQLite's.
 *
 * Besides not reading too far: what is stepped over stays inside of the text and
 * can be stepped over once only; blanks and comments in front change nothing; a
 * statement behind another is found like one that stands alone; and no text of
 * one statement is stronger than its first word.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proc/sql/sqltext.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_skip(const char *sql, size_t len, bool semicolons)
{
	size_t n = sqltext_skip(sql, len, semicolons);

	if (n > len || sqltext_skip(sql + n, len - n, semicolons) != 0)
		__builtin_trap();
}

/* The same text behind another. */
static void
check_behind(const char *front, const char *sql, size_t len)
{
	size_t front_len = strlen(front);
	char *both = malloc(front_len + len + 1);

	memcpy(both, front, front_len);
	memcpy(both + front_len, sql, len);
	if (sqltext_classify(both, front_len + len) != sqltext_classify(sql, len))
		__builtin_trap();
	free(both);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of its exact size, so that a byte too far is seen. */
	char *exact = malloc(size > 0 ? size : 1);
	size_t len;

	memcpy(exact, data, size);
	len = sqltext_length(exact, size);
	if (len > size || memchr(exact, '\0', len) != NULL || (len < size && exact[len] != '\0'))
		__builtin_trap();
	check_skip(exact, len, false);
	check_skip(exact, len, true);
	check_behind(" /*;BEGIN*/ -- ;BEGIN\n", exact, len);
	check_behind("SELECT ';BEGIN';", exact, len);
	if (sqltext_first(exact, len) > sqltext_classify(exact, len))
		__builtin_trap();
	if (memchr(exact, ';', len) == NULL &&
	    sqltext_first(exact, len) != sqltext_classify(exact, len))
		__builtin_trap();
	(void)sqltext_is_complex(exact, len);
	free(exact);
	return (0);
}
