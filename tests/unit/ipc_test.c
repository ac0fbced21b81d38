/*
 * The messages between processes: no pair of roles outside the table is heard,
 * and a damaged frame is refused or is another valid message, never more.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ipc.h"

#define SMALL 5 /* bytes in each field of bytes or text */

static const uint8_t letters[SMALL] = { 'a', 'b', 'c', 'd', 'e' };

/* Fills a field with something valid and, where it can be, not zero. */
#define FILL_u8(bound) 0x11
#define FILL_u32(bound) 0x21222324
#define FILL_u64(bound) 0x3132333435363738
#define FILL_bool8(bound) true
#define FILL_enum8(bound) ((bound) - 1)
#define FILL_bytes(bound) { letters, SMALL }
#define FILL_text(bound) { letters, SMALL }
#define FILL(kind, name, bound) .name = FILL_##kind(bound),
#define SAMPLE(NAME, type, from, to, fd) [MSG_##NAME] = { .type = { type##_FIELDS(FILL) } },
static const union msg samples[MSG__COUNT] = { IPC_LIST(SAMPLE) };

/* The first role of a set. */
static enum role
role_of(unsigned set)
{
	unsigned role;

	for (role = 0; role < ROLE__COUNT && (set & (1U << role)) == 0; role++)
		continue;
	assert_true(role < ROLE__COUNT);
	return ((enum role)role);
}

/* The frame of a sample, as its sender would send it; the bytes are b's. */
static struct frame
frame_of(unsigned type, struct buf *b)
{
	ipc_entry(type)->encode(b, &samples[type]);
	return ((struct frame){ (uint16_t)type, ipc_entry(type)->fd ? 0 : -1, b->data, b->len });
}

static const char *
decode_as_meant(const struct frame *frame, union msg *msg)
{
	const struct ipc_entry *entry = ipc_entry(frame->type);

	return (ipc_decode(frame, role_of(entry->from), role_of(entry->to), msg));
}

/* In memory of its own, so that the sanitizer sees a read past the end. */
static const char *
decode_copy(const struct frame *frame, size_t len, union msg *msg, uint8_t **copy)
{
	struct frame cut = *frame;

	*copy = malloc(len > 0 ? len : 1);
	assert_non_null(*copy);
	memcpy(*copy, frame->data, len < frame->len ? len : frame->len);
	if (len > frame->len)
		memset(*copy + frame->len, 0, len - frame->len);
	cut.data = *copy;
	cut.len = len;
	return (decode_as_meant(&cut, msg));
}

static void
decodes_what_was_encoded(void **state)
{
	struct buf b = BUF_INIT, again = BUF_INIT;
	struct frame frame;
	union msg msg;
	unsigned type;

	for (type = 0; type < MSG__COUNT; type++) {
		buf_reset(&b, SIZE_MAX);
		buf_reset(&again, SIZE_MAX);
		frame = frame_of(type, &b);
		assert_true(frame.len > 0);
		assert_null(decode_as_meant(&frame, &msg));
		ipc_entry(type)->encode(&again, &msg);
		assert_int_equal(again.len, b.len);
		assert_memory_equal(again.data, b.data, b.len);
	}
	buf_fini(&b);
	buf_fini(&again);
}

/* Whether `to` hears the frame from `from`: exactly if the table says so. */
static bool
hear(const struct frame *frame, enum role from, enum role to)
{
	const struct ipc_entry *entry = ipc_entry(frame->type);
	bool listed = (entry->from & (1U << from)) != 0 && (entry->to & (1U << to)) != 0;
	union msg msg;
	const char *wrong = ipc_decode(frame, from, to, &msg);

	if (listed)
		assert_null(wrong);
	else
		assert_string_equal(wrong, "message not allowed here");
	assert_false(listed && from == to);
	assert_false(listed && !ipc_has_edge(from, to));
	return (listed);
}

static void
hears_only_pairs_of_the_table(void **state)
{
	struct buf b = BUF_INIT;
	struct frame frame;
	unsigned type, from, to, heard = 0;

	for (type = 0; type < MSG__COUNT; type++) {
		buf_reset(&b, SIZE_MAX);
		frame = frame_of(type, &b);
		for (from = 0; from < ROLE__COUNT; from++)
			for (to = 0; to < ROLE__COUNT; to++)
				heard += hear(&frame, from, to);
	}
	assert_true(heard > MSG__COUNT);
	buf_fini(&b);
}

/* The edges of the architecture, written down a second time. */
static void
has_the_edges_of_the_architecture(void **state)
{
	static const unsigned edges[ROLE__COUNT] = {
		[ROLE_MASTER] = 1 << ROLE_HTTP | 1 << ROLE_AUTH | 1 << ROLE_KEY | 1 << ROLE_RAFT |
		    1 << ROLE_SQL | 1 << ROLE_READ,
		[ROLE_HTTP] = 1 << ROLE_MASTER | 1 << ROLE_AUTH | 1 << ROLE_KEY | 1 << ROLE_RAFT |
		    1 << ROLE_SQL | 1 << ROLE_READ,
		[ROLE_AUTH] = 1 << ROLE_MASTER | 1 << ROLE_HTTP,
		[ROLE_KEY] = 1 << ROLE_MASTER | 1 << ROLE_HTTP,
		[ROLE_RAFT] = 1 << ROLE_MASTER | 1 << ROLE_HTTP | 1 << ROLE_SQL,
		[ROLE_SQL] = 1 << ROLE_MASTER | 1 << ROLE_HTTP | 1 << ROLE_RAFT,
		[ROLE_READ] = 1 << ROLE_MASTER | 1 << ROLE_HTTP,
	};
	unsigned a, b;

	for (a = 0; a < ROLE__COUNT; a++)
		for (b = 0; b < ROLE__COUNT; b++)
			assert_int_equal(ipc_has_edge(a, b), (edges[a] & (1U << b)) != 0);
}

/* A channel takes no longer frame than the table has a message for. */
static void
bounds_what_a_channel_carries(void **state)
{
	static uint8_t bytes[RESULT_PART_MAX];
	union msg msg = { .result = { .error = { bytes, 1024 },
			      .body = { bytes, RESULT_PART_MAX } } };
	struct buf b = BUF_INIT;

	memset(bytes, 'x', sizeof(bytes));
	ipc_entry(MSG_RESULT)->encode(&b, &msg);
	assert_int_equal(b.len, ipc_entry(MSG_RESULT)->max);
	assert_int_equal(ipc_payload_max(ROLE_READ, ROLE_HTTP), b.len);
	assert_int_equal(ipc_payload_max(ROLE_HTTP, ROLE_RAFT),
	    8 + 4 + IPC_TICKET_MAX + 4 + COMMAND_WHOLE_MAX);
	assert_int_equal(ipc_payload_max(ROLE_HTTP, ROLE_AUTH), ipc_entry(MSG_AUTH_CHECK)->max);
	assert_true(ipc_payload_max(ROLE_HTTP, ROLE_AUTH) < 8 * KIB);
	assert_int_equal(ipc_payload_max(ROLE_AUTH, ROLE_SQL), 0);
	buf_fini(&b);
}

static void
refuses_unknown_types(void **state)
{
	static const uint8_t none[1];
	struct frame frame = { MSG__COUNT, -1, none, 0 };
	union msg msg;
	unsigned type;

	for (type = MSG__COUNT; type <= UINT16_MAX; type++) {
		frame.type = (uint16_t)type;
		assert_null(ipc_entry(type));
		assert_non_null(ipc_decode(&frame, ROLE_MASTER, ROLE_HTTP, &msg));
	}
}

static void
refuses_a_descriptor_too_many_or_missing(void **state)
{
	struct buf b = BUF_INIT;
	struct frame frame;
	union msg msg;
	unsigned type;

	for (type = 0; type < MSG__COUNT; type++) {
		buf_reset(&b, SIZE_MAX);
		frame = frame_of(type, &b);
		frame.fd = frame.fd == -1 ? 0 : -1;
		assert_non_null(decode_as_meant(&frame, &msg));
	}
	buf_fini(&b);
}

static void
refuses_every_truncation_and_trailing_bytes(void **state)
{
	struct buf b = BUF_INIT;
	struct frame frame;
	union msg msg;
	unsigned type;
	uint8_t *copy;
	size_t len;

	for (type = 0; type < MSG__COUNT; type++) {
		buf_reset(&b, SIZE_MAX);
		frame = frame_of(type, &b);
		for (len = 0; len <= frame.len + 9; len++) {
			const char *wrong = decode_copy(&frame, len, &msg, &copy);

			assert_int_equal(wrong == NULL, len == frame.len);
			free(copy);
		}
	}
	buf_fini(&b);
}

/* Refused, or a message that encodes to just these bytes. */
static void
flip(const struct frame *frame, size_t bit, unsigned counts[2])
{
	struct buf again = BUF_INIT;
	struct frame flipped = *frame;
	union msg msg;
	uint8_t *copy = malloc(frame->len);

	assert_non_null(copy);
	memcpy(copy, frame->data, frame->len);
	copy[bit / 8] ^= (uint8_t)(1 << (bit % 8));
	flipped.data = copy;
	if (decode_as_meant(&flipped, &msg) == NULL) {
		ipc_entry(frame->type)->encode(&again, &msg);
		assert_int_equal(again.len, frame->len);
		assert_memory_equal(again.data, copy, frame->len);
		counts[1]++;
	} else
		counts[0]++;
	buf_fini(&again);
	free(copy);
}

static void
takes_every_bit_flip_as_what_it_says(void **state)
{
	struct buf b = BUF_INIT;
	struct frame frame;
	unsigned type, counts[2] = { 0, 0 };
	size_t bit;

	for (type = 0; type < MSG__COUNT; type++) {
		buf_reset(&b, SIZE_MAX);
		frame = frame_of(type, &b);
		for (bit = 0; bit < frame.len * 8; bit++)
			flip(&frame, bit, counts);
	}
	/* Lengths, enums and booleans refuse; numbers and letters do not. */
	assert_true(counts[0] > 500);
	assert_true(counts[1] > 500);
	buf_fini(&b);
}

/* A field one byte longer than its bound, and exactly as long. */
static void
holds_bounds(void **state)
{
	static uint8_t bytes[8 + 4 + IPC_TICKET_MAX + 1];
	struct frame frame = { MSG_BARRIER, -1, bytes, 0 };
	uint32_t len = IPC_TICKET_MAX;
	union msg msg;

	memcpy(bytes + 8, &len, sizeof(len));
	frame.len = 12 + len;
	assert_null(ipc_decode(&frame, ROLE_HTTP, ROLE_RAFT, &msg));
	assert_int_equal(msg.barrier.ticket.len, len);
	len++;
	memcpy(bytes + 8, &len, sizeof(len));
	frame.len = 12 + len;
	assert_non_null(ipc_decode(&frame, ROLE_HTTP, ROLE_RAFT, &msg));
}

static void
refuses_nul_in_a_text(void **state)
{
	struct buf b = BUF_INIT;
	struct frame frame = frame_of(MSG_STATUS, &b);
	union msg msg;

	assert_null(decode_as_meant(&frame, &msg));
	b.data[b.len - 2] = '\0';
	assert_non_null(decode_as_meant(&frame, &msg));
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_what_was_encoded),
		cmocka_unit_test(hears_only_pairs_of_the_table),
		cmocka_unit_test(has_the_edges_of_the_architecture),
		cmocka_unit_test(bounds_what_a_channel_carries),
		cmocka_unit_test(refuses_unknown_types),
		cmocka_unit_test(refuses_a_descriptor_too_many_or_missing),
		cmocka_unit_test(refuses_every_truncation_and_trailing_bytes),
		cmocka_unit_test(takes_every_bit_flip_as_what_it_says),
		cmocka_unit_test(holds_bounds),
		cmocka_unit_test(refuses_nul_in_a_text),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
