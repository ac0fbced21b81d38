/*
 * Heads of requests: one that is let pass has all its lines ended by CR LF, no
 * second header that frames, and is judged the same with anything behind it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proc/http/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static size_t
count(const char *head, size_t len, const char *name)
{
	size_t i, n = 0, name_len = strlen(name);

	for (i = 0; i + name_len <= len; i++)
		n += strncasecmp(head + i, name, name_len) == 0;
	return (n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct framing_verdict verdict = { 0, NULL };
	const char *head = (const char *)data, *end, *headers;
	size_t i, len;

	if (framing_check(head, size, 0x101, &verdict) == -1) {
		if (!(verdict.status == 400 && strncmp(verdict.body, "400 Bad Request", 15) == 0) &&
		    !(verdict.status == 417 && verdict.body[0] == '\0'))
			__builtin_trap();
		return (0);
	}
	end = memmem(head + 2, size - 2, "\r\n\r\n", 4);
	if (end == NULL)
		__builtin_trap();
	len = (size_t)(end - head) + 4;
	for (i = 0; i < len; i++)
		if (head[i] == '\n' && (i == 0 || head[i - 1] != '\r'))
			__builtin_trap();
	/* From the end of the request line, before which an empty line may stand. */
	headers = memchr(head + 2, '\n', len - 2);
	i = (size_t)(head + len - headers);
	if (count(headers, i, "\nhost:") != 1 || count(headers, i, "\ncontent-length:") +
		count(headers, i, "\ntransfer-encoding:") > 1)
		__builtin_trap();
	if (framing_check(head, len, 0x101, &verdict) == -1 ||
	    framing_check(head, len - 1, 0x101, &verdict) == 0)
		__builtin_trap();
	return (0);
}
