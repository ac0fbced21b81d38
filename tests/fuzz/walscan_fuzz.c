/*
 * A WAL of hostile bytes: the scan reads nothing beyond them and finds no more
 * frames than there is room for.  The first byte says how many frames get right
 * salts and checksums: just so many must be found, or more.
 */
#include <stdlib.h>
#include <string.h>

#include "proc/sql/walscan.h"
#include "tests/storage/simdisk.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define SIZE_MAX_OURS 65536
#define PAGE 512

static void
put_big(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 24);
	p[1] = (uint8_t)(value >> 16);
	p[2] = (uint8_t)(value >> 8);
	p[3] = (uint8_t)value;
}

static uint32_t
get_word(const uint8_t *p, bool big)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return (big ? wal_word(p) : value);
}

static void
add(const uint8_t *p, size_t len, bool big, uint32_t sum[2])
{
	for (; len > 0; p += 8, len -= 8) {
		sum[0] += get_word(p, big) + sum[1];
		sum[1] += get_word(p + 4, big) + sum[0];
	}
}

/* Makes the header and the first frames right; returns how many. */
static uint32_t
make_right(uint8_t *file, size_t size, uint32_t wanted)
{
	bool big = size > 0 && (file[3] & 1) != 0;
	uint32_t sum[2] = { 0, 0 }, n;
	uint8_t *frame;

	if (wanted == 0 || size < WAL_HEAD)
		return (0);
	put_big(file, 0x377f0682U | (big ? 1 : 0));
	put_big(file + 8, PAGE);
	add(file, 24, big, sum);
	put_big(file + 24, sum[0]);
	put_big(file + 28, sum[1]);
	for (n = 0; n < wanted - 1 && (size_t)wal_offset(n + 1, PAGE) <= size; n++) {
		frame = file + wal_offset(n, PAGE);
		if (wal_word(frame) == 0)
			frame[3] = 1;
		memcpy(frame + 8, file + 16, 8);
		add(frame, 8, big, sum);
		add(frame + WAL_FRAME_HEAD, PAGE, big, sum);
		put_big(frame + 16, sum[0]);
		put_big(frame + 20, sum[1]);
	}
	return (n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t file[SIZE_MAX_OURS];
	struct simdisk *disk;
	struct error error;
	struct wal wal;
	uint32_t right;

	if (len < 1 || len - 1 > sizeof(file))
		return (0);
	memcpy(file, data + 1, len - 1);
	right = make_right(file, len - 1, data[0] % 8);
	disk = simdisk_new();
	simdisk_mount(disk);
	(void)simdisk_write(simdisk_open("w", true, false), file, len - 1, 0);
	if (walscan(simdisk_dir(), "w", &wal, &error) == -1 || wal.count < right ||
	    (wal.count > 0 && (size_t)wal_offset(wal.count, wal.page_size) > len - 1))
		abort();
	walscan_fini(&wal);
	simdisk_free(disk);
	return (0);
}
