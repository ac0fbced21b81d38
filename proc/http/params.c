/*
 * Query strings: see params.h.  They come from clients and are hostile.
 *
 * Splitting, decoding and the order in which things are found wrong are those
 * of rqlite: syntax first, then freshness_strict, durations, integers, q.
 */
#include "proc/http/params.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/duration.h"

#define PAIRS_MAX 64 /* pairs beyond it are read past: no request needs so many */
#define SECOND 1000000000LL

struct pair {
	const char *key;
	const char *value;
	size_t value_len;
};

struct pairs {
	struct pair list[PAIRS_MAX];
	size_t count;
};

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	return (-1);
}

/* Decodes percent escapes and '+'; -1 with the error if an escape is bad. */
static int
decode(const char *raw, size_t len, char *out, size_t *out_len, struct error *error)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		if (raw[i] == '+')
			out[n++] = ' ';
		else if (raw[i] != '%')
			out[n++] = raw[i];
		else if (i + 2 < len && hex_digit(raw[i + 1]) != -1 && hex_digit(raw[i + 2]) != -1) {
			out[n++] = (char)(hex_digit(raw[i + 1]) << 4 | hex_digit(raw[i + 2]));
			i += 2;
		} else {
			size_t bad = len - i < 3 ? len - i : 3;

			return (error_set(error, "invalid URL escape \"%.*s\"", (int)bad, raw + i));
		}
	}
	out[n] = '\0';
	*out_len = n;
	return (0);
}

static int
add_pair(struct pairs *pairs, const char *raw, size_t len, void *(*alloc)(void *, size_t), void *arg,
    struct error *error)
{
	const char *equals = memchr(raw, '=', len);
	size_t key_raw = equals != NULL ? (size_t)(equals - raw) : len;
	size_t value_raw = equals != NULL ? len - key_raw - 1 : 0;
	char *key = alloc(arg, key_raw + 1), *value = alloc(arg, value_raw + 1);
	struct pair pair = { key, value, 0 };
	size_t key_len;

	if (decode(raw, key_raw, key, &key_len, error) == -1 ||
	    decode(equals != NULL ? equals + 1 : raw, value_raw, value, &pair.value_len, error) == -1)
		return (-1);
	if (pairs->count < PAIRS_MAX)
		pairs->list[pairs->count++] = pair;
	return (0);
}

static int
split(const char *query, size_t len, void *(*alloc)(void *, size_t), void *arg, struct pairs *pairs,
    struct error *error)
{
	const char *end = query + len;

	pairs->count = 0;
	while (query < end) {
		const char *amp = memchr(query, '&', (size_t)(end - query));
		size_t n = (size_t)((amp != NULL ? amp : end) - query);

		if (memchr(query, ';', n) != NULL)
			return (error_set(error, "invalid semicolon separator in query"));
		if (n > 0 && add_pair(pairs, query, n, alloc, arg, error) == -1)
			return (-1);
		query += n + 1;
	}
	return (0);
}

/* The first of its name counts. */
static const struct pair *
find(const struct pairs *pairs, const char *key)
{
	size_t i;

	for (i = 0; i < pairs->count; i++)
		if (strcmp(pairs->list[i].key, key) == 0)
			return (&pairs->list[i]);
	return (NULL);
}

static int
read_duration(const struct pairs *pairs, const char *key, int64_t *ns, struct error *error)
{
	const struct pair *pair = find(pairs, key);

	if (pair != NULL && duration_parse(pair->value, pair->value_len, ns) == -1)
		return (error_set(error, "%s is not a valid duration", key));
	return (0);
}

static int
read_integer(const struct pairs *pairs, const char *key, int64_t *value, struct error *error)
{
	const struct pair *pair = find(pairs, key);
	const char *at, *digits;
	uint64_t n = 0, limit;

	if (pair == NULL)
		return (0);
	at = pair->value;
	limit = *at == '-' ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
	digits = at + (*at == '-' || *at == '+');
	for (at = digits; *at >= '0' && *at <= '9'; at++) {
		if (n > (limit - (uint64_t)(*at - '0')) / 10)
			break;
		n = n * 10 + (uint64_t)(*at - '0');
	}
	if (at == digits || (size_t)(at - pair->value) != pair->value_len)
		return (error_set(error, "%s is not a valid integer", key));
	*value = pair->value[0] == '-' ? (int64_t)(0 - n) : (int64_t)n;
	return (0);
}

static enum level
read_level(const struct pair *pair)
{
	static const struct {
		const char *word;
		enum level level;
	} words[] = {
		{ "none", LEVEL_NONE },
		{ "linearizable", LEVEL_LINEARIZABLE },
		{ "strong", LEVEL_STRONG },
		{ "auto", LEVEL_AUTO },
	};
	size_t i;

	for (i = 0; pair != NULL && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(pair->value, words[i].word) == 0)
			return (words[i].level);
	return (LEVEL_WEAK);
}

static void
read_flags(const struct pairs *pairs, struct params *params)
{
	const struct {
		const char *key;
		bool *flag;
	} flags[] = {
		{ "pretty", &params->pretty }, { "timings", &params->timings },
		{ "transaction", &params->transaction }, { "queue", &params->queue },
		{ "wait", &params->wait }, { "associative", &params->associative },
		{ "blob_array", &params->blob_array }, { "qualify_columns", &params->qualify_columns },
		{ "raft_index", &params->raft_index }, { "noparse", &params->noparse },
		{ "norwrandom", &params->norwrandom }, { "norwtime", &params->norwtime },
		{ "redirect", &params->redirect }, { "noleader", &params->noleader },
		{ "sync", &params->sync }, { "nonvoters", &params->nonvoters },
		{ "freshness_strict", &params->freshness_strict }, { "q", &params->has_q },
	};
	size_t i;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		*flags[i].flag = find(pairs, flags[i].key) != NULL;
}

static int
read_numbers(const struct pairs *pairs, struct params *params, struct error *error)
{
	params->timeout_ns = 30 * SECOND;
	params->linearizable_timeout_ns = 10 * SECOND;
	if (read_duration(pairs, "timeout", &params->timeout_ns, error) == -1 ||
	    read_duration(pairs, "freshness", &params->freshness_ns, error) == -1 ||
	    read_duration(pairs, "db_timeout", &params->db_timeout_ns, error) == -1 ||
	    read_duration(pairs, "linearizable_timeout", &params->linearizable_timeout_ns, error) == -1 ||
	    read_integer(pairs, "retries", &params->retries, error) == -1 ||
	    read_integer(pairs, "trailing_logs", &params->trailing_logs, error) == -1)
		return (-1);
	if (params->linearizable_timeout_ns == 0)
		params->linearizable_timeout_ns = SECOND;
	return (0);
}

int
params_parse(const char *query, size_t len, void *(*alloc)(void *, size_t), void *arg,
    struct params *params, struct error *error)
{
	const struct pair *pair;
	struct pairs pairs;

	memset(params, 0, sizeof(*params));
	if (split(query, len, alloc, arg, &pairs, error) == -1)
		return (-1);
	read_flags(&pairs, params);
	if (params->freshness_strict && find(&pairs, "freshness") == NULL)
		return (error_set(error, "freshness_strict requires freshness"));
	if (read_numbers(&pairs, params, error) == -1)
		return (-1);
	pair = find(&pairs, "q");
	if (pair != NULL && pair->value_len == 0)
		return (error_set(error, "query parameter not set"));
	params->q = pair != NULL ? pair->value : "";
	params->q_len = pair != NULL ? pair->value_len : 0;
	params->level = read_level(find(&pairs, "level"));
	pair = find(&pairs, "key");
	params->key = pair != NULL ? pair->value : NULL;
	pair = find(&pairs, "fmt");
	params->fmt = pair != NULL ? pair->value : NULL;
	pair = find(&pairs, "ver");
	params->ver2 = pair != NULL && strcmp(pair->value, "2") == 0;
	return (0);
}
