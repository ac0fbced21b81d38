/*
 * A ledger of hostile bytes: opening reads nothing beyond them, hands records over
 * in order, and a record appended after that is read back as the last one.
 *
 * The first byte says whether checksums are made right, so that what stands behind
 * them is reached.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "proc/sql/ledger.h"
#include "tests/storage/simdisk.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define RECORDS_MAX 64

static void
on_record(void *arg, const struct ledger_record *record)
{
	struct ledger_record *last = arg;

	if (record->sequence <= last->sequence)
		abort();
	*last = *record;
}

static size_t
make_file(const uint8_t *data, size_t len, bool right)
{
	static struct ledger_record all[RECORDS_MAX];
	size_t i, count = len / LEDGER_RECORD < RECORDS_MAX ? len / LEDGER_RECORD : RECORDS_MAX;
	int file = simdisk_open("ledger", true, false);

	memcpy(all, data, count * LEDGER_RECORD);
	for (i = 0; i < count && right; i++) {
		memcpy(&all[i], "RQLL\x01", 6);
		all[i].kind = (uint8_t)(all[i].kind % 3 + 1);
		all[i].sequence = all[i].pages % 8 == 0 ? all[i].sequence : i + 1;
		all[i].crc = crc32c(0, &all[i], offsetof(struct ledger_record, crc));
	}
	(void)simdisk_write(file, all, count * LEDGER_RECORD, 0);
	if (len % LEDGER_RECORD > 0 && count < RECORDS_MAX)
		(void)simdisk_write(
		    file, data + count * LEDGER_RECORD, len % LEDGER_RECORD, count * LEDGER_RECORD);
	return (count);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ledger_record last = { .sequence = 0 }, again = last,
			     added = { .kind = LEDGER_COMMIT, .index = 77 };
	struct simdisk *disk;
	struct ledger ledger;
	struct error error;

	if (len < 1)
		return (0);
	disk = simdisk_new();
	simdisk_mount(disk);
	(void)make_file(data + 1, len - 1, (data[0] & 1) != 0);
	if (ledger_open(&ledger, simdisk_dir(), on_record, &last, &error) == 0) {
		if (ledger_append(&ledger, &added) == -1 ||
		    ledger_open(&ledger, simdisk_dir(), on_record, &again, &error) == -1 ||
		    memcmp(&again, &added, sizeof(added)) != 0 || again.sequence <= last.sequence)
			abort();
	}
	simdisk_free(disk);
	return (0);
}
