/*
 * Log lines on standard error: `[module] YYYY/MM/DD HH:MM:SS text`, local time.
 * A line is one write(2), so lines of several processes do not mix.
 *
 * fatal() and log_warn() add strerror(errno), fatalx() and log_warnx() do not.
 * Never log a secret, an SQL parameter or a body.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stdnoreturn.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* `module` is what stands in brackets; it is borrowed for good. */
void log_init(const char *module, enum log_level);
/*
 * From now on localtime(3) is UTC's, for whom that is part of results; lines keep the
 * zone of before, with its offset of this moment.
 */
void log_keep_zone(void);
/*
 * How long a line waits for somebody to read standard error before it is lost; -1, as
 * long as write(2) does.  Who writes into a pipe that does not block needs none.
 */
void log_set_patience(int ms);
/* Whether somebody reads standard error, or does within ms. */
bool log_is_read(int ms);
/* ERROR, WARN, INFO, DEBUG in any case; also OFF and TRACE, the nearest of them; else INFO. */
void log_set_level(const char *name);

void log_warn(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_warnx(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *, ...) __attribute__((format(printf, 1, 2)));
/* A line under another module's name, whatever the level: the lines operators grep for. */
void log_as(const char *module, const char *, ...) __attribute__((format(printf, 2, 3)));
/*
 * The status fatal() and fatalx() exit with: 1, or LOG_STATUS_SYNC once a flush has
 * failed.  What the disk holds then nobody can tell, so the master does not
 * start the node again.  Weak, so that it is there whoever defines fatal().
 */
#define LOG_STATUS_SYNC 74 /* EX_IOERR of sysexits.h */
__attribute__((weak)) int log_fatal_status = 1;
#define fatal_sync(...) (log_fatal_status = LOG_STATUS_SYNC, fatal(__VA_ARGS__))

/* Logs and exits with status 1: the machine failed, or an invariant of ours. */
noreturn void fatal(const char *, ...) __attribute__((format(printf, 1, 2)));
noreturn void fatalx(const char *, ...) __attribute__((format(printf, 1, 2)));

#endif
