/*
 * Connections: accepted, counted in all and per address, drained.
 */
#ifndef PROC_HTTP_SERVER_H
#define PROC_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include <h2o.h>

#include "proc/http/flood.h"

#define ADDRESSES 1024 /* counted, for the limit of connections per address */

struct http;
struct job;
struct lingerer;

/* A connection: what on_close.data of its socket points to. */
struct client {
	struct http *http;
	struct job *job; /* HTTP/1: whose answer is awaited with the read armed */
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
	struct flood flood;
	const char *expelled; /* why its connection ends with its next frame, or at once */
	struct lingerer *linger;
	bool counted; /* in the connections of its address */
};

/* What one address has. */
struct address_count {
	uint8_t address[16];
	uint32_t count; /* connections */
	uint32_t receiving; /* intake.c: requests whose bodies come in, */
	size_t bodies; /* and the bytes of these that are there */
};

/* Prepares h2o and its timers; nothing is accepted yet. */
void server_init(struct http *);
/* Begins to accept, or goes on, if there is room (and for HTTPS, a certificate). */
void server_start(struct http *);
/* Accepts nothing more; the worker is done when all are answered, or after deadline_ms. */
void server_stop(struct http *, unsigned deadline_ms);
/* The context that new handshakes begin with; the caller keeps the former one for those under way. */
void server_use_tls(struct http *, SSL_CTX *);
/* The socket's descriptor of a request's connection; it stays h2o's. */
int server_fd(h2o_req_t *);
/* The address of a request's client. */
void server_address(h2o_req_t *, uint8_t address[16]);
/* What the client's address has; those that are not counted apart share one. */
struct address_count *server_address_count(const struct client *);

#endif
