/*
 * raft/peers: who the members were at the log's base.  The log tells it by its
 * configuration entries, until those are dropped from its front; so this file
 * is written before they go.
 */
#ifndef PROC_RAFT_MEMBERS_H
#define PROC_RAFT_MEMBERS_H

#include <stdint.h>

#include "common/error.h"
#include "common/file.h"
#include "proto/peer.h"

struct members {
	uint64_t base; /* all before this entry, and it, may be gone from the log */
	struct peer_configuration configuration; /* in force there; its index <= base */
};

/*
 * A missing file is a log that was never shortened (all zero).  -1 and the error
 * if it is damaged, of another version, or another node's.
 */
int members_read(struct file_dir *, const uint8_t instance[16], struct members *, struct error *);
/* Durable on return.  -1 with errno: the former file stays; a failed flush ends the process. */
int members_write(struct file_dir *, const uint8_t instance[16], const struct members *);

#endif
