/*
 * Last words that arrive at clients which are still sending: a copy of the
 * descriptor is read empty for a moment after h2o has closed the connection.
 */
#ifndef PROC_HTTP_LINGER_H
#define PROC_HTTP_LINGER_H

#include <stdint.h>

#include <h2o.h>

#define LINGERS 64 /* at a time; further clients may see a reset instead */

struct client;
struct http;

/* A closed connection whose client may still be sending. */
struct lingerer {
	h2o_socket_t *sock; /* NULL before it is closed */
	int fd; /* -1: free */
	int64_t until_ns;
};

void linger_init(struct http *);
/* To be called before last words are written; h2o closes the connection after them. */
void linger_start(struct http *, h2o_socket_t *);
/* Its connection is closed now; nothing if linger_start() was not called for it. */
void linger_closed(struct client *);
/* Ends those whose time is over.  To be called once a second. */
void linger_sweep(struct http *);

#endif
