/* Results as JSON; see render.h.  render_row() is the hot path of long results. */
#include "proc/sql/render.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proc/sql/dates.h"
#include "proto/command.h"

#define TYPE_UNKNOWN 0 /* SQLite's codes begin at 1 */

void
render_fini(struct render *r)
{
	free(r->qualified);
	free(r->first_type);
	free(r->order);
	buf_fini(&r->names);
	memset(r, 0, sizeof(*r));
}

static void *
grow(void *p, size_t count, size_t size)
{
	p = reallocarray(p, count, size);
	if (p == NULL)
		fatal("reallocarray");
	return (p);
}

static void
reserve(struct render *r, int columns)
{
	if (columns <= r->capacity)
		return;
	r->first_type = grow(r->first_type, (size_t)columns, sizeof(*r->first_type));
	r->qualified = grow(r->qualified, (size_t)columns, sizeof(*r->qualified));
	r->order = grow(r->order, (size_t)columns, sizeof(*r->order));
	r->capacity = columns;
}

/* Names of columns with their table in front, where SQLite knows one. */
static void
qualify(struct render *r)
{
	const struct statement *s = r->statement;
	const char *table;
	size_t at, i, count = (size_t)s->columns;

	r->names.len = 0;
	for (i = 0; i < count; i++) {
		r->qualified[i] = s->column[i];
		at = r->names.len;
		table = sqlite3_column_table_name(s->stmt, (int)i);
		if (table != NULL) {
			buf_add_text(&r->names, table);
			buf_add_u8(&r->names, '.');
		}
		buf_add(&r->names, s->column[i].name, s->column[i].name_len);
		r->qualified[i].name_len = r->names.len - at;
	}
	for (i = 0, at = 0; i < count; at += r->qualified[i++].name_len)
		r->qualified[i].name = (const char *)r->names.data + at;
	r->column = r->qualified;
}

static int
compare_names(const void *a, const void *b, void *arg)
{
	const struct column *column = arg, *x = &column[*(const int *)a],
			    *y = &column[*(const int *)b];
	size_t n = x->name_len < y->name_len ? x->name_len : y->name_len;
	int c = memcmp(x->name, y->name, n);

	if (c != 0)
		return (c);
	if (x->name_len != y->name_len)
		return (x->name_len < y->name_len ? -1 : 1);
	return (*(const int *)a - *(const int *)b);
}

static bool
same_name(const struct column *x, const struct column *y)
{
	return (x->name_len == y->name_len && memcmp(x->name, y->name, x->name_len) == 0);
}

/* Sorts the columns by name and keeps the last of those that share one. */
static void
sort_columns(struct render *r)
{
	int count = r->statement->columns, i, n = 0;

	for (i = 0; i < count; i++)
		r->order[i] = i;
	if (count > 0)
		qsort_r(
		    r->order, (size_t)count, sizeof(*r->order), compare_names, (void *)r->column);
	for (i = 0; i < count; i++)
		if (i + 1 == count ||
		    !same_name(&r->column[r->order[i]], &r->column[r->order[i + 1]]))
			r->order[n++] = r->order[i];
	r->order_count = n;
}

void
render_begin(struct render *r, struct json *j, struct statement *s, uint16_t flags)
{
	r->json = j;
	r->statement = s;
	r->flags = flags;
	r->opened = false;
	r->rows = 0;
	r->error = NULL;
}

/* The type a column is shown with; of an undeclared one it is that of the first row's value. */
static const char *
shown_type(const struct render *r, int i)
{
	static const char *const names[] = {
		[TYPE_UNKNOWN] = "",
		[SQLITE_INTEGER] = "integer",
		[SQLITE_FLOAT] = "real",
		[SQLITE_TEXT] = "text",
		[SQLITE_BLOB] = "text",
		[SQLITE_NULL] = "",
	};

	return (r->column[i].type_len > 0 ? r->column[i].type : names[r->first_type[i]]);
}

static void
print_types(struct render *r)
{
	struct json *j = r->json;
	int i;

	json_begin_array(j);
	for (i = 0; i < r->statement->columns; i++)
		json_string(j, shown_type(r, i));
	json_end_array(j);
}

static void
print_head(struct render *r)
{
	struct statement *s = r->statement;
	struct json *j = r->json;
	int i;

	if (!j->pretty && r->column == s->column) {
		/* What json_begin_object() and two members would have written. */
		json_raw(j, s->head.data, s->head.len);
		j->depth++;
		j->empty = false;
		if (!s->typed) {
			j->after_key = true;
			print_types(r);
		}
		return;
	}
	json_begin_object(j);
	json_key(j, "columns");
	json_begin_array(j);
	for (i = 0; i < s->columns; i++)
		json_string_n(j, r->column[i].name, r->column[i].name_len);
	json_end_array(j);
	json_key(j, "types");
	print_types(r);
}

static void
print_head_associative(struct render *r)
{
	struct json *j = r->json;
	int n, i;

	sort_columns(r);
	json_begin_object(j);
	if (r->order_count > 0) {
		json_key(j, "types");
		json_begin_object(j);
		for (n = 0; n < r->order_count; n++) {
			i = r->order[n];
			json_key_n(j, r->column[i].name, r->column[i].name_len);
			json_string(j, shown_type(r, i));
		}
		json_end_object(j);
	}
	json_key(j, "rows");
	json_begin_array(j);
}

/* Prints all that stands before the first row; `row`: there is one. */
static void
open_result(struct render *r, bool row)
{
	struct statement *s = r->statement;
	int i;

	statement_describe(s);
	reserve(r, s->columns);
	r->column = s->column;
	if (r->flags & COMMAND_QUALIFY)
		qualify(r);
	for (i = 0; i < s->columns && !s->typed; i++)
		r->first_type[i] = row ? (uint8_t)sqlite3_column_type(s->stmt, i) : TYPE_UNKNOWN;
	r->opened = true;
	if (r->flags & COMMAND_ASSOCIATIVE) {
		print_head_associative(r);
		return;
	}
	if (s->columns == 0) {
		json_begin_object(r->json);
		return;
	}
	print_head(r);
	if (row) {
		json_key(r->json, "values");
		json_begin_array(r->json);
	}
}

static void
add_byte_array(struct render *r, const uint8_t *data, size_t len)
{
	struct buf *out = r->json->out;
	struct json inner;
	size_t i;

	json_init(&inner, out, r->json->pretty, r->json->depth);
	json_begin_array(&inner);
	for (i = 0; i < len; i++)
		json_uint(&inner, data[i]);
	json_end_array(&inner);
}

static void
add_blob(struct render *r, int i, sqlite3_value *value)
{
	const void *data = sqlite3_value_blob(value);
	size_t len = (size_t)sqlite3_value_bytes(value);
	const struct column *c = &r->column[i];
	bool textual = c->textual;

	/* An undeclared column is textual while its type is "" or has become "text". */
	if (c->type_len == 0 && r->rows > 0)
		textual = r->first_type[i] != SQLITE_INTEGER && r->first_type[i] != SQLITE_FLOAT;
	if (textual)
		json_add_string(r->json->out, data, len);
	else if (r->flags & COMMAND_BLOB_ARRAY)
		add_byte_array(r, data, len);
	else
		json_add_base64(r->json->out, data, len);
}

static void
add_integer(struct render *r, int i, int64_t v)
{
	struct buf *out = r->json->out;

	switch (r->column[i].kind) {
	case COLUMN_PLAIN:
		json_add_int(out, v);
		break;
	case COLUMN_BOOLEAN:
		buf_add_text(out, v > 0 ? "true" : "false");
		break;
	case COLUMN_DATE:
		r->error = dates_add_integer(out, v);
		break;
	}
}

static void
add_text(struct render *r, int i, sqlite3_value *value)
{
	const char *text = (const char *)sqlite3_value_text(value);
	size_t len = (size_t)sqlite3_value_bytes(value);

	if (text == NULL)
		r->error = "out of memory";
	else if (r->column[i].kind == COLUMN_DATE)
		r->error = dates_add_text(r->json->out, text, len);
	else
		json_add_string(r->json->out, text, len);
}

static void
add_value(struct render *r, int i)
{
	/*
	 * The value is looked up once and asked often: half the cost of the column
	 * functions.  With one thread it is as good as theirs.
	 */
	sqlite3_value *value = sqlite3_column_value(r->statement->stmt, i);

	switch (sqlite3_value_type(value)) {
	case SQLITE_INTEGER:
		add_integer(r, i, sqlite3_value_int64(value));
		break;
	case SQLITE_FLOAT:
		json_add_double(r->json->out, sqlite3_value_double(value));
		break;
	case SQLITE_TEXT:
		add_text(r, i, value);
		break;
	case SQLITE_BLOB:
		add_blob(r, i, value);
		break;
	default:
		buf_add(r->json->out, "null", 4);
	}
}

static void
add_row_compact(struct render *r)
{
	struct buf *out = r->json->out;
	int i, count = r->statement->columns;

	buf_add_u8(out, '[');
	for (i = 0; i < count && r->error == NULL; i++) {
		if (i > 0)
			buf_add_u8(out, ',');
		add_value(r, i);
	}
	buf_add_u8(out, ']');
}

static void
add_row_pretty(struct render *r)
{
	struct json *j = r->json;
	int i;

	j->after_key = true;
	json_begin_array(j);
	for (i = 0; i < r->statement->columns && r->error == NULL; i++) {
		json_value(j);
		add_value(r, i);
	}
	json_end_array(j);
}

static void
add_row_associative(struct render *r)
{
	struct json *j = r->json;
	int n, i;

	j->after_key = true;
	json_begin_object(j);
	for (n = 0; n < r->order_count && r->error == NULL; n++) {
		i = r->order[n];
		json_key_n(j, r->column[i].name, r->column[i].name_len);
		json_value(j);
		add_value(r, i);
	}
	json_end_object(j);
}

bool
render_row(struct render *r)
{
	if (!r->opened)
		open_result(r, true);
	json_value(r->json);
	if (r->flags & COMMAND_ASSOCIATIVE)
		add_row_associative(r);
	else if (r->json->pretty)
		add_row_pretty(r);
	else
		add_row_compact(r);
	r->rows++;
	return (r->error == NULL);
}

static void
print_time(struct json *j, uint16_t flags, double seconds)
{
	if ((flags & COMMAND_TIMINGS) && seconds > 0) {
		json_key(j, "time");
		json_double(j, seconds);
	}
}

void
render_end(struct render *r, double seconds)
{
	if (!r->opened)
		open_result(r, false);
	if (r->rows > 0 || (r->flags & COMMAND_ASSOCIATIVE))
		json_end_array(r->json);
	print_time(r->json, r->flags, seconds);
	json_end_object(r->json);
}

/* The usual case of render_write(), which thousands of statements of one request may need. */
static void
print_write_compact(struct json *j, int64_t rowid, int64_t changes)
{
	struct buf *out = j->out;

	json_value(j);
	buf_add_u8(out, '{');
	if (rowid != 0) {
		buf_add(out, "\"last_insert_id\":", 17);
		json_add_int(out, rowid);
	}
	if (changes != 0) {
		if (rowid != 0)
			buf_add_u8(out, ',');
		buf_add(out, "\"rows_affected\":", 16);
		json_add_int(out, changes);
	}
	buf_add_u8(out, '}');
}

void
render_write(struct json *j, uint16_t flags, int64_t rowid, int64_t changes, double seconds)
{
	if (!j->pretty && (flags & (COMMAND_TIMINGS | COMMAND_ASSOCIATIVE)) == 0) {
		print_write_compact(j, rowid, changes);
		return;
	}
	json_begin_object(j);
	if (rowid != 0) {
		json_key(j, "last_insert_id");
		json_int(j, rowid);
	}
	if (changes != 0) {
		json_key(j, "rows_affected");
		json_int(j, changes);
	}
	print_time(j, flags, seconds);
	if (flags & COMMAND_ASSOCIATIVE) {
		json_key(j, "rows");
		json_null(j);
	}
	json_end_object(j);
}

static void
print_no_rows(struct json *j)
{
	json_key(j, "rows");
	json_begin_array(j);
	json_end_array(j);
}

void
render_blank_rows(struct json *j, uint16_t flags, double seconds)
{
	json_begin_object(j);
	if (flags & COMMAND_ASSOCIATIVE)
		print_no_rows(j);
	print_time(j, flags, seconds);
	json_end_object(j);
}

void
render_error(struct json *j, uint16_t flags, bool rows, const char *text)
{
	json_begin_object(j);
	if (rows && (flags & COMMAND_ASSOCIATIVE))
		print_no_rows(j);
	json_key(j, "error");
	json_string(j, text);
	json_end_object(j);
}
