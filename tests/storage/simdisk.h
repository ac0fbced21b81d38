/*
 * A disk in memory under the database and its ledger, which knows what was
 * flushed: from it the images are made that a loss of power could leave.  Both
 * the file layer (common/file.h) and a VFS for SQLite stand on it.
 *
 * One disk at a time is mounted; a second is kept as a copy.  One thread.
 */
#ifndef TESTS_STORAGE_SIMDISK_H
#define TESTS_STORAGE_SIMDISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/file.h"

#define SIMDISK_FILES 128
#define SIMDISK_NAME 24

/* A write or (data NULL) a truncation that no flush has followed. */
struct simdisk_change {
	uint64_t offset;
	size_t len;
	uint8_t *data;
};

struct simdisk_bytes {
	uint8_t *data;
	size_t size, capacity;
};

struct simdisk_file {
	bool used;
	struct simdisk_bytes now; /* what a process reads */
	struct simdisk_bytes flushed;
	struct simdisk_change *changes;
	size_t change_count, change_capacity;
};

struct simdisk_name {
	char name[SIMDISK_NAME]; /* "": free */
	int file;
};

struct simdisk_rename {
	char from[SIMDISK_NAME], to[SIMDISK_NAME]; /* from "": made as `file`; to "": unlinked */
	int file;
};

struct simdisk {
	struct simdisk_file files[SIMDISK_FILES];
	struct simdisk_name names[SIMDISK_FILES], flushed_names[SIMDISK_FILES];
	struct simdisk_rename renames[256];
	size_t rename_count;
};

enum simdisk_death { SIMDISK_KILL, SIMDISK_POWER };

/* What happens on the mounted disk. */
struct simdisk_events {
	uint64_t ops; /* changes and flushes so far */
	uint64_t crash_at; /* op before which the disk is copied to `crashed`; 0: never */
	unsigned crash_after_records; /* or after so many writes through the file layer; 0: never */
	struct simdisk *crashed; /* NULL until then */
	uint64_t writes, syncs; /* so far */
	uint64_t fail_write, fail_sync; /* the first that fails, 0: none */
	uint64_t fail_length; /* how many fail; 0 is 1 */
	int fail_errno;
	bool no_direct; /* a file system that has no O_DIRECT */
	bool failed;
};

extern struct simdisk_events simdisk_events;

struct simdisk *simdisk_new(void);
struct simdisk *simdisk_copy(const struct simdisk *);
void simdisk_free(struct simdisk *);
/*
 * What is found after the death: an own disk, all of it flushed after a loss of
 * power.  Of the file `kept` all changes survive that, of `lost` none; NULL: no such file.
 */
struct simdisk *simdisk_image(
    const struct simdisk *, enum simdisk_death, const char *kept, const char *lost);
/* The file layer and the VFS work on it from now on; borrowed.  Handles of before are void. */
void simdisk_mount(struct simdisk *);
struct file_dir *simdisk_dir(void);
/* Registers the VFS as the default one. */
void simdisk_register_vfs(void);
/* Connections that a death left open: their locks and shared memory are gone. */
void simdisk_forget_locks(void);

/* The operations, for the file layer and the VFS.  -1 with errno. */
int simdisk_open(const char *name, bool create, bool truncate);
int simdisk_unlink(const char *name);
int simdisk_rename(const char *from, const char *to);
int simdisk_sync_names(void);
bool simdisk_exists(const char *name);
int simdisk_write(int file, const void *, size_t, uint64_t offset);
size_t simdisk_read(int file, void *, size_t, uint64_t offset);
int simdisk_truncate(int file, uint64_t size);
int simdisk_sync(int file);
uint64_t simdisk_size(int file);

/* The randomness of a test: all of it follows from the seed. */
void simdisk_seed(uint64_t);
uint64_t simdisk_random(uint64_t bound);

#endif
