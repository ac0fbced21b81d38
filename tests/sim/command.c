/*
 * Requests of SQL: see command.h.
 */
#include "tests/sim/command.h"

#include <string.h>

#include "proto/command.h"
#include "proto/entry.h"
#include "tests/sim/rng.h"

#define EPOCH_NS 1700000000000000000LL

/* One of these goes with each row; ?1 is the operation, ?2 a number. */
enum side { SIDE_NOTHING, SIDE_PAD, SIDE_CHANGE, SIDE_DELETE, SIDE_ERROR, SIDE_INDEX, SIDE_DROP };

static const char *const sides[] = {
	[SIDE_PAD] = "INSERT INTO pads(id, b) VALUES(?1, randomblob(?2))",
	[SIDE_CHANGE] = "UPDATE pads SET b = randomblob(200) WHERE id % 7 = ?1 % 7 AND ?2 >= 0",
	[SIDE_DELETE] = "DELETE FROM pads WHERE id % 3 = ?1 % 3 AND ?2 >= 0",
	[SIDE_ERROR] = "INSERT INTO ops(id, key) VALUES(?1, ?2)",
	[SIDE_INDEX] = "CREATE INDEX IF NOT EXISTS i ON ops(value)",
	[SIDE_DROP] = "DROP INDEX IF EXISTS i",
};

static const uint8_t draws[] = { SIDE_NOTHING, SIDE_NOTHING, SIDE_NOTHING, SIDE_PAD, SIDE_PAD,
	SIDE_PAD, SIDE_CHANGE, SIDE_CHANGE, SIDE_DELETE, SIDE_ERROR, SIDE_ERROR, SIDE_INDEX };

static void
add_statement(struct buf *buf, const char *sql, const int64_t *numbers, uint32_t count)
{
	size_t at = command_add_statement(buf, sql, (uint32_t)strlen(sql));
	uint32_t i;

	for (i = 0; i < count; i++) {
		struct command_parameter parameter = { .type = COMMAND_INTEGER,
			.integer = numbers[i] };

		command_add_parameter(buf, &parameter);
	}
	command_set_parameters(buf, at, count);
}

void
command_add_schema(struct buf *buf)
{
	size_t at = buf->len;

	command_begin(buf, COMMAND_EXECUTE, 0, 0);
	add_statement(buf,
	    "CREATE TABLE ops(id INTEGER PRIMARY KEY, key, value, r DEFAULT (random()), "
	    "at DEFAULT CURRENT_TIMESTAMP)",
	    NULL, 0);
	add_statement(buf, "CREATE TABLE regs(k INTEGER PRIMARY KEY, v, n)", NULL, 0);
	add_statement(buf, "CREATE TABLE pads(id INTEGER PRIMARY KEY, b)", NULL, 0);
	command_set_statements(buf, at, 3);
}

void
command_add(struct buf *buf, const struct command_model *model, uint32_t padding)
{
	int64_t row[] = { (int64_t)model->op, (int64_t)model->key, (int64_t)model->value };
	int64_t two[] = { (int64_t)model->op, (int64_t)padding };
	uint64_t chance = rng_mix(model->op);
	enum side side = draws[chance % sizeof(draws)];
	struct entry_head head = { EPOCH_NS + (int64_t)model->op * 1000000000, chance, 0 };
	uint8_t bytes[ENTRY_HEAD_SIZE];
	size_t at;

	if (side == SIDE_INDEX && (chance >> 32 & 1) != 0)
		side = SIDE_DROP;
	entry_encode(bytes, &head);
	buf_add(buf, model, sizeof(*model));
	buf_add(buf, bytes, sizeof(bytes));
	at = buf->len;
	/* Not with an error in it: it would take the row away, which is asked for in the end. */
	command_begin(buf, COMMAND_EXECUTE,
	    side != SIDE_ERROR && (chance >> 33 & 1) != 0 ? COMMAND_TRANSACTION : 0, 0);
	add_statement(buf, "INSERT INTO ops(id, key, value) VALUES(?1, ?2, ?3)", row, 3);
	add_statement(buf,
	    "INSERT INTO regs VALUES(?1, ?2, 1) ON CONFLICT(k) DO UPDATE SET v = ?2, n = n + 1",
	    row + 1, 2);
	if (side != SIDE_NOTHING)
		add_statement(buf, sides[side], two, side >= SIDE_INDEX ? 0 : 2);
	command_set_statements(buf, at, side != SIDE_NOTHING ? 3 : 2);
}
