/*
 * Log lines: their zone, and what becomes of those that nobody reads.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

#define TOKYO (9 * 3600)

static char said[1 << 20];
static size_t said_len;

/* A pipe in place of standard error. */
static int
take_stderr(int *kept)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	*kept = dup(STDERR_FILENO);
	assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	close(fds[1]);
	said_len = 0;
	return (fds[0]);
}

static void
hear(int fd)
{
	ssize_t n;

	while ((n = read(fd, said + said_len, sizeof(said) - said_len - 1)) > 0)
		said_len += (size_t)n;
	said[said_len] = '\0';
}

static void
give_back(int fd, int kept)
{
	assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
	close(kept);
	close(fd);
}

/* A line of now, as it is said at `offset` from UTC; the minute may turn meanwhile. */
static void
assert_zone(long offset)
{
	char before[32], after[32];
	time_t now = time(NULL) + offset;
	struct tm tm;
	int kept, fd = take_stderr(&kept);

	strftime(before, sizeof(before), "[x] %Y/%m/%d %H:%M", gmtime_r(&now, &tm));
	log_as("x", "text");
	now = time(NULL) + offset;
	strftime(after, sizeof(after), "[x] %Y/%m/%d %H:%M", gmtime_r(&now, &tm));
	hear(fd);
	give_back(fd, kept);
	assert_true(
	    strncmp(said, before, strlen(before)) == 0 || strncmp(said, after, strlen(after)) == 0);
	assert_string_equal(said + strlen("[x] 2026/11/24 18:00:00"), " text\n");
}

static void
test_zone(void **state)
{
	time_t noon = 43200;
	struct tm tm;

	assert_int_equal(setenv("TZ", "JST-9", 1), 0);
	log_init("x", LOG_INFO);
	assert_zone(TOKYO);
	log_keep_zone();
	assert_int_equal(localtime_r(&noon, &tm)->tm_hour, 12);
	assert_zone(TOKYO);
}

static void
fill_pipe(int patience)
{
	char text[4000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_set_patience(patience);
	for (int i = 0; i < 100; i++)
		log_as("x", "%s", text);
}

/* Both ways not to wait: a descriptor that does not block, and a limit. */
static void
test_lost_lines(void **state)
{
	static const int patiences[] = { -1, 0 };

	for (size_t i = 0; i < sizeof(patiences) / sizeof(patiences[0]); i++) {
		int kept, fd = take_stderr(&kept);
		unsigned long lost = 0, whole = 0;
		char *at;

		fill_pipe(patiences[i]);
		hear(fd);
		assert_null(strstr(said, "were lost"));
		for (at = said; (at = strstr(at, "xxx\n")) != NULL; at++)
			whole++;
		said_len = 0;
		log_as("x", "next");
		log_as("x", "and next");
		hear(fd);
		give_back(fd, kept);
		log_set_patience(-1);
		at = strchr(said + strlen("[x] 2026/11/24"), ' ') + 10;
		assert_int_equal(sscanf(at, "%lu lines of the log were lost", &lost), 1);
		assert_true(whole > 0 && lost > 0);
		assert_int_equal(whole + lost, 100);
		assert_non_null(strstr(said, " next\n"));
		assert_non_null(strstr(said, " and next\n"));
		assert_null(strstr(strstr(said, "were lost") + 1, "were lost"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zone),
		cmocka_unit_test(test_lost_lines),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
