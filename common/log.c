/*
 * Log lines: see log.h.  A line is built on the stack and written at once.
 */
#include "common/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096 /* PIPE_BUF: a write of it to a pipe does not mix with others */

static const char *log_module = "rqlited";
static enum log_level log_most = LOG_INFO;
static bool log_zone_kept;
static long log_zone; /* seconds east of UTC, if it is kept */
static int log_patience_ms = -1;
static unsigned long log_lost; /* lines that nobody took, not told of yet */

void
log_init(const char *module, enum log_level level)
{
	log_module = module;
	log_most = level;
	/* The zone is read here, while there are files. */
	tzset();
}

void
log_set_level(const char *name)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = { { "off", LOG_ERROR }, { "error", LOG_ERROR }, { "warn", LOG_WARN },
		{ "debug", LOG_DEBUG }, { "trace", LOG_DEBUG } };

	log_most = LOG_INFO;
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcasecmp(name, levels[i].name) == 0)
			log_most = levels[i].level;
}

void
log_keep_zone(void)
{
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	log_zone = tm.tm_gmtoff;
	log_zone_kept = true;
	if (setenv("TZ", "UTC0", 1) == -1)
		fatal("setenv");
	tzset();
}

void
log_set_patience(int ms)
{
	log_patience_ms = ms;
}

bool
log_is_read(int ms)
{
	struct pollfd out = { STDERR_FILENO, POLLOUT, 0 };

	return (poll(&out, 1, ms) != 0);
}

static size_t
start_line(char *line, size_t size, const char *module)
{
	time_t now = time(NULL);
	struct tm tm;
	int n;

	now += log_zone;
	if (log_zone_kept)
		gmtime_r(&now, &tm);
	else
		localtime_r(&now, &tm);
	n = snprintf(line, size, "[%s] %04d/%02d/%02d %02d:%02d:%02d ", module, tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	return (n < 0 ? 0 : (size_t)n);
}

/* False if nobody takes it. */
static bool
put(const char *line, size_t len)
{
	if (log_patience_ms >= 0 && !log_is_read(log_patience_ms))
		return (false);
	return (write(STDERR_FILENO, line, len) != -1 || errno != EAGAIN);
}

/* Tells of lost lines first; false as long as that can not be told. */
static bool
tell_lost(const char *module)
{
	char line[128];
	size_t len;
	int n;

	if (log_lost == 0)
		return (true);
	len = start_line(line, sizeof(line), module);
	n = snprintf(line + len, sizeof(line) - len,
	    "%lu lines of the log were lost: standard error was not read\n", log_lost);
	if (!put(line, len + (size_t)n))
		return (false);
	log_lost = 0;
	return (true);
}

static void
write_line(const char *module, bool with_errno, const char *format, va_list ap)
{
	char line[LINE_MAX_BYTES];
	int error = errno;
	size_t len = start_line(line, sizeof(line), module);
	int n = vsnprintf(line + len, sizeof(line) - len, format, ap);

	len += n < 0 ? 0 : (size_t)n;
	if (with_errno && len < sizeof(line)) {
		n = snprintf(line + len, sizeof(line) - len, ": %s", strerror(error));
		len += n < 0 ? 0 : (size_t)n;
	}
	if (len > sizeof(line) - 1)
		len = sizeof(line) - 1;
	line[len++] = '\n';
	if (!tell_lost(module) || !put(line, len))
		log_lost++;
	errno = error;
}

#define LINE(level, with_errno, format)                         \
	do {                                                    \
		va_list ap;                                     \
		if (log_most < (level))                         \
			return;                                 \
		va_start(ap, format);                           \
		write_line(log_module, with_errno, format, ap); \
		va_end(ap);                                     \
	} while (0)

void
log_warn(const char *format, ...)
{
	LINE(LOG_WARN, true, format);
}

void
log_warnx(const char *format, ...)
{
	LINE(LOG_WARN, false, format);
}

void
log_info(const char *format, ...)
{
	LINE(LOG_INFO, false, format);
}

void
log_as(const char *module, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	write_line(module, false, format, ap);
	va_end(ap);
}

noreturn void
fatal(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	write_line(log_module, true, format, ap);
	va_end(ap);
	exit(log_fatal_status);
}

noreturn void
fatalx(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	write_line(log_module, false, format, ap);
	va_end(ap);
	exit(log_fatal_status);
}

#ifdef __SANITIZE_ADDRESS__
/*
 * For the sanitizers, which would be told this by the environment: workers have
 * none.  A look for leaks at the end needs what the sandbox forbids.
 */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *
__asan_default_options(void)
{
	return ("detect_leaks=0:allow_user_segv_handler=0:quarantine_size_mb=16");
}

const char *
__ubsan_default_options(void)
{
	return ("halt_on_error=1");
}
#endif
