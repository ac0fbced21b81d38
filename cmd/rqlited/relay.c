/*
 * The workers' log lines on their way to standard error: they write into a pipe
 * of ours, each line in one piece, and we copy.
 *
 * Who reads standard error may be slow, or stop.  That must not hold the node
 * up, or keep it from stopping: nothing here waits, what the pipe can not take
 * is lost, and the worker that loses it says so with its next line.
 */
#include "cmd/rqlited/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "cmd/rqlited/master.h"
#include "common/log.h"

#define RELAY_BYTES (1 << 20) /* that wait for a slow reader */
#define RELAY_PIECES 256 /* copied before the loop looks at anything else */

void
relay_init(struct master *master)
{
	int pipe_fds[2];

	if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) == -1)
		fatal("pipe");
#ifdef F_SETPIPE_SZ
	(void)fcntl(pipe_fds[1], F_SETPIPE_SZ, RELAY_BYTES);
#endif
	master->log_read = pipe_fds[0];
	master->log_write = pipe_fds[1];
}

struct pollfd
relay_wait(const struct master *master)
{
	if (master->log_stuck)
		return ((struct pollfd){ STDERR_FILENO, POLLOUT, 0 });
	return ((struct pollfd){ master->log_read, POLLIN, 0 });
}

/* A piece of PIPE_BUF is what a pipe that poll(2) calls writable takes without waiting. */
void
relay_copy(struct master *master)
{
	char data[PIPE_BUF];
	ssize_t n = 1;

	for (int i = 0; n > 0 && i < RELAY_PIECES; i++) {
		master->log_stuck = !log_is_read(0);
		if (master->log_stuck)
			return;
		n = read(master->log_read, data, sizeof(data));
		if (n > 0)
			(void)!write(STDERR_FILENO, data, (size_t)n);
	}
}
