/*
 * A members' file of hostile bytes: it is refused, or read, and what was read is
 * written and read again as the same.  The first byte says whether magic and
 * checksum are made right.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "common/limits.h"
#include "proc/raft/members.h"
#include "tests/storage/simdisk.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const uint8_t instance[16];

static void
make_file(const uint8_t *data, size_t len, bool right)
{
	int file = simdisk_open("peers", true, false);
	uint8_t *bytes = malloc(len + 1);
	uint32_t crc;

	if (bytes == NULL)
		abort();
	if (len > 0)
		memcpy(bytes, data, len);
	if (right && len >= 44) {
		memcpy(bytes, "RQLP\1\0\0\0", 8);
		memset(bytes + 8, 0, 16);
		crc = crc32c(0, bytes, len - sizeof(crc));
		memcpy(bytes + len - sizeof(crc), &crc, sizeof(crc));
	}
	(void)simdisk_write(file, bytes, len, 0);
	free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct members members, again;
	struct simdisk *disk;
	struct error error;

	if (len < 1)
		return (0);
	disk = simdisk_new();
	simdisk_mount(disk);
	make_file(data + 1, len - 1, (data[0] & 1) != 0);
	if (members_read(simdisk_dir(), instance, &members, &error) == 0 &&
	    members.configuration.count > 0) {
		if (members_write(simdisk_dir(), instance, &members) == -1 ||
		    members_read(simdisk_dir(), instance, &again, &error) == -1 ||
		    memcmp(&members, &again, sizeof(members)) != 0)
			abort();
	}
	simdisk_free(disk);
	return (0);
}
