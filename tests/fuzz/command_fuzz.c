/*
 * Commands from hostile bytes: the walk reads nothing beyond them, a command
 * that was checked is walked to its end, and encoding it again gives its bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
encode_again(struct command c, struct buf *out)
{
	struct command_statement s;
	struct command_parameter p;
	uint32_t statements = c.statements, parameters;
	size_t at;

	command_begin(out, c.kind, c.flags, c.timeout_ns);
	while (command_next(&c, &s)) {
		at = command_add_statement(out, s.sql, s.sql_len);
		parameters = s.parameters;
		while (command_next_parameter(&s, &p))
			command_add_parameter(out, &p);
		command_set_parameters(out, at, parameters);
	}
	command_set_statements(out, 0, statements);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf out = BUF_INIT;
	struct command c;

	if (command_check(data, len)) {
		if (!command_open(&c, data, len))
			abort();
		encode_again(c, &out);
		if (out.len != len || memcmp(out.data, data, len) != 0)
			abort();
		buf_fini(&out);
	}
	return (0);
}
