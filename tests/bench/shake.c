/*
 * Load for the cost of a TLS handshake: clients that connect, shake hands anew
 * (no session is ever offered), say that they are done and wait for the server
 * to end the connection, so that all of its work is inside the measured time.
 *	shake PORT SECONDS	prints the handshakes done and the failed ones
 *	shake PORT hold COUNT	opens so many connections, each asks one thing; says
 *				"ready", holds them until its input ends, and fails if the
 *				server has ended one meanwhile
 *	shake PORT storm COUNT	the same, but all handshakes begin before one ends
 */
#include "tests/bench/peer.h"

#include <sys/socket.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENTS 16

static struct peer_target target;
static double deadline;
static atomic_uint done, failed;

static void *
client(void *arg)
{
	char rest[4096];

	while (peer_now() < deadline) {
		SSL *ssl = peer_open(&target, 0);

		if (ssl == NULL) {
			failed++;
			continue;
		}
		SSL_shutdown(ssl);
		(void)shutdown(SSL_get_fd(ssl), SHUT_WR);
		while (read(SSL_get_fd(ssl), rest, sizeof(rest)) > 0)
			;
		peer_close(ssl);
		done++;
	}
	return (NULL);
}

static int
run(const char *seconds)
{
	pthread_t threads[CLIENTS];
	int i;

	deadline = peer_now() + strtod(seconds, NULL);
	for (i = 0; i < CLIENTS; i++)
		if (pthread_create(&threads[i], NULL, client, NULL) != 0)
			return (1);
	for (i = 0; i < CLIENTS; i++)
		pthread_join(threads[i], NULL);
	printf("%u %u\n", done, failed);
	return (0);
}

static bool
ask(SSL *ssl)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	char answer[4096];

	return (SSL_write(ssl, request, sizeof(request) - 1) > 0 &&
		SSL_read(ssl, answer, sizeof(answer)) > 0);
}

static bool
open_all(SSL **all, long n, bool at_once)
{
	long i;

	for (i = 0; i < n && at_once; i++)
		if ((all[i] = peer_begin(&target)) == NULL)
			return (false);
	for (i = 0; i < n; i++) {
		if (!at_once)
			all[i] = peer_open(&target, 0);
		if (all[i] == NULL || SSL_connect(all[i]) != 1 || !ask(all[i]))
			return (false);
	}
	return (true);
}

static int
hold(const char *count, bool at_once)
{
	char rest[4096];
	long i, n = strtol(count, NULL, 10);
	SSL **all = calloc((size_t)n, sizeof(SSL *));

	if (all == NULL || !open_all(all, n, at_once)) {
		fprintf(stderr, "a connection failed\n");
		return (1);
	}
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, rest, sizeof(rest)) > 0)
		;
	for (i = 0; i < n; i++) {
		ssize_t got;

		while ((got = recv(SSL_get_fd(all[i]), rest, sizeof(rest), MSG_DONTWAIT)) > 0)
			;
		if (got == 0)
			return (1);
	}
	return (0);
}

int
main(int argc, char **argv)
{
	if (argc < 3)
		return (2);
	peer_init(&target, argv[1], NULL);
	if (argc == 4 && strcmp(argv[2], "hold") == 0)
		return (hold(argv[3], false));
	if (argc == 4 && strcmp(argv[2], "storm") == 0)
		return (hold(argv[3], true));
	return (run(argv[2]));
}
