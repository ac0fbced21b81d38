/*
 * Plays the master of a real worker, or the workers of a real master: stage.h.
 */
#include "tests/privsep/stage.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

#define CONTROL_FD 3

/* Where a process says its words: a pipe, since a confined one may write no file. */
static void
make_words(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) == -1 || fcntl(ends[0], F_SETFL, O_NONBLOCK) == -1)
		fatal("pipe");
}

void
words_read(int words, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size - 1 && (n = read(words, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
}

/* In the child: what it has of us is `control` (unless -1) and where its words go. */
static void
exec_with(int control, int words, char *const argv[])
{
	char *env[] = { NULL };
	int null = open("/dev/null", O_RDWR);

	if (null == -1 || dup2(null, STDIN_FILENO) == -1 || dup2(null, STDOUT_FILENO) == -1 ||
	    dup2(words, STDERR_FILENO) == -1 || (control != -1 && dup2(control, CONTROL_FD) == -1))
		_exit(126);
	close_range(control != -1 ? CONTROL_FD + 1 : CONTROL_FD, ~0U, 0);
	execve(argv[0], argv, env);
	_exit(127);
}

/* ---- the workers of a real master ---- */

static void
address_of(const char *libexec, struct sockaddr_un *address)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	(void)snprintf(address->sun_path, sizeof(address->sun_path), "%.90s/stage", libexec);
}

/* One byte with the descriptor. */
static void
send_fd(int to, int fd)
{
	union {
		char data[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov = { control.data, 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.data,
		.msg_controllen = sizeof(control.data) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	if (sendmsg(to, &msg, 0) != 1)
		fatal("sendmsg");
}

static int
receive_fd(int from)
{
	union {
		char data[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.data,
		.msg_controllen = sizeof(control.data) };
	struct cmsghdr *cmsg;
	int fd;

	if (recvmsg(from, &msg, MSG_CMSG_CLOEXEC) != 1)
		fatal("recvmsg");
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg == NULL || cmsg->cmsg_type != SCM_RIGHTS)
		fatalx("a stand-in without a channel");
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
	return (fd);
}

int
stage_stand_in(const char *path)
{
	char libexec[128], byte;
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(libexec, sizeof(libexec), "%s", path);
	*strrchr(libexec, '/') = '\0';
	address_of(libexec, &address);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1)
		return (1);
	send_fd(fd, CONTROL_FD);
	close(CONTROL_FD);
	return (read(fd, &byte, 1) == 0 ? 0 : 1);
}

/* A stand-in reports: what the master says to it is from now on said to us. */
static enum role
take_stand_in(struct stage *stage)
{
	struct pollfd pfd = { stage->listener, POLLIN, 0 };
	struct msg_hello_back back = { .revision = ipc_revision() };
	struct msg_ready ready = { ipc_text("a stand-in") };
	struct chan chan;
	struct frame frame;
	union msg msg;
	int report;

	char words[8192];

	if (poll(&pfd, 1, STAGE_WAIT_MS) != 1) {
		words_read(stage->words, words, sizeof(words));
		fatalx("a worker was not started: %s", words);
	}
	report = accept4(stage->listener, NULL, NULL, SOCK_CLOEXEC);
	chan_init(&chan, receive_fd(report), FRAME_MAX);
	if (chan_wait(&chan, &frame, STAGE_WAIT_MS) != CHAN_OK ||
	    ipc_decode(&frame, ROLE_MASTER, ROLE_HTTP, &msg) != NULL || frame.type != MSG_HELLO)
		fatalx("the master said no hello");
	back.role = msg.hello.role;
	back.build = ipc_text(RQLITED_VERSION);
	chan.in.pos -= CHAN_HEAD_SIZE + frame.len; /* for the record */
	msg_hello_back_send(&chan, &back, -1);
	msg_ready_send(&chan, &ready, -1);
	(void)chan_flush_wait(&chan, STAGE_WAIT_MS);
	stage->control[back.role] = chan;
	STAILQ_INIT(&stage->control[back.role].fds_out);
	stage->standin[back.role] = report;
	return ((enum role)back.role);
}

void
stage_open(struct stage *stage, const char *libexec, char *const command[])
{
	struct msg_opened opened = { 0 };
	struct sockaddr_un address;
	unsigned role;
	int words[2];

	memset(stage, 0, sizeof(*stage));
	for (role = 0; role < ROLE__COUNT; role++)
		stage->control[role].fd = stage->standin[role] = -1;
	address_of(libexec, &address);
	(void)unlink(address.sun_path);
	stage->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(stage->listener, (struct sockaddr *)&address, sizeof(address)) == -1 ||
	    listen(stage->listener, 64) == -1)
		fatal("%s", address.sun_path);
	make_words(words);
	stage->words = words[0];
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) == -1)
		fatal("prctl");
	stage->master = fork();
	if (stage->master == -1)
		fatal("fork");
	if (stage->master == 0)
		exec_with(-1, words[1], command);
	close(words[1]);
	for (role = ROLE_HTTP; role < ROLE__COUNT; role++)
		if (take_stand_in(stage) == ROLE_SQL) {
			/* Readers are started once the database is open. */
			msg_opened_send(&stage->control[ROLE_SQL], &opened, -1);
			(void)chan_flush_wait(&stage->control[ROLE_SQL], STAGE_WAIT_MS);
		}
}

void
stage_record(struct stage *stage, enum role role, struct script *script)
{
	struct frame frame = { 0 };

	script->count = 0;
	while (frame.type != MSG_GATHERED) {
		if (chan_wait(&stage->control[role], &frame, STAGE_WAIT_MS) != CHAN_OK)
			fatalx("the master falls silent");
		if (frame.type != MSG_HELLO && frame.type != MSG_CONF &&
		    frame.type != MSG_CONF_FILE && frame.type != MSG_GATHERED) {
			if (frame.fd != -1)
				close(frame.fd);
			continue;
		}
		if (script->count == STAGE_FRAMES_MAX)
			fatalx("the master says too much");
		script->frames[script->count].type = frame.type;
		script->frames[script->count].fd = frame.fd;
		memset(&script->frames[script->count].payload, 0, sizeof(struct buf));
		buf_add(&script->frames[script->count++].payload, frame.data, frame.len);
	}
}

void
stage_close(struct stage *stage)
{
	unsigned role;

	kill(stage->master, SIGKILL);
	for (role = ROLE_HTTP; role < ROLE__COUNT; role++) {
		chan_fini(&stage->control[role]);
		close(stage->standin[role]);
	}
	close(stage->listener);
	close(stage->words);
	/* Those that it had just started again are ours now; all end of themselves. */
	while (wait(NULL) != -1)
		continue;
}

/* ---- the master of a real worker ---- */

/* The worker must find its master in its parent. */
static bool
is_master_setting(const struct frame *frame)
{
	union msg msg;

	return (frame->type == MSG_CONF &&
		ipc_decode(frame, ROLE_MASTER, ROLE_HTTP, &msg) == NULL &&
		msg.conf.name.len == strlen("master") &&
		memcmp(msg.conf.name.data, "master", strlen("master")) == 0);
}

static void
tell_master(struct chan *chan)
{
	struct msg_conf conf = { .name = ipc_text("master") };
	char pid[16];

	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	conf.value = ipc_text(pid);
	msg_conf_send(chan, &conf, -1);
}

/* The same file with a position of its own: each worker reads from the beginning. */
static int
open_again(int fd)
{
	char path[64];
	int again;

	if (fd == -1)
		return (-1);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, (fcntl(fd, F_GETFL) & O_ACCMODE) | O_CLOEXEC);
	return (again != -1 ? again : fcntl(fd, F_DUPFD_CLOEXEC, 10)); /* a socket */
}

/* Repeats what the real master said; the peer comes before the last word. */
static void
repeat(struct player *player, const struct script *script, enum role peer, int peer_fd)
{
	struct msg_peer msg = { .role = (uint8_t)peer, .incarnation = 1 };
	size_t i;

	for (i = 0; i < script->count; i++) {
		struct frame frame = { script->frames[i].type, -1,
			buf_bytes(&script->frames[i].payload),
			buf_size(&script->frames[i].payload) };
		size_t begun;

		if (is_master_setting(&frame)) {
			tell_master(&player->master);
			continue;
		}
		if (frame.type == MSG_GATHERED && peer != ROLE_MASTER)
			msg_peer_send(&player->master, &msg, peer_fd);
		begun = chan_begin(&player->master, frame.type);
		buf_add(&player->master.out, frame.data, frame.len);
		chan_end(&player->master, begun, open_again(script->frames[i].fd));
	}
}

void
player_start(
    struct player *player, const char *program, const struct script *script, enum role peer)
{
	char path[4096], *argv[] = { path, NULL };
	int control[2], pair[2], words[2];
	struct frame frame;

	(void)snprintf(path, sizeof(path), "%s", program);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) == -1 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		fatal("socketpair");
	make_words(words);
	player->words = words[0];
	player->pid = fork();
	if (player->pid == -1)
		fatal("fork");
	if (player->pid == 0)
		exec_with(control[1], words[1], argv);
	close(words[1]);
	close(control[1]);
	chan_init(&player->master, control[0], FRAME_MAX);
	chan_init(&player->peer, pair[0], FRAME_MAX);
	repeat(player, script, peer, pair[1]);
	if (peer == ROLE_MASTER)
		close(pair[1]);
	if (chan_flush_wait(&player->master, STAGE_WAIT_MS) != CHAN_OK)
		fatalx("%s does not listen", path);
	do {
		if (chan_wait(&player->master, &frame, STAGE_WAIT_MS) != CHAN_OK)
			fatalx("%s does not start", path);
	} while (frame.type != MSG_READY);
}

/* A first PONG may overtake what came at the same time from the peer, a second can't. */
bool
player_settle(struct player *player)
{
	struct frame frame;
	uint64_t serial;

	for (serial = 1; serial <= 2; serial++) {
		struct msg_ping ping = { serial };

		msg_ping_send(&player->master, &ping, -1);
		if (chan_flush_wait(&player->master, STAGE_WAIT_MS) != CHAN_OK)
			return (false);
		do {
			if (chan_wait(&player->master, &frame, STAGE_WAIT_MS) != CHAN_OK)
				return (false);
		} while (frame.type != MSG_PONG);
	}
	return (true);
}

int
player_end(struct player *player)
{
	int status;

	chan_fini(&player->peer);
	chan_fini(&player->master);
	if (waitpid(player->pid, &status, 0) == -1)
		fatal("waitpid");
	close(player->words);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status));
}
