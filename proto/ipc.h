/*
 * Messages between our processes, as C has them: structs, codecs and checks, made
 * by macros of the list of messages (ipc_list.h) and of their fields
 * (ipc_fields.h).
 *
 * On the wire: fields in order, integers little-endian, no padding; `bytes` and
 * `text` are a u32 length and the bytes.  A decoded view points into the frame
 * and dies when the handler returns.  IPC has no version: both ends of a
 * channel come from one build, which HELLO checks.
 */
#ifndef PROTO_IPC_H
#define PROTO_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/chan.h"
#include "proto/ipc_fields.h"
#include "proto/ipc_list.h"
#include "proto/ipc_words.h"
#include "proto/role.h"

struct ipc_bytes {
	const uint8_t *data;
	size_t len;
};

#define IPC_TYPE_u8 uint8_t
#define IPC_TYPE_u16 uint16_t
#define IPC_TYPE_u32 uint32_t
#define IPC_TYPE_u64 uint64_t
#define IPC_TYPE_i64 int64_t
#define IPC_TYPE_bool8 bool
#define IPC_TYPE_enum8 uint8_t
#define IPC_TYPE_bytes struct ipc_bytes
#define IPC_TYPE_text struct ipc_bytes

#define IPC_MEMBER(kind, name, bound) IPC_TYPE_##kind name;
#define IPC_STRUCT(NAME, type, from, to, fd) struct msg_##type { type##_FIELDS(IPC_MEMBER) };
IPC_LIST(IPC_STRUCT)

#define IPC_ENUM(NAME, type, from, to, fd) MSG_##NAME,
enum msg_type { IPC_LIST(IPC_ENUM) MSG__COUNT };

#define IPC_UNION(NAME, type, from, to, fd) struct msg_##type type;
union msg { IPC_LIST(IPC_UNION) };

/* `msg_TYPE_send(chan, &m, fd)` queues one; fd (taken) exactly where the list says so, else -1. */
#define IPC_SEND(NAME, type, from, to, fd) \
	void msg_##type##_send(struct chan *, const struct msg_##type *, int);
IPC_LIST(IPC_SEND)

struct ipc_entry {
	const char *name;
	unsigned from; /* set of roles */
	unsigned to;
	bool fd;
	size_t max; /* bytes of payload */
	bool (*decode)(union msg *, const uint8_t *, size_t);
	void (*encode)(struct buf *, const union msg *);
};

/* The table; NULL past its end. */
const struct ipc_entry *ipc_entry(unsigned type);
/*
 * Decodes a frame that came from a peer of role `from` to us, `to`.  NULL, or
 * what is wrong with it: the peer is compromised or broken.
 */
const char *ipc_decode(const struct frame *, enum role from, enum role to, union msg *);
/* The largest payload that may come from a role to another: no frame between them is longer. */
size_t ipc_payload_max(enum role from, enum role to);
/* Whether any message goes between two roles, either way: then they need a channel. */
bool ipc_has_edge(enum role, enum role);
/* A number that changes whenever the list does. */
uint32_t ipc_revision(void);

static inline struct ipc_bytes
ipc_text(const char *s)
{
	struct ipc_bytes bytes = { (const uint8_t *)s, s == NULL ? 0 : strlen(s) };

	return (bytes);
}

#endif
