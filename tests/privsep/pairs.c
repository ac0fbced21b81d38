/*
 * A worker that hears a message from a peer that must not send it dies of it.
 *
 * This program plays the master and a captured sibling of a real rqlited-auth:
 * for every role and every message it starts the worker, connects it to a peer
 * of that role, and sends the message, well formed.  Only AUTH_CHECK from http is
 * answered; for anything else the worker must be gone with status 1.
 *
 *	pairs PATH-OF-RQLITED-AUTH
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/chan.h"
#include "common/counters.h"
#include "common/log.h"
#include "proto/ipc.h"

#define WAIT_MS 10000
#define CONTROL_FD 3

struct player {
	pid_t pid;
	struct chan master;
	struct chan sibling;
};

/* A nameless file with these bytes. */
static int
file_of(const void *data, size_t len, size_t size)
{
	int fd = memfd_create("pairs", MFD_CLOEXEC);

	if (fd == -1 || ftruncate(fd, (off_t)size) == -1 ||
	    pwrite(fd, data, len, 0) != (ssize_t)len)
		fatal("memfd");
	return (fd);
}

static void
hand(struct player *player, enum ipc_file kind, enum role of, int fd)
{
	struct msg_conf_file file = { .kind = (uint8_t)kind, .role = (uint8_t)of };

	msg_conf_file_send(&player->master, &file, fd);
}

static void
tell(struct player *player, const char *name, const char *value)
{
	struct msg_conf conf = { ipc_text(name), ipc_text(value) };

	msg_conf_send(&player->master, &conf, -1);
}

/* All a worker `auth` is told by its master, and one peer. */
static void
wire(struct player *player, enum role role, int peer_fd)
{
	static const char credentials[] = "[{\"username\": \"*\", \"perms\": [\"all\"]}]";
	static const uint8_t key[16] = { 1 };
	struct msg_hello hello = { .role = ROLE_AUTH, .revision = ipc_revision() };
	struct msg_peer peer = { .role = (uint8_t)role };
	struct msg_gathered gathered = { 1 };
	char pid[16];

	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	hello.build = ipc_text(RQLITED_VERSION);
	msg_hello_send(&player->master, &hello, -1);
	tell(player, "master", pid);
	tell(player, "auth", "credentials");
	hand(player, FILE_COUNTERS, ROLE_AUTH, file_of("", 0, COUNTERS_PAGE_SIZE));
	hand(player, FILE_TICKET_KEY, ROLE_RAFT, file_of(key, sizeof(key), sizeof(key)));
	hand(player, FILE_TICKET_KEY, ROLE_READ, file_of(key, sizeof(key), sizeof(key)));
	hand(player, FILE_CREDENTIALS, ROLE_AUTH,
	    file_of(credentials, sizeof(credentials) - 1, sizeof(credentials) - 1));
	msg_peer_send(&player->master, &peer, peer_fd);
	msg_gathered_send(&player->master, &gathered, -1);
	if (chan_flush_wait(&player->master, WAIT_MS) != CHAN_OK)
		fatalx("the worker does not listen");
}

static void
start(struct player *player, char *path, enum role role)
{
	char *argv[] = { path, NULL }, *env[] = { NULL };
	int control[2], peer[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct frame frame;

	if (null == -1 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) == -1 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, peer) == -1)
		fatal("socketpair");
	player->pid = fork();
	if (player->pid == -1)
		fatal("fork");
	if (player->pid == 0) {
		if (dup2(null, STDERR_FILENO) == -1 || dup2(control[1], 10) == -1 ||
		    dup2(10, CONTROL_FD) == -1)
			_exit(126);
		close_range(CONTROL_FD + 1, ~0U, 0);
		execve(path, argv, env);
		_exit(127);
	}
	close(null);
	close(control[1]);
	chan_init(&player->master, control[0], FRAME_SMALL_MAX);
	chan_init(&player->sibling, peer[0], FRAME_SMALL_MAX);
	wire(player, role, peer[1]);
	do {
		if (chan_wait(&player->master, &frame, WAIT_MS) != CHAN_OK)
			fatalx("%s does not start", path);
	} while (frame.type != MSG_READY);
}

/* The exit status of the worker, once its channels are closed. */
static int
end(struct player *player)
{
	int status;

	chan_fini(&player->sibling);
	chan_fini(&player->master);
	if (waitpid(player->pid, &status, 0) == -1)
		fatal("waitpid");
	return (WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status));
}

/* Whether the worker took the message as the table says. */
static bool
try_pair(char *path, enum role role, unsigned type)
{
	static const union msg zero;
	struct player player;
	struct frame frame;
	enum chan_result result;
	bool listed = role == ROLE_HTTP && type == MSG_AUTH_CHECK;
	int status, fd = ipc_entry(type)->fd ? file_of("", 0, 1) : -1;
	size_t begun;

	start(&player, path, role);
	begun = chan_begin(&player.sibling, (uint16_t)type);
	ipc_entry(type)->encode(&player.sibling.out, &zero);
	chan_end(&player.sibling, begun, fd);
	(void)chan_flush_wait(&player.sibling, WAIT_MS);
	result = chan_wait(&player.sibling, &frame, WAIT_MS);
	listed = listed && result == CHAN_OK && frame.type == MSG_AUTH_RESULT;
	status = end(&player);
	if (listed)
		return (status == 0);
	if (result == CHAN_CLOSED && status == 1 && !(role == ROLE_HTTP && type == MSG_AUTH_CHECK))
		return (true);
	printf("FAIL %s from %s: exit status %d\n", ipc_entry(type)->name, role_name(role), status);
	return (false);
}

int
main(int argc, char *argv[])
{
	unsigned role, type, bad = 0, tried = 0;

	if (argc != 2)
		fatalx("usage: pairs PATH-OF-RQLITED-AUTH");
	for (role = ROLE_HTTP; role < ROLE__COUNT; role++) {
		for (type = 0; type < MSG__COUNT; type++) {
			bad += !try_pair(argv[1], (enum role)role, type);
			tried++;
		}
	}
	printf("%u messages tried, %u taken otherwise than planned\n", tried, bad);
	return (bad == 0 ? 0 : 1);
}
