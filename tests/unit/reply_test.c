/*
 * Envelopes: their members, in which order, and how they are indented.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proc/http/reply.h"

static void
whole(const struct reply *reply, const char *expected)
{
	struct buf out = BUF_INIT;

	reply_begin(&out, reply);
	buf_add_text(&out, "[]");
	reply_end(&out, reply);
	buf_add_u8(&out, '\0');
	assert_string_equal((const char *)buf_bytes(&out), expected);
	buf_fini(&out);
}

static void
failed(const struct reply *reply, const char *text, const char *expected)
{
	struct buf out = BUF_INIT;

	reply_error(&out, reply, text);
	buf_add_u8(&out, '\0');
	assert_string_equal((const char *)buf_bytes(&out), expected);
	buf_fini(&out);
}

static void
test_plain(void **state)
{
	whole(&(struct reply){ 0 }, "{\"results\":[]}");
	whole(&(struct reply){ .time_ns = 5 }, "{\"results\":[]}");
	whole(&(struct reply){ .timings = true }, "{\"results\":[]}");
	whole(&(struct reply){ .timings = true, .time_ns = 1500000000 },
	    "{\"results\":[],\"time\":1.5}");
	whole(&(struct reply){ .timings = true, .time_ns = 950 }, "{\"results\":[],\"time\":9.5e-7}");
	whole(&(struct reply){ .raft_index = UINT64_MAX },
	    "{\"results\":[],\"raft_index\":18446744073709551615}");
	whole(&(struct reply){ .timings = true, .time_ns = 250000000, .raft_index = 3 },
	    "{\"results\":[],\"time\":0.25,\"raft_index\":3}");
}

static void
test_pretty(void **state)
{
	whole(&(struct reply){ .pretty = true }, "{\n    \"results\": []\n}");
	whole(&(struct reply){ .pretty = true, .timings = true, .time_ns = 250000000,
		  .raft_index = 3 },
	    "{\n    \"results\": [],\n    \"time\": 0.25,\n    \"raft_index\": 3\n}");
}

/* A failed request has no index, whatever is asked for. */
static void
test_error(void **state)
{
	failed(&(struct reply){ 0 }, "stale read", "{\"results\":[],\"error\":\"stale read\"}");
	failed(&(struct reply){ .raft_index = 3 }, "<\"a\">\n",
	    "{\"results\":[],\"error\":\"\\u003c\\\"a\\\"\\u003e\\n\"}");
	failed(&(struct reply){ .pretty = true, .timings = true, .time_ns = 500000000 }, "e",
	    "{\n    \"results\": [],\n    \"error\": \"e\",\n    \"time\": 0.5\n}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_pretty),
		cmocka_unit_test(test_error),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
