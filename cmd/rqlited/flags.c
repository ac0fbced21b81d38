/*
 * The grammar of the command line: that of Go's flag package, which scripts
 * for rqlite rely on.  -name and --name; values by '=' or as the next word,
 * booleans by '=' only; the last occurrence wins; the first word without a dash
 * ends the flags and is the data directory.
 */
#include "cmd/rqlited/flags_private.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/rqlited/flags_value.h"
#include "common/log.h"

#define STATE_BUILT true
#define STATE_LATER false
#define FLAGS_INFO(kind, member, value, flag_group, state, flag_text) \
	{ .name = #member,                                            \
		FLAG_##kind,                                          \
		#flag_group,                                          \
		STATE_##state,                                        \
		flag_text,                                            \
		offsetof(struct flags, member),                       \
		{ .kind = value } },

static const struct flag_info table[] = { FLAGS_LIST(FLAGS_INFO) };

const struct flag_info *
flags_info(size_t i)
{
	return (i < FLAGS__COUNT ? &table[i] : NULL);
}

void
flags_name(const struct flag_info *info, char *out, size_t cap)
{
	size_t i;

	for (i = 0; info->name[i] != '\0' && i + 1 < cap; i++)
		out[i] = info->name[i] == '_' ? '-' : info->name[i];
	out[i] = '\0';
}

const char *
flags_own(struct flags *flags, char *text)
{
	if (text == NULL)
		fatal("out of memory");
	assert(flags->owned_count < FLAGS_OWNED_MAX);
	flags->owned[flags->owned_count++] = text;
	return (text);
}

void
flags_fini(struct flags *flags)
{
	while (flags->owned_count > 0)
		free(flags->owned[--flags->owned_count]);
}

const char *
flags_list_item(const char *list, size_t i, size_t *len)
{
	if (*list == '\0')
		return (NULL);
	for (; i > 0; i--) {
		if ((list = strchr(list, ',')) == NULL)
			return (NULL);
		list++;
	}
	*len = strcspn(list, ",");
	return (list);
}

/* The row of a name that is not terminated, or -1. */
static int
find_flag(const char *name, size_t len)
{
	char known[64];

	for (int i = 0; i < FLAGS__COUNT; i++) {
		flags_name(&table[i], known, sizeof(known));
		if (strlen(known) == len && memcmp(known, name, len) == 0)
			return (i);
	}
	return (-1);
}

static void
set_defaults(struct flags *flags)
{
	memset(flags, 0, sizeof(*flags));
	for (int i = 0; i < FLAGS__COUNT; i++) {
		char *member = (char *)flags + table[i].offset;

		switch (table[i].kind) {
		case FLAG_STRING:
			memcpy(member, &table[i].def.STRING, sizeof(table[i].def.STRING));
			break;
		case FLAG_BOOL:
			memcpy(member, &table[i].def.BOOL, sizeof(table[i].def.BOOL));
			break;
		default:
			memcpy(member, &table[i].def.INT, sizeof(table[i].def.INT));
		}
	}
}

/* Sets one member from text; NULL or the reason. */
static const char *
set_value(struct flags *flags, int i, const char *text)
{
	void *member = (char *)flags + table[i].offset;

	switch (table[i].kind) {
	case FLAG_STRING:
		*(const char **)member = text;
		return (NULL);
	case FLAG_INT:
		return (flags_value_int(text, member));
	case FLAG_UINT:
		return (flags_value_uint(text, member));
	case FLAG_DURATION:
		return (flags_value_duration(text, member));
	case FLAG_BOOL:
		return (flags_value_bool(text, member));
	}
	return (NULL);
}

/* A text in double quotes, with escapes for what would spoil the line. */
static void
print_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", out);
		else if (c == '\t')
			fputs("\\t", out);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\x%02x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static int
complain_value(FILE *out, int i, const char *text, const char *why)
{
	char name[64];
	bool boolean = table[i].kind == FLAG_BOOL;

	flags_name(&table[i], name, sizeof(name));
	fprintf(out, "invalid %svalue ", boolean ? "boolean " : "");
	print_quoted(out, text);
	fprintf(out, " for %s-%s: %s\n\n", boolean ? "" : "flag ", name, why);
	flags_print_usage(out);
	return (2);
}

static int
complain(FILE *out, const char *what, const char *name, size_t len)
{
	fprintf(out, "%s%.*s\n\n", what, (int)len, name);
	flags_print_usage(out);
	return (2);
}

/* The flag at argv[*at]; *at is then behind it and its value. FLAGS_GO or a status. */
static int
take_flag(struct flags *flags, char **argv, int argc, int *at, FILE *out)
{
	const char *word = argv[(*at)++], *name = word + (word[1] == '-' ? 2 : 1), *value, *why;
	size_t len = strcspn(name, "=");
	int i;

	if (len == 0 || name[0] == '-')
		return (complain(out, "bad flag syntax: ", word, strlen(word)));
	value = name[len] == '=' ? name + len + 1 : NULL;
	if ((i = find_flag(name, len)) < 0) {
		if ((len == 1 && name[0] == 'h') || (len == 4 && memcmp(name, "help", 4) == 0)) {
			flags_print_usage(out);
			return (0);
		}
		return (complain(out, "flag provided but not defined: -", name, len));
	}
	if (value == NULL && table[i].kind == FLAG_BOOL)
		value = "true";
	if (value == NULL && *at < argc)
		value = argv[(*at)++];
	if (value == NULL)
		return (complain(out, "flag needs an argument: -", name, len));
	if ((why = set_value(flags, i, value)) != NULL)
		return (complain_value(out, i, value, why));
	flags->given[i] = true;
	return (FLAGS_GO);
}

/* All flags; *at is then the data directory. */
static int
take_flags(struct flags *flags, char **argv, int argc, int *at, FILE *out)
{
	int status;

	for (*at = 1; *at < argc;) {
		const char *word = argv[*at];

		if (word[0] != '-' || word[1] == '\0')
			break;
		if (strcmp(word, "--") == 0) {
			(*at)++;
			break;
		}
		if ((status = take_flag(flags, argv, argc, at, out)) != FLAGS_GO)
			return (status);
	}
	return (FLAGS_GO);
}

/* "[rqlited] 2026/11/24 12:00:00 ", as log lines begin. */
static void
print_log_head(FILE *out)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[32];

	localtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y/%m/%d %H:%M:%S", &tm);
	fprintf(out, "[rqlited] %s ", text);
}

/* Lexical: no "//", "." or "..", which is what people will look for in logs. */
static char *
clean_path(const char *path)
{
	char *out = malloc(strlen(path) + 2), *end = out;

	if (out == NULL)
		return (NULL);
	while (*path != '\0') {
		size_t len = strcspn(path, "/");

		if (len == 2 && memcmp(path, "..", 2) == 0) {
			while (end > out && *--end != '/')
				;
		} else if (len > 0 && !(len == 1 && *path == '.')) {
			*end++ = '/';
			memcpy(end, path, len);
			end += len;
		}
		path += len + (path[len] == '/' ? 1 : 0);
	}
	if (end == out)
		*end++ = '/';
	*end = '\0';
	return (out);
}

/* Trimmed and absolute; empty stays empty, which is refused later. */
static void
set_data_dir(struct flags *flags, const char *typed)
{
	char cwd[PATH_MAX], *path = NULL;
	size_t len;

	while (isspace((unsigned char)*typed))
		typed++;
	for (len = strlen(typed); len > 0 && isspace((unsigned char)typed[len - 1]);)
		len--;
	if (len == 0) {
		flags->data_dir = "";
		return;
	}
	if (*typed != '/' && getcwd(cwd, sizeof(cwd)) == NULL)
		fatal("getcwd");
	if (asprintf(&path, "%s/%.*s", *typed == '/' ? "" : cwd, (int)len, typed) < 0)
		fatal("out of memory");
	flags->data_dir = flags_own(flags, clean_path(path));
	free(path);
}

int
flags_parse_to(int argc, char **argv, struct flags *flags, FILE *out)
{
	struct error error;
	int at, status;

	set_defaults(flags);
	if (argc < 2) {
		print_log_head(out);
		fprintf(out,
		    "failed to parse command-line flags: missing required argument: DataPath\n");
		return (1);
	}
	if ((status = take_flags(flags, argv, argc, &at, out)) != FLAGS_GO)
		return (status);
	if (flags->version) {
		flags_print_version(out);
		return (0);
	}
	if (flags->hash_password)
		return (FLAGS_GO);
	set_data_dir(flags, at < argc ? argv[at] : "");
	if (flags_check(flags, argc - at, argv + at, &error) == -1) {
		if (strncmp(error.text, "failed to ", 10) == 0)
			print_log_head(out);
		fprintf(out, "%s\n", error.text);
		return (1);
	}
	return (FLAGS_GO);
}

int
flags_parse(int argc, char **argv, struct flags *flags)
{
	int status = flags_parse_to(argc, argv, flags, stderr);

	if (status == FLAGS_GO && flags->http_no_verify)
		log_as(
		    "rqlited", "-http-no-verify has no effect: joining makes no HTTPS connection");
	return (status);
}
