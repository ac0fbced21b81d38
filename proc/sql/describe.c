/*
 * The columns of a statement, and the JSON that stands before its rows; kept
 * beside cached statements, since making it costs as much as a point query.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/json.h"
#include "common/log.h"
#include "proc/sql/stmtcache.h"

static bool
has_prefix(const struct column *c, const char *prefix)
{
	return (strncmp(c->type, prefix, strlen(prefix)) == 0);
}

/* A BLOB is handed out as text in columns of these types, and where there is none. */
static bool
is_textual(const struct column *c)
{
	return (c->type_len == 0 || strcmp(c->type, "text") == 0 || strcmp(c->type, "json") == 0 ||
		has_prefix(c, "varchar") || has_prefix(c, "varying character") ||
		has_prefix(c, "nchar") || has_prefix(c, "native character") ||
		has_prefix(c, "nvarchar") || has_prefix(c, "clob"));
}

static enum column_kind
kind_of(const struct column *c)
{
	if (strcmp(c->type, "boolean") == 0)
		return (COLUMN_BOOLEAN);
	if (strcmp(c->type, "date") == 0 || strcmp(c->type, "datetime") == 0 ||
	    strcmp(c->type, "timestamp") == 0)
		return (COLUMN_DATE);
	return (COLUMN_PLAIN);
}

static void
add_type(struct buf *b, const char *type)
{
	for (; *type != '\0'; type++)
		buf_add_u8(b, (uint8_t)(*type >= 'A' && *type <= 'Z' ? *type + 32 : *type));
	buf_add_u8(b, 0);
}

static void
read_columns(struct statement *s)
{
	const char *type;
	struct column *c;
	size_t at;
	int i;

	s->typed = true;
	s->types.len = 0;
	for (i = 0; i < s->columns; i++) {
		type = sqlite3_column_decltype(s->stmt, i);
		add_type(&s->types, type != NULL ? type : "");
		s->column[i].name = sqlite3_column_name(s->stmt, i);
		if (s->column[i].name == NULL)
			fatalx("sqlite: no memory for a column name");
		s->column[i].name_len = strlen(s->column[i].name);
	}
	/* Only now does the text of all types stand still. */
	for (i = 0, at = 0; i < s->columns; i++) {
		c = &s->column[i];
		c->type = (const char *)s->types.data + at;
		c->type_len = strlen(c->type);
		at += c->type_len + 1;
		c->kind = kind_of(c);
		c->textual = is_textual(c);
		if (c->type_len == 0)
			s->typed = false;
	}
}

static void
make_head(struct statement *s)
{
	int i;

	s->head.len = 0;
	buf_add_text(&s->head, "{\"columns\":[");
	for (i = 0; i < s->columns; i++) {
		if (i > 0)
			buf_add_u8(&s->head, ',');
		json_add_string(&s->head, s->column[i].name, s->column[i].name_len);
	}
	buf_add_text(&s->head, "],\"types\":");
	if (!s->typed)
		return;
	buf_add_u8(&s->head, '[');
	for (i = 0; i < s->columns; i++) {
		if (i > 0)
			buf_add_u8(&s->head, ',');
		json_add_string(&s->head, s->column[i].type, s->column[i].type_len);
	}
	buf_add_u8(&s->head, ']');
}

void
statement_describe(struct statement *s)
{
	int prepares = sqlite3_stmt_status(s->stmt, SQLITE_STMTSTATUS_REPREPARE, 0);

	if (s->described && s->prepares == prepares)
		return;
	s->columns = sqlite3_column_count(s->stmt);
	s->column = reallocarray(s->column, (size_t)s->columns + 1, sizeof(*s->column));
	if (s->column == NULL)
		fatal("reallocarray");
	read_columns(s);
	make_head(s);
	s->prepares = prepares;
	s->described = true;
}
