/*
 * Confinement: what a worker may still do once it runs.  Each role's policy is
 * one struct beside its main.c, readable at a glance.
 *
 * sandbox_enter() does, in this order: resource limits, chroot and change of
 * user (when started as root), no-new-privileges, non-dumpable, then on OpenBSD
 * unveil and pledge, on Linux Landlock and a seccomp allow-list.  After it
 * returns nothing of this can be undone.
 */
#ifndef COMMON_SANDBOX_H
#define COMMON_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum sandbox_mode { SANDBOX_OFF, SANDBOX_WARN, SANDBOX_REQUIRE };

/* Named sets of system calls (sandbox_linux.c lists them). */
enum sandbox_set {
	SANDBOX_STDIO = 1 << 0, /* descriptors held, memory, time, waiting */
	SANDBOX_FILES = 1 << 1, /* open and change files, as far as Landlock lets */
	SANDBOX_FILES_READ = 1 << 2, /* pread and locks on files held */
	SANDBOX_ACCEPT = 1 << 3, /* accept connections, look at and shut them */
};

struct sandbox_path {
	const char *path; /* below the directory of struct sandbox_place */
	const char *rights; /* of "r", "w", "c" (create and remove) */
};

#define SANDBOX_PATHS_MAX 4

struct sandbox {
	const char *role;
	const char *promises; /* OpenBSD */
	unsigned sets; /* of enum sandbox_set */
	struct sandbox_path paths[SANDBOX_PATHS_MAX]; /* {NULL} ends it */
	unsigned open_max;
	bool writes_files; /* false: RLIMIT_FSIZE 0 */
};

/* What differs from one start to the next. */
struct sandbox_place {
	enum sandbox_mode mode;
	const char *directory; /* what paths are relative to, and the chroot; NULL: an empty one */
	uid_t uid; /* 0: not started as root, stay who we are */
	gid_t gid;
	pid_t master; /* whose death is ours */
};

/*
 * Confines this process, for good.  What is in force is written to `report`
 * (one line for /status and -check).  Exits if something required is missing.
 */
void sandbox_enter(const struct sandbox *, const struct sandbox_place *, char *report, size_t size);
/* One line in the log if this system lacks something that confines workers; false: Landlock itself. */
bool sandbox_log_missing(void);
/* Prints what this system offers, for -check; false if a start in that mode would fail. */
bool sandbox_print_check(enum sandbox_mode);

#endif
