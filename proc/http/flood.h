/*
 * The guard against HTTP/2 floods: frames that ask for nothing, and requests
 * that are begun and reset, each cost us work for a few bytes of the sender's,
 * and h2o bounds neither.  Whoever sends too many is told ENHANCE_YOUR_CALM and
 * is closed; nobody else is touched.
 */
#ifndef PROC_HTTP_FLOOD_H
#define PROC_HTTP_FLOOD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <h2o.h>

/* h2o's own opaque connection, and the function that takes its next frame in. */
struct st_h2o_http2_conn_t;
typedef ssize_t flood_expect_fn(
    struct st_h2o_http2_conn_t *, const uint8_t *src, size_t len, const char **err_desc);

/* Of one connection; all zero for a new one. Holds nothing to free. */
struct flood {
	flood_expect_fn *expect; /* h2o's, called by ours; NULL until it is guarded */
	uint64_t since_ms; /* up to here both purses were refilled */
	size_t written; /* and up to this count of bytes sent to it */
	uint32_t idle; /* thousandths of frames that it may still send in vain */
	uint32_t resets; /* thousandths of requests that it may still reset */
	bool given_up; /* by the frame that is being taken in */
};

struct http;

/*
 * Guards the HTTP/2 connections that came since the last call.  To be called
 * after each turn of the loop.  What a client sent in one go with the end of its
 * handshake is not judged: it is at most a socket's buffer.
 */
void flood_guard(struct http *);

/* A request ended before its answer: reset by its client, by h2o for a fault of it, or left. */
void flood_given_up(h2o_req_t *);

#endif
