/*
 * Term and vote, durable before they are acted on: two copies, both written and
 * flushed at every change, so that losing one never brings back an older vote.
 */
#ifndef PROC_RAFT_VOTE_H
#define PROC_RAFT_VOTE_H

#include <stdint.h>

#include "common/error.h"
#include "common/file.h"

struct vote {
	uint64_t term;
	uint64_t synced; /* log index known to be on the disk at a clean stop, 0: not stopped cleanly */
	uint64_t candidate; /* who got this node's vote in the term, 0: nobody */
};

/*
 * Reads the newer good copy; a missing file is a new node (all zero).  -1 and
 * the error if neither is good, or the file is another node's.  What was read
 * may be in memory only: write it again before it is acted on.
 */
int vote_read(struct file_dir *, const uint8_t instance[16], struct vote *, struct error *);
/*
 * Writes both copies, each flushed; a failed flush ends the process.  -1 with
 * errno if it can't be written: the file then holds this vote or the one before.
 */
int vote_write(struct file_dir *, const uint8_t instance[16], const struct vote *);

#endif
