/*
 * Bytes as text, for the orders and answers of `captured`: see hex.h.
 */
#include "tests/privsep/hex.h"

#include <string.h>

#include "common/log.h"

void
hex_add(struct buf *out, const struct ipc_bytes *bytes)
{
	size_t i;

	for (i = 0; i < bytes->len; i++)
		buf_printf(out, "%02x", bytes->data[i]);
}

static int
digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return (at != NULL ? (int)(at - digits) : -1);
}

struct ipc_bytes
hex_read(char *word, size_t max)
{
	struct ipc_bytes bytes = { (uint8_t *)word, 0 };

	if (word == NULL)
		fatalx("a word is missing");
	while (digit(word[2 * bytes.len]) != -1 && digit(word[2 * bytes.len + 1]) != -1) {
		((uint8_t *)word)[bytes.len] =
		    (uint8_t)(digit(word[2 * bytes.len]) << 4 | digit(word[2 * bytes.len + 1]));
		bytes.len++;
	}
	if (bytes.len > max)
		fatalx("longer than any");
	return (bytes);
}
