/*
 * Base64: see base64.h.
 */
#include "common/base64.h"

static int
digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (c - 'A');
	if (c >= 'a' && c <= 'z')
		return (c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (c - '0' + 52);
	return (c == '+' ? 62 : c == '/' ? 63 : -1);
}

ssize_t
base64_decode(const char *text, size_t len, uint8_t *out, size_t cap)
{
	size_t i, k, n = 0, padding = 0;

	if (len % 4 != 0 || len / 4 * 3 > cap)
		return (-1);
	while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
		padding++;
	for (i = 0; i < len; i += 4) {
		uint32_t word = 0;
		size_t digits = i + 4 == len ? 4 - padding : 4;

		for (k = 0; k < 4; k++) {
			int value = k < digits ? digit(text[i + k]) : 0;

			if (value == -1)
				return (-1);
			word = word << 6 | (uint32_t)value;
		}
		for (k = 0; k + 1 < digits; k++)
			out[n++] = (uint8_t)(word >> (16 - 8 * k));
	}
	return ((ssize_t)n);
}
