/*
 * A client's end of TLS connections: see peer.h.
 */
#include "tests/bench/peer.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void
peer_init(struct peer_target *target, const char *port, const char *alpn)
{
	struct rlimit limit;

	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	target->server = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if ((target->ctx = SSL_CTX_new(TLS_client_method())) == NULL ||
	    (alpn != NULL && SSL_CTX_set_alpn_protos(target->ctx, (const unsigned char *)alpn,
				 (unsigned int)strlen(alpn)) != 0))
		abort();
	SSL_CTX_set_session_cache_mode(target->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(target->ctx, SSL_MODE_RELEASE_BUFFERS);
}

/* A connection on which nothing has been said, or NULL. */
static SSL *
reach(const struct peer_target *target, in_addr_t from)
{
	struct sockaddr_in ours = { .sin_family = AF_INET, .sin_addr.s_addr = from };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	SSL *ssl = SSL_new(target->ctx);

	if (fd == -1 || ssl == NULL)
		abort();
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if ((from == 0 || bind(fd, (struct sockaddr *)&ours, sizeof(ours)) == 0) &&
	    connect(fd, (const struct sockaddr *)&target->server, sizeof(target->server)) == 0 &&
	    SSL_set_fd(ssl, fd) == 1)
		return (ssl);
	SSL_free(ssl);
	close(fd);
	return (NULL);
}

SSL *
peer_open(const struct peer_target *target, in_addr_t from)
{
	SSL *ssl = reach(target, from);

	if (ssl == NULL || SSL_connect(ssl) == 1)
		return (ssl);
	peer_close(ssl);
	return (NULL);
}

SSL *
peer_begin(const struct peer_target *target)
{
	SSL *ssl = reach(target, 0);

	if (ssl == NULL)
		return (NULL);
	(void)fcntl(SSL_get_fd(ssl), F_SETFL, O_NONBLOCK);
	(void)SSL_connect(ssl);
	(void)fcntl(SSL_get_fd(ssl), F_SETFL, 0);
	return (ssl);
}

void
peer_close(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	SSL_free(ssl);
	close(fd);
}

double
peer_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

void
peer_sleep(double until)
{
	double left = until - peer_now();
	struct timespec ts = { (time_t)left, (long)((left - (double)(time_t)left) * 1e9) };

	if (left > 0)
		(void)nanosleep(&ts, NULL);
}
