/*
 * An http worker in an attacker's hands: it takes the place of rqlited-http in a
 * real node, holds the channels and descriptors that one is given, and says on
 * them what it is told to.
 *
 * Orders come over the HTTP port, one line each, and each is answered with one
 * line; test_captured.py gives them.  "-" is an empty ticket.
 *
 *	login USER PASSWORD		known|unknown PERMS GENERATION TICKET
 *	again TICKET USER PASSWORD	the same
 *	renew TICKET			the same
 *	execute TICKET KIND SQL		to raft; KIND: execute, query, request
 *	begin TICKET SIZE		to raft: a DELETE so long that it goes in parts
 *	parts SIZE			to raft: so much of it, or more
 *	barrier TICKET			to raft
 *	read_index			to raft
 *	query TICKET MODE KIND SQL	to read; MODE: query, request, analyze, check
 *	status ROLE TICKET		to master, raft, sql
 *	sign SCHEME CONTENT		to key: signed HEX, or "unsigned"; KIND-BITS, block, digest
 *	flood ROLE COUNT		so many questions, no answer read: "sent"
 *	shut				closes the port for all who share it: "shut"
 *	veto				calls the files of any reload bad: "so be it"
 *
 * The other answers: "refused REASON", "result STATUS BODY-OR-ERROR", "at INDEX",
 * "gone" when who was asked closed the channel, "silence" after 3 seconds.
 */
#include <sys/socket.h>

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/chan.h"
#include "common/log.h"
#include "proto/command.h"
#include "proto/ipc.h"
#include "tests/privsep/hex.h"

#define CONTROL_FD 3
#define START_MS 10000
#define ANSWER_MS 3000 /* less than the master lets a ping wait */
#define LINE_MAX_SIZE 8192
#define FLOOD_STEP 1000
#define BIT(role) (1U << (role))

struct captured {
	struct chan chans[ROLE__COUNT]; /* fd -1: none; of ROLE_MASTER: the control channel */
	int listener;
	uint8_t key_id[32];
	size_t key_id_len;
	uint64_t request;
	uint64_t awaited; /* most often the same */
	uint64_t upload; /* the request that goes in parts */
	struct buf command;
	bool veto;
	struct ipc_bytes vouch; /* of the login under way: a ticket, or nothing */
};

static const char *const refusals[REFUSED__COUNT] = { "no-leader", "not-open", "not-ready", "busy",
	"disk", "ticket", "lost", "large" };
static const char *const results[RESULT__COUNT] = { "part", "done", "error", "needs-log", "ticket",
	"busy" };
static const char *const modes[QUERY__COUNT] = { "query", "request", "analyze", "check" };
static const char *const kinds[COMMAND_KIND__COUNT] = { "", "execute", "query", "request" };
static const char *const schemes[] = { "pss-256", "pss-384", "pss-512", "pkcs1-256", "pkcs1-384",
	"pkcs1-512", "ecdsa-256", "ecdsa-384", "ecdsa-512", "block", "digest" };

/* Which of the names the word is; the caller's mistake ends the program. */
static uint8_t
number_of(const char *word, const char *const *names, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (word != NULL && strcmp(word, names[i]) == 0)
			return ((uint8_t)i);
	fatalx("no such word: %s", word != NULL ? word : "(none)");
}

/* ---- the master ---- */

static void
take_peer(struct captured *c, const struct msg_peer *peer, int fd)
{
	struct chan *chan = &c->chans[peer->role];

	if (chan->fd != -1)
		chan_fini(chan);
	chan_init(chan, fd, FRAME_MAX);
}

static void
take_file(struct captured *c, const struct msg_conf_file *file, int fd)
{
	if (file->kind == FILE_LISTENER)
		c->listener = fd;
	else
		close(fd);
}

/* Says and takes what lets the master believe that all is well. */
static void
obey(struct captured *c, const struct frame *frame, const union msg *msg)
{
	struct chan *control = &c->chans[ROLE_MASTER];
	struct msg_pong pong = { msg->ping.serial };
	struct msg_drained drained = { !c->veto, ipc_text("vetoed") };

	switch (frame->type) {
	case MSG_PING:
		msg_pong_send(control, &pong, -1);
		break;
	case MSG_PEER:
		take_peer(c, &msg->peer, frame->fd);
		break;
	case MSG_CONF_FILE:
		take_file(c, &msg->conf_file, frame->fd);
		break;
	case MSG_RELOAD:
		msg_drained_send(control, &drained, -1);
		break;
	case MSG_STOP:
		exit(0);
	default:
		break;
	}
	(void)chan_flush_wait(control, START_MS);
}

static void
hear_master(struct captured *c, struct frame *frame, union msg *msg)
{
	if (chan_wait(&c->chans[ROLE_MASTER], frame, START_MS) != CHAN_OK)
		exit(0);
	if (ipc_decode(frame, ROLE_MASTER, ROLE_HTTP, msg) != NULL)
		fatalx("the master speaks otherwise");
}

/* The life of a worker up to "ready". */
static void
begin(struct captured *c)
{
	struct chan *control = &c->chans[ROLE_MASTER];
	struct msg_hello_back back = { .role = ROLE_HTTP, .revision = ipc_revision() };
	struct msg_ready ready = { ipc_text("captured") };
	struct frame frame;
	union msg msg;
	unsigned role;

	for (role = 0; role < ROLE__COUNT; role++)
		c->chans[role].fd = -1;
	chan_init(control, CONTROL_FD, FRAME_MAX);
	hear_master(c, &frame, &msg);
	back.build = ipc_text(RQLITED_VERSION);
	msg_hello_back_send(control, &back, -1);
	do {
		hear_master(c, &frame, &msg);
		obey(c, &frame, &msg);
	} while (frame.type != MSG_GATHERED);
	msg_ready_send(control, &ready, -1);
	if (chan_flush_wait(control, START_MS) != CHAN_OK)
		fatalx("the master does not listen");
}

/* ---- answers ---- */

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

/* Whether the frame answers the request under way; what else comes is seen to. */
static bool
is_answer(struct captured *c, enum role from, const struct frame *frame, union msg *msg)
{
	uint64_t request;

	if (ipc_decode(frame, from, ROLE_HTTP, msg) != NULL)
		fatalx("%s speaks otherwise", role_name(from));
	if (frame->type == MSG_KEY_HELD) {
		c->key_id_len = msg->key_held.id.len;
		if (c->key_id_len > 0)
			memcpy(c->key_id, msg->key_held.id.data, c->key_id_len);
		return (false);
	}
	if (from == ROLE_MASTER && frame->type != MSG_STATUS) {
		obey(c, frame, msg);
		return (false);
	}
	/* Every answer begins with the number of its request. */
	memcpy(&request, frame->data, sizeof(request));
	return (request == c->awaited);
}

/* Waits until one of the channels (and `fd`, unless -1) has something to read. */
static bool
wait_readable(struct captured *c, unsigned roles, int fd, int timeout_ms)
{
	struct pollfd fds[ROLE__COUNT + 1];
	nfds_t n = 0;
	unsigned role;

	for (role = 0; role < ROLE__COUNT; role++)
		if ((roles & BIT(role)) != 0 && c->chans[role].fd != -1)
			fds[n++] = (struct pollfd){ c->chans[role].fd, POLLIN, 0 };
	if (fd != -1)
		fds[n++] = (struct pollfd){ fd, POLLIN, 0 };
	return (poll(fds, n, timeout_ms) > 0);
}

/* Reads the channels of the roles; one that is closed is given up. False: one was. */
static bool
read_chans(struct captured *c, unsigned roles)
{
	bool good = true;
	unsigned role;

	for (role = 0; role < ROLE__COUNT; role++) {
		struct chan *chan = &c->chans[role];
		enum chan_result result;

		if ((roles & BIT(role)) == 0)
			continue;
		result = chan->fd == -1 ? CHAN_CLOSED : chan_read(chan);
		if (result != CHAN_CLOSED && result != CHAN_BROKEN)
			continue;
		if (role == ROLE_MASTER)
			exit(0);
		if (chan->fd != -1)
			chan_fini(chan);
		good = false;
	}
	return (good);
}

static bool
next_answer(struct captured *c, unsigned roles, struct frame *frame, union msg *msg)
{
	unsigned role;

	for (role = 0; role < ROLE__COUNT; role++)
		while ((roles & BIT(role)) != 0 && c->chans[role].fd != -1 &&
		       chan_next(&c->chans[role], frame) == CHAN_OK)
			if (is_answer(c, (enum role)role, frame, msg))
				return (true);
	return (false);
}

/* What these roles answer to the request under way; false, with a word put in `out`, if none does. */
static bool
await(struct captured *c, unsigned roles, struct frame *frame, union msg *msg, struct buf *out)
{
	int64_t deadline = now_ms() + ANSWER_MS;

	roles |= BIT(ROLE_MASTER);
	for (;;) {
		if (next_answer(c, roles, frame, msg))
			return (true);
		if (now_ms() >= deadline) {
			buf_add_text(out, "silence");
			return (false);
		}
		(void)wait_readable(c, roles, -1, (int)(deadline - now_ms()));
		if (!read_chans(c, roles)) {
			buf_add_text(out, "gone");
			return (false);
		}
	}
}

static void
add_bytes(struct buf *out, const struct ipc_bytes *bytes)
{
	buf_add(out, bytes->data, bytes->len);
}

/* What raft, sql or read make of the request, its rows included. */
static void
print_outcome(struct captured *c, unsigned roles, struct buf *out)
{
	struct buf body = BUF_INIT;
	struct frame frame;
	union msg msg;

	do {
		if (!await(c, roles, &frame, &msg, out))
			break;
		if (frame.type == MSG_REFUSED)
			buf_printf(out, "refused %s", refusals[msg.refused.reason]);
		else if (frame.type == MSG_READ_AT)
			buf_printf(out, "at %" PRIu64, msg.read_at.index);
		else if (frame.type == MSG_EXECUTE_MORE)
			buf_printf(out, "more %" PRIu32, msg.execute_more.room);
		else if (frame.type == MSG_RESULT)
			add_bytes(&body, &msg.result.body);
	} while (frame.type == MSG_RESULT && msg.result.status == RESULT_PART);
	if (buf_size(out) == 0) {
		buf_printf(out, "result %s ", results[msg.result.status]);
		add_bytes(out, &msg.result.error);
		buf_add(out, buf_bytes(&body), buf_size(&body));
	}
	buf_fini(&body);
}

/* ---- orders ---- */

/* A command of one statement without parameters. */
static void
make_command(struct buf *command, const char *kind, const char *sql)
{
	if (sql == NULL)
		fatalx("no SQL");
	command_begin(
	    command, (enum command_kind)number_of(kind, kinds, COMMAND_KIND__COUNT), 0, 0);
	command_set_parameters(
	    command, command_add_statement(command, sql, (uint32_t)strlen(sql)), 0);
	command_set_statements(command, 0, 1);
}

static void
print_login(struct captured *c, struct buf *out)
{
	struct frame frame;
	union msg msg;

	if (!await(c, BIT(ROLE_AUTH), &frame, &msg, out))
		return;
	buf_printf(out, "%s %" PRIu32 " %" PRIu64 " ", msg.auth_result.known ? "known" : "unknown",
	    msg.auth_result.perms, msg.auth_result.generation);
	hex_add(out, &msg.auth_result.ticket);
}

static void
do_login(struct captured *c, char *args, struct buf *out)
{
	uint8_t address[16] = { [10] = 0xff, 0xff, 10 };
	struct msg_auth_check check = { .request = c->request, .address = { address, 16 } };

	/* What http says of the client's address is not to be trusted either: each time another. */
	address[14] = (uint8_t)(c->request >> 8);
	address[15] = (uint8_t)c->request;
	check.user = ipc_text(strsep(&args, " "));
	check.password = ipc_text(args);
	check.ticket = c->vouch;
	msg_auth_check_send(&c->chans[ROLE_AUTH], &check, -1);
	(void)chan_flush_wait(&c->chans[ROLE_AUTH], ANSWER_MS);
	print_login(c, out);
}

/* A login with a ticket that was given before. */
static void
do_again(struct captured *c, char *args, struct buf *out)
{
	c->vouch = hex_read(strsep(&args, " "), IPC_TICKET_MAX);
	do_login(c, args, out);
	c->vouch.len = 0;
}

static void
do_renew(struct captured *c, char *args, struct buf *out)
{
	struct msg_auth_renew renew = { .request = c->request };

	renew.ticket = hex_read(args, IPC_TICKET_MAX);
	msg_auth_renew_send(&c->chans[ROLE_AUTH], &renew, -1);
	(void)chan_flush_wait(&c->chans[ROLE_AUTH], ANSWER_MS);
	print_login(c, out);
}

static void
do_execute(struct captured *c, char *args, struct buf *out)
{
	struct msg_execute execute = { .request = c->request };
	struct buf command = BUF_INIT;
	char *kind;

	execute.ticket = hex_read(strsep(&args, " "), IPC_TICKET_MAX);
	kind = strsep(&args, " ");
	make_command(&command, kind, args);
	execute.command = (struct ipc_bytes){ buf_bytes(&command), buf_size(&command) };
	msg_execute_send(&c->chans[ROLE_RAFT], &execute, -1);
	(void)chan_flush_wait(&c->chans[ROLE_RAFT], ANSWER_MS);
	buf_fini(&command);
	print_outcome(c, BIT(ROLE_RAFT) | BIT(ROLE_SQL), out);
}

static void
do_begin(struct captured *c, char *args, struct buf *out)
{
	struct msg_execute_begin begin = { .request = c->request };
	char sql[] = "DELETE FROM t", spaces[4096];

	begin.ticket = hex_read(strsep(&args, " "), IPC_TICKET_MAX);
	begin.size = args != NULL ? (uint32_t)strtoul(args, NULL, 10) : 0;
	buf_reset(&c->command, SIZE_MAX);
	make_command(&c->command, "execute", sql);
	/* The statement's length is behind the command's head. */
	memcpy(c->command.data + COMMAND_HEAD_SIZE,
	    &(uint32_t){ begin.size - (uint32_t)(buf_size(&c->command) - strlen(sql)) }, 4);
	/* Its parameters' number, zero, stays behind the spaces: all that follows is zeros. */
	c->command.len -= 4;
	memset(spaces, ' ', sizeof(spaces));
	while (buf_size(&c->command) + 4 < begin.size)
		buf_add(&c->command, spaces,
		    begin.size - 4 - buf_size(&c->command) < sizeof(spaces)
			? begin.size - 4 - buf_size(&c->command)
			: sizeof(spaces));
	c->upload = c->request;
	msg_execute_begin_send(&c->chans[ROLE_RAFT], &begin, -1);
	(void)chan_flush_wait(&c->chans[ROLE_RAFT], ANSWER_MS);
	print_outcome(c, BIT(ROLE_RAFT), out);
}

static void
do_parts(struct captured *c, char *args, struct buf *out)
{
	size_t size = args != NULL ? strtoul(args, NULL, 10) : 0, n;

	while (buf_size(&c->command) < size)
		buf_add_u8(&c->command, 0);
	for (; size > 0; size -= n) {
		struct msg_execute_part part = { c->upload, { buf_bytes(&c->command), 0 } };

		n = size < COMMAND_PART_MAX ? size : COMMAND_PART_MAX;
		part.part.len = n;
		msg_execute_part_send(&c->chans[ROLE_RAFT], &part, -1);
		(void)chan_flush_wait(&c->chans[ROLE_RAFT], ANSWER_MS);
		buf_take(&c->command, n);
	}
	c->awaited = c->upload;
	print_outcome(c, BIT(ROLE_RAFT) | BIT(ROLE_SQL), out);
}

static void
do_barrier(struct captured *c, char *args, struct buf *out)
{
	struct msg_barrier barrier = { .request = c->request };

	barrier.ticket = hex_read(args, IPC_TICKET_MAX);
	msg_barrier_send(&c->chans[ROLE_RAFT], &barrier, -1);
	(void)chan_flush_wait(&c->chans[ROLE_RAFT], ANSWER_MS);
	print_outcome(c, BIT(ROLE_RAFT), out);
}

static void
do_read_index(struct captured *c, char *args, struct buf *out)
{
	struct msg_read_index read_index = { c->request };

	msg_read_index_send(&c->chans[ROLE_RAFT], &read_index, -1);
	(void)chan_flush_wait(&c->chans[ROLE_RAFT], ANSWER_MS);
	print_outcome(c, BIT(ROLE_RAFT), out);
}

static void
do_query(struct captured *c, char *args, struct buf *out)
{
	struct msg_query query = { .request = c->request };
	struct buf command = BUF_INIT;
	char *kind;

	if (c->chans[ROLE_READ].fd == -1) {
		buf_add_text(out, "gone");
		return;
	}
	query.ticket = hex_read(strsep(&args, " "), IPC_TICKET_MAX);
	query.mode = number_of(strsep(&args, " "), modes, QUERY__COUNT);
	kind = strsep(&args, " ");
	make_command(&command, kind, args);
	query.command = (struct ipc_bytes){ buf_bytes(&command), buf_size(&command) };
	msg_query_send(&c->chans[ROLE_READ], &query, -1);
	(void)chan_flush_wait(&c->chans[ROLE_READ], ANSWER_MS);
	buf_fini(&command);
	print_outcome(c, BIT(ROLE_READ), out);
}

static void
do_status(struct captured *c, char *args, struct buf *out)
{
	static const char *const roles[ROLE__COUNT] = { "master", "", "", "", "raft", "sql", "" };
	enum role role = (enum role)number_of(strsep(&args, " "), roles, ROLE__COUNT);
	struct msg_status_ask ask = { .request = c->request };
	struct frame frame;
	union msg msg;

	msg_status_ask_send(&c->chans[role], &ask, -1);
	(void)chan_flush_wait(&c->chans[role], ANSWER_MS);
	if (await(c, BIT(role), &frame, &msg, out))
		add_bytes(out, &msg.status.json);
}

/* Written by hand: of the schemes the last two are none in most builds. */
static void
do_sign(struct captured *c, char *args, struct buf *out)
{
	struct chan *chan = &c->chans[ROLE_KEY];
	uint8_t scheme = number_of(strsep(&args, " "), schemes, SIGSCHEME_ECDSA_DIGEST + 1);
	struct ipc_bytes text = hex_read(args, IPC_SIGN_MAX);
	struct frame frame;
	union msg msg;
	size_t begun;

	/* The key's name was sent with the channel. */
	while (c->key_id_len == 0 && wait_readable(c, BIT(ROLE_KEY), -1, ANSWER_MS) &&
	       read_chans(c, BIT(ROLE_KEY)))
		(void)next_answer(c, BIT(ROLE_KEY), &frame, &msg);
	begun = chan_begin(chan, MSG_KEY_SIGN);
	buf_add_u64(&chan->out, c->request);
	buf_add_u32(&chan->out, (uint32_t)c->key_id_len);
	buf_add(&chan->out, c->key_id, c->key_id_len);
	buf_add_u8(&chan->out, scheme);
	buf_add_u32(&chan->out, (uint32_t)text.len);
	buf_add(&chan->out, text.data, text.len);
	chan_end(chan, begun, -1);
	(void)chan_flush_wait(chan, ANSWER_MS);
	if (!await(c, BIT(ROLE_KEY), &frame, &msg, out))
		return;
	buf_add_text(out, msg.key_signed.signature.len > 0 ? "signed " : "unsigned");
	hex_add(out, &msg.key_signed.signature);
}

/* The shortest question that the role answers. */
static void
ask_anything(struct captured *c, enum role role)
{
	struct chan *chan = &c->chans[role];

	switch (role) {
	case ROLE_AUTH:
		msg_auth_check_send(chan, &(struct msg_auth_check){ .request = c->request }, -1);
		break;
	case ROLE_KEY:
		msg_key_sign_send(chan, &(struct msg_key_sign){ .request = c->request }, -1);
		break;
	case ROLE_READ:
		msg_query_send(chan, &(struct msg_query){ .request = c->request }, -1);
		break;
	case ROLE_HTTP: /* stands for raft, asked otherwise */
		msg_read_index_send(
		    &c->chans[ROLE_RAFT], &(struct msg_read_index){ c->request }, -1);
		break;
	default:
		msg_status_ask_send(chan, &(struct msg_status_ask){ .request = c->request }, -1);
		break;
	}
}

static void
do_flood(struct captured *c, char *args, struct buf *out)
{
	static const char *const roles[ROLE__COUNT] = { "master", "raft-index", "auth", "key",
		"raft", "sql", "read" };
	enum role role = (enum role)number_of(strsep(&args, " "), roles, ROLE__COUNT);
	struct chan *chan = &c->chans[role == ROLE_HTTP ? ROLE_RAFT : role];
	unsigned long i, count = args != NULL ? strtoul(args, NULL, 10) : 0;
	struct frame frame;
	union msg msg;

	for (i = 1; i <= count; i++) {
		ask_anything(c, role);
		if (i % FLOOD_STEP != 0 && i != count)
			continue;
		if (role != ROLE_MASTER && read_chans(c, BIT(ROLE_MASTER)))
			(void)next_answer(c, BIT(ROLE_MASTER), &frame, &msg);
		switch (chan_flush_wait(chan, ANSWER_MS)) {
		case CHAN_OK:
			break;
		case CHAN_AGAIN:
			buf_printf(out, "silence after %lu", i);
			return;
		default:
			chan_fini(chan);
			buf_add_text(out, "gone");
			return;
		}
	}
	buf_add_text(out, "sent");
}

/* The socket that listens is one, the master's and of all http workers; so are its flags. */
static void
do_shut(struct captured *c, char *args, struct buf *out)
{
	if (shutdown(c->listener, SHUT_RDWR) == -1 || fcntl(c->listener, F_SETFL, 0) == -1)
		fatal("the listener");
	buf_add_text(out, "shut");
}

static void
do_veto(struct captured *c, char *args, struct buf *out)
{
	c->veto = true;
	buf_add_text(out, "so be it");
}

static const struct order {
	const char *name;
	void (*run)(struct captured *, char *args, struct buf *out);
} orders[] = {
	{ "login", do_login },
	{ "again", do_again },
	{ "renew", do_renew },
	{ "execute", do_execute },
	{ "begin", do_begin },
	{ "parts", do_parts },
	{ "barrier", do_barrier },
	{ "read_index", do_read_index },
	{ "query", do_query },
	{ "status", do_status },
	{ "sign", do_sign },
	{ "flood", do_flood },
	{ "shut", do_shut },
	{ "veto", do_veto },
};

static void
run_order(struct captured *c, char *line, struct buf *out)
{
	char *args = line, *name = strsep(&args, " ");
	size_t i;

	c->awaited = ++c->request;
	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		if (strcmp(orders[i].name, name) == 0) {
			orders[i].run(c, args, out);
			buf_add_u8(out, '\n');
			return;
		}
	fatalx("no such order: %s", name);
}

/* Answers each order of one connection; between them only the master is heard. */
static void
serve(struct captured *c, int fd)
{
	char line[LINE_MAX_SIZE];
	size_t len = 0;

	for (;;) {
		struct buf out = BUF_INIT;
		struct frame frame;
		union msg msg;
		char *end;
		ssize_t n;

		(void)wait_readable(c, BIT(ROLE_MASTER), fd, -1);
		(void)read_chans(c, BIT(ROLE_MASTER));
		(void)next_answer(c, BIT(ROLE_MASTER), &frame, &msg);
		n = recv(fd, line + len, sizeof(line) - 1 - len, MSG_DONTWAIT);
		if (n == 0)
			return;
		if (n > 0)
			len += (size_t)n;
		line[len] = '\0';
		end = strchr(line, '\n');
		if (end == NULL)
			continue;
		*end = '\0';
		len = 0;
		run_order(c, line, &out);
		(void)!write(fd, buf_bytes(&out), buf_size(&out));
		buf_fini(&out);
	}
}

int
main(void)
{
	static struct captured c;

	log_init("captured", LOG_INFO);
	c.listener = -1;
	begin(&c);
	for (;;) {
		struct frame frame;
		union msg msg;
		int fd;

		(void)wait_readable(&c, BIT(ROLE_MASTER), c.listener, -1);
		(void)read_chans(&c, BIT(ROLE_MASTER));
		(void)next_answer(&c, BIT(ROLE_MASTER), &frame, &msg);
		fd = accept4(c.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd != -1) {
			serve(&c, fd);
			close(fd);
		}
	}
}
