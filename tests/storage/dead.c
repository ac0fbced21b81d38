/* fatal() for tests: see dead.h. */
#include "tests/storage/dead.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

void (*dead_hook)(const char *);

static noreturn void
die(const char *format, va_list args)
{
	char text[512];

	(void)vsnprintf(text, sizeof(text), format, args);
	if (dead_hook != NULL)
		dead_hook(text);
	(void)fprintf(stderr, "%s\n", text);
	abort();
}

void
fatal(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	die(format, args);
}

void
fatalx(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	die(format, args);
}

/* What is only reported is of no interest here. */
void
log_warn(const char *format, ...)
{
}

void
log_warnx(const char *format, ...)
{
}
