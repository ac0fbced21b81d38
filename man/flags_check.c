/*
 * Holds rqlited(8) against the table of flags: each flag has one item, in the
 * subsection of its group, with its type and its default, and is said to be
 * supported exactly if it is; and the page has no flag that the table has not.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/rqlited/flags.h"
#include "common/duration.h"
#include "man/page.h"

static const char *const groups[][2] = { { "GENERAL", "General" }, { "HTTP", "HTTP API" },
	{ "NODE", "Inter-node port" }, { "CLUSTER", "Cluster" }, { "RAFT", "Log and consensus" },
	{ "SQL", "Database" }, { "QUEUE", "Queued writes" },
	{ "OPS", "Backup, export and profiling" } };

static const char *const types[] = { "string", "int", "uint", "duration", "" };

/* What the page says of one flag. */
struct item {
	char group[64];
	char type[16];
	char text[2048];
	unsigned count;
};

static struct item items[FLAGS__COUNT];
static unsigned faults;

static void
fault(const char *flag, const char *what)
{
	fprintf(stderr, "-%s: %s\n", flag, what);
	faults++;
}

static int
find(const char *name)
{
	char known[64];

	for (int i = 0; i < FLAGS__COUNT; i++) {
		flags_name(flags_info((size_t)i), known, sizeof(known));
		if (strcmp(known, name) == 0)
			return (i);
	}
	return (-1);
}

/* The item that a line begins; NULL if the table does not know the flag. */
static struct item *
begin_item(const char *line, const char *group)
{
	char name[64] = "", type[16] = "";
	int i;

	if (sscanf(line, ".It Fl %63s Ar %15s", name, type) < 1)
		return (NULL);
	if ((i = find(name)) == -1) {
		fault(name, "is not a flag");
		return (NULL);
	}
	items[i].count++;
	(void)snprintf(items[i].group, sizeof(items[i].group), "%s", group);
	(void)snprintf(items[i].type, sizeof(items[i].type), "%s", type);
	return (&items[i]);
}

static void
read_page(char *rest)
{
	char group[64] = "";
	struct item *item = NULL;
	char *line;
	bool within = false;

	while ((line = page_line(&rest)) != NULL) {
		if (strncmp(line, ".Sh ", 4) == 0)
			within = strcmp(line, ".Sh FLAGS") == 0;
		if (!within)
			continue;
		if (strncmp(line, ".Ss ", 4) == 0)
			(void)snprintf(group, sizeof(group), "%s", line + 4);
		else if (strncmp(line, ".It Fl ", 7) == 0)
			item = begin_item(line, group);
		else if (strcmp(line, ".El") == 0)
			item = NULL;
		else if (item != NULL) {
			size_t len = strlen(item->text);

			(void)snprintf(item->text + len, sizeof(item->text) - len, "%s\n", line);
		}
	}
}

static void
default_text(const struct flag_info *info, char *out, size_t cap)
{
	out[0] = '\0';
	if (info->kind == FLAG_STRING)
		(void)snprintf(out, cap, "%s", info->def.STRING);
	else if (info->kind == FLAG_BOOL)
		(void)snprintf(out, cap, "%s", info->def.BOOL ? "true" : "");
	else if (info->def.INT != 0 && info->kind == FLAG_DURATION)
		(void)duration_format(info->def.DURATION, out, cap);
	else if (info->def.INT != 0)
		(void)snprintf(out, cap, "%lld", (long long)info->def.INT);
}

static void
judge(const struct flag_info *info, const struct item *item)
{
	char name[64], def[64];
	const char *group = "";

	flags_name(info, name, sizeof(name));
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (strcmp(groups[i][0], info->group) == 0)
			group = groups[i][1];
	default_text(info, def, sizeof(def));
	if (item->count != 1) {
		fault(name, item->count == 0 ? "is not in the page" : "stands there twice");
		return;
	}
	if (strcmp(item->group, group) != 0)
		fault(name, "stands in another group");
	if (strcmp(item->type, types[info->kind]) != 0)
		fault(name, "has another type");
	if (item->text[0] == '\0')
		fault(name, "is not explained");
	if (strstr(item->text, def) == NULL)
		fault(name, "its default is not said");
	if ((strstr(item->text, "Not yet supported.\n") == NULL) != info->built)
		fault(name, "is said to be supported, and is not, or the other way round");
}

int
main(int argc, char **argv)
{
	char *text;

	if (argc != 2)
		return (2);
	text = page_read(argv[1]);
	read_page(text);
	for (size_t i = 0; i < FLAGS__COUNT; i++)
		judge(flags_info(i), &items[i]);
	free(text);
	return (faults == 0 ? 0 : 1);
}
