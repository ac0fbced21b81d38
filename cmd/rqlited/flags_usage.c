/*
 * -h and -version: what the table of flags says, for people.
 */
#include <sys/utsname.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "cmd/rqlited/flags_private.h"
#include "common/duration.h"
#include "common/version.h"

static int
compare_names(const void *a, const void *b)
{
	char left[64], right[64];

	flags_name(*(const struct flag_info *const *)a, left, sizeof(left));
	flags_name(*(const struct flag_info *const *)b, right, sizeof(right));
	return (strcmp(left, right));
}

static void
print_default(FILE *out, const struct flag_info *info)
{
	char text[64];

	switch (info->kind) {
	case FLAG_STRING:
		if (info->def.STRING[0] != '\0')
			fprintf(out, " (default \"%s\")", info->def.STRING);
		break;
	case FLAG_INT:
		if (info->def.INT != 0)
			fprintf(out, " (default %lld)", (long long)info->def.INT);
		break;
	case FLAG_UINT:
		if (info->def.UINT != 0)
			fprintf(out, " (default %llu)", (unsigned long long)info->def.UINT);
		break;
	case FLAG_DURATION:
		if (info->def.DURATION != 0) {
			(void)duration_format(info->def.DURATION, text, sizeof(text));
			fprintf(out, " (default %s)", text);
		}
		break;
	case FLAG_BOOL:
		if (info->def.BOOL)
			fprintf(out, " (default true)");
		break;
	}
}

static void
print_flag(FILE *out, const struct flag_info *info)
{
	static const char *const types[] = { " string", " int", " uint", " duration", "" };
	char name[64];

	flags_name(info, name, sizeof(name));
	fprintf(out, "  -%s%s\n\t%s%s", name, types[info->kind], info->text,
	    info->built ? "" : "; not supported by this version");
	print_default(out, info);
	fputc('\n', out);
}

void
flags_print_usage(FILE *out)
{
	const struct flag_info *sorted[FLAGS__COUNT];

	for (size_t i = 0; i < FLAGS__COUNT; i++)
		sorted[i] = flags_info(i);
	qsort(sorted, FLAGS__COUNT, sizeof(sorted[0]), compare_names);
	fprintf(out, "rqlited is a distributed database server: SQLite replicated by Raft,\n"
		     "served over HTTP by privilege-separated processes. See rqlited(8).\n\n"
		     "Usage: rqlited [flags] <data directory>\n");
	for (size_t i = 0; i < FLAGS__COUNT; i++)
		print_flag(out, sorted[i]);
}

void
flags_print_version(FILE *out)
{
	struct utsname name;
	char system[sizeof(name.sysname)];
	const char *machine = "unknown";

	(void)snprintf(system, sizeof(system), "unknown");
	if (uname(&name) == 0) {
		(void)snprintf(system, sizeof(system), "%s", name.sysname);
		machine = strcmp(name.machine, "x86_64") == 0	 ? "amd64"
			  : strcmp(name.machine, "aarch64") == 0 ? "arm64"
								 : name.machine;
	}
	for (char *p = system; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	fprintf(out, "rqlited %s %s %s %s sqlite%s (commit %s, compiler %s)\n", RQLITED_VERSION,
	    system, machine, version_toolchain, SQLITE_VERSION, version_commit, version_compiler);
}
