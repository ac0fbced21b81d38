/* A log and what it should hold: see logbook.h. */
#include "tests/storage/logbook.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_ENTRY (256 * 1024)

static uint8_t
content(uint64_t index, uint64_t term, size_t i)
{
	return ((uint8_t)(index * 31 + term * 7 + i));
}

void
logbook_init(struct logbook *book, struct file_dir *dir)
{
	memset(book, 0, sizeof(*book));
	book->dir = dir;
	book->config.segment_size = LOGBOOK_SEGMENT;
	memcpy(book->config.instance, "a log of a test", 16);
}

bool
logbook_open(struct logbook *book)
{
	book->log = log_open(book->dir, &book->config, &book->error);
	return (book->log != NULL);
}

void
logbook_close(struct logbook *book)
{
	if (book->log != NULL)
		log_close(book->log);
	book->log = NULL;
}

bool
logbook_append(struct logbook *book, uint64_t term, unsigned count, size_t size)
{
	static uint8_t data[SIZE_MAX_ENTRY];
	struct iovec parts[2];
	uint64_t index;
	size_t i;

	assert(size <= sizeof(data) && book->last + count < LOGBOOK_MAX);
	log_begin(book->log);
	for (index = book->last + 1; index <= book->last + count; index++) {
		for (i = 0; i < size; i++)
			data[i] = content(index, term, i);
		parts[0] = (struct iovec){ data, size / 3 };
		parts[1] = (struct iovec){ data + size / 3, size - size / 3 };
		log_add(book->log, term, (uint8_t)(index % 3 + 1), parts, 2);
		book->terms[index] = term;
		book->sizes[index] = size;
	}
	book->wanted = book->last + count;
	if (log_commit(book->log) == 0)
		book->last = book->wanted;
	else
		count = 0;
	book->wanted = book->last;
	return (count > 0);
}

bool
logbook_cut(struct logbook *book, uint64_t index)
{
	int result;

	book->cutting = index;
	result = log_cut(book->log, index);
	book->cutting = 0;
	if (result == 0)
		book->last = book->wanted = index - 1;
	return (result == 0);
}

struct checking {
	struct logbook *book;
	uint64_t next;
	const char *wrong;
};

static bool
check_entry(void *arg, const struct log_entry *entry)
{
	struct checking *checking = arg;
	const struct logbook *book = checking->book;
	size_t i;

	if (entry->index != checking->next || entry->index > book->last)
		checking->wrong = "an entry of another index";
	else if (entry->term != book->terms[entry->index] || entry->type != entry->index % 3 + 1)
		checking->wrong = "another term or type";
	else if (entry->len != book->sizes[entry->index])
		checking->wrong = "another size";
	else if (log_term(book->log, entry->index) != entry->term)
		checking->wrong = "log_term() tells another term";
	for (i = 0; i < entry->len && checking->wrong == NULL; i++)
		if (entry->data[i] != content(entry->index, entry->term, i))
			checking->wrong = "other content";
	checking->next++;
	return (checking->wrong == NULL);
}

const char *
logbook_check(struct logbook *book)
{
	struct checking checking = { book, log_first(book->log), NULL };

	if (log_last(book->log) != book->last)
		return ("another last index");
	if (checking.next > 1 && checking.next <= book->last + 1 &&
	    log_term(book->log, checking.next - 1) != book->terms[checking.next - 1])
		return ("another term before the first");
	if (log_read(book->log, checking.next, check_entry, &checking, &book->error) == -1)
		return (book->error.text);
	if (checking.wrong == NULL && checking.next != book->last + 1)
		return ("reading ends early");
	return (checking.wrong);
}
