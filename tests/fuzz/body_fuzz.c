/*
 * Request bodies: what is accepted is a well-formed command with the number of
 * statements told, and is accepted again with anything behind it; what is
 * refused says why.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proc/http/body.h"
#include "proto/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int
parse(const uint8_t *data, size_t size, const char *tail, struct buf *out)
{
	struct command command;
	struct body_error error;
	size_t tail_len = strlen(tail);
	char *body = malloc(size + tail_len + 1);
	int result;

	memcpy(body, data, size);
	memcpy(body + size, tail, tail_len);
	command_begin(out, COMMAND_REQUEST, 0, 0);
	result = body_json(body, size + tail_len, out, 0, &error);
	free(body);
	if (result == -1) {
		if ((error.status != 400 && error.status != 413) || error.text[0] == '\0')
			__builtin_trap();
		return (-1);
	}
	if (!command_check(buf_bytes(out), buf_size(out)) ||
	    !command_open(&command, buf_bytes(out), buf_size(out)) ||
	    command.statements == 0)
		__builtin_trap();
	return (0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = BUF_INIT, again = BUF_INIT;

	if (parse(data, size, "", &once) == 0) {
		if (parse(data, size, "]\xff,", &again) == -1 ||
		    buf_size(&once) != buf_size(&again) ||
		    memcmp(buf_bytes(&once), buf_bytes(&again), buf_size(&once)) != 0)
			__builtin_trap();
	}
	buf_fini(&once);
	buf_fini(&again);
	return (0);
}
