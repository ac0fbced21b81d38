/* A hash table of statements with a clock hand for eviction; see stmtcache.h. */
#include "proc/sql/stmtcache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proc/sql/sqltext.h"

#define BUCKETS (2 * STMTCACHE_SIZE)

void
stmtcache_init(struct stmtcache *c, sqlite3 *db, struct authorizer *authorizer)
{
	int i;

	memset(c, 0, sizeof(*c));
	c->db = db;
	c->authorizer = authorizer;
	for (i = 0; i < BUCKETS; i++)
		c->buckets[i] = -1;
}

/* Eight bytes at a time; the table is small and private, a clash costs a memcmp. */
static uint64_t
hash_text(const char *text, size_t len)
{
	uint64_t h = len * 0x9e3779b97f4a7c15, v;

	for (; len >= 8; text += 8, len -= 8) {
		memcpy(&v, text, 8);
		h = (h ^ v) * 0xff51afd7ed558ccd;
		h ^= h >> 32;
	}
	v = 0;
	memcpy(&v, text, len);
	h = (h ^ v) * 0xff51afd7ed558ccd;
	return (h ^ h >> 29);
}

static void
statement_fini(struct statement *s)
{
	sqlite3_finalize(s->stmt);
	free(s->column);
	free(s->order);
	free(s->text);
	buf_fini(&s->types);
	buf_fini(&s->head);
	memset(s, 0, sizeof(*s));
}

void
stmtcache_clear(struct stmtcache *c)
{
	int i;

	for (i = 0; i < c->count; i++)
		statement_fini(&c->slots[i]);
	for (i = 0; i < BUCKETS; i++)
		c->buckets[i] = -1;
	c->count = 0;
	c->hand = 0;
	statement_fini(&c->single);
}

/* The slot of a text, -1 if it is not kept. */
static int
lookup(const struct stmtcache *c, uint64_t hash, const char *text, size_t len)
{
	const struct statement *s;
	int i;

	for (i = c->buckets[hash % BUCKETS]; i >= 0; i = s->next) {
		s = &c->slots[i];
		if (s->hash == hash && s->text_size == len && memcmp(s->text, text, len) == 0)
			return (i);
	}
	return (-1);
}

static bool
is_latest(const struct stmtcache *c, const char *text, size_t len)
{
	const struct statement *s = &c->slots[c->latest];

	return (len > 0 && s->text_size == len && memcmp(s->text, text, len) == 0);
}

const struct statement *
stmtcache_find(const struct stmtcache *c, const char *text, size_t len)
{
	int slot;

	if (len > STMTCACHE_TEXT_MAX)
		return (NULL);
	slot = is_latest(c, text, len) ? c->latest : lookup(c, hash_text(text, len), text, len);
	return (slot >= 0 ? &c->slots[slot] : NULL);
}

static void
unlink_slot(struct stmtcache *c, int slot)
{
	int *link = &c->buckets[c->slots[slot].hash % BUCKETS];

	while (*link != slot)
		link = &c->slots[*link].next;
	*link = c->slots[slot].next;
}

/* A free slot: a new one, or the next that was not used for a round of the hand. */
static int
take_slot(struct stmtcache *c)
{
	int slot;

	if (c->count < STMTCACHE_SIZE)
		return (c->count++);
	while (c->slots[c->hand].used) {
		c->slots[c->hand].used = false;
		c->hand = (c->hand + 1) % STMTCACHE_SIZE;
	}
	slot = c->hand;
	c->hand = (c->hand + 1) % STMTCACHE_SIZE;
	unlink_slot(c, slot);
	statement_fini(&c->slots[slot]);
	return (slot);
}

static bool
prepare(struct stmtcache *c, struct statement *s, const char *text, size_t len)
{
	const char *tail = NULL;
	bool small = len <= STMTCACHE_TEXT_MAX;
	enum sqltext_word word;

	c->authorizer->seen = 0;
	if (sqlite3_prepare_v3(c->db, text, (int)len, small ? SQLITE_PREPARE_PERSISTENT : 0,
		&s->stmt, &tail) != SQLITE_OK)
		return (false);
	s->seen = c->authorizer->seen;
	s->text_len = (size_t)(tail - text);
	s->last =
	    s->stmt == NULL || s->text_len + sqltext_skip(tail, len - s->text_len, true) == len;
	s->readonly = sqlite3_stmt_readonly(s->stmt) != 0;
	s->explain = sqlite3_stmt_isexplain(s->stmt) != 0;
	word = sqltext_first(text, len);
	s->write_word = word == SQLTEXT_WRITE && !s->readonly && !s->explain;
	if (word >= SQLTEXT_SOLO)
		s->seen |= SEEN_KEYWORD;
	s->columns = sqlite3_column_count(s->stmt);
	s->parameters = sqlite3_bind_parameter_count(s->stmt);
	return (true);
}

static struct statement *
keep(struct stmtcache *c, uint64_t hash, const char *text, size_t len)
{
	int slot = take_slot(c);
	struct statement *s = &c->slots[slot];

	*s = c->single;
	memset(&c->single, 0, sizeof(c->single));
	s->text = malloc(len);
	if (s->text == NULL)
		fatal("malloc");
	memcpy(s->text, text, len);
	s->text_size = len;
	s->hash = hash;
	s->kept = true;
	s->used = true;
	s->next = c->buckets[hash % BUCKETS];
	c->buckets[hash % BUCKETS] = slot;
	return (s);
}

/* DDL is not worth keeping: it is seldom the same twice, and its counters need marks (tally.h). */
static bool
is_worth_keeping(const struct statement *s, size_t len)
{
	return (s->stmt != NULL && s->last && len > 0 && len <= STMTCACHE_TEXT_MAX &&
		(s->seen & SEEN_MARKS) == 0 && (s->readonly || s->write_word || s->explain));
}

struct statement *
stmtcache_get(struct stmtcache *c, const char *text, size_t len)
{
	uint64_t hash = 0;
	int slot;

	if (!c->bypass && is_latest(c, text, len))
		return (&c->slots[c->latest]);
	if (!c->bypass && len <= STMTCACHE_TEXT_MAX) {
		hash = hash_text(text, len);
		slot = lookup(c, hash, text, len);
		if (slot >= 0) {
			c->latest = slot;
			c->slots[slot].used = true;
			return (&c->slots[slot]);
		}
	}
	assert(c->single.stmt == NULL);
	statement_fini(&c->single);
	if (!prepare(c, &c->single, text, len))
		return (NULL);
	if (!c->bypass && is_worth_keeping(&c->single, len))
		return (keep(c, hash, text, len));
	return (&c->single);
}

void
stmtcache_put(struct stmtcache *c, struct statement *s)
{
	if (!s->kept) {
		statement_fini(s);
		return;
	}
	sqlite3_reset(s->stmt);
	/* Values are bound without copying them: none may stay behind. */
	if (s->parameters > 0)
		sqlite3_clear_bindings(s->stmt);
}
