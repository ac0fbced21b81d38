/*
 * Bytes of the log on disk, little-endian.  A segment, NNNNNNNNNNNNNNNN.seg with its
 * sequence in hex, is a block of header, then batches, each on a block boundary; its
 * name is given by a rename from spare-N.seg once all in it is flushed.  It has
 * LOG_SEGMENT_SIZE bytes, or just those of the one batch it was made for.
 *
 * Batches form a chain: each names the sequence and the payload checksum of the one
 * before, also over segments.  One is written only when the one before is flushed,
 * so each proves all before it.  A segment whose `first` is not beyond what is held
 * replaces it from there on; its `before_batch` is still the last one of what it cuts.
 * If `before_batch` is the last but one, its first batch is the last one written again.
 * A number may be missing if the segment's only batch was written again behind it.
 *
 * The scan stops in a segment at the first batch that does not verify.  If the next
 * segment does not go on there, or a later batch of the last one is whole, or a witness
 * (database, vote file) knows of more, it is damage; else a torn tail, and void.
 */
#ifndef PROC_RAFT_LOG_FORMAT_H
#define PROC_RAFT_LOG_FORMAT_H

#include <stdint.h>

#include "common/limits.h"

#define SEGMENT_MAGIC "RQLSEG\0\0"
#define BATCH_MAGIC 0x424c5152U /* "RQLB" */
#define LOG_FORMAT_VERSION 1
#define ENTRY_HEAD 13 /* length u32, type u8, term u64 */
#define LOG_INDEX_MAX INT64_MAX

struct segment_head {
	char magic[8];
	uint32_t version;
	uint32_t fresh;	     /* 1: the log begins anew here, all segments before are void */
	uint8_t instance[16];
	uint64_t sequence;   /* of the segment: the file's name */
	uint64_t salt;	     /* random: recycled bytes never pass for this segment's */
	uint64_t first;	     /* index of the first entry: replaces what has it and more */
	uint64_t before_term; /* of the entry before `first` */
	uint64_t before_batch; /* sequence of the batch before */
	uint32_t before_crc; /* payload checksum of that batch */
	uint32_t crc;	     /* of all before */
};

struct batch_head {
	uint32_t magic;
	uint32_t version;
	uint64_t salt;
	uint64_t sequence; /* +1 for each batch, over segments */
	uint64_t first;
	uint32_t count;
	uint32_t length; /* of the payload */
	uint32_t before_crc; /* payload checksum of the batch before */
	uint32_t zero;
	uint64_t synced; /* highest index known to be on this disk when this was written */
	uint32_t payload_crc;
	uint32_t crc; /* of all before */
};

_Static_assert(sizeof(struct segment_head) == 80, "a segment's head has no padding");
_Static_assert(sizeof(struct batch_head) == 64, "a batch's head has no padding");

static inline uint64_t
to_block(uint64_t size)
{
	return ((size + LOG_BLOCK - 1) / LOG_BLOCK * LOG_BLOCK);
}

#endif
