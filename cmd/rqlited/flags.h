/*
 * The command line of rqlited: `rqlited [flags] <data directory>`.  Parsed and
 * checked once, by the master, before anything is opened, bound or created.
 */
#ifndef RQLITED_FLAGS_H
#define RQLITED_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cmd/rqlited/flags_list.h"
#include "common/error.h"
#include "common/limits.h"
#include "common/sandbox.h"

enum flag_kind { FLAG_STRING, FLAG_INT, FLAG_UINT, FLAG_DURATION, FLAG_BOOL };

#define FLAGS_TYPE_STRING const char *
#define FLAGS_TYPE_INT int64_t
#define FLAGS_TYPE_UINT uint64_t
#define FLAGS_TYPE_DURATION int64_t /* nanoseconds */
#define FLAGS_TYPE_BOOL bool

#define FLAGS_MEMBER(kind, member, def, group, state, text) FLAGS_TYPE_##kind member;
#define FLAGS_ENUM(kind, member, def, group, state, text) FLAGS__##member,
enum flag_id { FLAGS_LIST(FLAGS_ENUM) FLAGS__COUNT };

#define FLAGS_OWNED_MAX 4

struct flags {
	/* One member per flag, named after it; the addresses and node_id filled in. */
	FLAGS_LIST(FLAGS_MEMBER)
	bool given[FLAGS__COUNT]; /* by enum flag_id: it stood on the command line */
	const char *data_dir; /* absolute; NULL with hash_password */
	enum sandbox_mode sandbox_mode; /* what -sandbox says */
	char *owned[FLAGS_OWNED_MAX]; /* texts made here, that members point to */
	unsigned owned_count;
};

/* flags_parse() says: go on. */
#define FLAGS_GO (-1)

/*
 * Parses and checks.  Returns FLAGS_GO, or the status to exit with (0, 1, 2),
 * having said why on standard error.  Strings point into argv, or belong to
 * struct flags.  -version and -h are dealt with here; -hash-password and
 * -check are the caller's, who looks at the member.  Warnings (-http-no-verify)
 * are logged.
 */
int flags_parse(int argc, char **argv, struct flags *);
/* Gives back what flags_parse() allocated. */
void flags_fini(struct flags *);

/*
 * Looks whether the files that flags name can be read, so that a missing one is
 * found before anything starts.  The error is the text of start-up, such as
 * "failed to get credential store: open P: no such file or directory".
 */
int flags_check_files(const struct flags *, struct error *);

/* Lists (-join, -extensions-path): the i-th element, and its length; NULL past the end. */
const char *flags_list_item(const char *list, size_t i, size_t *len);

/* The line of -version: program, version, system, toolchain, SQLite, commit. */
void flags_print_version(FILE *);

/* One row of the table, for -h and for tests; NULL past the end, unsorted. */
struct flag_info {
	const char *name; /* with '_' where the flag has '-' */
	enum flag_kind kind;
	const char *group; /* "GENERAL", "HTTP", ... */
	bool built;
	const char *text;
	size_t offset; /* in struct flags */
	union flag_default {
		const char *STRING;
		int64_t INT;
		uint64_t UINT;
		int64_t DURATION;
		bool BOOL;
	} def;
};
const struct flag_info *flags_info(size_t i);

/* The flag's name as it is typed, without a dash in front. */
void flags_name(const struct flag_info *, char *out, size_t cap);

#endif
