/*
 * Basic credentials: see basic.h.
 */
#include "proc/http/basic.h"

#include <string.h>
#include <strings.h>

#include "common/base64.h"
#include "proto/ipc.h"

bool
basic_parse(const char *value, size_t len, uint8_t *scratch, size_t size, struct basic *basic)
{
	static const char scheme[] = "Basic ";
	const char *colon;
	size_t user_len, password_len;
	ssize_t n;

	memset(basic, 0, sizeof(*basic));
	/* Blanks behind a header's value do not belong to it. */
	while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		len--;
	if (len < sizeof(scheme) - 1 || strncasecmp(value, scheme, sizeof(scheme) - 1) != 0)
		return (false);
	n = base64_decode(value + sizeof(scheme) - 1, len - (sizeof(scheme) - 1), scratch, size);
	if (n == -1)
		return (false);
	colon = memchr(scratch, ':', (size_t)n);
	if (colon == NULL)
		return (false);
	user_len = (size_t)(colon - (const char *)scratch);
	password_len = (size_t)n - user_len - 1;
	if (user_len > IPC_USER_MAX || password_len > IPC_PASSWORD_MAX)
		return (false); /* longer than those of any user */
	basic->user = (const char *)scratch;
	basic->user_len = user_len;
	basic->password = colon + 1;
	basic->password_len = password_len;
	return (true);
}

void
basic_wipe(char *head, size_t len)
{
	static const char name[] = "authorization:";
	char *line, *next, *end = head + len;
	size_t size;

	for (line = head; line < end; line = next) {
		next = memchr(line, '\n', (size_t)(end - line));
		next = next != NULL ? next + 1 : end;
		size = (size_t)(next - line);
		if (size <= 2 && (*line == '\n' || *line == '\r'))
			return;
		if (size > sizeof(name) && strncasecmp(line, name, sizeof(name) - 1) == 0)
			explicit_bzero(line + sizeof(name) - 1, size - sizeof(name));
	}
}
