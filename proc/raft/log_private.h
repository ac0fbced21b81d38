/*
 * What the files of the log share: log.c (append), log_scan.c (open and judge),
 * log_segment.c (files).
 */
#ifndef PROC_RAFT_LOG_PRIVATE_H
#define PROC_RAFT_LOG_PRIVATE_H

#include "proc/raft/log.h"
#include "proc/raft/log_format.h"

#define LOG_WHAT_TO_DO                                                               \
	"restore this node from a backup; if other nodes have the data, remove its " \
	"data directory and let it join again"

#define LOG_DIRECT_MAX (256 * KIB) /* longer batches are written through the page cache */

struct segment {
	uint64_t sequence;
	uint64_t salt;
	uint64_t first; /* index its first entry replaces */
	uint64_t end; /* bytes used */
	uint64_t size; /* bytes of the file */
	uint32_t before_crc;
	uint64_t before_batch;
	uint64_t before_term;
	bool fresh;
	int file;
};

/* Where a batch lies, so that entries can be read back; kept in memory for all of the log. */
struct place {
	uint64_t first;
	uint64_t last;
	uint64_t sequence; /* of the segment */
	uint64_t offset;
	uint64_t batch; /* its sequence and checksum, for a segment that cuts behind it */
	uint32_t length;
	uint32_t crc;
	uint32_t before_crc; /* of the batch before, which a cut may have removed */
};

/* Terms are few: a run of entries of one term each. */
struct term_run {
	uint64_t first;
	uint64_t term;
};

struct log {
	struct file_dir *dir;
	struct log_config config;
	struct segment *segments; /* in order of sequence; the last is written to */
	size_t nsegments;
	struct place *places;
	size_t nplaces, places_cap;
	struct term_run *runs;
	size_t nruns, runs_cap;
	uint64_t first;
	uint64_t last;
	uint64_t synced;
	uint64_t bytes;
	uint64_t batch_sequence; /* of the last batch */
	uint32_t batch_crc; /* its payload's */
	struct buf batch; /* head and payload being built; whole blocks once written */
	size_t payload; /* bytes of the payload in it, once written */
	uint32_t count; /* entries in it */
	bool building;
	int spare; /* a segment prepared ahead, or -1 */
	uint64_t spare_done; /* bytes of it that are zero-filled */
	bool spare_ready;
	int direct; /* the last segment opened a second time, for log_write_direct(); or -1 */
	uint64_t direct_of; /* the sequence of the segment it was opened for, or failed for */
	uint8_t *aligned; /* LOG_DIRECT_MAX bytes, for it */
};

/* log_segment.c */
/* A new, empty segment at the end, whose entries replace what has `first` or more. */
int segment_start(struct log *, uint64_t first);
/* The same, for a log that begins anew behind an entry of the term. */
int segment_start_fresh(struct log *, uint64_t first, uint64_t before_term);
/* One of just the size of the batch being built, which is in it before it gets its name. */
int segment_start_filled(struct log *);
int segment_open(struct log *, uint64_t sequence, struct segment *, struct error *);
void segment_add(struct log *, const struct segment *);
void segment_name(uint64_t sequence, char out[24]);
void segment_free_last(struct log *);
/* Its file becomes the spare, or goes; false: it could not, and stays. */
bool segment_remove(struct log *, size_t i);
/* The last segment, opened so that a write to it is on the disk when it returns; -1: it can't be. */
int segment_open_direct(struct log *, const struct segment *);
void segment_close_direct(struct log *);
/* Gives back what is reserved behind the last batch of a segment that will get none any more. */
void segment_trim(struct log *, size_t i);
/* What an earlier life has prepared: only its size matters, a new header voids what is in it. */
/* -1: something else stands in the place of a spare, which would keep the log from growing. */
int segment_find_spare(struct log *, struct error *);

/* log_scan.c */
int log_scan(struct log *, struct error *);

/* log.c */
/* The batch being built goes to the segment's end, not flushed; its place is noted when it is. */
int log_write_batch(struct log *, const struct segment *);
void log_note_written(struct log *, struct segment *);
void log_note_batch(struct log *, const struct place *, const uint8_t *payload);
void log_forget_from(struct log *, uint64_t index);
/* Nothing is held: the first entry will follow one of the term. */
void log_forget_all(struct log *, uint64_t first, uint64_t before_term);

#endif
