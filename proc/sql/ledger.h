/*
 * The ledger: which raft index a prefix of SQLite's WAL is.  Records of 128
 * bytes, appended without a flush at each commit; a record names its WAL prefix
 * by content (the WAL's own cumulative checksum), so that leftovers of earlier
 * lives are never confused with it.
 *
 * FLOOR says: the WAL is durable up to here, recovery may not go below.  BASE
 * says: the database file alone is this index.
 */
#ifndef PROC_SQL_LEDGER_H
#define PROC_SQL_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/file.h"

#define LEDGER_NAME "ledger"
#define LEDGER_RECORD 128
#define LEDGER_SIZE (1024 * 1024) /* of the file, filled with zeros when it is made */
#define LEDGER_SIZE_MIN (64 * LEDGER_RECORD)
#define LEDGER_SLOTS_AGAIN 1024 /* records after which a full ledger calls for a checkpoint again */

enum ledger_kind { LEDGER_COMMIT = 1, LEDGER_FLOOR = 2, LEDGER_BASE = 3 };

struct ledger_record {
	uint32_t magic;
	uint16_t version;
	uint8_t kind;
	uint8_t flags;
	uint64_t sequence;
	uint64_t index;
	uint64_t term;
	uint64_t chain;
	uint32_t salt[2]; /* of the WAL generation */
	uint32_t frames; /* 0: the database file alone */
	uint32_t sum[2]; /* cumulative, of frame `frames` */
	uint32_t pages; /* of the database after the commit */
	int64_t rowid;
	int64_t changes;
	int64_t total;
	uint32_t digest; /* likewise, ours: see walscan.h */
	uint8_t zero[28];
	uint32_t zero2;
	uint32_t crc; /* of all before it */
};

/* flags */
#define LEDGER_INSTALLED 1 /* a BASE of a snapshot */
#define LEDGER_DIGEST 2 /* it has one: all that name frames, but for those of early programs */

struct ledger {
	struct file_dir *dir;
	int file;
	uint64_t next; /* sequence of the next record, its slot + 1 */
	uint64_t slots; /* that the file was made with; it grows if it must */
};

/*
 * Makes `name` of `size` bytes with one BASE record (its index and the like are
 * taken from `base`), flushed, its name not.  -1 with errno.
 */
int ledger_create(
    struct file_dir *, const char *name, const struct ledger_record *base, uint64_t size);
/* Hands over each good record, in order of sequence.  Damaged slots are skipped. */
int ledger_open(struct ledger *, struct file_dir *,
    void (*each)(void *arg, const struct ledger_record *), void *arg, struct error *);
void ledger_close(struct ledger *);
/* Fills in magic, version, sequence and crc, and writes; no flush.  -1 with errno. */
int ledger_append(struct ledger *, struct ledger_record *);
/* Writes a record that was read again, where it is.  -1 with errno. */
int ledger_write_again(struct ledger *, const struct ledger_record *);
/* A failed flush ends the process. */
void ledger_sync(struct ledger *);
uint64_t ledger_slots_used(const struct ledger *);
/* Little room is left: right after a BASE, start a new file with it. */
bool ledger_is_full(const struct ledger *);
/* -1 with errno: it goes on in the old file. */
int ledger_renew(struct ledger *, const struct ledger_record *base);

#endif
