/*
 * Texts of errors: see error.h.
 */
#include "common/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
error_set(struct error *error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, ap);
	va_end(ap);
	return (-1);
}

int
error_set_errno(struct error *error, const char *format, ...)
{
	const char *reason = strerror(errno);
	va_list ap;
	size_t len;

	va_start(ap, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, ap);
	va_end(ap);
	len = strlen(error->text);
	(void)snprintf(error->text + len, sizeof(error->text) - len, ": %s", reason);
	return (-1);
}
