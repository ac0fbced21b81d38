/* instr() and replace(); see functions.h.  memmem(3) is linear in glibc and in BSD. */
#include "proc/sql/functions.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "proc/sql/jsonpatch.h"
#include "proc/sql/trim.h"

static bool
is_continuation(unsigned char c)
{
	return ((c & 0xc0) == 0x80);
}

/*
 * Place, from 1, of the needle; 0 if it is not there.  Text counts characters and matches only
 * where one begins.
 */
static int64_t
find(const unsigned char *hay, size_t hay_len, const unsigned char *needle, size_t needle_len,
    bool text)
{
	const unsigned char *at;
	int64_t place = 1;
	size_t i;

	if (text && is_continuation(needle[0]))
		return (hay_len >= needle_len && memcmp(hay, needle, needle_len) == 0);
	at = memmem(hay, hay_len, needle, needle_len);
	if (at == NULL)
		return (0);
	if (!text)
		return (at - hay + 1);
	for (i = 1; i <= (size_t)(at - hay); i++)
		place += !is_continuation(hay[i]);
	return (place);
}

static void
sql_instr(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	int hay_type = sqlite3_value_type(argv[0]), needle_type = sqlite3_value_type(argv[1]);
	bool blobs = hay_type == SQLITE_BLOB && needle_type == SQLITE_BLOB;
	const unsigned char *hay, *needle;
	size_t hay_len, needle_len;

	if (hay_type == SQLITE_NULL || needle_type == SQLITE_NULL)
		return;
	hay = blobs ? sqlite3_value_blob(argv[0]) : sqlite3_value_text(argv[0]);
	hay_len = (size_t)sqlite3_value_bytes(argv[0]);
	needle = blobs ? sqlite3_value_blob(argv[1]) : sqlite3_value_text(argv[1]);
	needle_len = (size_t)sqlite3_value_bytes(argv[1]);
	if (needle_len == 0) {
		sqlite3_result_int64(context, 1);
		return;
	}
	if (needle == NULL || (hay == NULL && hay_len > 0)) {
		sqlite3_result_error_nomem(context);
		return;
	}
	sqlite3_result_int64(
	    context, hay_len < needle_len ? 0 : find(hay, hay_len, needle, needle_len, !blobs));
}

static size_t
count_matches(const char *text, size_t len, const char *pattern, size_t pattern_len)
{
	const char *end = text + len, *at;
	size_t n = 0;

	for (; (at = memmem(text, (size_t)(end - text), pattern, pattern_len)) != NULL; n++)
		text = at + pattern_len;
	return (n);
}

struct span {
	const char *data;
	size_t len;
};

static void
replace_into(char *out, struct span text, struct span pattern, struct span with)
{
	const char *pos = text.data, *end = text.data + text.len, *at;

	while ((at = memmem(pos, (size_t)(end - pos), pattern.data, pattern.len)) != NULL) {
		memcpy(out, pos, (size_t)(at - pos));
		out += at - pos;
		memcpy(out, with.data, with.len);
		out += with.len;
		pos = at + pattern.len;
	}
	memcpy(out, pos, (size_t)(end - pos));
}

static bool
get_span(sqlite3_value *value, struct span *s)
{
	s->data = (const char *)sqlite3_value_text(value);
	s->len = (size_t)sqlite3_value_bytes(value);
	return (s->data != NULL);
}

static void
sql_replace(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	sqlite3 *db = sqlite3_context_db_handle(context);
	struct span text, pattern, with;
	uint64_t size;
	char *out;

	if (!get_span(argv[0], &text) || !get_span(argv[1], &pattern))
		return;
	if (pattern.data[0] == '\0') {
		sqlite3_result_value(context, argv[0]);
		return;
	}
	if (!get_span(argv[2], &with))
		return;
	size = count_matches(text.data, text.len, pattern.data, pattern.len);
	size = text.len - size * pattern.len + size * (uint64_t)with.len;
	if (size > (uint64_t)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, -1)) {
		sqlite3_result_error_toobig(context);
		return;
	}
	out = sqlite3_malloc64(size + 1);
	if (out == NULL) {
		sqlite3_result_error_nomem(context);
		return;
	}
	replace_into(out, text, pattern, with);
	sqlite3_result_text64(context, out, size, sqlite3_free, SQLITE_UTF8);
}

int
functions_register(sqlite3 *db)
{
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
	int rc;

	rc = sqlite3_create_function(db, "instr", 2, flags, NULL, sql_instr, NULL, NULL);
	if (rc == SQLITE_OK)
		rc =
		    sqlite3_create_function(db, "replace", 3, flags, NULL, sql_replace, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = trim_register(db);
	if (rc == SQLITE_OK)
		rc = jsonpatch_register(db);
	return (rc);
}
