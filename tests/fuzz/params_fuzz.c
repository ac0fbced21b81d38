/*
 * Query strings: nothing a client sends reads or writes past a text, and what
 * is accepted keeps its promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proc/http/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *room = malloc(size + 1);
	struct params params;
	struct error error;

	if (params_parse((const char *)data, size, room, &params, &error) == 0) {
		if (params.q[params.q_len] != '\0' || params.has_q != (params.q_len > 0))
			__builtin_trap();
		if (params.key != NULL && strlen(params.key) > size)
			__builtin_trap();
		if (params.linearizable_timeout_ns == 0)
			__builtin_trap();
	} else if (strnlen(error.text, sizeof(error.text)) == 0)
		__builtin_trap();
	free(room);
	return (0);
}
