/*
 * Codecs and table of the messages listed in ipc_list.h, made by its macros.
 * The bytes decoded here come from a sibling that may have been taken over.
 */
#include "proto/ipc.h"

#include <assert.h>

#include "common/crc32c.h"

/* Sets of roles, for the columns of the list. */
#define MASTER (1 << ROLE_MASTER)
#define HTTP (1 << ROLE_HTTP)
#define AUTH (1 << ROLE_AUTH)
#define KEY (1 << ROLE_KEY)
#define RAFT (1 << ROLE_RAFT)
#define SQL (1 << ROLE_SQL)
#define READ (1 << ROLE_READ)
#define WORKERS (HTTP | AUTH | KEY | RAFT | SQL | READ)
#define SERVERS (AUTH | KEY | RAFT | SQL | READ)

#define FD_NONE false
#define FD_ONE true

struct reader {
	const uint8_t *pos;
	size_t left;
	bool ok;
};

static const uint8_t *
take(struct reader *reader, size_t n)
{
	const uint8_t *pos = reader->pos;

	if (reader->left < n) {
		reader->ok = false;
		return (NULL);
	}
	reader->pos += n;
	reader->left -= n;
	return (pos);
}

#define GET_INTEGER(kind, type)								\
	static void get_##kind(struct reader *reader, type *value, size_t bound)	\
	{										\
		const uint8_t *pos = take(reader, sizeof(*value));			\
											\
		if (pos != NULL)							\
			memcpy(value, pos, sizeof(*value));				\
	}										\
	static void put_##kind(struct buf *buf, const type *value, size_t bound)	\
	{										\
		buf_add(buf, value, sizeof(*value));					\
	}
GET_INTEGER(u8, uint8_t)
GET_INTEGER(u32, uint32_t)
GET_INTEGER(u64, uint64_t)

static void
get_enum8(struct reader *reader, uint8_t *value, size_t bound)
{
	get_u8(reader, value, 0);
	if (reader->ok && *value >= bound)
		reader->ok = false;
}

static void
put_enum8(struct buf *buf, const uint8_t *value, size_t bound)
{
	assert(*value < bound);
	buf_add_u8(buf, *value);
}

static void
get_bool8(struct reader *reader, bool *value, size_t bound)
{
	uint8_t byte = 0;

	get_enum8(reader, &byte, 2);
	*value = byte == 1;
}

static void
put_bool8(struct buf *buf, const bool *value, size_t bound)
{
	buf_add_u8(buf, *value);
}

static void
get_bytes(struct reader *reader, struct ipc_bytes *value, size_t bound)
{
	uint32_t len = 0;

	get_u32(reader, &len, 0);
	if (!reader->ok || len > bound) {
		reader->ok = false;
		return;
	}
	value->data = take(reader, len);
	value->len = len;
}

static void
put_bytes(struct buf *buf, const struct ipc_bytes *value, size_t bound)
{
	assert(value->len <= bound);
	buf_add_u32(buf, (uint32_t)value->len);
	buf_add(buf, value->data, value->len);
}

/* A text is bytes without NUL: what is meant for a person. */
static void
get_text(struct reader *reader, struct ipc_bytes *value, size_t bound)
{
	get_bytes(reader, value, bound);
	if (reader->ok && value->len > 0 && memchr(value->data, '\0', value->len) != NULL)
		reader->ok = false;
}

static void
put_text(struct buf *buf, const struct ipc_bytes *value, size_t bound)
{
	struct ipc_bytes cut = *value;

	if (cut.len > bound)
		cut.len = bound;
	put_bytes(buf, &cut, bound);
}

#define GET(kind, name, bound) get_##kind(&reader, &m->name, bound);
#define PUT(kind, name, bound) put_##kind(buf, &m->name, bound);
#define CODEC(NAME, type, from, to, fd)							\
	static bool decode_##type(union msg *msg, const uint8_t *data, size_t len)	\
	{										\
		struct reader reader = { data, len, true };				\
		struct msg_##type *m = &msg->type;					\
											\
		memset(m, 0, sizeof(*m));						\
		type##_FIELDS(GET)							\
		return (reader.ok && reader.left == 0);					\
	}										\
	static void put_##type(struct buf *buf, const struct msg_##type *m)		\
	{										\
		type##_FIELDS(PUT)							\
	}										\
	static void encode_##type(struct buf *buf, const union msg *msg)		\
	{										\
		put_##type(buf, &msg->type);						\
	}										\
	void msg_##type##_send(struct chan *chan, const struct msg_##type *m, int file)	\
	{										\
		size_t begun = chan_begin(chan, MSG_##NAME);				\
											\
		assert((file != -1) == fd);						\
		put_##type(&chan->out, m);						\
		chan_end(chan, begun, file);						\
	}
IPC_LIST(CODEC)

#define MAX_u8(bound) 1
#define MAX_u32(bound) 4
#define MAX_u64(bound) 8
#define MAX_bool8(bound) 1
#define MAX_enum8(bound) 1
#define MAX_bytes(bound) (4 + (bound))
#define MAX_text(bound) (4 + (bound))
#define MAX(kind, name, bound) + MAX_##kind(bound)

#define ENTRY(NAME, type, from, to, fd) \
	{ #NAME, from, to, fd, 0 type##_FIELDS(MAX), decode_##type, encode_##type },
static const struct ipc_entry entries[MSG__COUNT] = { IPC_LIST(ENTRY) };

const struct ipc_entry *
ipc_entry(unsigned type)
{
	return (type < MSG__COUNT ? &entries[type] : NULL);
}

const char *
ipc_decode(const struct frame *frame, enum role from, enum role to, union msg *msg)
{
	const struct ipc_entry *entry = ipc_entry(frame->type);

	if (entry == NULL)
		return ("unknown message");
	if ((entry->from & (1U << from)) == 0 || (entry->to & (1U << to)) == 0)
		return ("message not allowed here");
	if (entry->fd != (frame->fd != -1))
		return (entry->fd ? "descriptor missing" : "descriptor not expected");
	if (!entry->decode(msg, frame->data, frame->len))
		return ("malformed message");
	return (NULL);
}

size_t
ipc_payload_max(enum role from, enum role to)
{
	size_t i, max = 0;

	for (i = 0; i < MSG__COUNT; i++)
		if ((entries[i].from & (1U << from)) && (entries[i].to & (1U << to)) &&
		    entries[i].max > max)
			max = entries[i].max;
	return (max);
}

bool
ipc_has_edge(enum role a, enum role b)
{
	size_t i;

	for (i = 0; i < MSG__COUNT; i++)
		if (((entries[i].from & (1U << a)) && (entries[i].to & (1U << b))) ||
		    ((entries[i].from & (1U << b)) && (entries[i].to & (1U << a))))
			return (true);
	return (false);
}

#define FIELD_TEXT(kind, name, bound) #kind #name #bound
#define LIST_TEXT(NAME, type, from, to, fd) #NAME #from #to #fd type##_FIELDS(FIELD_TEXT)

uint32_t
ipc_revision(void)
{
	static const char list[] = IPC_LIST(LIST_TEXT);

	return (crc32c(0, list, sizeof(list)));
}
