/*
 * Messages between nodes as bytes.  One table says which fields a type has;
 * encoder and decoder walk it alike, so that they can not differ.
 */
#include "proto/peer.h"

#include <assert.h>
#include <string.h>

#include "common/crc32c.h"

#define BODY_MIN 20 /* version, type, flags, from, to */
#define ENTRY_HEAD_BYTES 13
#define MEMBER_HEAD_BYTES 13 /* id, suffrage, two lengths */
#define FIELDS_MAX 12

#define F(name) offsetof(struct peer_message, name)

struct shape {
	const char *name;
	uint16_t flags; /* that it may have */
	bool has_entries;
	uint8_t count;
	size_t fields[FIELDS_MAX];
};

static const struct shape shapes[PEER_TYPE__COUNT] = {
	[PEER_PREVOTE] = { "prevote", 0, false, 3, { F(term), F(index), F(log_term) } },
	[PEER_PREVOTE_REPLY] = { "prevote-reply", PEER_REFUSED, false, 1, { F(term) } },
	[PEER_VOTE] = { "vote", PEER_TRANSFER, false, 3, { F(term), F(index), F(log_term) } },
	[PEER_VOTE_REPLY] = { "vote-reply", PEER_REFUSED, false, 1, { F(term) } },
	[PEER_APPEND] = { "append", 0, true, 7,
	    { F(term), F(index), F(log_term), F(commit), F(round), F(applied), F(chain) } },
	[PEER_APPEND_REPLY] = { "append-reply", PEER_REFUSED, false, 7,
	    { F(term), F(index), F(round), F(applied), F(chain), F(hint), F(hint_term) } },
	[PEER_TIMEOUT_NOW] = { "timeout-now", 0, false, 1, { F(term) } },
	[PEER_SNAPSHOT] = { "snapshot", 0, true, 4,
	    { F(term), F(index), F(log_term), F(conf_index) } },
};

static const struct shape *
shape_of(unsigned type)
{
	if (type >= PEER_TYPE__COUNT || shapes[type].name == NULL)
		return (NULL);
	return (&shapes[type]);
}

const char *
peer_type_name(unsigned type)
{
	const struct shape *shape = shape_of(type);

	return (shape == NULL ? "unknown" : shape->name);
}

static void
encode_entries(struct buf *out, const struct peer_message *m)
{
	uint32_t i;

	assert(m->count <= PEER_ENTRIES_MAX);
	buf_add_u32(out, m->count);
	for (i = 0; i < m->count; i++) {
		const struct peer_entry *entry = &m->entries[i];

		buf_add_u64(out, entry->term);
		buf_add_u8(out, entry->type);
		buf_add_u32(out, entry->len);
		buf_add(out, entry->data, entry->len);
	}
}

void
peer_encode(struct buf *out, const struct peer_message *m)
{
	const struct shape *shape = shape_of(m->type);
	size_t start = out->len, size;
	uint32_t word;
	uint8_t i;

	assert(shape != NULL && (m->flags & ~shape->flags) == 0);
	buf_add_u64(out, 0);
	buf_add_u8(out, PEER_VERSION);
	buf_add_u8(out, m->type);
	buf_add_u16(out, m->flags);
	buf_add_u64(out, m->from);
	buf_add_u64(out, m->to);
	for (i = 0; i < shape->count; i++)
		buf_add(out, (const uint8_t *)m + shape->fields[i], 8);
	if (shape->has_entries)
		encode_entries(out, m);
	size = out->len - start;
	assert(size <= PEER_FRAME_MAX);
	word = (uint32_t)(size - 4);
	memcpy(out->data + start, &word, 4);
	word = crc32c(0, out->data + start + PEER_HEAD_SIZE, size - PEER_HEAD_SIZE);
	memcpy(out->data + start + 4, &word, 4);
}

size_t
peer_frame_size(const uint8_t *data, size_t len)
{
	uint32_t word;

	if (len < 4)
		return (0);
	memcpy(&word, data, 4);
	if (word < 4 + BODY_MIN || word > PEER_FRAME_MAX - 4)
		return (SIZE_MAX);
	return ((size_t)word + 4);
}

struct cursor {
	const uint8_t *pos;
	size_t left;
	bool bad; /* it ran out: all that was read since is zero */
};

static const uint8_t *
take(struct cursor *in, size_t len)
{
	const uint8_t *at = in->pos;

	if (in->left < len) {
		in->bad = true;
		in->left = 0;
		return (NULL);
	}
	in->pos += len;
	in->left -= len;
	return (at);
}

static uint64_t
take_number(struct cursor *in, size_t len)
{
	uint64_t value = 0;
	const uint8_t *at = take(in, len);

	if (at != NULL)
		memcpy(&value, at, len);
	return (value);
}

static int
decode_entries(struct cursor *in, struct peer_message *m, struct peer_entry *entries, size_t cap)
{
	uint32_t i;

	m->count = (uint32_t)take_number(in, 4);
	m->entries = entries;
	if (m->count > PEER_ENTRIES_MAX || m->count > cap || m->count > in->left / ENTRY_HEAD_BYTES)
		return (-1);
	for (i = 0; i < m->count; i++) {
		struct peer_entry *entry = &entries[i];

		entry->term = take_number(in, 8);
		entry->type = (uint8_t)take_number(in, 1);
		entry->len = (uint32_t)take_number(in, 4);
		entry->data = entry->len > 0 ? take(in, entry->len) : NULL;
		entry->owner = NULL;
		if (in->bad || entry->term == 0 || entry->type == 0)
			return (-1);
	}
	return (0);
}

/* The frame's outside: its size is right and its bytes are those that were sent. */
static int
check_frame(const uint8_t *data, size_t len)
{
	uint32_t word;

	if (len < PEER_HEAD_SIZE || peer_frame_size(data, len) != len)
		return (-1);
	memcpy(&word, data + 4, 4);
	return (word == crc32c(0, data + PEER_HEAD_SIZE, len - PEER_HEAD_SIZE) ? 0 : -1);
}

int
peer_decode(
    const uint8_t *data, size_t len, struct peer_message *m, struct peer_entry *entries, size_t cap)
{
	struct cursor in;
	const struct shape *shape;
	uint8_t i;

	memset(m, 0, sizeof(*m));
	if (check_frame(data, len) != 0)
		return (-1);
	in = (struct cursor){ data + PEER_HEAD_SIZE, len - PEER_HEAD_SIZE, false };
	if (take_number(&in, 1) != PEER_VERSION)
		return (-1);
	m->type = (uint8_t)take_number(&in, 1);
	m->flags = (uint16_t)take_number(&in, 2);
	if ((shape = shape_of(m->type)) == NULL || (m->flags & ~shape->flags) != 0)
		return (-1);
	m->from = take_number(&in, 8);
	m->to = take_number(&in, 8);
	for (i = 0; i < shape->count; i++) {
		uint64_t value = take_number(&in, 8);

		memcpy((uint8_t *)m + shape->fields[i], &value, 8);
	}
	if (shape->has_entries && decode_entries(&in, m, entries, cap) != 0)
		return (-1);
	if (in.bad || in.left != 0 || m->from == 0 || m->to == 0)
		return (-1);
	return (m->term > PEER_TERM_MAX || m->index > PEER_TERM_MAX ? -1 : 0);
}

static uint8_t *
put(uint8_t *at, const void *data, size_t len)
{
	memcpy(at, data, len);
	return (at + len);
}

/* u32 count, then each: u64 id, u8 suffrage, u16 and bytes of name, u16 and bytes of address. */
size_t
peer_configuration_encode(
    const struct peer_configuration *members, uint8_t out[PEER_CONFIGURATION_MAX])
{
	uint8_t *at = put(out, &members->count, 4);
	uint32_t i;

	assert(members->count <= PEER_MEMBERS_MAX);
	for (i = 0; i < members->count; i++) {
		const struct peer_member *member = &members->members[i];
		uint16_t name_len = (uint16_t)strnlen(member->name, PEER_NAME_MAX - 1);
		uint16_t address_len = (uint16_t)strnlen(member->address, PEER_NAME_MAX - 1);

		at = put(at, &member->id, 8);
		at = put(at, &member->suffrage, 1);
		at = put(at, &name_len, 2);
		at = put(at, member->name, name_len);
		at = put(at, &address_len, 2);
		at = put(at, member->address, address_len);
	}
	return ((size_t)(at - out));
}

static int
decode_text(struct cursor *in, char out[PEER_NAME_MAX])
{
	size_t len = (size_t)take_number(in, 2);
	const uint8_t *at;

	if (len >= PEER_NAME_MAX || (at = take(in, len)) == NULL || memchr(at, 0, len) != NULL)
		return (-1);
	memcpy(out, at, len);
	return (0);
}

static int
decode_member(struct cursor *in, struct peer_member *member)
{
	member->id = take_number(in, 8);
	member->suffrage = (uint8_t)take_number(in, 1);
	if (decode_text(in, member->name) != 0 || decode_text(in, member->address) != 0)
		return (-1);
	return (member->id == 0 || member->suffrage < PEER_VOTER || member->suffrage > PEER_JOINING
		    ? -1
		    : 0);
}

int
peer_configuration_decode(
    struct peer_configuration *out, uint64_t index, const uint8_t *data, size_t len)
{
	struct cursor in = { data, len, false };
	bool has_voter = false;
	uint32_t count, i;

	memset(out, 0, sizeof(*out));
	out->index = index;
	count = (uint32_t)take_number(&in, 4);
	if (count > PEER_MEMBERS_MAX || count > in.left / MEMBER_HEAD_BYTES)
		return (-1);
	for (i = 0; i < count; i++) {
		struct peer_member *member = &out->members[i];

		if (decode_member(&in, member) != 0 ||
		    peer_configuration_find(out, member->id) != NULL)
			return (-1);
		has_voter |= member->suffrage == PEER_VOTER;
		out->count++;
	}
	return (in.bad || in.left != 0 || !has_voter ? -1 : 0);
}

const struct peer_member *
peer_configuration_find(const struct peer_configuration *members, uint64_t id)
{
	uint32_t i;

	for (i = 0; i < members->count; i++)
		if (members->members[i].id == id)
			return (&members->members[i]);
	return (NULL);
}
