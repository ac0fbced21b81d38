/*
 * Tickets: bytes that were not sealed with the verifier's key never open, and
 * those that open seal to the same bytes again.
 */
#include <stdint.h>
#include <string.h>

#include "proto/ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ticket_key keys[TICKET__COUNT];
	static uint8_t sealed[TICKET_SIZE], again[TICKET_SIZE];
	struct ticket ticket;

	if (ticket_open(data, size, TICKET_READ, &keys[TICKET_READ], &ticket) == 0) {
		ticket_mint(&ticket, keys, again);
		if (memcmp(again, data, TICKET_BODY_SIZE) != 0)
			__builtin_trap();
	}
	if (size < sizeof(ticket))
		return (0);
	memcpy(&ticket, data, sizeof(ticket));
	ticket_mint(&ticket, keys, sealed);
	if (ticket_open(sealed, sizeof(sealed), TICKET_RAFT, &keys[TICKET_RAFT], &ticket) == -1)
		__builtin_trap();
	ticket_mint(&ticket, keys, again);
	if (memcmp(sealed, again, sizeof(sealed)) != 0)
		__builtin_trap();
	return (0);
}
