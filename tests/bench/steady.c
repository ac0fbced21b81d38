/*
 * A load that behaves: kept connections over TLS, each of which asks at a fixed
 * rate, whatever the server does; one request in four is a write, the others are
 * point reads.  A request's time begins when it was due, not when it could be
 * sent, so that no wait is left out.
 *	steady PORT		for each line of its input, a number of seconds, it asks for so
 *				long and prints p50 and p99 of reads, the same of writes,
 *				in seconds, and the requests that failed
 */
#include "tests/bench/peer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENTS 8
#define RATE 50 /* requests a second of each */
#define WRITES 4 /* one in so many */
#define TIMES_MAX 65536

struct client {
	SSL *ssl;
	unsigned asked; /* says what the next one is */
	unsigned failed;
	double phase; /* seconds after the others' */
	size_t count[2];
	double *times[2]; /* of reads and writes */
};

static struct peer_target target;
static struct client clients[CLIENTS];
static double begin, seconds;

static int
ask(SSL *ssl, const char *path, const char *body)
{
	char text[4096];
	int n = snprintf(text, sizeof(text),
	    "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    path, strlen(body), body);

	/* The answer fits one record. */
	if (SSL_write(ssl, text, n) != n || (n = SSL_read(ssl, text, sizeof(text) - 1)) <= 0)
		return (-1);
	text[n] = '\0';
	if (strstr(text, " 200 OK\r\n") != NULL && strstr(text, "error") == NULL)
		return (0);
	fprintf(stderr, "%s: %s\n", path, text);
	return (-1);
}

static void *
run(void *arg)
{
	struct client *client = arg;
	double due = begin + client->phase;

	for (; due < begin + seconds; due += 1.0 / RATE) {
		int write = client->asked++ % WRITES == 0;
		int result;

		peer_sleep(due);
		result = write ? ask(client->ssl, "/db/execute",
				     "[[\"INSERT INTO t(name, age) VALUES(?, ?)\", \"fiona\", 20]]")
			       : ask(client->ssl, "/db/query?level=none",
				     "[[\"SELECT name, age FROM p WHERE id=?\", 17]]");
		if (result == -1)
			client->failed++;
		if (client->count[write] < TIMES_MAX)
			client->times[write][client->count[write]++] = peer_now() - due;
	}
	return (NULL);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x < y ? -1 : x > y);
}

static void
print_times(int write)
{
	static double all[CLIENTS * TIMES_MAX];
	size_t n = 0, i;

	for (i = 0; i < CLIENTS; i++) {
		memcpy(all + n, clients[i].times[write], clients[i].count[write] * sizeof(*all));
		n += clients[i].count[write];
		clients[i].count[write] = 0;
	}
	qsort(all, n, sizeof(*all), compare);
	if (n == 0)
		abort();
	printf("%.6f %.6f ", all[n / 2], all[n * 99 / 100]);
}

static void
turn(void)
{
	pthread_t threads[CLIENTS];
	unsigned failed = 0;
	size_t i;

	begin = peer_now() + 0.01;
	for (i = 0; i < CLIENTS; i++)
		if (pthread_create(&threads[i], NULL, run, &clients[i]) != 0)
			abort();
	for (i = 0; i < CLIENTS; i++) {
		pthread_join(threads[i], NULL);
		failed += clients[i].failed;
		clients[i].failed = 0;
	}
	print_times(0);
	print_times(1);
	printf("%u\n", failed);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	char line[64];
	size_t i;

	if (argc != 2)
		return (2);
	peer_init(&target, argv[1], NULL);
	for (i = 0; i < CLIENTS; i++) {
		clients[i].phase = (double)i / (CLIENTS * RATE);
		clients[i].asked = (unsigned)i;
		clients[i].times[0] = malloc(TIMES_MAX * sizeof(double));
		clients[i].times[1] = malloc(TIMES_MAX * sizeof(double));
		if (clients[i].times[0] == NULL || clients[i].times[1] == NULL ||
		    (clients[i].ssl = peer_open(&target, 0)) == NULL)
			return (1);
	}
	while (fgets(line, sizeof(line), stdin) != NULL) {
		seconds = strtod(line, NULL);
		turn();
	}
	return (0);
}
