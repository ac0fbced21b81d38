/*
 * Deaths of simulated processes: see guard.h.
 */
#include "tests/sim/guard.h"

#include <sys/random.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

struct guard guard;
struct rng guard_entropy;

void
guard_clear(void)
{
	guard.set = false;
}

static noreturn void
die(enum guard_death how)
{
	if (!guard.set) {
		fprintf(stderr, "sim: a death outside of any process: %s\n", guard.why);
		abort();
	}
	guard.set = false;
	longjmp(guard.jump, how);
}

void
guard_burn(void *arg)
{
	(void)snprintf(guard.why, sizeof(guard.why), "died in the middle of a change on disk");
	die(GUARD_FUSE);
}

static void
note(const char *format, va_list ap)
{
	(void)vsnprintf(guard.why, sizeof(guard.why), format, ap);
}

void
fatal(const char *format, ...)
{
	int code = errno;
	size_t len;
	va_list ap;

	va_start(ap, format);
	note(format, ap);
	va_end(ap);
	len = strlen(guard.why);
	(void)snprintf(guard.why + len, sizeof(guard.why) - len, ": %s", strerror(code));
	die(GUARD_FATAL);
}

void
fatalx(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	note(format, ap);
	va_end(ap);
	die(GUARD_FATAL);
}

void
log_warn(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	note(format, ap);
	va_end(ap);
}

void
log_warnx(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	note(format, ap);
	va_end(ap);
}

void
log_info(const char *format, ...)
{
}

void
log_as(const char *module, const char *format, ...)
{
}

ssize_t
getrandom(void *out, size_t size, unsigned flags)
{
	uint8_t *bytes = out;
	size_t i;

	for (i = 0; i < size; i++)
		bytes[i] = (uint8_t)rng_next(&guard_entropy);
	return ((ssize_t)size);
}
