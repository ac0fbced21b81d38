/* The log: what is read back after appends, cuts, drops and restarts; what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/crc32c.h"
#include "proc/raft/log_format.h"
#include "tests/storage/logbook.h"
#include "tests/storage/simdisk.h"

static struct simdisk *disk;
static struct logbook book;

static int
setup(void **state)
{
	simdisk_seed(7);
	disk = simdisk_new();
	simdisk_mount(disk);
	logbook_init(&book, simdisk_dir());
	assert_true(logbook_open(&book));
	return (0);
}

static int
teardown(void **state)
{
	logbook_close(&book);
	simdisk_free(disk);
	return (0);
}

/* As after a kill: what is in memory is gone, what was written is there. */
static void
reopen(void)
{
	struct simdisk *found;

	logbook_close(&book);
	found = simdisk_image(disk, SIMDISK_KILL, NULL, NULL);
	simdisk_free(disk);
	disk = found;
	simdisk_mount(disk);
	if (!logbook_open(&book))
		fail_msg("%s", book.error.text);
}

static void
check(void)
{
	const char *wrong = logbook_check(&book);

	if (wrong != NULL)
		fail_msg("%s", wrong);
}

static void
count_name(void *arg, const char *name)
{
	if (strstr(name, ".seg") != NULL)
		++*(unsigned *)arg;
}

static unsigned
segments(void)
{
	unsigned count = 0;

	(void)simdisk_dir()->ops->list(simdisk_dir(), count_name, &count);
	return (count);
}

static void
test_empty(void **state)
{
	assert_int_equal(log_first(book.log), 1);
	assert_int_equal(log_last(book.log), 0);
	assert_int_equal(log_term(book.log, 0), 0);
	assert_int_equal(log_term(book.log, 1), 0);
	assert_int_equal(log_commit(book.log), 0);
	reopen();
	check();
	assert_int_equal(log_file_bytes(book.log), 0);
}

static void
test_append_and_read_back(void **state)
{
	unsigned i;

	for (i = 0; i < 100; i++) {
		assert_true(logbook_append(&book, 1 + i / 9, 1 + i % 5, i * 37 % 3000));
		if (i % 13 == 0)
			reopen();
	}
	check();
	reopen();
	check();
	assert_true(segments() > 10);
}

/* Appends, and says how many writes and flushes that took; what it wrote survives a loss of power. */
static void
append_counting(size_t len, uint64_t *writes, uint64_t *syncs)
{
	struct simdisk *found;

	*writes = simdisk_events.writes;
	*syncs = simdisk_events.syncs;
	assert_true(logbook_append(&book, 1, 1, len));
	*writes = simdisk_events.writes - *writes;
	*syncs = simdisk_events.syncs - *syncs;
	found = simdisk_image(disk, SIMDISK_POWER, NULL, NULL);
	logbook_close(&book);
	simdisk_free(disk);
	disk = found;
	simdisk_mount(disk);
	assert_true(logbook_open(&book));
	check();
	/* The segment that the next one goes to. */
	assert_true(logbook_append(&book, 1, 1, 10));
}

static void
test_small_batch_is_one_call(void **state)
{
	uint64_t writes, syncs;

	assert_true(logbook_append(&book, 1, 1, 10));
	append_counting(100, &writes, &syncs);
	assert_int_equal(writes, 1);
	assert_int_equal(syncs, 0);
}

/* Where that can't be done, or fails, it is a write and a flush. */
static void
test_small_batch_without_direct_writes(void **state)
{
	uint64_t writes, syncs;

	simdisk_events.no_direct = true;
	assert_true(logbook_append(&book, 1, 1, 10));
	append_counting(100, &writes, &syncs);
	assert_int_equal(writes, 1);
	assert_int_equal(syncs, 1);
	simdisk_events.fail_write = simdisk_events.writes + 1;
	simdisk_events.fail_errno = EINVAL;
	append_counting(100, &writes, &syncs);
	assert_int_equal(writes, 2);
	assert_int_equal(syncs, 1);
}

/* A killed life keeps of its segment what is in it, not what was reserved. */
static void
test_lives_leave_little(void **state)
{
	uint64_t before;
	unsigned i, k;

	for (i = 0; i < 10; i++) {
		for (k = 0; k < 3; k++)
			assert_true(logbook_append(&book, 1, 1, 100));
		reopen();
		check();
	}
	before = log_file_bytes(book.log);
	/* Each: two headers, three batches, the last of them once more; and one spare. */
	assert_true(before <= 10 * 6 * LOG_BLOCK + LOGBOOK_SEGMENT);
	assert_true(logbook_append(&book, 1, 1, 100));
	check();
}

static bool
count_entry(void *arg, const struct log_entry *entry)
{
	return (++*(unsigned *)arg < 3);
}

static void
test_reading_can_start_and_end_anywhere(void **state)
{
	struct error error;
	unsigned i, count;

	for (i = 0; i < 20; i++)
		assert_true(logbook_append(&book, 1, 4, 100));
	for (i = 1; i <= 80; i++) {
		count = 0;
		assert_int_equal(log_read(book.log, i, count_entry, &count, &error), 0);
		assert_int_equal(count, 80 - i + 1 < 3 ? 80 - i + 1 : 3);
	}
	count = 0;
	assert_int_equal(log_read(book.log, 81, count_entry, &count, &error), 0);
	assert_int_equal(count, 0);
	log_read_batch(book.log, count_entry, &count);
	assert_int_equal(count, 3);
}

static void
test_entry_larger_than_a_segment(void **state)
{
	assert_true(logbook_append(&book, 1, 2, 10));
	assert_true(logbook_append(&book, 1, 1, 5 * LOGBOOK_SEGMENT));
	assert_true(logbook_append(&book, 2, 1, LOGBOOK_SEGMENT - LOG_BLOCK - 77));
	assert_true(logbook_append(&book, 2, 1, LOGBOOK_SEGMENT - LOG_BLOCK - 76));
	assert_true(logbook_append(&book, 2, 3, 10));
	check();
	reopen();
	check();
	assert_true(logbook_append(&book, 3, 1, 9 * LOGBOOK_SEGMENT));
	reopen();
	reopen();
	check();
}

static void
test_restarts_leave_nothing_behind(void **state)
{
	unsigned i, count;

	assert_true(logbook_append(&book, 1, 2, 5000));
	while (log_prepare(book.log))
		continue;
	reopen();
	count = segments();
	for (i = 0; i < 10; i++) {
		reopen();
		assert_int_equal(segments(), count);
	}
	assert_true(logbook_append(&book, 1, 1, 10));
	check();
}

static void
test_spare_of_an_earlier_life_is_used(void **state)
{
	uint64_t writes;

	while (log_prepare(book.log))
		continue;
	reopen();
	writes = simdisk_events.writes;
	assert_true(logbook_append(&book, 1, 1, 10));
	/* Header, rename, batch. */
	assert_int_equal(simdisk_events.writes - writes, 3);
	/* Half of one is not: it is made anew. */
	assert_int_not_equal(simdisk_open("spare-0.seg", true, true), -1);
	reopen();
	assert_true(logbook_append(&book, 1, 1, 10));
	reopen();
	check();
}

static int
open_no_spare(struct file_dir *dir, const char *name, int flags)
{
	if (strncmp(name, "spare", 5) != 0 || flags != O_RDWR)
		return (simdisk_dir()->ops->open(dir, name, flags));
	errno = EMFILE;
	return (-1);
}

static int
unlink_no_directory(struct file_dir *dir, const char *name)
{
	errno = EISDIR;
	return (-1);
}

/* Whether or not it is there; but what can't be removed keeps the log from growing. */
static void
test_spare_that_can_not_be_opened(void **state)
{
	struct file_ops ops = *simdisk_dir()->ops;
	struct file_dir dir = { &ops };

	ops.open = open_no_spare;
	book.dir = &dir;
	assert_true(logbook_append(&book, 1, 1, 10));
	while (log_prepare(book.log))
		continue;
	reopen();
	assert_false(simdisk_exists("spare-0.seg"));
	reopen();
	check();
	assert_true(logbook_append(&book, 1, 1, 10));
	ops.unlink = unlink_no_directory;
	logbook_close(&book);
	assert_false(logbook_open(&book));
	assert_non_null(strstr(book.error.text, "raft/spare-1.seg is in the place of a file"));
	book.dir = simdisk_dir();
	reopen();
	check();
}

static void
test_cut(void **state)
{
	unsigned i;

	for (i = 0; i < 10; i++)
		assert_true(logbook_append(&book, 1 + i / 4, 5, 600));
	assert_true(logbook_cut(&book, 51));
	check();
	/* In the middle of a batch, and at once dead. */
	assert_true(logbook_cut(&book, 38));
	check();
	reopen();
	check();
	assert_int_equal(log_term(book.log, 38), 0);
	assert_true(logbook_append(&book, 7, 2, 900));
	check();
	/* Twice without an append in between; what the first cut left is cut again. */
	assert_true(logbook_cut(&book, 39));
	assert_true(logbook_cut(&book, 12));
	assert_true(logbook_append(&book, 8, 20, 500));
	assert_true(logbook_append(&book, 8, 1, 5));
	check();
	reopen();
	check();
	assert_true(logbook_cut(&book, 1));
	reopen();
	check();
	assert_true(logbook_append(&book, 9, 2, 900));
	reopen();
	check();
}

static void
test_drop_keeps_what_is_above(void **state)
{
	unsigned i;

	for (i = 0; i < 40; i++)
		assert_true(logbook_append(&book, 1 + i / 10, 2, 1500));
	assert_false(log_can_drop(book.log, 1));
	assert_true(log_can_drop(book.log, 50));
	log_drop_before(book.log, 50);
	assert_false(log_can_drop(book.log, 50));
	assert_true(log_first(book.log) > 1);
	assert_true(log_first(book.log) <= 51);
	check();
	assert_int_equal(log_term(book.log, 1), 0);
	book.config.witness = 50;
	reopen();
	assert_true(log_first(book.log) <= 51);
	check();
	book.config.witness = 80;
	log_drop_before(book.log, 80);
	reopen();
	check();
	assert_true(logbook_append(&book, 9, 2, 900));
	check();
}

/* A segment that is dropped may have been cut to before the next one's first index. */
static void
test_drop_after_cut(void **state)
{
	unsigned i, index;

	for (i = 0; i < 10; i++)
		assert_true(logbook_append(&book, 2, 2, 4096));
	assert_true(logbook_cut(&book, 6));
	assert_true(logbook_append(&book, 3, 3, 10));
	/* Dead between two removals: the first one is gone. */
	for (index = 1; segments() > 2; index++) {
		char name[24];

		(void)snprintf(name, sizeof(name), "%016x.seg", index);
		if (simdisk_exists(name))
			assert_int_equal(simdisk_unlink(name), 0);
		reopen();
		assert_true(log_first(book.log) <= log_last(book.log));
		check();
	}
}

static void
test_recycled_segment_shows_nothing_old(void **state)
{
	unsigned i, files;

	for (i = 0; i < 30; i++) {
		assert_true(logbook_append(&book, 1, 3, 1200));
		if (i % 4 == 0)
			log_drop_before(book.log, book.last - 3);
		files = segments();
		assert_true(files < 8);
		if (i % 7 == 0)
			reopen();
		check();
	}
}

static void
test_reset(void **state)
{
	unsigned i;

	for (i = 0; i < 10; i++)
		assert_true(logbook_append(&book, 2, 5, 600));
	assert_int_equal(log_reset(book.log, 900, 5), 0);
	book.last = 900;
	book.terms[900] = 5;
	assert_int_equal(log_first(book.log), 901);
	check();
	reopen();
	assert_int_equal(log_first(book.log), 901);
	assert_int_equal(log_term(book.log, 900), 5);
	check();
	assert_true(logbook_append(&book, 6, 3, 30));
	reopen();
	check();
	assert_int_equal(log_first(book.log), 901);
}

static void
test_reading_what_was_dropped(void **state)
{
	struct error error;
	unsigned count = 0;

	assert_int_equal(log_reset(book.log, 10, 5), 0);
	assert_int_equal(log_read(book.log, 10, count_entry, &count, &error), -1);
	assert_non_null(strstr(error.text, "begins at 11"));
}

static void
refused(const char *why)
{
	logbook_close(&book);
	assert_false(logbook_open(&book));
	if (strstr(book.error.text, why) == NULL)
		fail_msg("not \"%s\": %s", why, book.error.text);
}

static void
test_refused(void **state)
{
	struct log_config config = book.config;
	int file;

	book.config.witness = 1;
	refused("all segments are missing");
	book.config = config;
	assert_true(logbook_open(&book));
	assert_true(logbook_append(&book, 1, 3, 20000));
	assert_true(logbook_append(&book, 1, 3, 20));
	book.config.witness = 7;
	refused("0000000000000002.seg is damaged at offset 8192 (the database has applied");
	book.config = config;
	book.config.vote_synced = 7;
	refused("(the vote file knows of entries beyond it): restore this node from a backup");
	book.config = config;
	book.config.instance[3]++;
	refused("0000000000000001.seg belongs to another node");
	book.config = config;
	assert_int_equal(simdisk_rename("0000000000000001.seg", "0000000000000009.seg"), 0);
	refused("0000000000000009.seg was another file");
	assert_int_equal(simdisk_rename("0000000000000009.seg", "0000000000000001.seg"), 0);
	file = simdisk_open("0000000000000001.seg", false, false);
	assert_int_equal(simdisk_truncate(file, 4095), 0);
	refused("0000000000000001.seg is damaged (too short");
	assert_int_equal(simdisk_unlink("0000000000000001.seg"), 0);
	book.config.witness = 1;
	refused("it begins at entry 4, but the database is at 1");
}

static void
test_missing_in_the_middle(void **state)
{
	unsigned i;

	for (i = 0; i < 6; i++)
		assert_true(logbook_append(&book, 1, 1, 16000));
	assert_int_equal(simdisk_unlink("0000000000000003.seg"), 0);
	refused("0000000000000003.seg is missing");
}

static void
test_other_names_are_left_alone(void **state)
{
	static const char *const names[] = { "vote", "0000000000000abc.se", "0000000000000ABC.seg",
		"+000000000000abc.seg", "0x00000000000abc.seg", "00000000000000abc.seg" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_not_equal(simdisk_open(names[i], true, false), -1);
	assert_true(logbook_append(&book, 1, 1, 16000));
	reopen();
	check();
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(simdisk_exists(names[i]));
}

/* Bytes of a client that look like a batch behind the torn one; `right`: with the segment's salt. */
static void
imitate(bool right)
{
	struct batch_head head = { .magic = BATCH_MAGIC, .version = LOG_FORMAT_VERSION };
	static uint8_t data[3 * LOG_BLOCK];
	struct iovec part = { data, sizeof(data) };
	struct segment_head segment;
	int file = simdisk_open("0000000000000001.seg", false, false);

	assert_int_equal(simdisk_read(file, &segment, sizeof(segment), 0), sizeof(segment));
	head.salt = right ? segment.salt : segment.salt + 1;
	head.sequence = 1000;
	head.first = head.count = 1;
	head.crc = crc32c(0, &head, offsetof(struct batch_head, crc));
	memcpy(data + LOG_BLOCK - sizeof(head) - ENTRY_HEAD, &head, sizeof(head));
	log_begin(book.log);
	log_add(book.log, 1, 1, &part, 1);
	assert_int_equal(log_commit(book.log), 0);
	/* Torn: its head is not there. */
	assert_int_equal(simdisk_write(file, &part, sizeof(part), 2 * LOG_BLOCK), 0);
}

static void
test_imitation_of_a_batch(void **state)
{
	assert_true(logbook_append(&book, 1, 1, 10));
	imitate(false);
	reopen();
	check();
}

static void
test_later_batch_is_proof(void **state)
{
	assert_true(logbook_append(&book, 1, 1, 10));
	imitate(true);
	refused("0000000000000001.seg is damaged at offset 8192 (a later batch is whole)");
}

static bool
take_entry(void *arg, const struct log_entry *entry)
{
	++*(unsigned *)arg;
	return (true);
}

/* What a disk spoils after it was written is found when it is read, and not handed on. */
static void
test_spoilt_behind_our_back(void **state)
{
	static const uint64_t places[] = { 2 * LOG_BLOCK + sizeof(struct batch_head) + ENTRY_HEAD +
					       50,
		2 * LOG_BLOCK + offsetof(struct batch_head, payload_crc) };
	struct error error;
	unsigned i, taken;

	for (i = 0; i < 3; i++)
		assert_true(logbook_append(&book, 1, 1, 100));
	for (i = 0; i < 2; i++) {
		int file = simdisk_dir()->ops->open(simdisk_dir(), "0000000000000001.seg", O_RDWR);
		uint8_t byte, other;

		assert_int_equal(file_read(simdisk_dir(), file, &byte, 1, (off_t)places[i]), 0);
		other = byte ^ 4;
		assert_int_equal(simdisk_write(file, &other, 1, places[i]), 0);
		taken = 0;
		assert_int_equal(log_read(book.log, 1, take_entry, &taken, &error), -1);
		assert_non_null(
		    strstr(error.text, "0000000000000001.seg is damaged at offset 8192 "
				       "(what was written there can not be read back)"));
		assert_int_equal(taken, 1);
		assert_int_equal(simdisk_write(file, &byte, 1, places[i]), 0);
		simdisk_dir()->ops->close(simdisk_dir(), file);
	}
	taken = 0;
	assert_int_equal(log_read(book.log, 1, take_entry, &taken, &error), 0);
	assert_int_equal(taken, 3);
}

static void
test_tail(void **state)
{
	unsigned i;

	for (i = 0; i < 10; i++)
		assert_true(logbook_append(&book, 1, 1, 100));
	assert_int_equal(log_tail(book.log, 3 * LOG_BLOCK), 7);
	assert_int_equal(log_tail(book.log, 100 * LOG_BLOCK), 1);
	assert_int_equal(log_bytes(book.log), 10 * LOG_BLOCK);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_empty),
		TEST(test_append_and_read_back),
		TEST(test_small_batch_is_one_call),
		TEST(test_small_batch_without_direct_writes),
		TEST(test_lives_leave_little),
		TEST(test_reading_can_start_and_end_anywhere),
		TEST(test_entry_larger_than_a_segment),
		TEST(test_restarts_leave_nothing_behind),
		TEST(test_spare_of_an_earlier_life_is_used),
		TEST(test_spare_that_can_not_be_opened),
		TEST(test_cut),
		TEST(test_drop_keeps_what_is_above),
		TEST(test_drop_after_cut),
		TEST(test_recycled_segment_shows_nothing_old),
		TEST(test_reset),
		TEST(test_reading_what_was_dropped),
		TEST(test_refused),
		TEST(test_missing_in_the_middle),
		TEST(test_other_names_are_left_alone),
		TEST(test_imitation_of_a_batch),
		TEST(test_later_batch_is_proof),
		TEST(test_spoilt_behind_our_back),
		TEST(test_tail),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
