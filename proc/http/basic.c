/*
 * Basic credentials: see basic.h.
 */
#include "proc/http/basic.h"

#include <string.h>
#include <strings.h>

#include "common/base64.h"

bool
basic_parse(const char *value, size_t len, uint8_t *scratch, size_t size, struct basic *basic)
{
	static const char scheme[] = "Basic ";
	const char *colon;
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
	basic->user = (const char *)scratch;
	basic->user_len = (size_t)(colon - basic->user);
	basic->password = colon + 1;
	basic->password_len = (size_t)n - basic->user_len - 1;
	return (true);
}
