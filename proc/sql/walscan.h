/*
 * Reads SQLite's WAL as recovery must: how far it is whole, and the cumulative
 * checksum of each frame, by which the ledger names a prefix (SQLite's file
 * format, "WAL File Format").
 */
#ifndef PROC_SQL_WALSCAN_H
#define PROC_SQL_WALSCAN_H

#include <stdint.h>

#include "common/error.h"
#include "common/file.h"

struct wal_frame {
	uint32_t sum[2];
	uint32_t pages; /* of the database, 0: the transaction goes on */
};

struct wal {
	uint32_t salt[2];
	uint32_t page_size;
	struct wal_frame *frames; /* frame n at n - 1 */
	uint32_t count;		  /* whole ones */
};

/* A missing, empty or torn WAL has no frames.  -1 if the file can't be read. */
int walscan(struct file_dir *, const char *name, struct wal *, struct error *);
void walscan_fini(struct wal *);

#endif
