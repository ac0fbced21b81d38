/*
 * One TLS record for an answer that fits in one.  h2o hands head and body of an
 * answer to the TLS library apart, which makes a record of each: twice the work,
 * here and for the client.  So h2o's function that writes is replaced by one that
 * joins short pieces first; all else is left to the original.
 */
#include <dlfcn.h>
#include <string.h>

#include "common/log.h"
#include "proc/http/http.h"

#define JOIN_MAX 1300 /* less than the records that h2o makes at first, which fit in a packet */

typedef void socket_write(h2o_socket_t *, h2o_iovec_t *, size_t, h2o_socket_cb);

/* The pieces in one; false if they are too long. */
static bool
join(const h2o_iovec_t *bufs, size_t count, char *joined, size_t *len)
{
	size_t i;

	*len = 0;
	for (i = 0; i < count; i++) {
		if (bufs[i].len > JOIN_MAX - *len)
			return (false);
		memcpy(joined + *len, bufs[i].base, bufs[i].len);
		*len += bufs[i].len;
	}
	return (true);
}

/* In place of h2o's: the TLS library has taken what is in the buffer when this returns. */
void
h2o_socket_write(h2o_socket_t *sock, h2o_iovec_t *bufs, size_t count, h2o_socket_cb cb)
{
	static socket_write *original;
	char joined[JOIN_MAX];
	h2o_iovec_t one = { joined, 0 };

	if (original == NULL &&
	    (original = (socket_write *)(uintptr_t)dlsym(RTLD_NEXT, "h2o_socket_write")) == NULL)
		fatalx("h2o_socket_write: %s", dlerror());
	if (sock->ssl != NULL && count > 1 && join(bufs, count, joined, &one.len))
		original(sock, &one, 1, cb);
	else
		original(sock, bufs, count, cb);
}
