/*
 * A client's end of TLS connections to the server on 127.0.0.1.  Certificates
 * are not verified, no session is offered again.
 */
#ifndef TESTS_BENCH_PEER_H
#define TESTS_BENCH_PEER_H

#include <netinet/in.h>
#include <openssl/ssl.h>

struct peer_target {
	SSL_CTX *ctx;
	struct sockaddr_in server;
};

/*
 * To that port, offering the protocol `alpn` (its length in front) or none (NULL).
 * Also raises the limit of descriptors and ignores SIGPIPE.  Ends the process if
 * memory is out.
 */
void peer_init(struct peer_target *, const char *port, const char *alpn);

/* A new connection, from 127.0.0.1 (`from` 0) or from that address; NULL: no handshake. */
SSL *peer_open(const struct peer_target *, in_addr_t from);

/* One whose handshake has begun, and waits for SSL_connect() to go on; NULL: no connection. */
SSL *peer_begin(const struct peer_target *);

/* As it is, without a farewell. */
void peer_close(SSL *);

/* Seconds of a steady clock, and a sleep until then. */
double peer_now(void);
void peer_sleep(double until);

#endif
