/*
 * Encoding and walking of commands; the layout is in command.h.  The walk
 * trusts nothing: each length is compared with what is left before it is used.
 */
#include "proto/command.h"

#include <assert.h>

#include "common/limits.h"

#define STATEMENT_SIZE_MIN 8 /* two lengths */
#define PARAMETER_SIZE_MIN 3 /* type and length of the name */

static size_t
left(const uint8_t *pos, const uint8_t *end)
{
	return ((size_t)(end - pos));
}

static uint16_t
get_u16(const uint8_t **pos)
{
	uint16_t v;

	memcpy(&v, *pos, sizeof(v));
	*pos += sizeof(v);
	return (v);
}

static uint32_t
get_u32(const uint8_t **pos)
{
	uint32_t v;

	memcpy(&v, *pos, sizeof(v));
	*pos += sizeof(v);
	return (v);
}

void
command_begin(struct buf *b, enum command_kind kind, uint16_t flags, int64_t timeout_ns)
{
	buf_add_u8(b, COMMAND_VERSION);
	buf_add_u8(b, (uint8_t)kind);
	buf_add_u16(b, flags);
	buf_add_u64(b, (uint64_t)timeout_ns);
	buf_add_u32(b, 0);
}

void
command_set_statements(struct buf *b, size_t at, uint32_t count)
{
	assert(at + COMMAND_HEAD_SIZE <= b->len);
	memcpy(b->data + at + 12, &count, sizeof(count));
}

void
command_set_flags(struct buf *b, size_t at, uint16_t flags)
{
	assert(at + COMMAND_HEAD_SIZE <= b->len);
	memcpy(b->data + at + 2, &flags, sizeof(flags));
}

size_t
command_add_statement(struct buf *b, const char *sql, uint32_t len)
{
	size_t at;

	buf_add_u32(b, len);
	buf_add(b, sql, len);
	at = b->len;
	buf_add_u32(b, 0);
	return (at);
}

void
command_set_parameters(struct buf *b, size_t statement, uint32_t count)
{
	assert(statement + sizeof(count) <= b->len);
	memcpy(b->data + statement, &count, sizeof(count));
}

void
command_add_parameter(struct buf *b, const struct command_parameter *p)
{
	/* Room for all of it at once: of a number, these are its bytes. */
	uint8_t *at = buf_reserve(b, PARAMETER_SIZE_MIN + p->name_len + sizeof(p->integer));

	at[0] = (uint8_t)p->type;
	memcpy(at + 1, &p->name_len, sizeof(p->name_len));
	at += PARAMETER_SIZE_MIN;
	if (p->name_len > 0)
		memcpy(at, p->name, p->name_len);
	buf_advance(b, PARAMETER_SIZE_MIN + p->name_len);
	at += p->name_len;
	switch (p->type) {
	case COMMAND_INTEGER:
		memcpy(at, &p->integer, sizeof(p->integer));
		buf_advance(b, sizeof(p->integer));
		break;
	case COMMAND_REAL:
		memcpy(at, &p->real, sizeof(p->real));
		buf_advance(b, sizeof(p->real));
		break;
	case COMMAND_TEXT:
	case COMMAND_BLOB:
		buf_add_u32(b, p->len);
		buf_add(b, p->data, p->len);
		break;
	case COMMAND_NULL:
	case COMMAND_TYPE__COUNT:
		break;
	}
}

bool
command_open(struct command *c, const void *data, size_t len)
{
	const uint8_t *pos = data;
	uint8_t kind;
	uint64_t timeout;

	if (len < COMMAND_HEAD_SIZE || len > COMMAND_MAX || pos[0] != COMMAND_VERSION)
		return (false);
	kind = pos[1];
	if (kind < COMMAND_EXECUTE || kind >= COMMAND_KIND__COUNT)
		return (false);
	c->kind = (enum command_kind)kind;
	c->end = pos + len;
	pos += 2;
	c->flags = get_u16(&pos);
	memcpy(&timeout, pos, sizeof(timeout));
	pos += sizeof(timeout);
	c->timeout_ns = (int64_t)timeout;
	c->statements = get_u32(&pos);
	c->pos = pos;
	/* Counts are bounded by the bytes, so nobody reserves memory for what can not be there. */
	return ((c->flags & ~COMMAND_FLAGS_ALL) == 0 && c->statements <= STATEMENTS_MAX &&
		c->statements <= left(pos, c->end) / STATEMENT_SIZE_MIN);
}

/* Passes over one parameter and stores its fields. */
static bool
parameter_walk(const uint8_t **cursor, const uint8_t *end, struct command_parameter *p)
{
	const uint8_t *pos = *cursor;

	if (left(pos, end) < PARAMETER_SIZE_MIN || *pos >= COMMAND_TYPE__COUNT)
		return (false);
	p->type = (enum command_type) * pos++;
	p->name_len = get_u16(&pos);
	if (left(pos, end) < p->name_len)
		return (false);
	p->name = (const char *)pos;
	pos += p->name_len;
	p->data = NULL;
	p->len = 0;
	switch (p->type) {
	case COMMAND_INTEGER:
	case COMMAND_REAL:
		if (left(pos, end) < sizeof(p->integer))
			return (false);
		memcpy(&p->integer, pos, sizeof(p->integer));
		memcpy(&p->real, pos, sizeof(p->real));
		pos += sizeof(p->integer);
		break;
	case COMMAND_TEXT:
	case COMMAND_BLOB:
		if (left(pos, end) < sizeof(p->len))
			return (false);
		p->len = get_u32(&pos);
		if (left(pos, end) < p->len)
			return (false);
		p->data = pos;
		pos += p->len;
		break;
	case COMMAND_NULL:
	case COMMAND_TYPE__COUNT:
		break;
	}
	*cursor = pos;
	return (true);
}

/* The same without a look at its value: a command is walked more often than its values are used. */
static bool
parameter_skip(const uint8_t **cursor, const uint8_t *end, bool *named)
{
	const uint8_t *pos = *cursor;
	uint32_t size = 0;
	uint8_t type;

	if (left(pos, end) < PARAMETER_SIZE_MIN || *pos >= COMMAND_TYPE__COUNT)
		return (false);
	type = *pos++;
	size = get_u16(&pos);
	if (left(pos, end) < size)
		return (false);
	*named |= size > 0;
	pos += size;
	if (type == COMMAND_TEXT || type == COMMAND_BLOB) {
		if (left(pos, end) < sizeof(size))
			return (false);
		size = get_u32(&pos);
	} else
		size = type == COMMAND_NULL ? 0 : sizeof(int64_t);
	if (left(pos, end) < size)
		return (false);
	*cursor = pos + size;
	return (true);
}

bool
command_next(struct command *c, struct command_statement *s)
{
	const uint8_t *pos = c->pos;
	uint32_t i;

	if (c->statements == 0 || left(pos, c->end) < STATEMENT_SIZE_MIN)
		return (false);
	s->sql_len = get_u32(&pos);
	if (left(pos, c->end) < (size_t)s->sql_len + sizeof(s->parameters))
		return (false);
	s->sql = (const char *)pos;
	pos += s->sql_len;
	s->parameters = get_u32(&pos);
	if (s->parameters > PARAMETERS_MAX ||
	    s->parameters > left(pos, c->end) / PARAMETER_SIZE_MIN)
		return (false);
	s->pos = pos;
	s->named = false;
	for (i = 0; i < s->parameters; i++)
		if (!parameter_skip(&pos, c->end, &s->named))
			return (false);
	s->end = pos;
	c->pos = pos;
	c->statements--;
	return (true);
}

bool
command_next_parameter(struct command_statement *s, struct command_parameter *p)
{
	if (s->parameters == 0 || !parameter_walk(&s->pos, s->end, p))
		return (false);
	s->parameters--;
	return (true);
}

bool
command_check(const void *data, size_t len)
{
	struct command c;
	struct command_statement s;

	if (!command_open(&c, data, len))
		return (false);
	while (c.statements > 0)
		if (!command_next(&c, &s))
			return (false);
	return (c.pos == c.end);
}
