/* Named parameters of an object; see names.h.  n log n, whatever the names. */
#include "proc/http/names.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proto/command.h"

#define FEW 16

struct member {
	const char *name; /* in the command */
	size_t len;
	const uint8_t *at, *end;
	bool dropped;
};

static int
compare_names(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int order = memcmp(x->name, y->name, x->len < y->len ? x->len : y->len);

	if (order == 0)
		order = (x->len > y->len) - (x->len < y->len);
	return (order != 0 ? order : (x->at > y->at) - (x->at < y->at));
}

static int
compare_places(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return ((x->at > y->at) - (x->at < y->at));
}

static void
find_members(const struct buf *command, size_t at, struct member *all, uint32_t count)
{
	struct command_statement cursor = {
		.parameters = count, .pos = command->data + at, .end = command->data + command->len
	};
	struct command_parameter parameter;
	uint32_t i;

	for (i = 0; i < count; i++) {
		all[i].at = cursor.pos;
		if (!command_next_parameter(&cursor, &parameter))
			fatalx("a command made here is malformed");
		all[i].name = parameter.name;
		all[i].len = parameter.name_len;
		all[i].end = cursor.pos;
		all[i].dropped = false;
	}
}

static uint32_t
drop(struct member *all, uint32_t count)
{
	uint32_t dropped = 0, i;

	qsort(all, count, sizeof(*all), compare_names);
	for (i = 0; i + 1 < count; i++)
		if (all[i].len == all[i + 1].len &&
		    memcmp(all[i].name, all[i + 1].name, all[i].len) == 0) {
			all[i].dropped = true;
			dropped++;
		}
	return (dropped);
}

static void
close_gaps(struct buf *command, size_t at, struct member *all, uint32_t count)
{
	uint8_t *to = command->data + at;
	uint32_t i;

	qsort(all, count, sizeof(*all), compare_places);
	for (i = 0; i < count; i++) {
		size_t size = (size_t)(all[i].end - all[i].at);

		if (all[i].dropped)
			continue;
		memmove(to, all[i].at, size);
		to += size;
	}
	command->len = (size_t)(to - command->data);
}

uint32_t
names_collapse(struct buf *command, size_t at, uint32_t count)
{
	struct member few[FEW], *all = few;
	uint32_t dropped;

	if (count < 2)
		return (count);
	if (count > FEW) {
		all = calloc(count, sizeof(*all));
		if (all == NULL)
			fatal("calloc");
	}
	find_members(command, at, all, count);
	dropped = drop(all, count);
	if (dropped > 0)
		close_gaps(command, at, all, count);
	if (all != few)
		free(all);
	return (count - dropped);
}
