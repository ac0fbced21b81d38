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

static void
skip_blanks(struct text *text)
{
	while (text->left > 0 && strchr(" \t\n\r\f\v", *text->at) != NULL && *text->at != '\0') {
		text->at++;
		text->left--;
	}
}

static bool
is_word_byte(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_');
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

bool
pragma_is_forbidden(const char *sql, size_t len)
{
	struct text text = { sql, len };
	const char *word;
	size_t n;
	bool schema = false;

	skip_blanks(&text);
	n = take_word(&text, &word);
	if (!is(word, n, "pragma") || text.left == 0 || !memchr(" \t\n\r\f\v", *text.at, 6))
		return (false);
	skip_blanks(&text);
	n = take_word(&text, &word);
	if (n > 0 && text.left > 0 && *text.at == '.') {
		schema = true;
		text.at++;
		text.left--;
		n = take_word(&text, &word);
	}
	if (is(word, n, "wal_checkpoint"))
		return (true);
	skip_blanks(&text);
	if (text.left == 0 || *text.at != '=')
		return (false);
	if (is(word, n, "wal_autocheckpoint"))
		return (!schema);
	return (is(word, n, "journal_mode") || is(word, n, "synchronous") || is(word, n, "query_only"));
}
