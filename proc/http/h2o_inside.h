/*
 * What h2o keeps of an HTTP/2 connection and its streams, which no installed
 * header says whole: the layout of its http2_internal.h, of the one version that
 * we are built against.  Read, and in one place written (flood.c), where h2o
 * offers no call; whoever uses it checks first what can be checked.
 */
#ifndef PROC_HTTP_H2O_INSIDE_H
#define PROC_HTTP_H2O_INSIDE_H

#include <stdint.h>

#include <h2o.h>
#include <h2o/http2.h>
#include <h2o/http2_scheduler.h>

#include "proc/http/flood.h"

#define H2O_INSIDE_VERSION                                                    \
	(H2O_LIBRARY_VERSION_MAJOR == 0 && H2O_LIBRARY_VERSION_MINOR == 13 && \
	    H2O_LIBRARY_VERSION_PATCH == 5)
_Static_assert(H2O_INSIDE_VERSION, "these are the structures of h2o 2.2.5");

/* st_h2o_http2_conn_t, as far as we need it. */
struct http2_connection {
	h2o_conn_t super;
	h2o_socket_t *sock;
	h2o_http2_settings_t peer_settings;
	void *streams;
	uint32_t stream_ids[3];
	uint32_t num_streams[9];
	h2o_http2_scheduler_node_t scheduler;
	int state;
	h2o_linklist_t link; /* of h2o_context_t.http2._conns */
	flood_expect_fn *expect;
};

/* st_h2o_http2_stream_t. */
struct http2_stream {
	uint32_t id;
	h2o_ostream_t output;
	int state;
	ssize_t windows[2];
	h2o_http2_priority_t priority;
	h2o_buffer_t *body; /* what came of it; NULL if none is expected */
	size_t content_length;
	H2O_VECTOR(h2o_iovec_t) data;
	h2o_ostream_pull_cb pull;
	void *num_streams_slot;
	void *cache_digests;
	struct {
		uint32_t parent;
		unsigned promise_sent : 1;
	} push;
	struct {
		h2o_linklist_t link;
		h2o_http2_scheduler_openref_t scheduler;
	} refs;
	h2o_send_state_t send_state;
	h2o_req_t req;
};

#endif
