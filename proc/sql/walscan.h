/*
 * Reads SQLite's WAL as recovery must: how far it is whole, and the cumulative
 * checksums of each frame, by which the ledger names a prefix (SQLite's file
 * format, "WAL File Format").
 *
 * SQLite's own sums add up words: two words 12 bytes apart that both lose their
 * highest bit leave them as they were, and so do some mixtures of a page's older and
 * newer counters.  So the ledger has a digest of its own beside them.
 */
#ifndef PROC_SQL_WALSCAN_H
#define PROC_SQL_WALSCAN_H

#include <stdint.h>

#include "common/error.h"
#include "common/file.h"

#define WAL_HEAD 32
#define WAL_FRAME_HEAD 24

/* What the digest takes of a frame. */
struct wal_mark {
	uint8_t head[8]; /* page number, size of the database: as in its head */
	uint32_t crc; /* CRC-32C of its page */
};

struct wal_frame {
	uint32_t sum[2];
	uint32_t digest; /* of the marks up to here */
	uint32_t pages; /* of the database, 0: the transaction goes on */
};

struct wal {
	uint32_t salt[2];
	uint32_t page_size;
	struct wal_frame *frames; /* frame n at n - 1 */
	uint32_t count; /* whole ones */
};

/* Where frame n (from 0) begins, and with n = count where the file ends. */
static inline off_t
wal_offset(uint32_t n, uint32_t page_size)
{
	return (WAL_HEAD + (off_t)n * (WAL_FRAME_HEAD + (off_t)page_size));
}

/* A big-endian word of a header. */
static inline uint32_t
wal_word(const uint8_t *p)
{
	return ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
}

/* Of one frame more; 0 to start. */
uint32_t wal_add_mark(uint32_t digest, const struct wal_mark *);

/* A missing, empty or torn WAL has no frames.  -1 if the file can't be read. */
int walscan(struct file_dir *, const char *name, struct wal *, struct error *);
void walscan_fini(struct wal *);

#endif
