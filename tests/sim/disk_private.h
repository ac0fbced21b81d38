/*
 * Inside the simulated disk: disk.c (operations), disk_loss.c (what a death
 * leaves).
 */
#ifndef TESTS_SIM_DISK_PRIVATE_H
#define TESTS_SIM_DISK_PRIVATE_H

#include "tests/sim/disk.h"

#define DISK_PAGE 4096
#define DISK_SECTOR 512
#define DISK_SECTORS (DISK_PAGE / DISK_SECTOR)
#define DISK_FILES 2048 /* small segments that nobody drops are many */
#define DISK_HANDLES DISK_FILES
#define DISK_NAME 40
#define DISK_CHANGES 256

/* NULL contents are zeros. */
struct disk_page {
	uint8_t *now;
	uint8_t *platter;
	uint8_t dirty; /* a bit per sector */
};

struct disk_file {
	bool used;
	int links; /* directories (now, platter) and handles that hold it */
	off_t size;
	off_t platter_size;
	bool cut; /* by a truncation that is not synced */
	off_t cut_size; /* the shortest */
	size_t npages;
	size_t dirty_low, dirty_high; /* pages outside are clean */
	struct disk_page *pages;
};

struct disk_name {
	char name[DISK_NAME];
	int file; /* -1: free */
};

enum disk_change_kind { DISK_LINK, DISK_RENAME, DISK_UNLINK };

/* A change of the directory that is not on the platter yet. */
struct disk_change {
	enum disk_change_kind kind;
	char name[DISK_NAME];
	char to[DISK_NAME];
	int file;
};

struct disk {
	struct file_dir super;
	struct disk_faults *faults;
	struct disk_file files[DISK_FILES];
	struct disk_name now[DISK_FILES];
	struct disk_name platter[DISK_FILES];
	struct disk_change changes[DISK_CHANGES];
	size_t nchanges;
	int handles[DISK_HANDLES]; /* file, or -1 */
	bool direct[DISK_HANDLES]; /* opened with O_DSYNC: what is written is on the platter */
	uint64_t used;
};

/* Carries the first n changes over to the platter's directory and forgets them. */
void disk_carry_changes(struct disk *, size_t n);
void disk_apply_change(struct disk *, struct disk_name *, const struct disk_change *);
void disk_unref(struct disk *, int file);
/* Copies the dirty sectors of a page to the platter. */
void disk_page_settle(struct disk_page *);
uint8_t *disk_platter_page(struct disk_page *);

#endif
