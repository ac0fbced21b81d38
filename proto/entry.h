/*
 * What a COMMAND entry of the log holds before its command: all that makes
 * its SQL mean the same on every node.  Little-endian:
 *	u8 version (1), 7 zero bytes, i64 time, u64 seed, u64 vm_steps, command
 */
#ifndef PROTO_ENTRY_H
#define PROTO_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ENTRY_VERSION 1
#define ENTRY_HEAD_SIZE 32

struct entry_head {
	int64_t time_ns;   /* since 1970, the leader's clock when it took the request */
	uint64_t seed;	   /* of everything random in it */
	uint64_t vm_steps; /* budget, so that a run-away statement ends alike everywhere */
};

static inline void
entry_encode(uint8_t out[ENTRY_HEAD_SIZE], const struct entry_head *head)
{
	memset(out, 0, ENTRY_HEAD_SIZE);
	out[0] = ENTRY_VERSION;
	memcpy(out + 8, &head->time_ns, 8);
	memcpy(out + 16, &head->seed, 8);
	memcpy(out + 24, &head->vm_steps, 8);
}

/* False if it is too short or of another version; the command follows at ENTRY_HEAD_SIZE. */
static inline bool
entry_decode(const uint8_t *data, size_t len, struct entry_head *head)
{
	if (len < ENTRY_HEAD_SIZE || data[0] != ENTRY_VERSION)
		return (false);
	memcpy(&head->time_ns, data + 8, 8);
	memcpy(&head->seed, data + 16, 8);
	memcpy(&head->vm_steps, data + 24, 8);
	return (true);
}

#endif
