/*
 * Envelopes: see reply.h.
 */
#include "proc/http/reply.h"

#include <string.h>

#include "common/json.h"

static void
add_key(struct buf *out, const struct reply *reply, bool first, const char *key)
{
	if (!first)
		buf_add_u8(out, ',');
	if (reply->pretty)
		buf_add_text(out, "\n    ");
	buf_add_u8(out, '"');
	buf_add_text(out, key);
	buf_add_text(out, reply->pretty ? "\": " : "\":");
}

void
reply_begin(struct buf *out, const struct reply *reply)
{
	buf_add_u8(out, '{');
	add_key(out, reply, true, "results");
}

void
reply_end(struct buf *out, const struct reply *reply)
{
	if (reply->timings && reply->time_ns > 0) {
		add_key(out, reply, false, "time");
		json_add_double(out, (double)reply->time_ns / 1e9);
	}
	if (reply->raft_index > 0) {
		add_key(out, reply, false, "raft_index");
		json_add_uint(out, reply->raft_index);
	}
	buf_add_text(out, reply->pretty ? "\n}" : "}");
}

void
reply_error(struct buf *out, const struct reply *reply, const char *text)
{
	struct reply without = *reply;

	without.raft_index = 0;
	reply_begin(out, reply);
	buf_add_text(out, "[]");
	add_key(out, reply, false, "error");
	json_add_string(out, text, strlen(text));
	reply_end(out, &without);
}
