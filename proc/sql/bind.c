/* Binding of parameters; see bind.h. */
#include "proc/sql/bind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

/* Names given, times parameters of the statement: SQLite compares them all, in a second or two. */
#define COMPARISONS_MAX (UINT64_C(1) << 27)

void
bind_list_init(struct bind_list *l, const struct command_statement *s)
{
	l->all = *s;
	l->rest = *s;
	l->total = s->parameters;
	l->taken = 0;
	l->named = false;
	l->checked = !s->named;
}

static int
bind_value(sqlite3_stmt *stmt, int i, const struct command_parameter *p)
{
	switch (p->type) {
	case COMMAND_INTEGER:
		return (sqlite3_bind_int64(stmt, i, p->integer));
	case COMMAND_REAL:
		return (sqlite3_bind_double(stmt, i, p->real));
	case COMMAND_TEXT:
		return (sqlite3_bind_text64(stmt, i, p->data, p->len, SQLITE_STATIC, SQLITE_UTF8));
	case COMMAND_BLOB:
		return (sqlite3_bind_blob64(stmt, i, p->data, p->len, SQLITE_STATIC));
	case COMMAND_NULL:
	case COMMAND_TYPE__COUNT:
		break;
	}
	return (sqlite3_bind_null(stmt, i));
}

static int
bind_at(struct statement *s, int i, const struct command_parameter *p, struct error *e)
{
	if (bind_value(s->stmt, i, p) != SQLITE_OK)
		return (error_set(e, "%s", sqlite3_errmsg(sqlite3_db_handle(s->stmt))));
	return (0);
}

/* Letters beyond ASCII are taken on trust. */
static bool
begins_with_letter(const struct command_parameter *p)
{
	unsigned char c = (unsigned char)p->name[0];

	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0xc2);
}

static int
refuse_name(const struct command_parameter *p, struct error *e)
{
	char quoted[256];
	size_t n = 0, i;
	unsigned char c;

	for (i = 0; i < p->name_len && n < sizeof(quoted) - 8; i++) {
		c = (unsigned char)p->name[i];
		if (c == '"' || c == '\\')
			quoted[n++] = '\\';
		if (c >= '\a' && c <= '\r') {
			quoted[n++] = '\\';
			quoted[n++] = "abtnvfr"[c - '\a'];
		} else if (c < 0x20 || c == 0x7f)
			n += (size_t)snprintf(quoted + n, 5, "\\x%02x", c);
		else
			quoted[n++] = (char)c;
	}
	quoted[n] = '\0';
	return (error_set(e, "name \"%s\" does not begin with a letter", quoted));
}

int
bind_check_names(struct bind_list *l, struct error *e)
{
	struct command_statement cursor = l->all;
	struct command_parameter p;

	if (l->checked)
		return (0);
	l->checked = true;
	while (command_next_parameter(&cursor, &p))
		if (p.name_len > 0 && !begins_with_letter(&p))
			return (refuse_name(&p, e));
	return (0);
}

static int
bind_named(struct statement *s, const struct command_parameter *p, struct error *e)
{
	static const char prefixes[] = ":@$";
	char small[128], *name = small;
	int i, at, rc = 0;

	if (memchr(p->name, '\0', p->name_len) != NULL)
		return (0); /* no parameter of SQL text has such a name */
	if ((size_t)p->name_len + 2 > sizeof(small)) {
		name = malloc((size_t)p->name_len + 2);
		if (name == NULL)
			fatal("malloc");
	}
	memcpy(name + 1, p->name, p->name_len);
	name[p->name_len + 1] = '\0';
	for (i = 0; i < 3 && rc == 0; i++) {
		name[0] = prefixes[i];
		at = sqlite3_bind_parameter_index(s->stmt, name);
		if (at > 0)
			rc = bind_at(s, at, p, e);
	}
	if (name != small)
		free(name);
	return (rc);
}

static int
note_name(struct bind_list *l, const struct statement *s, struct error *e)
{
	l->named = true;
	if ((uint64_t)l->total * (uint64_t)s->parameters > COMPARISONS_MAX)
		return (error_set(e, "too many named parameters"));
	return (0);
}

/* Names count wherever they stand in the list, also outside of a statement's share. */
static int
bind_other_names(
    struct bind_list *l, struct statement *s, uint32_t from, uint32_t to, struct error *e)
{
	struct command_statement cursor = l->all;
	struct command_parameter p;
	uint32_t n;

	for (n = 0; command_next_parameter(&cursor, &p); n++) {
		if (p.name_len == 0)
			continue;
		if (note_name(l, s, e) == -1)
			return (-1);
		if ((n < from || n >= to) && bind_named(s, &p, e) == -1)
			return (-1);
	}
	return (0);
}

int
bind_statement(struct bind_list *l, struct statement *s, bool rows, struct error *e)
{
	uint32_t wanted = (uint32_t)s->parameters, left = l->total - l->taken, from = l->taken, n;
	struct command_parameter p;

	if (bind_check_names(l, e) == -1)
		return (-1);
	if (left < wanted)
		return (error_set(e, "not enough args to execute query: want %u got %u", wanted,
		    rows ? left : l->total));
	for (n = 0; n < wanted && command_next_parameter(&l->rest, &p); n++) {
		if (p.name_len > 0 && note_name(l, s, e) == -1)
			return (-1);
		if ((p.name_len > 0 ? bind_named(s, &p, e) : bind_at(s, (int)n + 1, &p, e)) == -1)
			return (-1);
	}
	l->taken += wanted;
	/* At the first statement of a string it is not known yet whether the rest has names. */
	if (l->total > wanted && (from == 0 || (l->named && wanted > 0)))
		return (bind_other_names(l, s, from, from + wanted, e));
	return (0);
}
