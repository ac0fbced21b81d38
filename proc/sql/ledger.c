/*
 * The ledger file: see ledger.h.  Slot n holds sequence n + 1, which also guards
 * against a record that went to a wrong place.  A slot is written once in a life,
 * and never again in a later one, whether its record is good or not.
 */
#include "proc/sql/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "common/limits.h"
#include "common/log.h"

#define MAGIC 0x4c4c5152U /* "RQLL" */
#define VERSION 1
#define NAME_NEW LEDGER_NAME ".new"
#define MARGIN 16 /* a 16th of the slots is left for what comes before the next BASE */

_Static_assert(sizeof(struct ledger_record) == LEDGER_RECORD, "a record has no padding");

static void
finish_record(struct ledger_record *record, uint64_t sequence)
{
	record->magic = MAGIC;
	record->version = VERSION;
	record->sequence = sequence;
	memset(record->zero, 0, sizeof(record->zero));
	record->zero2 = 0;
	record->crc = crc32c(0, record, offsetof(struct ledger_record, crc));
}

static bool
is_whole(const struct ledger_record *record, uint64_t slot)
{
	return (record->magic == MAGIC && record->sequence == slot + 1 &&
		record->crc == crc32c(0, record, offsetof(struct ledger_record, crc)));
}

static bool
is_empty(const struct ledger_record *record)
{
	static const struct ledger_record empty;

	return (memcmp(record, &empty, sizeof(empty)) == 0);
}

int
ledger_create(
    struct file_dir *dir, const char *name, const struct ledger_record *base, uint64_t size)
{
	int file = dir->ops->open(dir, name, O_RDWR | O_CREAT | O_TRUNC);
	struct ledger_record record = *base;
	uint8_t *zeros;
	int result;

	if (file == -1)
		return (-1);
	zeros = calloc(1, size);
	if (zeros == NULL)
		fatal("calloc");
	record.kind = LEDGER_BASE;
	finish_record(&record, 1);
	memcpy(zeros, &record, sizeof(record));
	result = file_write(dir, file, zeros, size, 0);
	free(zeros);
	if (result == 0 && dir->ops->sync(dir, file) == -1)
		fatal_sync("db/%s: sync", name);
	dir->ops->close(dir, file);
	return (result);
}

/* 1: a whole record; 0: none, or one torn by a death; -1: one of another version. */
static int
judge(const struct ledger_record *record, uint64_t slot, struct error *error)
{
	if (!is_whole(record, slot))
		return (0);
	if (record->version == VERSION && record->kind >= LEDGER_COMMIT &&
	    record->kind <= LEDGER_BASE)
		return (1);
	return (error_set(error,
	    "db/" LEDGER_NAME
	    ": a record of version %u, kind %u: this program knows version %d only",
	    record->version, record->kind, VERSION));
}

/* All slots of an open file, to be freed; NULL with the error. */
static struct ledger_record *
read_all(struct ledger *ledger, uint64_t *count, struct error *error)
{
	off_t size = ledger->dir->ops->size(ledger->dir, ledger->file);
	struct ledger_record *all;

	if (size < 0) {
		(void)error_set_errno(error, "db/" LEDGER_NAME);
		return (NULL);
	}
	*count = (uint64_t)size / LEDGER_RECORD;
	all = calloc(*count + 1, LEDGER_RECORD);
	if (all == NULL)
		fatal("calloc");
	if (file_read(ledger->dir, ledger->file, all, *count * LEDGER_RECORD, 0) == -1) {
		(void)error_set_errno(error, "db/" LEDGER_NAME);
		free(all);
		return (NULL);
	}
	return (all);
}

int
ledger_open(struct ledger *ledger, struct file_dir *dir,
    void (*each)(void *, const struct ledger_record *), void *arg, struct error *error)
{
	struct ledger_record *all;
	uint64_t count, slot;
	int verdict = 0;

	ledger->dir = dir;
	ledger->file = dir->ops->open(dir, LEDGER_NAME, O_RDWR);
	if (ledger->file == -1)
		return (error_set_errno(error, "db/" LEDGER_NAME));
	all = read_all(ledger, &count, error);
	if (all == NULL)
		return (-1);
	ledger->slots = count < LEDGER_SIZE / LEDGER_RECORD ? count : LEDGER_SIZE / LEDGER_RECORD;
	ledger->next = 1;
	for (slot = 0; slot < count && verdict != -1; slot++) {
		if (!is_empty(&all[slot]))
			ledger->next = slot + 2;
		verdict = judge(&all[slot], slot, error);
		if (verdict == 1)
			each(arg, &all[slot]);
	}
	free(all);
	return (verdict == -1 ? -1 : 0);
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
	finish_record(record, ledger->next);
	if (file_write(ledger->dir, ledger->file, record, sizeof(*record),
		(off_t)((ledger->next - 1) * LEDGER_RECORD)) == -1)
		return (-1);
	ledger->next++;
	return (0);
}

int
ledger_write_again(struct ledger *ledger, const struct ledger_record *record)
{
	return (file_write(ledger->dir, ledger->file, record, sizeof(*record),
	    (off_t)((record->sequence - 1) * LEDGER_RECORD)));
}

void
ledger_sync(struct ledger *ledger)
{
	if (ledger->dir->ops->sync(ledger->dir, ledger->file) == -1)
		fatal_sync("db/" LEDGER_NAME ": sync");
}

uint64_t
ledger_slots_used(const struct ledger *ledger)
{
	return (ledger->next - 1);
}

bool
ledger_is_full(const struct ledger *ledger)
{
	return (ledger_slots_used(ledger) >= ledger->slots - ledger->slots / MARGIN);
}

int
ledger_renew(struct ledger *ledger, const struct ledger_record *base)
{
	struct file_dir *dir = ledger->dir;
	uint64_t slots = ledger->slots;
	int file;

	if (ledger_create(dir, NAME_NEW, base, slots * LEDGER_RECORD) == -1) {
		(void)dir->ops->unlink(dir, NAME_NEW);
		return (-1);
	}
	file = dir->ops->open(dir, NAME_NEW, O_RDWR);
	if (file == -1)
		return (-1);
	if (dir->ops->rename(dir, NAME_NEW, LEDGER_NAME) == -1) {
		dir->ops->close(dir, file);
		return (-1);
	}
	if (dir->ops->sync_dir(dir) == -1)
		fatal_sync("db: sync of the directory");
	dir->ops->close(dir, ledger->file);
	ledger->file = file;
	ledger->next = 2;
	return (0);
}
