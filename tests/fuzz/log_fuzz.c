/*
 * A log of hostile bytes: opening reads nothing beyond them; if it opens, all its
 * entries can be read, it takes more, and is found again as it was.
 *
 * The input is cut into at most four segments of up to four blocks, a block given
 * by up to 256 bytes of the input, the rest zero.  The first byte tells whether
 * magics, salts and checksums are made right, so that what stands behind them is
 * reached, and whether there is a witness.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "proc/raft/log.h"
#include "proc/raft/log_format.h"
#include "tests/storage/dead.h"
#include "tests/storage/simdisk.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define SEGMENT (4 * LOG_BLOCK)
#define PIECE 256
#define SEGMENTS_MAX 4

struct made {
	uint64_t batch; /* of the batch made last */
	uint64_t index;
	uint32_t crc;
};

static void
mend_segment(uint8_t *block, uint64_t sequence, const struct made *made)
{
	struct segment_head head;

	memcpy(&head, block, sizeof(head));
	memcpy(head.magic, SEGMENT_MAGIC, sizeof(head.magic));
	memset(head.instance, 0, sizeof(head.instance));
	head.version = LOG_FORMAT_VERSION;
	head.fresh &= 1;
	head.sequence = sequence;
	head.salt = sequence;
	/* Small numbers, mostly those that fit. */
	head.first = made->index + 1 - (head.first % 4 == 3 ? head.first / 4 % 8 : 0);
	if (head.before_batch % 8 != 0) {
		head.before_batch = made->batch;
		head.before_crc = made->crc;
	}
	head.crc = crc32c(0, &head, offsetof(struct segment_head, crc));
	memcpy(block, &head, sizeof(head));
}

/* One entry or, as the input has it, what claims to be some. */
static void
mend_batch(uint8_t *block, size_t room, uint64_t sequence, struct made *made)
{
	struct batch_head head;
	uint32_t length;

	memcpy(&head, block, sizeof(head));
	if (head.magic % 8 == 0)
		return;
	head.magic = BATCH_MAGIC;
	head.version = LOG_FORMAT_VERSION;
	head.salt = sequence;
	head.length %= (uint32_t)(room - sizeof(head));
	if (head.count % 4 != 0 && head.length >= ENTRY_HEAD) {
		head.count = 1;
		length = head.length - ENTRY_HEAD;
		memcpy(block + sizeof(head), &length, sizeof(length));
	}
	if (head.sequence % 8 != 0) {
		head.sequence = made->batch + 1;
		head.before_crc = made->crc;
		head.first = made->index + 1;
	}
	head.payload_crc = crc32c(0, block + sizeof(head), head.length);
	head.crc = crc32c(0, &head, offsetof(struct batch_head, crc));
	memcpy(block, &head, sizeof(head));
	*made = (struct made){ head.sequence, head.first + head.count - 1, head.payload_crc };
}

static size_t
make_segment(const uint8_t *data, size_t len, uint64_t sequence, bool right, struct made *made)
{
	static uint8_t bytes[SEGMENT];
	char name[24] = "0000000000000000.seg";
	size_t used = 0, block;

	memset(bytes, 0, sizeof(bytes));
	for (block = 0; block < SEGMENT / LOG_BLOCK && used < len; block++) {
		size_t n = len - used < PIECE ? len - used : PIECE;

		memcpy(bytes + block * LOG_BLOCK, data + used, n);
		used += n;
		if (right && block == 0)
			mend_segment(bytes, sequence, made);
		else if (right)
			mend_batch(
			    bytes + block * LOG_BLOCK, SEGMENT - block * LOG_BLOCK, sequence, made);
	}
	name[15] = (char)('0' + sequence);
	(void)simdisk_write(simdisk_open(name, true, false), bytes, block * LOG_BLOCK, 0);
	return (used);
}

struct counting {
	const struct log *log;
	uint64_t next;
};

static bool
count_entry(void *arg, const struct log_entry *entry)
{
	struct counting *counting = arg;
	static volatile uint8_t last;

	if (entry->index != counting->next++ ||
	    log_term(counting->log, entry->index) != entry->term)
		abort();
	if (entry->len > 0)
		last = entry->data[entry->len - 1];
	(void)last;
	return (true);
}

/* All of it can be read; the last index. */
static uint64_t
read_all(struct log *log)
{
	struct counting counting = { log, log_first(log) };
	struct error error;

	if (log_read(log, log_first(log), count_entry, &counting, &error) == -1 ||
	    counting.next != log_last(log) + 1)
		abort();
	return (log_last(log));
}

static void
go_on(struct log *log, const struct log_config *config)
{
	uint64_t last = read_all(log);
	struct iovec part = { &last, sizeof(last) };
	struct error error;

	log_begin(log);
	log_add(log, 7, 1, &part, 1);
	log_add(log, 8, 1, &part, 1);
	if (log_commit(log) == -1 || read_all(log) != last + 2 || log_cut(log, last + 2) == -1)
		abort();
	log_close(log);
	log = log_open(simdisk_dir(), config, &error);
	if (log == NULL || read_all(log) != last + 1 || log_term(log, last + 1) != 7)
		abort();
	log_close(log);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct log_config config = { .segment_size = SEGMENT };
	struct simdisk *disk;
	struct made made = { 0, 0, 0 };
	struct error error;
	struct log *log;
	uint64_t sequence;
	size_t used = 1;

	if (len < 1)
		return (0);
	disk = simdisk_new();
	simdisk_mount(disk);
	simdisk_seed(data[0]);
	for (sequence = 1; sequence <= SEGMENTS_MAX && used < len; sequence++)
		used += make_segment(data + used, len - used, sequence, (data[0] & 1) != 0, &made);
	config.witness = data[0] >> 1 & 3;
	log = log_open(simdisk_dir(), &config, &error);
	if (log != NULL)
		go_on(log, &config);
	simdisk_free(disk);
	return (0);
}
