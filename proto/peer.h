/*
 * What nodes say to each other about consensus, in memory and on the wire.
 *
 * The bytes come from other machines and are hostile until they decode: every
 * length is bounded, a checksum covers all, and encode(decode(x)) == x.  What a
 * decoded message means is for the core to judge; that its sender is who it
 * says is for the connection that carried it.
 *
 * Frame, little-endian: u32 length of what follows, u32 CRC-32C of what follows
 * it, u8 version, u8 type, u16 flags, u64 from, u64 to, then the 8-byte fields
 * that the type has (peer.c), then for APPEND and SNAPSHOT a u32 count and the
 * entries, each u64 term, u8 type, u32 length, bytes.
 */
#ifndef PROTO_PEER_H
#define PROTO_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/limits.h"

#define PEER_VERSION 1
#define PEER_HEAD_SIZE 8	  /* length and checksum */
#define PEER_ENTRIES_MAX 1024	  /* in a message */
#define PEER_BYTES_MAX (1 * MIB)  /* of entries in a message, unless one alone is larger */
#define PEER_FRAME_MAX (COMMAND_MAX + 2 * MIB) /* a full message and one entry of any size */
#define PEER_TERM_MAX (UINT64_MAX / 2) /* so that counting on never overflows */
#define PEER_MEMBERS_MAX 32
#define PEER_NAME_MAX 256	  /* of a name or address, with its NUL */
#define PEER_CONFIGURATION_MAX (4 + PEER_MEMBERS_MAX * (13 + 2 * PEER_NAME_MAX))

/* Explicit numbers: they are on disks and wires, and never change their meaning. */
enum peer_entry_type {
	PEER_ENTRY_NOOP = 1,	      /* a leader's first; carries nothing */
	PEER_ENTRY_COMMAND = 2,	      /* proto/entry.h */
	PEER_ENTRY_CONFIGURATION = 3, /* the members from here on */
	PEER_ENTRY_LOAD = 4,	      /* others are opaque to the core */
	PEER_ENTRY_BARRIER = 5
};

struct peer_entry {
	uint64_t term;
	const uint8_t *data; /* NULL if len is 0 */
	void *owner;	     /* whoever keeps `data` alive; not on the wire */
	uint32_t len;
	uint8_t type;
};

enum peer_suffrage {
	PEER_VOTER = 1,
	PEER_LEARNER = 2, /* a read replica: gets the log, never votes */
	PEER_JOINING = 3  /* a learner that becomes a voter when it has caught up */
};

struct peer_member {
	uint64_t id; /* of the node, never 0; who it is for the core */
	uint8_t suffrage;
	char name[PEER_NAME_MAX]; /* from -node-id; the core does not look at it */
	char address[PEER_NAME_MAX];
};

struct peer_configuration {
	uint64_t index; /* of its log entry; not encoded */
	uint32_t count;
	struct peer_member members[PEER_MEMBERS_MAX];
};

enum peer_type {
	PEER_PREVOTE = 1,
	PEER_PREVOTE_REPLY = 2,
	PEER_VOTE = 3,
	PEER_VOTE_REPLY = 4,
	PEER_APPEND = 5, /* without entries: a heartbeat */
	PEER_APPEND_REPLY = 6,
	PEER_TIMEOUT_NOW = 7, /* campaign at once: leadership is yours to take */
	PEER_SNAPSHOT = 8,    /* an offer; its content travels apart */
	PEER_TYPE__COUNT
};

enum peer_flag {
	PEER_REFUSED = 1 << 0,	/* of replies */
	PEER_TRANSFER = 1 << 1, /* VOTE: the leader itself asked for this election */
	PEER_FLAGS_ALL = (1 << 2) - 1
};

struct peer_message {
	uint8_t type;
	uint16_t flags;
	uint64_t from;
	uint64_t to;
	uint64_t term;
	uint64_t index;	     /* VOTE: last; APPEND: previous; its reply: durable, or refused */
	uint64_t log_term;   /* of the entry at `index` */
	uint64_t commit;
	uint64_t round;	     /* of heartbeats; a reply repeats it */
	uint64_t applied;    /* an index the sender has applied, */
	uint64_t chain;	     /* and its chain hash there */
	uint64_t hint;	     /* refused APPEND: try from here, */
	uint64_t hint_term;  /* where the follower has this term */
	uint64_t conf_index; /* SNAPSHOT: index of the configuration that is its only entry */
	uint32_t count;
	const struct peer_entry *entries; /* views of the frame or of the core; borrowed */
};

/* Appends the frame; the message must be within the bounds above (asserted). */
void peer_encode(struct buf *, const struct peer_message *);
/* Size of the frame that begins here; 0: `len` is too short to tell; SIZE_MAX: it is none of ours. */
size_t peer_frame_size(const uint8_t *data, size_t len);
/*
 * Decodes a whole frame.  Entries go to `entries` (room for `cap`; PEER_ENTRIES_MAX
 * is always enough) and point into `data`.  -1 if anything is wrong with it.
 */
int peer_decode(const uint8_t *data, size_t len, struct peer_message *, struct peer_entry *entries,
    size_t cap);

/* The payload of a CONFIGURATION entry; returns its size. */
size_t peer_configuration_encode(
    const struct peer_configuration *, uint8_t out[PEER_CONFIGURATION_MAX]);
/* -1 if it is malformed, names a node twice or has no voter; `index` is set to the one given. */
int peer_configuration_decode(
    struct peer_configuration *, uint64_t index, const uint8_t *data, size_t len);
const struct peer_member *peer_configuration_find(const struct peer_configuration *, uint64_t id);
const char *peer_type_name(unsigned type);

#endif
