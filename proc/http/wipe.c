/*
 * Clients' passwords in h2o's memory: see wipe.h.  Its input is hostile.
 *
 * A header is in the buffer of its connection and, of a request with a body or by
 * HTTP/2, decoded in memory of its own.  Both are wiped.  That buffer is given back
 * for a larger one while a long body comes in, with the head still in it, so it is
 * wiped then as well, in h2o_buffer__do_free(), which stands before h2o's.  Over TLS
 * the record that it came in is a third place.
 */
#include "proc/http/wipe.h"

#include <dlfcn.h>
#include <string.h>

#include "common/limits.h"
#include "common/log.h"
#include "proc/http/basic.h"
#include "proc/http/h2o_inside.h"
#include "proc/http/tls_memory.h"

#define HEAD_MAX (512 * KIB) /* h2o takes no longer ones */
#define FRAME_HEADER 9
#define TYPE_HEADERS 1
#define TYPE_CONTINUATION 9

static void (*give_back)(h2o_buffer_t *);

void
wipe_init(void)
{
	void *symbol = dlsym(RTLD_NEXT, "h2o_buffer__do_free");

	if (symbol == NULL)
		fatalx("h2o has no h2o_buffer__do_free");
	memcpy(&give_back, &symbol, sizeof(give_back));
}

/* Called by h2o in the place of its own, for any buffer; those for output need no wiping. */
void
h2o_buffer__do_free(h2o_buffer_t *buffer)
{
	size_t used = (size_t)(buffer->bytes - buffer->_buf) + buffer->size;

	if (buffer->_prototype == &h2o_socket_buffer_prototype)
		explicit_bzero(buffer->_buf, used < HEAD_MAX ? used : HEAD_MAX);
	give_back(buffer);
}

/*
 * A value of HTTP/2 is in a block of its own behind the h2o_iovec_t that names it.
 * The connection's table counts as an owner.
 */
static bool
is_in_table(const h2o_iovec_t *value)
{
	const h2o_iovec_t *block = (const h2o_iovec_t *)(const void *)value->base - 1;
	const struct st_h2o_mem_pool_shared_entry_t *entry =
	    H2O_STRUCT_FROM_MEMBER(struct st_h2o_mem_pool_shared_entry_t, bytes, block);

	return (block->base != value->base || entry->refcnt != 1);
}

/* How much of the input begins with a frame of this request's head, which h2o has decoded. */
static size_t
frame_of(const h2o_req_t *req, const h2o_buffer_t *input)
{
	const struct http2_stream *stream = H2O_STRUCT_FROM_MEMBER(struct http2_stream, req, req);
	const uint8_t *frame = (const uint8_t *)input->bytes;
	size_t len;

	if (input->size < FRAME_HEADER ||
	    (frame[3] != TYPE_HEADERS && frame[3] != TYPE_CONTINUATION) ||
	    ((uint32_t)(frame[5] & 0x7f) << 24 | (uint32_t)frame[6] << 16 |
		(uint32_t)frame[7] << 8 | frame[8]) != stream->id)
		return (0);
	len = FRAME_HEADER + ((size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2]);
	return (len <= input->size ? len : 0);
}

/* What h2o has taken from the buffer of an HTTP/2 connection is still there. */
static void
wipe_frames(const h2o_req_t *req, h2o_buffer_t *input)
{
	size_t frame = frame_of(req, input);
	size_t taken = (size_t)(input->bytes - input->_buf);
	size_t spare = input->capacity - taken - input->size;

	if (frame > 0)
		explicit_bzero(input->bytes + FRAME_HEADER, frame - FRAME_HEADER);
	explicit_bzero(input->_buf, taken < HEAD_MAX ? taken : HEAD_MAX);
	explicit_bzero(input->bytes + input->size, spare < HEAD_MAX ? spare : HEAD_MAX);
}

static bool
is_in(const h2o_buffer_t *input, const h2o_iovec_t *value)
{
	return (value->base >= input->bytes && value->base < input->bytes + input->size);
}

static void
wipe_value(h2o_req_t *req, h2o_buffer_t *input, const h2o_iovec_t *value)
{
	bool http2 = req->version >= 0x200, received = input != NULL && input->bytes != NULL;

	if (received && !http2 && !is_in(input, value))
		basic_wipe(input->bytes, input->size < HEAD_MAX ? input->size : HEAD_MAX);
	if (received && http2)
		wipe_frames(req, input);
	if (!http2 || !is_in_table(value))
		explicit_bzero(value->base, value->len);
}

void
wipe_authorization(h2o_req_t *req)
{
	h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);
	ssize_t i = -1;

	while ((i = h2o_find_header(&req->headers, H2O_TOKEN_AUTHORIZATION, i)) != -1) {
		if (req->headers.entries[i].value.len > 0) /* an empty one may be a constant */
			wipe_value(req, sock->input, &req->headers.entries[i].value);
		tls_memory_wipe();
	}
}
