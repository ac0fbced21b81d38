/*
 * Forbidden PRAGMAs: see pragma.h.
 */
#include "proc/http/pragma.h"

#include <string.h>
#include <strings.h>

struct text {
	const char *at;
	size_t left;
};

static bool
is_blank(char c)
{
	return (c == ' ' || (c >= '\t' && c <= '\r'));
}

static void
skip_blanks(struct text *text)
{
	while (text->left > 0 && is_blank(*text->at)) {
		text->at++;
		text->left--;
	}
}

static bool
is_word_byte(char c)
{
	return (
	    (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_');
}

/* The word at the front, taken off; its length. */
static size_t
take_word(struct text *text, const char **word)
{
	size_t n = 0;

	*word = text->at;
	while (n < text->left && is_word_byte(text->at[n]))
		n++;
	text->at += n;
	text->left -= n;
	return (n);
}

static bool
is(const char *word, size_t len, const char *name)
{
	return (strlen(name) == len && strncasecmp(word, name, len) == 0);
}

/* The word PRAGMA and blanks behind it, taken off. */
static bool
take_pragma(struct text *text)
{
	const char *word;
	size_t n;

	skip_blanks(text);
	/* Most statements are told by their first letter. */
	if (text->left == 0 || (*text->at | 32) != 'p')
		return (false);
	n = take_word(text, &word);
	if (!is(word, n, "pragma") || text->left == 0 || !is_blank(*text->at))
		return (false);
	skip_blanks(text);
	return (true);
}

bool
pragma_is_forbidden(const char *sql, size_t len)
{
	static const char checkpoint[] = "wal_checkpoint";
	struct text text = { sql, len };
	const char *word;
	size_t n;
	bool schema;

	if (!take_pragma(&text))
		return (false);
	n = take_word(&text, &word);
	schema = n > 0 && text.left > 0 && *text.at == '.';
	if (schema) {
		text.at++;
		text.left--;
		n = take_word(&text, &word);
	}
	/* Whatever begins so, as in rqlite: a name that only begins so is no PRAGMA. */
	if (n >= sizeof(checkpoint) - 1 && is(word, sizeof(checkpoint) - 1, checkpoint))
		return (true);
	skip_blanks(&text);
	if (text.left == 0 || *text.at != '=')
		return (false);
	if (is(word, n, "wal_autocheckpoint"))
		return (!schema);
	return (is(word, n, "journal_mode") || is(word, n, "synchronous") || is(word, n, "query_only"));
}
