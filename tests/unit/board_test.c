/*
 * The board while its writer is stopped at any instant: a reader finds a whole state.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "proto/board.h"

#define STOPS 300

static struct board_state
make_state(uint64_t n)
{
	struct board_state state = { .open = 1, .term = n, .commit = n, .contact = n };

	memset(state.leader_addr, 'a' + (int)(n % 26), BOARD_NAME_MAX - 1);
	return (state);
}

static int
make_page(void)
{
	int fd = memfd_create("board", MFD_CLOEXEC);

	assert_true(fd != -1);
	assert_int_equal(ftruncate(fd, BOARD_SIZE), 0);
	return (fd);
}

static void
write_for_ever(int fd)
{
	struct board *board = board_map(fd, true);
	struct board_state state;
	uint64_t n;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (n = 1;; n++) {
		state = make_state(n);
		board_publish(board, &state);
	}
}

static void
test_stopped_writer(void **state)
{
	int fd = make_page(), i, status;
	struct board *board = board_map(fd, false);
	struct board_state seen, wanted;
	uint64_t last = 0;
	pid_t pid = fork();

	if (pid == 0)
		write_for_ever(fd);
	for (i = 0; i < STOPS; i++) {
		(void)usleep(100);
		assert_int_equal(kill(pid, SIGSTOP), 0);
		assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
		assert_true(board_read(board, &seen));
		if (seen.term > 0) {
			wanted = make_state(seen.term);
			assert_memory_equal(&seen, &wanted, sizeof(seen));
		}
		assert_true(seen.term >= last);
		last = seen.term;
		assert_int_equal(kill(pid, SIGCONT), 0);
	}
	assert_true(last > 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(fd);
}

/* Whoever writes after one that died in mid-change is believed. */
static void
test_next_writer(void **state)
{
	int fd = make_page(), i, status;
	struct board *board = board_map(fd, true);
	struct board_state seen, next;

	for (i = 0; i < 30; i++) {
		pid_t pid = fork();

		if (pid == 0)
			write_for_ever(fd);
		(void)usleep(500);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		next = make_state((uint64_t)i + 7);
		board_publish(board, &next);
		assert_true(board_read(board, &seen));
		assert_memory_equal(&seen, &next, sizeof(seen));
	}
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stopped_writer),
		cmocka_unit_test(test_next_writer),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
