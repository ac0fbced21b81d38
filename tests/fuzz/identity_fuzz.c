/* A hostile node.json: it is refused, or is exactly what the identity read from it is written as. */
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc/raft/identity.h"
#include "tests/storage/simdisk.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(const struct identity *identity, const uint8_t *data, size_t len)
{
	char text[256];
	size_t i, n;

	n = (size_t)snprintf(text, sizeof(text), "{\"version\":1,\"instance\":\"");
	for (i = 0; i < IDENTITY_SIZE; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%02x", identity->instance[i]);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "\",\"cluster\":\"");
	for (i = 0; i < IDENTITY_SIZE; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%02x", identity->cluster[i]);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "\"}\n");
	if (n != len || memcmp(text, data, n) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct simdisk *disk = simdisk_new();
	struct identity identity;
	struct error error;

	simdisk_mount(disk);
	(void)simdisk_write(simdisk_open("node.json", true, false), data, len, 0);
	if (identity_open(simdisk_dir(), &identity, &error) == 0)
		check(&identity, data, len);
	simdisk_free(disk);
	return (0);
}
