/*
 * The vote file: see vote.h.  Two slots of a block each, the newer good one
 * counts.  It is read back by the node that wrote it, and may be damaged.
 */
#include "proc/raft/vote.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#include "common/crc32c.h"
#include "common/limits.h"
#include "common/log.h"

#define NAME "vote"
#define MAGIC 0x564c5152U /* "RQLV" */
#define VERSION 1

struct slot {
	uint32_t magic;
	uint32_t version;
	uint64_t sequence;
	uint8_t instance[16];
	uint64_t term;
	uint64_t synced;
	uint64_t candidate;
	uint32_t zero;
	uint32_t crc;
};

static_assert(sizeof(struct slot) <= LOG_BLOCK, "a slot fits its block");

static bool
slot_good(const struct slot *slot)
{
	return (slot->magic == MAGIC && slot->crc == crc32c(0, slot, offsetof(struct slot, crc)));
}

/* The good slot with the higher sequence; NULL if none is good. */
static const struct slot *
newer(const struct slot slots[2])
{
	bool good[2] = { slot_good(&slots[0]), slot_good(&slots[1]) };

	if (good[0] && good[1])
		return (slots[0].sequence >= slots[1].sequence ? &slots[0] : &slots[1]);
	return (good[0] ? &slots[0] : good[1] ? &slots[1] : NULL);
}

/* A slot that is not there or does not read is no good one. */
static int
read_slots(struct file_dir *dir, int file, struct slot slots[2])
{
	size_t i;

	memset(slots, 0, 2 * sizeof(slots[0]));
	for (i = 0; i < 2; i++)
		if (file_read(dir, file, &slots[i], sizeof(slots[i]), (off_t)(i * LOG_BLOCK)) ==
			-1 &&
		    errno != EIO)
			return (-1);
	return (0);
}

static int
decode(const struct slot *slot, const uint8_t instance[16], struct vote *vote, struct error *error)
{
	if (slot == NULL)
		return (error_set(error,
		    "raft/vote: both copies are damaged: this node could vote twice. "
		    "Remove its data directory and let it join again, or restore it from "
		    "a backup"));
	if (slot->version != VERSION)
		return (error_set(error, "raft/vote has format version %u, this program reads %u",
		    slot->version, VERSION));
	if (memcmp(slot->instance, instance, sizeof(slot->instance)) != 0)
		return (error_set(error, "raft/vote belongs to another node"));
	vote->term = slot->term;
	vote->synced = slot->synced;
	vote->candidate = slot->candidate;
	return (0);
}

int
vote_read(struct file_dir *dir, const uint8_t instance[16], struct vote *vote, struct error *error)
{
	int file = dir->ops->open(dir, NAME, O_RDONLY);
	struct slot slots[2];
	int result;

	memset(vote, 0, sizeof(*vote));
	if (file == -1)
		return (errno == ENOENT ? 0 : error_set_errno(error, "raft/vote"));
	result = read_slots(dir, file, slots);
	if (result == -1)
		(void)error_set_errno(error, "raft/vote");
	dir->ops->close(dir, file);
	/* The name may be in memory only. */
	if (result == 0 && dir->ops->sync_dir(dir) == -1)
		fatal_sync("raft: sync of the directory");
	return (result == -1 ? -1 : decode(newer(slots), instance, vote, error));
}

static int
write_slot(struct file_dir *dir, int file, const struct slot *slot, size_t i)
{
	uint8_t block[LOG_BLOCK] = { 0 };

	memcpy(block, slot, sizeof(*slot));
	if (file_write(dir, file, block, sizeof(block), (off_t)(i * LOG_BLOCK)) == -1)
		return (-1);
	if (dir->ops->sync(dir, file) == -1)
		fatal_sync("raft/vote: sync");
	return (0);
}

static int
write_both(struct file_dir *dir, int file, const struct slot *slot)
{
	if (write_slot(dir, file, slot, 0) == -1)
		return (-1);
	return (write_slot(dir, file, slot, 1));
}

/* The first vote: the file gets its name when it is whole, or a torn one would stop the node. */
static int
create(struct file_dir *dir, const struct slot *slot)
{
	uint8_t blocks[2][LOG_BLOCK] = { 0 };

	memcpy(blocks[0], slot, sizeof(*slot));
	memcpy(blocks[1], slot, sizeof(*slot));
	return (file_replace(dir, NAME, blocks, sizeof(blocks)));
}

int
vote_write(struct file_dir *dir, const uint8_t instance[16], const struct vote *vote)
{
	struct slot slots[2], slot = { .magic = MAGIC, .version = VERSION, .sequence = 1 };
	int file = dir->ops->open(dir, NAME, O_RDWR);
	const struct slot *former = NULL;
	int result;

	if (file == -1 && errno != ENOENT)
		return (-1);
	if (file != -1 && read_slots(dir, file, slots) == 0)
		former = newer(slots);
	if (former != NULL)
		slot.sequence = former->sequence + 1;
	memcpy(slot.instance, instance, sizeof(slot.instance));
	slot.term = vote->term;
	slot.synced = vote->synced;
	slot.candidate = vote->candidate;
	slot.crc = crc32c(0, &slot, offsetof(struct slot, crc));
	if (file == -1)
		return (create(dir, &slot));
	result = write_both(dir, file, &slot);
	dir->ops->close(dir, file);
	return (result);
}
