/*
 * Load for the cost of a TLS handshake: clients that connect, shake hands anew
 * (no session is ever offered), say that they are done and wait for the server
 * to end the connection, so that all of its work is inside the measured time.
 *	shake PORT SECONDS	prints the handshakes done and the failed ones
 *	shake PORT hold COUNT	opens so many connections, each asks one thing; says
 *				"ready", holds them until its input ends, and fails if the
 *				server has ended one meanwhile
 */
#include <sys/resource.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS 16

static SSL_CTX *ctx;
static struct sockaddr_in server;
static double deadline;
static atomic_uint done, failed;

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

/* A connection that has shaken hands, or NULL. */
static SSL *
shake(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	SSL *ssl = SSL_new(ctx);

	if (fd == -1 || ssl == NULL)
		abort();
	if (connect(fd, (struct sockaddr *)&server, sizeof(server)) == 0 &&
	    SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1)
		return (ssl);
	SSL_free(ssl);
	close(fd);
	return (NULL);
}

static void *
client(void *arg)
{
	char rest[4096];

	while (now() < deadline) {
		SSL *ssl = shake();

		if (ssl == NULL) {
			failed++;
			continue;
		}
		SSL_shutdown(ssl);
		(void)shutdown(SSL_get_fd(ssl), SHUT_WR);
		while (read(SSL_get_fd(ssl), rest, sizeof(rest)) > 0)
			;
		close(SSL_get_fd(ssl));
		SSL_free(ssl);
		done++;
	}
	return (NULL);
}

static int
run(const char *seconds)
{
	pthread_t threads[CLIENTS];
	int i;

	deadline = now() + strtod(seconds, NULL);
	for (i = 0; i < CLIENTS; i++)
		if (pthread_create(&threads[i], NULL, client, NULL) != 0)
			return (1);
	for (i = 0; i < CLIENTS; i++)
		pthread_join(threads[i], NULL);
	printf("%u %u\n", done, failed);
	return (0);
}

static int
hold(const char *count)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	char answer[4096];
	long i, n = strtol(count, NULL, 10);
	SSL **all = calloc((size_t)n, sizeof(SSL *));

	if (all == NULL)
		return (1);
	for (i = 0; i < n; i++) {
		SSL *ssl = all[i] = shake();

		if (ssl == NULL || SSL_write(ssl, request, sizeof(request) - 1) <= 0 ||
		    SSL_read(ssl, answer, sizeof(answer)) <= 0) {
			fprintf(stderr, "connection %ld failed\n", i);
			return (1);
		}
	}
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, answer, sizeof(answer)) > 0)
		;
	for (i = 0; i < n; i++) {
		ssize_t got;

		while ((got = recv(SSL_get_fd(all[i]), answer, sizeof(answer), MSG_DONTWAIT)) > 0)
			;
		if (got == 0)
			return (1);
	}
	return (0);
}

int
main(int argc, char **argv)
{
	struct rlimit limit;

	if (argc < 3)
		return (2);
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	server = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if ((ctx = SSL_CTX_new(TLS_client_method())) == NULL)
		return (1);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	if (argc == 4 && strcmp(argv[2], "hold") == 0)
		return (hold(argv[3]));
	return (run(argv[2]));
}
