/* Commands: what is encoded is decoded, and no damaged byte is walked over. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "proto/command.h"

static const struct command_parameter samples[] = {
	{ .type = COMMAND_NULL },
	{ .type = COMMAND_INTEGER, .integer = INT64_MIN },
	{ .type = COMMAND_REAL, .real = 0.1, .name = "ratio", .name_len = 5 },
	{ .type = COMMAND_TEXT, .data = "text\0more", .len = 9 },
	{ .type = COMMAND_BLOB, .data = "", .len = 0, .name = "b", .name_len = 1 },
};

#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static void
encode_sample(struct buf *b)
{
	size_t at, i;

	command_begin(b, COMMAND_REQUEST, 0, 5000000000);
	at = command_add_statement(b, "SELECT ?", 8);
	for (i = 0; i < SAMPLES; i++)
		command_add_parameter(b, &samples[i]);
	command_set_parameters(b, at, SAMPLES);
	command_add_statement(b, "", 0);
	command_add_statement(b, "DELETE FROM t", 13);
	command_set_statements(b, 0, 3);
	command_set_flags(b, 0, COMMAND_TRANSACTION | COMMAND_PRETTY);
}

static void
decodes_what_was_encoded(void **state)
{
	struct buf b = BUF_INIT;
	struct command c;
	struct command_statement s;
	struct command_parameter p;
	size_t i;

	encode_sample(&b);
	assert_true(command_check(b.data, b.len));
	assert_true(command_open(&c, b.data, b.len));
	assert_int_equal(c.kind, COMMAND_REQUEST);
	assert_int_equal(c.flags, COMMAND_TRANSACTION | COMMAND_PRETTY);
	assert_int_equal(c.timeout_ns, 5000000000);
	assert_int_equal(c.statements, 3);
	assert_true(command_next(&c, &s));
	assert_int_equal(s.sql_len, 8);
	assert_memory_equal(s.sql, "SELECT ?", 8);
	assert_int_equal(s.parameters, SAMPLES);
	for (i = 0; i < SAMPLES; i++) {
		assert_true(command_next_parameter(&s, &p));
		assert_int_equal(p.type, samples[i].type);
		assert_int_equal(p.name_len, samples[i].name_len);
		assert_int_equal(p.len, samples[i].len);
		if (p.type == COMMAND_INTEGER)
			assert_int_equal(p.integer, samples[i].integer);
		if (p.type == COMMAND_REAL)
			assert_true(p.real == samples[i].real);
		if (p.len > 0)
			assert_memory_equal(p.data, samples[i].data, p.len);
	}
	assert_false(command_next_parameter(&s, &p));
	assert_true(command_next(&c, &s));
	assert_int_equal(s.sql_len, 0);
	assert_true(command_next(&c, &s));
	assert_int_equal(s.parameters, 0);
	assert_false(command_next(&c, &s));
	buf_fini(&b);
}

/* Skipping a statement does not depend on its parameters having been read. */
static void
skips_unread_parameters(void **state)
{
	struct buf b = BUF_INIT;
	struct command c;
	struct command_statement s;

	encode_sample(&b);
	assert_true(command_open(&c, b.data, b.len));
	assert_true(command_next(&c, &s));
	assert_true(command_next(&c, &s));
	assert_true(command_next(&c, &s));
	assert_memory_equal(s.sql, "DELETE FROM t", 13);
	buf_fini(&b);
}

static void
refuses_every_truncation(void **state)
{
	struct buf b = BUF_INIT;
	uint8_t *exact;
	size_t n;

	encode_sample(&b);
	for (n = 0; n < b.len; n++) {
		/* A block of its own size, so that a sanitizer sees the first byte read too far. */
		exact = malloc(n + 1);
		assert_non_null(exact);
		memcpy(exact, b.data, n);
		assert_false(command_check(exact, n));
		free(exact);
	}
	buf_add_u8(&b, 0);
	assert_false(command_check(b.data, b.len));
	buf_fini(&b);
}

static void
refuses_bad_heads(void **state)
{
	static const struct {
		size_t offset;
		uint8_t value;
	} damages[] = {
		{ 0, 0 },
		{ 0, 2 },
		{ 1, 0 },
		{ 1, COMMAND_KIND__COUNT },
		{ 3, 0x02 },
		{ 3, 0x80 },
		{ 12, 2 },
		{ 12, 4 },
		{ 15, 0xff },
		{ 19, 0xff },
		{ 31, 0xff },
	};
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		b.len = 0;
		encode_sample(&b);
		b.data[damages[i].offset] = damages[i].value;
		assert_false(command_check(b.data, b.len));
	}
	buf_fini(&b);
}

/* Whatever a flipped bit does, the walk stays inside. */
static void
survives_every_flipped_bit(void **state)
{
	struct buf b = BUF_INIT;
	size_t bit, accepted = 0;

	encode_sample(&b);
	for (bit = 0; bit < b.len * 8; bit++) {
		b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		accepted += command_check(b.data, b.len);
		b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(accepted > 0);
	assert_true(command_check(b.data, b.len));
	buf_fini(&b);
}

/* As many statements, and parameters of one, as there may be; one more is no command. */
static void
counts_have_their_limits(void **state)
{
	const struct command_parameter null = { .type = COMMAND_NULL };
	struct buf b = BUF_INIT;
	uint32_t i;
	size_t at;

	command_begin(&b, COMMAND_EXECUTE, 0, 0);
	for (i = 0; i < STATEMENTS_MAX; i++)
		command_add_statement(&b, "", 0);
	command_set_statements(&b, 0, STATEMENTS_MAX);
	assert_true(command_check(b.data, b.len));
	command_add_statement(&b, "", 0);
	command_set_statements(&b, 0, STATEMENTS_MAX + 1);
	assert_false(command_check(b.data, b.len));

	b.len = 0;
	command_begin(&b, COMMAND_EXECUTE, 0, 0);
	at = command_add_statement(&b, "", 0);
	for (i = 0; i < PARAMETERS_MAX; i++)
		command_add_parameter(&b, &null);
	command_set_statements(&b, 0, 1);
	command_set_parameters(&b, at, PARAMETERS_MAX);
	assert_true(command_check(b.data, b.len));
	command_add_parameter(&b, &null);
	command_set_parameters(&b, at, PARAMETERS_MAX + 1);
	assert_false(command_check(b.data, b.len));
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_what_was_encoded),
		cmocka_unit_test(skips_unread_parameters),
		cmocka_unit_test(refuses_every_truncation),
		cmocka_unit_test(refuses_bad_heads),
		cmocka_unit_test(survives_every_flipped_bit),
		cmocka_unit_test(counts_have_their_limits),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
