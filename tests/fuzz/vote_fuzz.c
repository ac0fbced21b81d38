/*
 * A vote file of hostile bytes: it is refused, or read, and then the next vote
 * is the one that is read.  The first byte says whether magics and checksums are
 * made right; a slot is given by at most 512 bytes.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "common/limits.h"
#include "proc/raft/vote.h"
#include "tests/storage/simdisk.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define PIECE 512
#define CRC_AT 60 /* the slot's checksum, of all before it */

static size_t
make_slot(const uint8_t *data, size_t len, int file, int slot, bool right)
{
	uint8_t block[PIECE] = { 0 };
	size_t n = len < PIECE ? len : PIECE;
	uint32_t crc;

	if (n > 0)
		memcpy(block, data, n);
	if (right) {
		memcpy(block, "RQLV\1\0\0\0", 8);
		memset(block + 16, 0, 16);
		crc = crc32c(0, block, CRC_AT);
		memcpy(block + CRC_AT, &crc, sizeof(crc));
	}
	(void)simdisk_write(file, block, n, (uint64_t)slot * LOG_BLOCK);
	return (n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t instance[16];
	struct vote vote, next;
	struct simdisk *disk;
	struct error error;
	size_t used;
	int file;

	if (len < 1)
		return (0);
	disk = simdisk_new();
	simdisk_mount(disk);
	file = simdisk_open("vote", true, false);
	used = 1 + make_slot(data + 1, len - 1, file, 0, (data[0] & 1) != 0);
	(void)make_slot(data + used, len - used, file, 1, (data[0] & 2) != 0);
	if (vote_read(simdisk_dir(), instance, &vote, &error) == 0) {
		vote.term++;
		if (vote_write(simdisk_dir(), instance, &vote) == -1 ||
		    vote_read(simdisk_dir(), instance, &next, &error) == -1 ||
		    memcmp(&vote, &next, sizeof(vote)) != 0)
			abort();
	}
	simdisk_free(disk);
	return (0);
}
