/*
 * Who hears a message that it must not get from that peer ends: each worker for
 * each peer and each message outside the table of proto/ipc_list.h, the master by
 * killing who sent it.  And a damaged frame is refused, or taken for just what
 * it says, in a living worker as in ipc_decode().
 *
 * Every trial has a process of its own: a real worker, confined, that was told
 * what a real master tells it, with a peer that is ours (stage.h).
 *
 *	pairs PROGRAMS LIBEXEC MASTER [FLAG...]
 *
 * PROGRAMS is the folder of the real workers; LIBEXEC that of links to this
 * program, where MASTER looks for its workers.
 */
#include <sys/socket.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "tests/privsep/stage.h"

#define BIT(role) (1U << (role))
#define DESCRIPTORS 5 /* more than a channel takes at once; all of them our standard input */

static struct {
	const char *programs;
	const char *libexec;
	char **command;
	struct script scripts[ROLE__COUNT];
	unsigned tried;
	unsigned bad;
} test;

static const char *
program_of(enum role role)
{
	static char path[4096];

	(void)snprintf(path, sizeof(path), "%s/rqlited-%s", test.programs, role_name(role));
	return (path);
}

static bool
is_listed(enum role from, enum role to, unsigned type)
{
	return ((ipc_entry(type)->from & BIT(from)) != 0 && (ipc_entry(type)->to & BIT(to)) != 0);
}

/* The message with nothing in it, which every codec takes. */
static void
send_empty(struct chan *chan, unsigned type)
{
	static const union msg zero;
	size_t begun = chan_begin(chan, (uint16_t)type);
	int fd = ipc_entry(type)->fd ? fileno(tmpfile()) : -1;

	ipc_entry(type)->encode(&chan->out, &zero);
	chan_end(chan, begun, fd);
	(void)chan_flush_wait(chan, STAGE_WAIT_MS);
}

static void
note(bool good, const char *what, enum role from, enum role to)
{
	test.tried++;
	test.bad += !good;
	if (!good)
		printf("FAIL %s from %s to %s\n", what, role_name(from), role_name(to));
}

/* ---- workers ---- */

/* A pair outside the table ends the worker, which says why; one of the table does not. */
static void
try_worker(enum role from, enum role to, unsigned type)
{
	struct player player;
	char text[128], words[8192];
	bool refused, lives;
	int status;

	(void)snprintf(text, sizeof(text), "%s 0: message %u: message not allowed here",
	    role_name(from), type);
	player_start(&player, program_of(to), &test.scripts[to], from);
	send_empty(from == ROLE_MASTER ? &player.master : &player.peer, type);
	lives = player_settle(&player);
	words_read(player.words, words, sizeof(words));
	refused = strstr(words, text) != NULL || strstr(words, "malformed message") != NULL ||
		  strstr(words, "broken framing") != NULL; /* longer than any of the table's */
	status = player_end(&player);
	if (is_listed(from, to, type))
		note(!refused, ipc_entry(type)->name, from, to);
	else
		note(refused && !lives && status == 1, ipc_entry(type)->name, from, to);
}

/* ---- the master ---- */

/* The master kills the worker that sent what it may not, at once. */
static void
try_master(enum role from, unsigned type)
{
	struct stage stage;
	struct pollfd pfd;
	char text[128], words[8192];
	bool killed;

	(void)snprintf(
	    text, sizeof(text), "worker %s 0 broke the protocol, killing it", role_name(from));
	stage_open(&stage, test.libexec, test.command);
	pfd = (struct pollfd){ stage.standin[from], POLLIN, 0 };
	killed = poll(&pfd, 1, 0) == 0;
	send_empty(&stage.control[from], type);
	killed = killed && poll(&pfd, 1, STAGE_WAIT_MS) == 1;
	words_read(stage.words, words, sizeof(words));
	killed = killed && strstr(words, text) != NULL;
	stage_close(&stage);
	note(killed, ipc_entry(type)->name, from, ROLE_MASTER);
}

/* So does one that sends more descriptors at once than anybody may. */
static void
try_descriptors(enum role from)
{
	union {
		char data[CMSG_SPACE(sizeof(int) * DESCRIPTORS)];
		struct cmsghdr align;
	} control = { { 0 } };
	uint8_t head[CHAN_HEAD_SIZE] = { 0 };
	struct iovec iov = { head, sizeof(head) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.data,
		.msg_controllen = sizeof(control.data) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	char text[128], words[8192];
	struct stage stage;
	struct pollfd pfd;
	bool killed;

	(void)snprintf(
	    text, sizeof(text), "worker %s 0 broke the protocol, killing it", role_name(from));

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int) * DESCRIPTORS);
	stage_open(&stage, test.libexec, test.command);
	pfd = (struct pollfd){ stage.standin[from], POLLIN, 0 };
	killed = sendmsg(stage.control[from].fd, &msg, 0) == sizeof(head) &&
		 poll(&pfd, 1, STAGE_WAIT_MS) == 1;
	words_read(stage.words, words, sizeof(words));
	killed = killed && strstr(words, text) != NULL;
	stage_close(&stage);
	note(killed, "descriptors", from, ROLE_MASTER);
}

/* ---- damaged frames ---- */

enum fate { DIES, WAITS, ANSWERS };

/* What becomes of a receiver of these bytes, by the rules of common/chan.h and proto/ipc.h. */
static enum fate
fate_of(const uint8_t *bytes, size_t len)
{
	struct frame frame = { .fd = -1, .data = bytes + CHAN_HEAD_SIZE };
	uint16_t flags;
	uint32_t size;
	union msg msg;

	if (len < CHAN_HEAD_SIZE)
		return (WAITS);
	memcpy(&size, bytes, sizeof(size));
	memcpy(&frame.type, bytes + 4, sizeof(frame.type));
	memcpy(&flags, bytes + 6, sizeof(flags));
	if (flags != 0 || size > ipc_payload_max(ROLE_HTTP, ROLE_AUTH))
		return (DIES);
	if (size > len - CHAN_HEAD_SIZE)
		return (WAITS);
	frame.len = size;
	return (ipc_decode(&frame, ROLE_HTTP, ROLE_AUTH, &msg) == NULL ? ANSWERS : DIES);
}

/* auth hears these bytes from http: returns what became of it. */
static enum fate
send_bytes(const uint8_t *bytes, size_t len, int *status)
{
	struct player player;
	struct frame frame;
	enum fate fate = DIES;

	player_start(&player, program_of(ROLE_AUTH), &test.scripts[ROLE_AUTH], ROLE_HTTP);
	buf_add(&player.peer.out, bytes, len);
	(void)chan_flush_wait(&player.peer, STAGE_WAIT_MS);
	if (player_settle(&player))
		fate =
		    chan_wait(&player.peer, &frame, 1) == CHAN_OK && frame.type == MSG_AUTH_RESULT
			? ANSWERS
			: WAITS;
	*status = player_end(&player);
	return (fate);
}

static unsigned fates[ANSWERS + 1];

static void
try_bytes(const uint8_t *bytes, size_t len, const char *what)
{
	enum fate planned = fate_of(bytes, len), seen;
	int status;

	seen = send_bytes(bytes, len, &status);
	fates[planned]++;
	note(seen == planned && status == (planned == DIES ? 1 : 0), what, ROLE_HTTP, ROLE_AUTH);
}

/* Every truncation, with the true length in the head and without; every flipped bit. */
static void
try_damage(void)
{
	struct msg_auth_check check = { 7, { (const uint8_t *)"0123456789abcdef", 16 },
		ipc_text("lois"), ipc_text("lane") };
	struct buf frame = BUF_INIT;
	uint32_t payload, cut;
	size_t len, bit;

	buf_add_u32(&frame, 0);
	buf_add_u16(&frame, MSG_AUTH_CHECK);
	buf_add_u16(&frame, 0);
	ipc_entry(MSG_AUTH_CHECK)->encode(&frame, &(union msg){ .auth_check = check });
	payload = (uint32_t)(buf_size(&frame) - CHAN_HEAD_SIZE);
	memcpy(frame.data, &payload, sizeof(payload));
	try_bytes(frame.data, frame.len, "a whole frame");
	for (len = 1; len < frame.len; len++)
		try_bytes(frame.data, len, "the beginning of a frame");
	for (cut = 0; cut < payload; cut++) {
		memcpy(frame.data, &cut, sizeof(cut));
		try_bytes(frame.data, CHAN_HEAD_SIZE + cut, "a frame cut short");
	}
	memcpy(frame.data, &payload, sizeof(payload));
	for (bit = 0; bit < frame.len * 8; bit++) {
		frame.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		try_bytes(frame.data, frame.len, "a frame with one bit flipped");
		frame.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	buf_fini(&frame);
}

int
main(int argc, char *argv[])
{
	const char *name = strrchr(argv[0], '/');
	struct stage stage;
	unsigned from, to, type;

	if (name != NULL && strncmp(name, "/rqlited-", 9) == 0)
		return (stage_stand_in(argv[0]));
	if (argc < 4)
		fatalx("usage: pairs PROGRAMS LIBEXEC MASTER [FLAG...]");
	test.programs = argv[1];
	test.libexec = argv[2];
	test.command = argv + 3;
	for (from = ROLE_HTTP; from < ROLE__COUNT; from++)
		for (type = 0; type < MSG__COUNT; type++)
			if (!is_listed((enum role)from, ROLE_MASTER, type))
				try_master((enum role)from, type);
	for (from = ROLE_HTTP; from < ROLE__COUNT; from++)
		try_descriptors((enum role)from);
	stage_open(&stage, test.libexec, test.command);
	for (to = ROLE_HTTP; to < ROLE__COUNT; to++)
		stage_record(&stage, (enum role)to, &test.scripts[to]);
	stage_close(&stage);
	for (to = ROLE_HTTP; to < ROLE__COUNT; to++)
		for (from = ROLE_MASTER; from < ROLE__COUNT; from++)
			for (type = 0; type < MSG__COUNT; type++)
				try_worker((enum role)from, (enum role)to, type);
	printf("%u messages, %u taken otherwise than planned\n", test.tried, test.bad);
	test.tried = 0;
	try_damage();
	printf("%u damaged frames: %u deaths, %u waited for the rest, %u other messages\n",
	    test.tried, fates[DIES], fates[WAITS], fates[ANSWERS]);
	return (test.bad == 0 ? 0 : 1);
}
