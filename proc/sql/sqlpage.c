/*
 * The page of /db/sql; see sqlpage.h.
 */
#include "proc/sql/sqlpage.h"

#include "common/json.h"
#include "common/limits.h"
#include "proc/sql/parse/sqlparse.h"
#include "proto/command.h"

/* Random bytes a whole page shows for calls of randomblob(): a short text can ask for many. */
#define BLOB_BYTES_MAX (1024 * 1024)
#define UNIX_EPOCH_DAY 2440587.5

double
sqlpage_julian_day(int64_t unix_ns)
{
	return (UNIX_EPOCH_DAY + (double)unix_ns / 1e9 / 86400);
}

static void
print_statement(struct json *j, const struct command_statement *s, struct sqlparse_options *options,
    struct buf *text)
{
	struct error error;

	buf_reset(text, SIZE_MAX);
	json_begin_object(j);
	json_key(j, "original");
	json_string_n(j, s->sql, s->sql_len);
	if (sqlparse_rewrite(s->sql, s->sql_len, options, text, &error) == 0) {
		json_key(j, "rewritten");
		json_string_n(j, buf_bytes(text), buf_size(text));
	} else {
		json_key(j, "error");
		json_string(j, error.text);
	}
	json_end_object(j);
}

int
sqlpage_print(const void *command, size_t len, const struct sqlpage_clock *clock, struct buf *out)
{
	struct sqlparse_options options = { .julian_day = clock->julian_day,
		.random = clock->random,
		.arg = clock->arg,
		.blob_left = BLOB_BYTES_MAX };
	struct command_statement s;
	struct buf text = BUF_INIT;
	struct command c;
	struct json j;
	bool pretty;

	if (len > ANALYZE_MAX || !command_check(command, len) || !command_open(&c, command, len))
		return (-1);
	options.rewrite_random = (c.flags & COMMAND_KEEP_RANDOM) == 0;
	options.rewrite_time = (c.flags & COMMAND_KEEP_TIME) == 0;
	pretty = (c.flags & COMMAND_PRETTY) != 0;
	json_init(&j, out, pretty, pretty ? 1 : 0);
	json_begin_array(&j);
	while (command_next(&c, &s))
		print_statement(&j, &s, &options, &text);
	json_end_array(&j);
	buf_fini(&text);
	return (0);
}
