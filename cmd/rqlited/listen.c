/*
 * Listening sockets.  One shared socket for all http workers, SO_REUSEADDR
 * only: SO_REUSEPORT would let a second node of the same user share the port.
 */
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/rqlited/master.h"
#include "common/log.h"

#define BACKLOG 1024
#define PATIENCE_MS 500 /* for a node before this one to be gone */
#define PATIENCE_STEP_MS 10
#define WRITE_STALL_MS 30000 /* a client that does not read is cut after this */

/* Splits host:port at the last colon, brackets of an IPv6 address removed. */
static int
split(const char *address, char *host, size_t host_size, const char **port)
{
	const char *colon = strrchr(address, ':');
	size_t len;

	if (colon == NULL)
		return (-1);
	len = (size_t)(colon - address);
	if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	if (len >= host_size)
		return (-1);
	memcpy(host, address, len);
	host[len] = '\0';
	*port = colon + 1;
	return (0);
}

static bool
is_number(const char *port)
{
	return (port[0] != '\0' && strspn(port, "0123456789") == strlen(port));
}

/* The first address of the list, an IPv4 one preferred, as clients of "localhost" expect. */
static const struct addrinfo *
choose(const struct addrinfo *list)
{
	const struct addrinfo *ai;

	for (ai = list; ai != NULL; ai = ai->ai_next)
		if (ai->ai_family == AF_INET)
			return (ai);
	return (list);
}

static int
bind_address(const struct addrinfo *ai)
{
	int fd, on = 1, off = 0, stall = WRITE_STALL_MS, bound;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return (-1);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ai->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
#ifdef TCP_USER_TIMEOUT
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &stall, sizeof(stall));
#endif
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	do
		bound = bind(fd, ai->ai_addr, ai->ai_addrlen);
	while (bound == -1 && errno == EADDRINUSE && listen_patience());
	if (bound == -1 || listen(fd, BACKLOG) == -1) {
		int saved = errno;

		close(fd);
		errno = saved;
		return (-1);
	}
	return (fd);
}

bool
listen_patience(void)
{
	static unsigned tries;
	struct timespec pause = { 0, PATIENCE_STEP_MS * 1000000L };

	if (tries++ >= PATIENCE_MS / PATIENCE_STEP_MS)
		return (false);
	(void)nanosleep(&pause, NULL);
	return (true);
}

int
listen_tcp(const char *address, struct error *error)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	const char *port;
	char host[256];
	int fd, code;

	if (split(address, host, sizeof(host), &port) == -1)
		return (error_set(error, "listen tcp %s: not host:port", address));
	if (is_number(port) && strtoul(port, NULL, 10) > 65535)
		return (error_set(error, "listen tcp: address %s: invalid port", port));
	/* An empty host is every interface, IPv6 included where there is any. */
	if (host[0] == '\0')
		hints.ai_family = AF_INET6;
	code = getaddrinfo(host[0] == '\0' ? NULL : host, port, &hints, &list);
	if (code != 0 && host[0] == '\0') {
		hints.ai_family = AF_INET;
		code = getaddrinfo(NULL, port, &hints, &list);
	}
	if (code != 0)
		return (error_set(error, "listen tcp: lookup %s: %s", host,
		    code == EAI_NONAME ? "no such host" : gai_strerror(code)));
	fd = bind_address(host[0] == '\0' ? list : choose(list));
	if (fd == -1 && host[0] == '\0' && errno == EAFNOSUPPORT) {
		freeaddrinfo(list);
		hints.ai_family = AF_INET;
		if (getaddrinfo(NULL, port, &hints, &list) != 0)
			return (error_set(error, "listen tcp %s: no address", address));
		fd = bind_address(list);
	}
	freeaddrinfo(list);
	if (fd == -1) {
		char reason[128];

		/* Go's texts, which scripts know. */
		(void)snprintf(reason, sizeof(reason), "%s",
		    errno == EADDRINUSE	     ? "address already in use"
		    : errno == EACCES	     ? "permission denied"
		    : errno == EADDRNOTAVAIL ? "cannot assign requested address"
					     : strerror(errno));
		return (error_set(error, "listen tcp %s: bind: %s", address, reason));
	}
	return (fd);
}

void
listen_again(int fd)
{
	if (listen(fd, BACKLOG) == -1 || fcntl(fd, F_SETFL, O_NONBLOCK) == -1)
		log_warn("listen");
}
