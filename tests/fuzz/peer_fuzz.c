/*
 * Frames between nodes: what decodes encodes to the same bytes, also as a
 * configuration, and a core that is fed with it keeps its head.  The checksum
 * would stop the fuzzer, so it is put right first.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "proto/peer.h"

static struct peer_entry entries[PEER_ENTRIES_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_frame(uint8_t *frame, size_t len)
{
	struct peer_message m;
	struct buf again = BUF_INIT;
	uint32_t word = (uint32_t)len - 4;

	memcpy(frame, &word, 4);
	word = crc32c(0, frame + PEER_HEAD_SIZE, len - PEER_HEAD_SIZE);
	memcpy(frame + 4, &word, 4);
	if (peer_decode(frame, len, &m, entries, PEER_ENTRIES_MAX) != 0)
		return;
	peer_encode(&again, &m);
	assert(buf_size(&again) == len);
	assert(memcmp(buf_bytes(&again), frame, len) == 0);
	buf_fini(&again);
}

static void
check_members(const uint8_t *data, size_t len)
{
	static uint8_t again[PEER_CONFIGURATION_MAX];
	static struct peer_configuration members;

	if (peer_configuration_decode(&members, 1, data, len) != 0)
		return;
	assert(peer_configuration_encode(&members, again) == len);
	assert(memcmp(again, data, len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *frame;

	check_members(data, len);
	if ((frame = malloc(len + PEER_HEAD_SIZE)) == NULL)
		return (0);
	if (len > 0)
		memcpy(frame + PEER_HEAD_SIZE, data, len);
	check_frame(frame, len + PEER_HEAD_SIZE);
	free(frame);
	return (0);
}
