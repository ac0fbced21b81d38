/*
 * A simulated disk under the file layer (common/file.h): one directory whose
 * files have two contents, what the page cache shows and what is on the
 * platter.  A sync copies the first to the second; a power loss keeps an
 * arbitrary part of what was not synced, sector by sector, some of them torn.
 *
 * Directory changes follow the model of an ordered journal: a prefix of them
 * survives.  A sync that fails drops its pages, as Linux does: clean in memory,
 * not on the platter, and no later sync brings them there.
 */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/file.h"
#include "tests/sim/rng.h"

/* Of one node: its directories share it. */
struct disk_faults {
	struct rng rng;
	int64_t fuse; /* > 0: changes until the node dies in the middle of one */
	void (*burn)(void *); /* called when the fuse has burnt; does not return */
	void *arg;
	bool dead; /* the process is being cleaned up after */
	uint64_t capacity; /* bytes in each directory */
	uint32_t write_error_ppm;
	uint32_t sync_error_ppm;
	uint64_t changes; /* counted, for the trace */
	uint64_t syncs;
	uint64_t failed_syncs;
	uint64_t failed_writes;
};

struct disk;

struct disk *disk_new(struct disk_faults *); /* the faults are borrowed */
void disk_free(struct disk *);
struct file_dir *disk_dir(struct disk *);
/* The process died: handles are gone, the page cache stays. */
void disk_kill(struct disk *);
/* The machine died: what was not synced survives in part. */
void disk_lose_power(struct disk *);
/* Everything reaches the platter: a machine that is switched off in order. */
void disk_settle(struct disk *);
/* The platter as it would be after a power loss that keeps only what was synced. */
struct disk *disk_copy(const struct disk *);
/* Takes over the content of the other, which is freed. */
void disk_replace(struct disk *, struct disk **);

#endif
