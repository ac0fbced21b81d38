/*
 * trim(), ltrim() and rtrim(); see trim.h.
 *
 * A character is what SQLite takes for one: a byte, or a lead byte (0xc0 and above) and
 * however many continuation bytes follow it in the set.  So one may begin with another, and
 * the one that stands first in the set is cut.  Characters without a lead byte are in a
 * table of bytes, the others in a sorted array.  There each knows the longest one that it
 * begins with, its parent; all that a place of the text begins with are a chain of parents.
 */
#include "proc/sql/trim.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LEAD 0xc0 /* the least lead byte */
#define NONE UINT32_MAX
/* SQLite's own refuse a set for which 12 bytes per character are too many. */
#define SQLITE_COST 12

enum side { LEFT = 1, RIGHT = 2 };

struct wide {
	const uint8_t *data; /* in the set: what stands first is lower */
	uint32_t len;
};

/* Skew-binary: the way from a member to any of its forefathers takes log(depth) jumps. */
struct link {
	uint32_t parent;
	uint32_t jump;
	uint32_t depth;
};

struct set {
	const uint8_t *single[LEAD]; /* where the byte stands first, NULL: nowhere */
	struct wide *wide; /* sorted by bytes, each once */
	struct link *links;
	uint32_t count;
};

static bool
is_continuation(uint8_t c)
{
	return ((c & 0xc0) == 0x80);
}

static const uint8_t *
skip_character(const uint8_t *p)
{
	if (*p++ >= LEAD)
		while (is_continuation(*p))
			p++;
	return (p);
}

static int
compare_bytes(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return (order != 0 ? order : (a_len > b_len) - (a_len < b_len));
}

/* Of equal ones, the one that stands first in the set is first. */
static int
compare_wide(const void *a, const void *b)
{
	const struct wide *x = a, *y = b;
	int order = compare_bytes(x->data, x->len, y->data, y->len);

	return (order != 0 ? order : (x->data > y->data) - (x->data < y->data));
}

static void
drop_doubles(struct set *set)
{
	uint32_t kept = 0, i;

	for (i = 0; i < set->count; i++) {
		const struct wide *w = &set->wide[i], *last = &set->wide[kept - (kept > 0)];

		if (i == 0 || compare_bytes(w->data, w->len, last->data, last->len) != 0)
			set->wide[kept++] = *w;
	}
	set->count = kept;
}

static void
link_up(struct set *set, uint32_t i, uint32_t parent)
{
	struct link *link = &set->links[i];
	const struct link *p, *far;

	link->parent = link->jump = parent;
	if (parent == NONE)
		return;
	p = &set->links[parent];
	link->depth = p->depth + 1;
	if (p->jump == NONE)
		return;
	far = &set->links[p->jump];
	if (far->jump != NONE && p->depth - far->depth == far->depth - set->links[far->jump].depth)
		link->jump = far->jump;
}

static void
find_parents(struct set *set)
{
	uint32_t i, p;

	for (i = 0; i < set->count; i++) {
		const struct wide *w = &set->wide[i];

		/* Those that this one does not begin with are no parents of later ones either. */
		for (p = i > 0 ? i - 1 : NONE; p != NONE; p = set->links[p].parent)
			if (set->wide[p].len < w->len &&
			    memcmp(set->wide[p].data, w->data, set->wide[p].len) == 0)
				break;
		link_up(set, i, p);
	}
}

static void
set_fini(struct set *set)
{
	sqlite3_free(set->wide);
	sqlite3_free(set->links);
}

/* Characters in the text, and with a lead byte. */
static uint64_t
count_characters(const uint8_t *text, uint32_t *wide)
{
	uint64_t n = 0;

	for (*wide = 0; *text != '\0'; n++) {
		*wide += *text >= LEAD;
		text = skip_character(text);
	}
	return (n);
}

/* An SQLite code.  The text is not copied. */
static int
set_init(struct set *set, const uint8_t *text, uint64_t max)
{
	const uint8_t *end;
	uint32_t wide;

	memset(set, 0, sizeof(*set));
	if (count_characters(text, &wide) * SQLITE_COST > max)
		return (SQLITE_TOOBIG);
	if (wide > 0) {
		set->wide = sqlite3_malloc64(wide * sizeof(*set->wide));
		if (set->wide == NULL)
			return (SQLITE_NOMEM);
	}
	for (; *text != '\0'; text = end) {
		end = skip_character(text);
		if (*text >= LEAD)
			set->wide[set->count++] =
			    (struct wide){ .data = text, .len = (uint32_t)(end - text) };
		else if (set->single[*text] == NULL)
			set->single[*text] = text;
	}
	if (wide == 0)
		return (SQLITE_OK);
	qsort(set->wide, set->count, sizeof(*set->wide), compare_wide);
	drop_doubles(set);
	set->links = sqlite3_malloc64(set->count * sizeof(*set->links));
	if (set->links == NULL)
		return (SQLITE_NOMEM);
	memset(set->links, 0, set->count * sizeof(*set->links));
	find_parents(set);
	return (SQLITE_OK);
}

/* The nearest of a member and its forefathers that is not longer. */
static uint32_t
shorten(const struct set *set, uint32_t i, size_t len)
{
	while (i != NONE && set->wide[i].len > len) {
		uint32_t jump = set->links[i].jump;

		i = jump != NONE && set->wide[jump].len > len ? jump : set->links[i].parent;
	}
	return (i);
}

/* The longest member that the bytes begin with: all others are its forefathers. */
static uint32_t
find_longest(const struct set *set, const uint8_t *data, size_t len)
{
	uint32_t low = 0, high = set->count, middle;
	const struct wide *w;
	size_t common = 0;

	/* The last one that is not behind them begins with all that they begin with. */
	while (low < high) {
		middle = low + (high - low) / 2;
		w = &set->wide[middle];
		if (compare_bytes(w->data, w->len, data, len) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return (NONE);
	w = &set->wide[low - 1];
	while (common < len && common < w->len && data[common] == w->data[common])
		common++;
	return (shorten(set, low - 1, common));
}

/* Length of the character of the set that the text begins with; 0: none. */
static size_t
match_left(const struct set *set, const uint8_t *text, size_t len)
{
	const struct wide *first;
	size_t run = 1;
	uint32_t i;

	if (*text < LEAD)
		return (set->single[*text] != NULL);
	while (run < len && is_continuation(text[run]))
		run++;
	i = find_longest(set, text, run);
	if (i == NONE)
		return (0);
	first = &set->wide[i];
	while ((i = set->links[i].parent) != NONE)
		if (set->wide[i].data < first->data)
			first = &set->wide[i];
	return (first->len);
}

/*
 * Cuts what ends in a run of continuation bytes, up to the place of their lead byte (or of
 * the first of them, if there is none).  Returns the new length; true in `more`: all is cut.
 */
static size_t
cut_run(const struct set *set, const uint8_t *text, size_t len, bool *more)
{
	size_t start = len - 1;
	uint32_t i = NONE;

	while (start > 0 && is_continuation(text[start]))
		start--;
	if (text[start] >= LEAD)
		i = find_longest(set, text + start, len - start);
	else if (start < len - 1 && !is_continuation(text[start]))
		start++;
	for (*more = true; len > start; len--) {
		const uint8_t *single = text[len - 1] < LEAD ? set->single[text[len - 1]] : NULL;

		while (i != NONE && set->wide[i].len > len - start)
			i = set->links[i].parent;
		if (i != NONE && set->wide[i].len == len - start &&
		    (single == NULL || set->wide[i].data < single))
			return (start);
		if (single == NULL) {
			*more = false;
			return (len);
		}
	}
	return (len);
}

static void
trim(sqlite3_context *context, const uint8_t *text, size_t len, const struct set *set)
{
	enum side sides = *(const enum side *)sqlite3_user_data(context);
	bool more = true;
	size_t n;

	while ((sides & LEFT) && len > 0 && (n = match_left(set, text, len)) > 0) {
		text += n;
		len -= n;
	}
	while ((sides & RIGHT) && len > 0 && more)
		len = cut_run(set, text, len, &more);
	sqlite3_result_text64(context, (const char *)text, len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static void
sql_trim(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	int max = sqlite3_limit(sqlite3_context_db_handle(context), SQLITE_LIMIT_LENGTH, -1);
	const uint8_t *text, *characters = (const uint8_t *)" ";
	struct set set;
	int rc;

	text = sqlite3_value_text(argv[0]);
	if (text == NULL || (argc == 2 && (characters = sqlite3_value_text(argv[1])) == NULL))
		return;
	rc = set_init(&set, characters, (uint64_t)max);
	if (rc == SQLITE_OK)
		trim(context, text, (size_t)sqlite3_value_bytes(argv[0]), &set);
	else
		sqlite3_result_error_code(context, rc);
	set_fini(&set);
}

int
trim_register(sqlite3 *db)
{
	static enum side left = LEFT, right = RIGHT, both = LEFT | RIGHT;
	static const struct {
		const char *name;
		enum side *sides;
	} list[] = { { "ltrim", &left }, { "rtrim", &right }, { "trim", &both } };
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
	int rc = SQLITE_OK, arguments;
	size_t i;

	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		for (arguments = 1; arguments <= 2 && rc == SQLITE_OK; arguments++)
			rc = sqlite3_create_function(db, list[i].name, arguments, flags,
			    list[i].sides, sql_trim, NULL, NULL);
	return (rc);
}
