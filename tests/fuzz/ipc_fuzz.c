/*
 * Messages from a hostile sibling: the first byte chooses the type, the rest is
 * the payload, heard by whoever hears such messages.  What decodes must encode
 * to the same bytes, and nobody outside the table may hear it.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
encode_again(const struct ipc_entry *entry, const union msg *msg, const struct frame *frame)
{
	struct buf out = BUF_INIT;

	entry->encode(&out, msg);
	if (out.len != frame->len || (out.len > 0 && memcmp(out.data, frame->data, out.len) != 0))
		abort();
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ipc_entry *entry;
	struct frame frame = { 0 };
	union msg msg;
	unsigned from, to;

	if (size == 0)
		return (0);
	frame.type = data[0];
	frame.data = data + 1;
	frame.len = size - 1;
	entry = ipc_entry(frame.type);
	frame.fd = entry != NULL && entry->fd ? 0 : -1;
	for (from = 0; from < ROLE__COUNT; from++) {
		for (to = 0; to < ROLE__COUNT; to++) {
			if (ipc_decode(&frame, (enum role)from, (enum role)to, &msg) != NULL)
				continue;
			if (entry == NULL || (entry->from & (1U << from)) == 0 ||
			    (entry->to & (1U << to)) == 0)
				abort();
			encode_again(entry, &msg, &frame);
		}
	}
	return (0);
}
