/*
 * Damage and torn writes in the log.  Every byte of every header is changed, and
 * bytes of payloads: damage to anything but the very last batch must be named
 * (file, offset, what to do); damage to that one too if a witness knows of it.
 * Every batch is torn: that is cut, silently, and the log goes on.
 *
 * The seed is printed; RQLITED_SEED repeats it.  RQLITED_FULL=1: whole numbers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proc/raft/log_format.h"
#include "tests/storage/logbook.h"
#include "tests/storage/simdisk.h"

#define BATCHES_MAX 64
#define SECTOR 512

struct batch {
	char name[24];
	uint64_t offset;
	size_t size; /* of header and payload */
	uint64_t first, last; /* index */
};

static struct logbook book;
static struct batch batches[BATCHES_MAX];
static size_t batch_count;
static uint64_t seed;
static unsigned named, cut, torn, whole;

static void
wrong(const char *what, const char *name, uint64_t offset)
{
	printf("seed %" PRIu64 ": %s: %s at %" PRIu64 " (%s)\n", seed, what, name, offset,
	    book.error.text);
	exit(1);
}

static size_t
draw(size_t bound)
{
	return ((size_t)simdisk_random(bound));
}

/* ---- a log in one life, in part of recycled segments ---- */

static void
note_batches(const char *name)
{
	int file = simdisk_open(name, false, false);
	uint64_t offset = LOG_BLOCK;
	struct segment_head segment;
	struct batch_head head;

	(void)simdisk_read(file, &segment, sizeof(segment), 0);
	while (simdisk_read(file, &head, sizeof(head), offset) == sizeof(head) &&
	       head.magic == BATCH_MAGIC && head.salt == segment.salt) {
		struct batch *batch = &batches[batch_count++];

		(void)snprintf(batch->name, sizeof(batch->name), "%s", name);
		batch->offset = offset;
		batch->size = sizeof(head) + head.length;
		batch->first = head.first;
		batch->last = head.first + head.count - 1;
		offset += to_block(batch->size);
	}
}

static void
append(void)
{
	if (!logbook_append(&book, 1 + book.last / 9, (unsigned)(1 + draw(4)), draw(2200)))
		wrong("append", "", 0);
}

/* So many batches beyond what fills the first segments, which are recycled. */
static struct simdisk *
build(unsigned count)
{
	struct simdisk *disk = simdisk_new();
	char name[24];
	unsigned i;

	simdisk_mount(disk);
	logbook_init(&book, simdisk_dir());
	if (!logbook_open(&book))
		wrong("open", "", 0);
	for (i = 0; i < 8; i++)
		append();
	log_drop_before(book.log, book.last);
	for (i = 0; i < count; i++)
		append();
	batch_count = 0;
	for (i = 1; i < 30; i++) {
		(void)snprintf(name, sizeof(name), "%016x.seg", i);
		if (simdisk_exists(name))
			note_batches(name);
	}
	if (batch_count == 0 || batches[batch_count - 1].last != book.last)
		wrong("batches of the build", name, batch_count);
	logbook_close(&book);
	return (disk);
}

static void
flip(const char *name, uint64_t offset)
{
	int file = simdisk_open(name, false, false);
	uint8_t byte = 0;

	(void)simdisk_read(file, &byte, 1, offset);
	byte ^= (uint8_t)(1 + draw(255));
	(void)simdisk_write(file, &byte, 1, offset);
}

/* ---- damage ---- */

static void
expect_named(const char *name, uint64_t at, uint64_t changed)
{
	char text[96];

	if (logbook_open(&book))
		wrong("damage is not seen", name, changed);
	(void)snprintf(text, sizeof(text), "%s is damaged at offset %" PRIu64, name, at);
	if (strstr(book.error.text, text) == NULL || strstr(book.error.text, "restore") == NULL)
		wrong("damage is named otherwise", name, changed);
	named++;
}

static void
expect_last(uint64_t last, const char *name, uint64_t changed)
{
	static struct logbook before;
	const char *reason;

	before = book;

	if (!logbook_open(&book))
		wrong("does not open", name, changed);
	book.last = last;
	reason = logbook_check(&book);
	if (reason != NULL)
		wrong(reason, name, changed);
	/* It goes on, and is found whole again. */
	append();
	logbook_close(&book);
	if (!logbook_open(&book) || (reason = logbook_check(&book)) != NULL)
		wrong(reason != NULL ? reason : "does not open again", name, changed);
	logbook_close(&book);
	book = before;
}

/* A byte of the batch is another one. */
static void
damage_batch(const struct simdisk *disk, size_t i, uint64_t within)
{
	const struct batch *batch = &batches[i];
	int known;

	for (known = 0; known < 2; known++) {
		struct simdisk *image = simdisk_copy(disk);

		simdisk_mount(image);
		flip(batch->name, batch->offset + within);
		book.config.witness = known == 1 ? book.last : 0;
		if (i + 1 < batch_count || known == 1) {
			expect_named(batch->name, batch->offset, batch->offset + within);
		} else {
			expect_last(batch->first - 1, batch->name, within);
			cut++;
		}
		book.config.witness = 0;
		simdisk_free(image);
	}
}

static void
damage_head(const struct simdisk *disk, const char *name, uint64_t offset)
{
	struct simdisk *image = simdisk_copy(disk);

	simdisk_mount(image);
	flip(name, offset);
	if (offset < sizeof(struct segment_head))
		expect_named(name, 0, offset);
	else
		expect_last(book.last, name, offset);
	simdisk_free(image);
}

static void
damage_all(unsigned payloads)
{
	struct simdisk *disk = build(12);
	size_t i, within;

	for (i = 0; i < batch_count; i++) {
		for (within = 0; within < sizeof(struct batch_head); within++)
			damage_batch(disk, i, within);
		if (i > 0 && strcmp(batches[i].name, batches[i - 1].name) == 0)
			continue;
		for (within = 0; within < sizeof(struct segment_head); within++)
			damage_head(disk, batches[i].name, within);
		damage_head(disk, batches[i].name, within + draw(LOG_BLOCK - within));
	}
	while (payloads-- > 0) {
		i = draw(3) == 0 ? batch_count - 1 : draw(batch_count);
		within = sizeof(struct batch_head);
		damage_batch(disk, i, within + draw(batches[i].size - within));
	}
	simdisk_free(disk);
}

/* ---- torn writes ---- */

/* Some sectors of the last batch are as before it was written. */
static void
tear(struct simdisk *image, struct simdisk *before, const struct batch *batch)
{
	static uint8_t was[16 * LOG_BLOCK], is[16 * LOG_BLOCK];
	uint64_t size = to_block(batch->size), at, kind = simdisk_random(3), keep;
	const char *name;
	int file;

	simdisk_mount(before);
	memset(was, 0, sizeof(was));
	name = simdisk_exists(batch->name) ? batch->name : "spare-0.seg";
	if (simdisk_exists(name))
		(void)simdisk_read(simdisk_open(name, false, false), was, size, batch->offset);
	simdisk_mount(image);
	file = simdisk_open(batch->name, false, false);
	(void)simdisk_read(file, is, size, batch->offset);
	keep = simdisk_random(size / SECTOR + 1);
	for (at = 0; at < size; at += SECTOR)
		if (kind == 0	? at / SECTOR >= keep
		    : kind == 1 ? at / SECTOR < keep
				: simdisk_random(2) == 0)
			(void)simdisk_write(file, was + at, SECTOR, batch->offset + at);
	(void)simdisk_read(file, was, size, batch->offset);
	if (memcmp(was, is, batch->size) == 0) {
		whole++;
		expect_last(batch->last, batch->name, batch->offset);
	} else {
		torn++;
		expect_last(batch->first - 1, batch->name, batch->offset);
	}
}

/* The batch of this number, in many ways.  The same seed twice builds the same log. */
static void
tear_one(unsigned number, unsigned ways)
{
	struct simdisk *disk, *before, *image;

	simdisk_seed(seed + number);
	before = build(number);
	simdisk_seed(seed + number);
	disk = build(number + 1);
	while (ways-- > 0) {
		image = simdisk_copy(disk);
		tear(image, before, &batches[batch_count - 1]);
		simdisk_free(image);
	}
	simdisk_free(before);
	simdisk_free(disk);
}

int
main(void)
{
	const char *given = getenv("RQLITED_SEED");
	unsigned i, full = getenv("RQLITED_FULL") != NULL;

	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	seed = given != NULL ? strtoull(given, NULL, 10)
			     : (uint64_t)now.tv_nsec + (uint64_t)now.tv_sec;
	printf("seed %" PRIu64 "\n", seed);
	simdisk_seed(seed);
	damage_all(full ? 1000 : 200);
	for (i = 0; i < 14; i++)
		tear_one(i, full ? 200 : 40);
	printf(
	    "log: %u damages named, %u last batches cut, %u torn batches cut, %u torn but whole\n",
	    named, cut, torn, whole);
	return (named > 0 && cut > 0 && torn > 0 ? 0 : 1);
}
