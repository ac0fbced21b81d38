/*
 * The ledger file: see ledger.h.  Slot n holds sequence n + first; a damaged
 * slot is skipped, it is not an end.
 */
#include "proc/sql/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "common/log.h"

#define MAGIC 0x4c4c5152U /* "RQLL" */
#define VERSION 1
#define NAME "ledger"
#define NAME_NEW "ledger.new"
#define FULL_MARGIN 512 /* records left for what comes before the next BASE */

_Static_assert(sizeof(struct ledger_record) == LEDGER_RECORD, "a record has no padding");

static void
seal_record(struct ledger_record *record)
{
	record->magic = MAGIC;
	record->version = VERSION;
	record->crc = crc32c(0, record, offsetof(struct ledger_record, crc));
}

static bool
is_good(const struct ledger_record *record, uint64_t slot)
{
	return (record->magic == MAGIC && record->version == VERSION &&
	    record->sequence == slot + 1 && record->kind >= LEDGER_COMMIT &&
	    record->kind <= LEDGER_BASE &&
	    record->crc == crc32c(0, record, offsetof(struct ledger_record, crc)));
}

int
ledger_create(struct file_dir *dir, const char *name, const struct ledger_record *base)
{
	int file = dir->ops->open(dir, name, O_RDWR | O_CREAT | O_TRUNC);
	struct ledger_record record = *base;
	uint8_t *zeros;
	int result;

	if (file == -1)
		return (-1);
	zeros = calloc(1, LEDGER_SIZE);
	if (zeros == NULL)
		fatal("calloc");
	record.kind = LEDGER_BASE;
	record.sequence = 1;
	seal_record(&record);
	memcpy(zeros, &record, sizeof(record));
	result = file_write(dir, file, zeros, LEDGER_SIZE, 0);
	free(zeros);
	if (result == 0 && dir->ops->sync(dir, file) == -1)
		fatal("ledger: sync");
	dir->ops->close(dir, file);
	return (result);
}

int
ledger_open(struct ledger *ledger, struct file_dir *dir,
    void (*each)(void *, const struct ledger_record *), void *arg, struct error *error)
{
	struct ledger_record *all;
	uint64_t slot, last = 0;
	off_t size;

	ledger->dir = dir;
	ledger->file = dir->ops->open(dir, NAME, O_RDWR);
	if (ledger->file == -1)
		return (error_set_errno(error, "db/ledger"));
	size = dir->ops->size(dir, ledger->file);
	ledger->slots = (uint64_t)size / LEDGER_RECORD;
	all = calloc(ledger->slots + 1, LEDGER_RECORD);
	if (all == NULL)
		fatal("calloc");
	if (size < LEDGER_RECORD ||
	    file_read(dir, ledger->file, all, ledger->slots * LEDGER_RECORD, 0) == -1) {
		free(all);
		return (error_set(error, "db/ledger can not be read"));
	}
	for (slot = 0; slot < ledger->slots; slot++) {
		/* Whatever was written to a slot, its sequence is never used again. */
		if (all[slot].magic != 0 || all[slot].crc != 0)
			last = slot + 1;
		if (is_good(&all[slot], slot))
			each(arg, &all[slot]);
	}
	free(all);
	ledger->next = last + 1;
	return (0);
}

void
ledger_close(struct ledger *ledger)
{
	ledger->dir->ops->close(ledger->dir, ledger->file);
	ledger->file = -1;
}

int
ledger_append(struct ledger *ledger, struct ledger_record *record)
{
	record->sequence = ledger->next;
	seal_record(record);
	if (file_write(ledger->dir, ledger->file, record, sizeof(*record),
		(off_t)((ledger->next - 1) * LEDGER_RECORD)) == -1)
		return (-1);
	ledger->next++;
	return (0);
}

void
ledger_sync(struct ledger *ledger)
{
	if (ledger->dir->ops->sync(ledger->dir, ledger->file) == -1)
		fatal("ledger: sync");
}

bool
ledger_is_full(const struct ledger *ledger)
{
	return (ledger->next + FULL_MARGIN > ledger->slots);
}

int
ledger_renew(struct ledger *ledger, const struct ledger_record *base)
{
	int file;

	if (ledger_create(ledger->dir, NAME_NEW, base) == -1)
		return (-1);
	file = ledger->dir->ops->open(ledger->dir, NAME_NEW, O_RDWR);
	if (file == -1 || ledger->dir->ops->rename(ledger->dir, NAME_NEW, NAME) == -1)
		return (-1);
	if (ledger->dir->ops->sync_dir(ledger->dir) == -1)
		fatal("db: sync of the directory");
	ledger->dir->ops->close(ledger->dir, ledger->file);
	ledger->file = file;
	ledger->slots = LEDGER_SIZE / LEDGER_RECORD;
	ledger->next = 2;
	return (0);
}
