/*
 * Request bodies: which errors they get, and what the command they become says.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "proc/http/body.h"
#include "proto/command.h"

#define BAD "\xef\xbf\xbd" /* U+FFFD */
#define OFFSET 5 /* what stands in the buffer before the command */

static void
begin(struct buf *out)
{
	buf_add(out, "other", OFFSET);
	command_begin(out, COMMAND_QUERY, 0, 0);
}

/* Parses a copy of its exact size, so that a sanitizer sees a byte too many. */
static int
parse(const char *body, size_t len, struct buf *out, struct body_error *error)
{
	char *exact = malloc(len > 0 ? len : 1);
	int result;

	assert_non_null(exact);
	memcpy(exact, body, len);
	begin(out);
	result = body_json(exact, len, out, OFFSET, error);
	free(exact);
	if (result == 0) {
		struct command command;

		assert_true(command_check(buf_bytes(out) + OFFSET, buf_size(out) - OFFSET));
		assert_true(
		    command_open(&command, buf_bytes(out) + OFFSET, buf_size(out) - OFFSET));
		assert_true(command.statements > 0);
	}
	return (result);
}

static void
bad_bytes(const char *body, size_t len, int status, const char *text)
{
	struct buf out = BUF_INIT;
	struct body_error error;

	if (parse(body, len, &out, &error) == 0)
		fail_msg("accepted: %.*s", (int)(len < 80 ? len : 80), body);
	if (strcmp(error.text, text) != 0)
		fail_msg("%.*s: %s", (int)(len < 80 ? len : 80), body, error.text);
	assert_int_equal(error.status, status);
	buf_fini(&out);
}

static void
bad(const char *body, const char *text)
{
	bad_bytes(body, strlen(body), 400, text);
}

static void
show_bytes(struct buf *out, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		buf_printf(out, "%02x", bytes[i]);
}

static void
show_parameter(struct buf *out, const struct command_parameter *p)
{
	buf_add_text(out, " ");
	if (p->name_len > 0) {
		buf_add(out, p->name, p->name_len);
		buf_add_text(out, "=");
	}
	switch (p->type) {
	case COMMAND_INTEGER:
		buf_printf(out, "i%" PRId64, p->integer);
		break;
	case COMMAND_REAL:
		buf_printf(out, "r%.17g", p->real);
		break;
	case COMMAND_TEXT:
		buf_add_text(out, "t");
		buf_add(out, p->data, p->len);
		break;
	case COMMAND_BLOB:
		buf_add_text(out, "b");
		show_bytes(out, p->data, p->len);
		break;
	default:
		buf_add_text(out, "n");
	}
}

/* A command as text: SQL, its parameters behind it, and | between statements. */
static void
show(const struct buf *command, struct buf *out)
{
	struct command walk;
	struct command_statement statement;
	struct command_parameter parameter;
	bool first = true;

	assert_true(command_open(&walk, buf_bytes(command) + OFFSET, buf_size(command) - OFFSET));
	while (command_next(&walk, &statement)) {
		if (!first)
			buf_add_text(out, "|");
		first = false;
		buf_add(out, statement.sql, statement.sql_len);
		while (command_next_parameter(&statement, &parameter))
			show_parameter(out, &parameter);
	}
	buf_add_u8(out, '\0');
}

static void
good(const char *body, const char *shown)
{
	struct buf out = BUF_INIT, text = BUF_INIT;
	struct body_error error;

	if (parse(body, strlen(body), &out, &error) == -1)
		fail_msg("%s: %s", body, error.text);
	show(&out, &text);
	assert_string_equal((const char *)buf_bytes(&text), shown);
	buf_fini(&out);
	buf_fini(&text);
}

static void
test_not_json(void **state)
{
	static const char *const bodies[] = { "", " ", "\n", "nonsense", "SELECT 1", "[", "]", "'",
		"nul", "tru", "[\"SELECT 1\"", "[\"SELECT 1", "[\"SELECT 1\",", "[\"SELECT 1\",]",
		"[\"SELECT 1\" \"SELECT 2\"]", "[[\"SELECT ?\",1",
		"[[\"SELECT ?\",{\"a\":", "[[\"SELECT ?\",[1", "[\"SELECT 1\\", "[\"SELECT \\u12",
		"[\"\\u12g4\"]", "[\"\\x\"]", "[-]", "[.5]", "[1.]", "[+1]", "[1e]", "[NaN]",
		"[Infinity]", "[\"a\nb\"]", "[\"a\x01\"]", "\xef\xbb\xbf[\"SELECT 1\"]",
		"\xff[\"SELECT 1\"]", "[,\"SELECT 1\"]", "[[[",
		/* Blanks that JSON does not have. */
		"\f[\"SELECT 1\"]", "[\v\"SELECT 1\"]", "[[\"SELECT ?\",\f1]]",
		/* A statement is read to its end before its sense is judged. */
		"[{", "[{\"sql\":", "[[1,\"unterminated", "[[1 2]]", "[[[]", "[[\"S\",[300]",
		"[[\"S\",[true,\"x", "[[\"S\",{\"a\":{}},]]", "[[\"S\",{\"a\":{}}}",
		"[[\"S\",1e400,]]", "[[\"S\",[[1}]]]" };

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		bad(bodies[i], "invalid JSON body");
	bad_bytes("[\"a\0b\"]", 7, 400, "invalid JSON body");
}

static void
test_not_request(void **state)
{
	static const char *const bodies[] = { "{}", "{", "\"SELECT 1\"", "1", "-1.5", "1e400",
		"true", "null", " 12 ", "[[]]", "[1]", "[null]", "[{}]", "[true]", "[[1,\"x\"]]",
		"[[null]]", "[[[]]]", "[[{}]]", "[[1,{\"a\":[2]},\"x\",[]]] x", "[{\"a\":[{}]}, x",
		"[[]x", "[[true]]", "[\"SELECT 1\",1]", "[\"SELECT 1\",null]",
		"[[\"SELECT 1\"],[]]", "[{\"sql\":\"SELECT 1\"}]", "[01]", "[1, \"unterminated",
		"[\"SELECT 1\", 1, \"unterminated" };

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		bad(bodies[i], "invalid request");
	bad("[]", "no statements");
	bad(" [ ] ", "no statements");
	bad("[]x", "no statements");
}

static void
test_unsupported(void **state)
{
	bad("[[\"S\",{\"a\":{\"b\":1}}]]", "unsupported type map[string]interface {}");
	bad("[[\"S\",{\"a\":[[1]]}]]", "unsupported type []interface {}");
	bad("[[\"S\",{\"a\":[\"x\"]}]]", "unsupported type string");
	bad("[[\"S\",[{}]]]", "unsupported type map[string]interface {}");
	bad("[[\"S\",[7889,2,3]]]", "unsupported type 7889");
	bad("[[\"S\",[256]]]", "unsupported type 256");
	bad("[[\"S\",[-4]]]", "unsupported type -4");
	bad("[[\"S\",[1.5]]]", "unsupported type 1.5");
	bad("[[\"S\",[1e2]]]", "unsupported type 1e2");
	bad("[[\"S\",[9999999999999999999999]]]", "unsupported type 9999999999999999999999");
	bad("[[\"S\",[65,\"a\"]]]", "unsupported type string");
	bad("[[\"S\",[null]]]", "unsupported type <nil>");
	bad("[[\"S\",[true]]]", "unsupported type bool");
	bad("[[\"S\",[[1]]]]", "unsupported type []interface {}");
	bad("[[\"S\",1e400]]", "invalid number 1e400");
	bad("[[\"S\",[[[1],{\"b\":[{}]},\"x\",1,null,true]],1e400]]",
	    "unsupported type []interface {}");
	bad("[[\"S\",1e400,[300],{\"a\":{}}],", "invalid number 1e400");
	bad("[[\"S\",-1.8e308]]", "invalid number -1.8e308");
	bad("[[\"S\", {\"a\":{}}], 1", "unsupported type map[string]interface {}");
	bad("[[\"S\",[-4]], nonsense", "unsupported type -4");
	bad("[\"S\",[\"S\",1,[300]]]", "unsupported type 300");
}

static void
test_statements(void **state)
{
	good("[\"SELECT 1\"]", "SELECT 1");
	good(" [ \"SELECT 1\" ] ", "SELECT 1");
	good("[\"SELECT 1\"] trailing junk", "SELECT 1");
	good("[\"SELECT 1\"]\xff", "SELECT 1");
	good("[\"\"]", "");
	good("[\"\",\"\",\" \"]", "|| ");
	good("[\"A\",[\"B\",2],[\"C\"],\"D\"]", "A|B i2|C|D");
	good("[[\"A\",1,null,true,false,\"x\",[],{}]]", "A i1 n i1 i0 tx b");
	good("[[\"A\",{\"a\":1,\"b\":[255,0],\"\":null},2,{\"c\":\"d\"}]]",
	    "A a=i1 b=bff00 n i2 c=td");
}

/* Of the members of one object with the same name the last one counts. */
static void
test_same_names(void **state)
{
	good("[[\"A\",{\"a\":1,\"a\":2}]]", "A a=i2");
	good("[[\"A\",7,{\"a\":1,\"b\":2,\"a\":\"xyz\",\"c\":null,\"b\":[1,2]},8]]",
	    "A i7 a=txyz c=n b=b0102 i8");
	good("[[\"A\",{\"a\":1},{\"a\":2}]]", "A a=i1 a=i2");
	good("[[\"A\",{\"\":1,\"\":2}]]", "A i2");
	good("[[\"A\",{\"a\":1,\"\\u0061\":2,\"ab\":3,\"A\":4}]]", "A a=i2 ab=i3 A=i4");
	good("[[\"A\",{\"\xff\":1,\"\\ud800\":2}]]", "A " BAD "=i2");
	good("[[\"A\",{\"a\":1,\"a\":2}],[\"B\",{\"a\":3,\"a\":4}],\"C\"]", "A a=i2|B a=i4|C");
}

/* As many members as there may be, with half as many names. */
static void
test_many_same_names(void **state)
{
	struct buf body = BUF_INIT, out = BUF_INIT;
	struct body_error error;
	struct command command;
	struct command_statement statement;
	struct command_parameter parameter;
	int n = PARAMETERS_MAX / 2, i;

	buf_add_text(&body, "[[\"A\"");
	for (i = 0; i < 2 * n; i++)
		buf_printf(&body, "%s\"n%d\":%d", i == 0 ? ",{" : ",", i % n, i);
	buf_add_text(&body, "}]]");
	assert_int_equal(parse((const char *)body.data, body.len, &out, &error), 0);
	assert_true(command_open(&command, buf_bytes(&out) + OFFSET, buf_size(&out) - OFFSET));
	assert_true(command_next(&command, &statement));
	assert_int_equal(statement.parameters, n);
	for (i = 0; command_next_parameter(&statement, &parameter); i++)
		assert_int_equal(parameter.integer, n + i);
	assert_int_equal(i, n);
	buf_fini(&body);
	buf_fini(&out);
}

static void
test_numbers(void **state)
{
	good("[[\"A\",0,-0,9223372036854775807,-9223372036854775808]]",
	    "A i0 i0 i9223372036854775807 i-9223372036854775808");
	good("[[\"A\",9223372036854775808,-9223372036854775809]]",
	    "A r9.2233720368547758e+18 r-9.2233720368547758e+18");
	good("[[\"A\",1.0,1e3,-0.0,0.1,1e-400,1.7976931348623157e308]]",
	    "A r1 r1000 r-0 r0.10000000000000001 r0 r1.7976931348623157e+308");
	good("[[\"A\",1.5 ,{\"n\":2.5}]]", "A r1.5 n=r2.5");
}

/* x'HEX' is a blob; what is nearly that stays text as it is. */
/* Decimals of every length around the one that strtod() is not asked for. */
static void
test_decimals(void **state)
{
	static const uint64_t limits[] = { UINT64_MAX, 1000000000000000, 1000 };
	uint64_t digits = 1;
	int i;

	for (i = 0; i < 2000; i++) {
		char number[40], body[64], expected[64];
		int n, point;

		digits = digits * 6364136223846793005u + 1442695040888963407u;
		n = snprintf(number, sizeof(number), "%s%" PRIu64, i & 1 ? "-" : "",
		    (digits >> 1) % limits[i % 3]);
		point = (i & 1) + 1 + (int)((digits >> 33) % (unsigned)(n - (i & 1)));
		(void)snprintf(body, sizeof(body), "[[\"A\",%.*s.%s]]", point, number,
		    point < n ? number + point : "0");
		(void)snprintf(expected, sizeof(expected), "A r%.17g", strtod(body + 6, NULL));
		good(body, expected);
	}
}

static void
test_hex(void **state)
{
	good("[[\"A\",\"x'00fF'\",\" X'01' \",\"x''\",{\"n\":\"x'02'\"}]]", "A b00ff b01 b n=b02");
	good("[[\"A\",\"\\t\\n\\u000b\\f\\rx'0a'\\n\"]]", "A b0a");
	good("[[\"A\",\"x'0'\",\"x'zz'\",\"x'00\",\" x\",\"x'\",\"x'00' y\",\"\"]]",
	    "A tx'0' tx'zz' tx'00 t x tx' tx'00' y t");
	good("[\"x'00'\"]", "x'00'");
}

static void
test_unicode(void **state)
{
	good("[\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"]", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	good("[\"\\ud83d\"]", BAD);
	good("[\"\\ude00\"]", BAD);
	good("[\"\\ud83d\\u0041\"]", BAD "A");
	good("[\"\\ud83d\\ud83d\\ude00\"]", BAD "\xf0\x9f\x98\x80");
	good("[\"\\ud83dx\",\"\\ud83d\\n\"]", BAD "x|" BAD "\n");
	good("[\"\\\\ud83d\"]", "\\ud83d");
	good("[\"\\\\\\ud83d\"]", "\\" BAD);
	good("[\"\\uDBFF\\uDFFF\"]", "\xf4\x8f\xbf\xbf");
	good("[\"a\xff"
	     "b\"]",
	    "a" BAD "b");
	good("[\"\xc0\x80|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82\"]",
	    BAD BAD "|" BAD BAD BAD "|" BAD BAD BAD BAD "|" BAD BAD);
	good("[\"0123456789\xc3\xa9\x80\"]", "0123456789\xc3\xa9" BAD);
	good("[[\"\xfe\",\"\xff\",{\"\xc3\":\"x\xc3\"}]]", BAD " t" BAD " " BAD "=tx" BAD);
}

/* SQL, texts and names may hold NUL. */
static void
test_nul(void **state)
{
	struct buf out = BUF_INIT;
	struct body_error error;
	struct command walk;
	struct command_statement statement;
	struct command_parameter parameter;
	static const char body[] = "[[\"a\\u0000b\",{\"n\\u0000m\":\"c\\u0000d\"}]]";

	assert_int_equal(parse(body, sizeof(body) - 1, &out, &error), 0);
	assert_true(command_open(&walk, buf_bytes(&out) + OFFSET, buf_size(&out) - OFFSET));
	assert_true(command_next(&walk, &statement));
	assert_int_equal(statement.sql_len, 3);
	assert_memory_equal(statement.sql, "a\0b", 3);
	assert_true(command_next_parameter(&statement, &parameter));
	assert_int_equal(parameter.name_len, 3);
	assert_memory_equal(parameter.name, "n\0m", 3);
	assert_int_equal(parameter.len, 3);
	assert_memory_equal(parameter.data, "c\0d", 3);
	buf_fini(&out);
}

/* head, then n times part, then tail. */
static char *
repeat(const char *head, const char *part, size_t n, const char *tail)
{
	struct buf out = BUF_INIT;

	buf_add_text(&out, head);
	for (size_t i = 0; i < n; i++)
		buf_add_text(&out, part);
	buf_add(&out, tail, strlen(tail) + 1);
	return ((char *)out.data);
}

static void
limited(char *body, int status, const char *text)
{
	bad_bytes(body, strlen(body), status, text);
	free(body);
}

static void
test_limits(void **state)
{
	struct buf out = BUF_INIT;
	struct body_error error;
	char *body;

	body = repeat("[[\"A\"", ",1", PARAMETERS_MAX, "]]");
	assert_int_equal(parse(body, strlen(body), &out, &error), 0);
	free(body);
	buf_fini(&out);
	limited(repeat("[[\"A\"", ",1", PARAMETERS_MAX + 1, "]]"), 413,
	    "too many parameters (250000 is the limit)");
	limited(repeat("[\"\"", ",\"\"", STATEMENTS_MAX, "]"), 413,
	    "too many statements (1000000 is the limit)");
	limited(repeat("[\"", "0123456789abcdef", COMMAND_MAX / 16, "\"]"), 413,
	    "request too large: 67108864 bytes in binary form is the limit");
	limited(repeat("[[\"A\",{\"", "0123456789abcdef", 4096, "\":1}]]"), 413,
	    "parameter name too long (65535 bytes is the limit)");
}

/* That many brackets, and what is not looked at. */
static const char *
deep_end(size_t count)
{
	static char text[JSON_DEPTH_MAX + 2];

	memset(text, ']', count);
	text[count] = '\0';
	return (text);
}

static void
test_depth(void **state)
{
	limited(repeat("", "[", JSON_DEPTH_MAX + 1, ""), 400, "invalid JSON body");
	limited(repeat("", "[", 5000000, ""), 400, "invalid JSON body");
	limited(repeat("[[\"A\",", "[", 5000000, ""), 400, "invalid JSON body");
	limited(repeat("[[\"A\",", "{\"a\":", 1000000, ""), 400, "invalid JSON body");
	limited(repeat("[", "[", JSON_DEPTH_MAX, deep_end(JSON_DEPTH_MAX)), 400, "invalid request");
	limited(repeat("[", "[", JSON_DEPTH_MAX + 1, deep_end(JSON_DEPTH_MAX + 1)), 400,
	    "invalid JSON body");
}

/* A string with an escape is copied by yajl, into memory that grows. */
static void
test_long_escapes(void **state)
{
	size_t n = 20000, i;
	char *body = malloc(3 * n + 8), *end = body;
	struct command_statement statement;
	struct buf out = BUF_INIT;
	struct body_error error;
	struct command command;

	assert_non_null(body);
	end = stpcpy(end, "[\"");
	for (i = 0; i < n; i++)
		end = stpcpy(end, "\\na");
	end = stpcpy(end, "\"]");
	assert_int_equal(parse(body, (size_t)(end - body), &out, &error), 0);
	assert_true(command_open(&command, buf_bytes(&out) + OFFSET, buf_size(&out) - OFFSET));
	assert_true(command_next(&command, &statement));
	assert_int_equal(statement.sql_len, 2 * n);
	for (i = 0; i < n; i++)
		assert_memory_equal(statement.sql + 2 * i, "\na", 2);
	free(body);
	buf_fini(&out);
}

static void
test_text(void **state)
{
	struct buf out = BUF_INIT, shown = BUF_INIT;
	struct body_error error;

	begin(&out);
	assert_int_equal(body_text("SELECT \xff", 8, &out, OFFSET, &error), 0);
	assert_true(command_check(buf_bytes(&out) + OFFSET, buf_size(&out) - OFFSET));
	show(&out, &shown);
	assert_string_equal((const char *)buf_bytes(&shown), "SELECT \xff");
	buf_fini(&out);
	buf_fini(&shown);
	begin(&out);
	assert_int_equal(body_text(NULL, 0, &out, OFFSET, &error), 0);
	assert_true(command_check(buf_bytes(&out) + OFFSET, buf_size(&out) - OFFSET));
	buf_fini(&out);
	begin(&out);
	assert_int_equal(body_text("", COMMAND_MAX, &out, OFFSET, &error), -1);
	assert_int_equal(error.status, 413);
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_json),
		cmocka_unit_test(test_not_request),
		cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_statements),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_decimals),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_unicode),
		cmocka_unit_test(test_same_names),
		cmocka_unit_test(test_many_same_names),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_long_escapes),
		cmocka_unit_test(test_text),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
