/*
 * Query strings: nothing a client sends reads or writes past a text, and what
 * is accepted keeps its promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proc/http/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void *block;

static void *
keep(void *arg, size_t size)
{
	if (block != NULL)
		__builtin_trap(); /* one block for all texts */
	block = malloc(size);
	return (block);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct params params;
	struct error error;

	if (params_parse((const char *)data, size, keep, NULL, &params, &error) == 0) {
		if (params.q[params.q_len] != '\0' || params.has_q != (params.q_len > 0))
			__builtin_trap();
		if (params.key != NULL && strlen(params.key) > size)
			__builtin_trap();
		if (params.linearizable_timeout_ns == 0)
			__builtin_trap();
	} else if (strnlen(error.text, sizeof(error.text)) == 0)
		__builtin_trap();
	free(block);
	block = NULL;
	return (0);
}
