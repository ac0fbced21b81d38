/*
 * Messages between nodes: what is encoded decodes to the same, and nothing else
 * decodes: not a frame cut short, nor one with any bit changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "proto/peer.h"

static struct peer_entry decoded[PEER_ENTRIES_MAX];

static struct peer_entry
sample_entry(const char *text, uint8_t type)
{
	return ((struct peer_entry){ .term = 3,
	    .type = type,
	    .data = (const uint8_t *)text,
	    .len = (uint32_t)strlen(text) });
}

/* A message with all its fields set. */
static struct peer_message
sample(uint8_t type, const struct peer_entry *entries)
{
	struct peer_message m = { .type = type, .from = 1, .to = 2, .term = 5 };

	if (type == PEER_PREVOTE || type == PEER_VOTE || type == PEER_APPEND ||
	    type == PEER_SNAPSHOT) {
		m.index = 1ULL << 40;
		m.log_term = 4;
	}
	if (type == PEER_VOTE)
		m.flags = PEER_TRANSFER;
	if (type == PEER_PREVOTE_REPLY || type == PEER_VOTE_REPLY || type == PEER_APPEND_REPLY)
		m.flags = PEER_REFUSED;
	if (type == PEER_APPEND || type == PEER_APPEND_REPLY) {
		m.round = 77;
		m.applied = 9;
		m.chain = UINT64_MAX;
	}
	if (type == PEER_APPEND)
		m.commit = 8;
	if (type == PEER_APPEND_REPLY) {
		m.index = 6;
		m.hint = 5;
		m.hint_term = 2;
	}
	if (type == PEER_SNAPSHOT)
		m.conf_index = 3;
	if (type == PEER_APPEND || type == PEER_SNAPSHOT) {
		m.entries = entries;
		m.count = 2;
	}
	return (m);
}

static void
assert_same(const struct peer_message *a, const struct peer_message *b)
{
	uint32_t i;

	assert_true(
	    a->type == b->type && a->flags == b->flags && a->from == b->from && a->to == b->to);
	assert_true(a->term == b->term && a->index == b->index && a->log_term == b->log_term);
	assert_true(a->commit == b->commit && a->round == b->round && a->applied == b->applied);
	assert_true(a->chain == b->chain && a->hint == b->hint && a->hint_term == b->hint_term);
	assert_true(a->conf_index == b->conf_index && a->count == b->count);
	for (i = 0; i < a->count; i++) {
		assert_int_equal(a->entries[i].term, b->entries[i].term);
		assert_int_equal(a->entries[i].type, b->entries[i].type);
		assert_int_equal(a->entries[i].len, b->entries[i].len);
		if (a->entries[i].len > 0)
			assert_memory_equal(
			    a->entries[i].data, b->entries[i].data, a->entries[i].len);
	}
}

static void
all_types_survive(void **state)
{
	struct peer_entry entries[2] = { sample_entry("insert", PEER_ENTRY_COMMAND),
		sample_entry("", PEER_ENTRY_NOOP) };
	struct buf frame = BUF_INIT;
	unsigned type;

	entries[1].data = NULL;
	for (type = 1; type < PEER_TYPE__COUNT; type++) {
		struct peer_message m = sample((uint8_t)type, entries), back;

		buf_reset(&frame, SIZE_MAX);
		peer_encode(&frame, &m);
		assert_int_equal(
		    peer_frame_size(buf_bytes(&frame), buf_size(&frame)), buf_size(&frame));
		assert_int_equal(peer_decode(buf_bytes(&frame), buf_size(&frame), &back, decoded,
				     PEER_ENTRIES_MAX),
		    0);
		assert_same(&m, &back);
	}
	buf_fini(&frame);
}

static void
no_changed_bit_passes(void **state)
{
	struct peer_entry entries[2] = { sample_entry("insert", PEER_ENTRY_COMMAND),
		sample_entry("update", PEER_ENTRY_LOAD) };
	struct peer_message m = sample(PEER_APPEND, entries), back;
	struct buf frame = BUF_INIT;
	size_t bit, len;

	peer_encode(&frame, &m);
	for (bit = 0; bit < 8 * buf_size(&frame); bit++) {
		frame.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(
		    peer_decode(frame.data, frame.len, &back, decoded, PEER_ENTRIES_MAX), -1);
		frame.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (len = 0; len < frame.len; len++)
		assert_int_equal(
		    peer_decode(frame.data, len, &back, decoded, PEER_ENTRIES_MAX), -1);
	assert_int_equal(peer_decode(frame.data, frame.len, &back, decoded, 1), -1);
	assert_int_equal(peer_decode(frame.data, frame.len, &back, decoded, 2), 0);
	buf_fini(&frame);
}

/* A liar computes a good checksum: every other check stands alone. */
static int
decode_sealed(struct buf *frame)
{
	uint32_t sum = crc32c(0, frame->data + PEER_HEAD_SIZE, frame->len - PEER_HEAD_SIZE);
	struct peer_message back;

	memcpy(frame->data + 4, &sum, 4);
	return (peer_decode(frame->data, frame->len, &back, decoded, PEER_ENTRIES_MAX));
}

static void
set(struct buf *frame, size_t at, uint32_t value, size_t len)
{
	memcpy(frame->data + at, &value, len);
}

static void
lies_do_not_decode(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
		size_t len;
	} lies[] = {
		{ 8, 2, 1 }, /* version */
		{ 9, 0, 1 }, { 9, 99, 1 }, /* type */
		{ 10, PEER_REFUSED, 2 }, /* a flag that the type has not */
		{ 12, 0, 4 }, /* from 0 (its upper half is 0 already) */
		{ 20, 0, 4 }, /* to 0 */
		{ 84, 3, 4 }, /* more entries than there are */
		{ 84, 1, 4 }, /* fewer: bytes are left over */
		{ 84, UINT32_MAX, 4 }, { 84, PEER_ENTRIES_MAX + 1, 4 },
		{ 88, 0, 4 }, /* an entry of term 0 */
		{ 96, 0, 1 }, /* of type 0 */
		{ 97, 7, 4 }, { 97, 5, 4 }, { 97, UINT32_MAX, 4 }, /* its length */
	};
	struct peer_entry entries[2] = { sample_entry("insert", PEER_ENTRY_COMMAND),
		sample_entry("update", PEER_ENTRY_LOAD) };
	struct peer_message m = sample(PEER_APPEND, entries);
	struct buf frame = BUF_INIT;
	size_t i;

	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		buf_reset(&frame, SIZE_MAX);
		peer_encode(&frame, &m);
		assert_int_equal(decode_sealed(&frame), 0);
		set(&frame, lies[i].at, lies[i].value, lies[i].len);
		assert_int_equal(decode_sealed(&frame), -1);
	}
	buf_fini(&frame);
}

static void
sizes_are_bounded(void **state)
{
	uint8_t head[4] = { 0xff, 0xff, 0xff, 0xff };

	assert_int_equal(peer_frame_size(head, 3), 0);
	assert_int_equal(peer_frame_size(head, 4), SIZE_MAX);
	memset(head, 0, 4);
	assert_int_equal(peer_frame_size(head, 4), SIZE_MAX);
	memcpy(head, "GET ", 4); /* HTTP is none of ours */
	assert_int_equal(peer_frame_size(head, 4), SIZE_MAX);
}

static struct peer_configuration
sample_members(uint32_t count)
{
	struct peer_configuration members = { .count = count };
	uint32_t i;

	for (i = 0; i < count; i++) {
		members.members[i].id = i + 1;
		members.members[i].suffrage = (uint8_t)(i % 3 + 1);
		memset(members.members[i].name, 'n', i == 0 ? PEER_NAME_MAX - 1 : 3);
		memset(members.members[i].address, 'a', i);
	}
	return (members);
}

static void
configurations(void **state)
{
	static uint8_t bytes[PEER_CONFIGURATION_MAX];
	struct peer_configuration members = sample_members(PEER_MEMBERS_MAX), back;
	size_t len = peer_configuration_encode(&members, bytes), cut;
	uint32_t i;

	assert_int_equal(peer_configuration_decode(&back, 7, bytes, len), 0);
	assert_int_equal(back.index, 7);
	assert_int_equal(back.count, members.count);
	for (i = 0; i < members.count; i++) {
		assert_int_equal(back.members[i].id, members.members[i].id);
		assert_int_equal(back.members[i].suffrage, members.members[i].suffrage);
		assert_string_equal(back.members[i].name, members.members[i].name);
		assert_string_equal(back.members[i].address, members.members[i].address);
	}
	for (cut = 0; cut < len; cut++)
		assert_int_equal(peer_configuration_decode(&back, 7, bytes, cut), -1);
	members.members[1].id = 1; /* twice */
	len = peer_configuration_encode(&members, bytes);
	assert_int_equal(peer_configuration_decode(&back, 7, bytes, len), -1);
	members = sample_members(1);
	members.members[0].suffrage = PEER_LEARNER; /* nobody votes */
	len = peer_configuration_encode(&members, bytes);
	assert_int_equal(peer_configuration_decode(&back, 7, bytes, len), -1);
	members.members[0].suffrage = 9;
	len = peer_configuration_encode(&members, bytes);
	assert_int_equal(peer_configuration_decode(&back, 7, bytes, len), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_types_survive),
		cmocka_unit_test(no_changed_bit_passes),
		cmocka_unit_test(lies_do_not_decode),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(configurations),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
