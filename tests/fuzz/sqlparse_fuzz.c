/*
 * The display of SQL: no text makes it read past its end or use more than its
 * share, and what it prints it can read again, unless it says what is wrong.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proc/sql/parse/sqlparse.h"

#define BLOB_MAX 1000

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static uint64_t
same_random(void *arg)
{
	return (42);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sqlparse_options options = { .rewrite_random = true,
		.rewrite_time = true,
		.julian_day = 2461368.5,
		.random = same_random,
		.blob_left = BLOB_MAX };
	struct buf out = BUF_INIT;
	struct error error = { "" };
	/* A block of its own, so that one byte too far is seen. */
	char *text = malloc(size + (size == 0));

	memcpy(text, data, size);
	if (sqlparse_rewrite(text, size, &options, &out, &error) == -1) {
		if (error.text[0] == '\0' || buf_size(&out) != 0)
			__builtin_trap();
	} else if (buf_size(&out) == 0 || buf_size(&out) > size * 20 + 2 * BLOB_MAX + 64)
		__builtin_trap();
	buf_fini(&out);
	free(text);
	return (0);
}
