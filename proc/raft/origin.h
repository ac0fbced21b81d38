/*
 * Who waits for what: requests of http that are on their way through the log, or
 * for an index to read at.  http may be gone, or be another life of it, when the
 * answer is there: the incarnation tells.
 */
#ifndef PROC_RAFT_ORIGIN_H
#define PROC_RAFT_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

/* Whom an entry or a read is answered to. */
struct origin {
	uint8_t worker; /* of http */
	bool known; /* false: nobody waits */
	uint32_t incarnation;
	uint64_t request;
};

/* Who proposed the entry that is at `index` in this term. */
struct sender {
	struct origin origin;
	uint64_t index, term;
};

/* Waits for the core to name an index to read at; those of one turn share a token. */
struct reader {
	struct origin origin;
	uint64_t token;
};

/* Answered when the database has applied `index`. */
struct waiter {
	struct origin origin;
	uint64_t index;
	bool logged;
};

#endif
