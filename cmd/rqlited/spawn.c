/*
 * Starts one worker: a socketpair, fork, the socket as descriptor 3, everything
 * else closed, no environment but TZ, exec by absolute path.  Arguments carry no
 * configuration; standard error is the log pipe.
 */
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/rqlited/master.h"
#include "common/log.h"
#include "proc/frame/frame.h"

static void
close_from(int lowest)
{
#ifdef __linux__
	if (close_range((unsigned)lowest, ~0U, 0) == 0)
		return;
#endif
	{
		int fd, max = (int)sysconf(_SC_OPEN_MAX);

		for (fd = lowest; fd < max; fd++)
			close(fd);
	}
}

static void
exec_worker(const struct master *master, const struct worker *worker, int fd)
{
	char path[4096];
	char zone[256], *argv[2], *env[] = { NULL, NULL };
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	(void)snprintf(path, sizeof(path), "%s/rqlited-%s", master->libexec, role_name(worker->role));
	/* For the times of log lines. */
	if (getenv("TZ") != NULL &&
	    (size_t)snprintf(zone, sizeof(zone), "TZ=%s", getenv("TZ")) < sizeof(zone))
		env[0] = zone;
	argv[0] = path;
	argv[1] = NULL;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(worker->role == ROLE_SQL && master->root ? 027 : 077);
	if (null == -1 || dup2(null, STDIN_FILENO) == -1 || dup2(null, STDOUT_FILENO) == -1 ||
	    dup2(master->log_write, STDERR_FILENO) == -1)
		_exit(126);
	if (fd != PROC_CONTROL_FD) {
		if (dup2(fd, PROC_CONTROL_FD) == -1)
			_exit(126);
	} else if (fcntl(fd, F_SETFD, 0) == -1)
		_exit(126);
	close_from(PROC_CONTROL_FD + 1);
	execve(path, argv, env);
	dprintf(STDERR_FILENO, "cannot execute %s: errno %d\n", path, errno);
	_exit(127);
}

int
spawn_check(const struct master *master, struct error *error)
{
	if (access("/proc/self/fd", X_OK) == -1)
		return (error_set(error,
		    "/proc is not mounted: files are handed to the workers by its names"));
	for (int role = 0; role < ROLE__COUNT; role++) {
		char path[4096];

		if (role == ROLE_MASTER)
			continue;
		(void)snprintf(path, sizeof(path), "%s/rqlited-%s", master->libexec,
		    role_name((enum role)role));
		if (access(path, X_OK) == -1)
			return (error_set_errno(error, "cannot execute %s", path));
	}
	return (0);
}

/* Names this life of the worker: what an earlier one asked for must not reach it. */
static uint32_t
draw_incarnation(void)
{
	uint32_t value;

	if (getrandom(&value, sizeof(value), 0) != sizeof(value))
		fatal("getrandom");
	return (value);
}

static void
say_hello(struct worker *worker)
{
	struct msg_hello hello = { 0 };

	hello.role = (uint8_t)worker->role;
	hello.number = (uint8_t)worker->number;
	hello.incarnation = worker->incarnation;
	hello.build = ipc_text(RQLITED_VERSION);
	hello.revision = ipc_revision();
	msg_hello_send(&worker->chan, &hello, -1);
}

void
spawn_worker(struct master *master, struct worker *worker)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		fatal("socketpair");
	worker->incarnation = draw_incarnation();
	worker->pid = fork();
	if (worker->pid == -1)
		fatal("fork");
	if (worker->pid == 0)
		exec_worker(master, worker, pair[1]);
	close(pair[1]);
	chan_init(&worker->chan, pair[0], ipc_payload_max(worker->role, ROLE_MASTER));
	worker->chan.role = (int)worker->role;
	worker->chan.number = worker->number;
	worker->state = WORKER_STARTING;
	worker->started_ms = worker->pong_ms = master_now_ms();
	worker->sandbox[0] = '\0';
	worker->settling = false;
	worker->stuck = false;
	say_hello(worker);
	wire_worker(master, worker);
}
