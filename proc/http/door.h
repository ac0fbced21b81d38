/*
 * Connections that wait to be let in: those of clients that are shunned for
 * floods (shun.h).  One is let in each DOOR_MS, the first first, so that whoever
 * comes from the same address and means no harm gets in a little later, while
 * all who flood together get no more handshakes than that.  A flooder that waits
 * for its turn is also kept from coming again.
 */
#ifndef PROC_HTTP_DOOR_H
#define PROC_HTTP_DOOR_H

#include <stddef.h>

#include <h2o.h>

#define DOOR_MS 250
#define DOOR_MAX 32 /* waiting; further ones are closed */

struct http;

struct door {
	h2o_socket_t *waiting[DOOR_MAX]; /* a ring; h2o reads none of them yet */
	size_t first, count;
	h2o_timeout_t timeout;
	h2o_timeout_entry_t entry; /* linked while there are any */
};

void door_init(struct http *);
/* Takes the accepted socket; closes it if too many wait. */
void door_wait(struct http *, h2o_socket_t *);
/* The node stops: all are closed. */
void door_shut(struct http *);

#endif
