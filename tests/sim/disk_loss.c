/*
 * What a death leaves on the simulated disk, and copies of disks: see disk.h.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/disk_private.h"

void
disk_kill(struct disk *disk)
{
	int i;

	for (i = 0; i < DISK_HANDLES; i++)
		if (disk->handles[i] != -1) {
			disk_unref(disk, disk->handles[i]);
			disk->handles[i] = -1;
		}
}

static void
clear_names(struct disk *disk, struct disk_name *names)
{
	int i;

	for (i = 0; i < DISK_FILES; i++)
		if (names[i].file != -1) {
			disk_unref(disk, names[i].file);
			names[i].file = -1;
		}
}

void
disk_free(struct disk *disk)
{
	disk_kill(disk);
	clear_names(disk, disk->now);
	disk_carry_changes(disk, disk->nchanges);
	clear_names(disk, disk->platter);
	free(disk);
}

/* The page cache shows the platter again. */
static void
page_reload(struct disk_page *page)
{
	page->dirty = 0;
	if (page->platter == NULL) {
		free(page->now);
		page->now = NULL;
		return;
	}
	if (page->now == NULL)
		page->now = malloc(DISK_PAGE);
	if (page->now == NULL)
		abort();
	memcpy(page->now, page->platter, DISK_PAGE);
}

/* One page's unsynced sectors: kept, lost, or torn in the middle. */
static void
page_lose(struct rng *rng, struct disk_page *page, uint32_t keep_ppm, uint32_t torn_ppm)
{
	static const uint8_t zeros[DISK_PAGE];
	const uint8_t *now = page->now != NULL ? page->now : zeros;
	int i;

	for (i = 0; i < DISK_SECTORS; i++) {
		size_t at = (size_t)i * DISK_SECTOR;

		if ((page->dirty & 1 << i) == 0)
			continue;
		if (rng_chance(rng, keep_ppm))
			memcpy(disk_platter_page(page) + at, now + at, DISK_SECTOR);
		else if (rng_chance(rng, torn_ppm))
			memcpy(disk_platter_page(page) + at, now + at, rng_below(rng, DISK_SECTOR));
	}
}

/*
 * A truncation that was not synced has happened as a whole, and what follows it may have,
 * or none of it has: its pages never are zeros in part under their old size.
 */
static void
cut_lose(struct rng *rng, struct disk_file *f)
{
	bool happened = rng_below(rng, 2) == 0;
	size_t i;

	for (i = (size_t)((f->cut_size + DISK_PAGE - 1) / DISK_PAGE); i < f->npages; i++)
		if (happened) {
			free(f->pages[i].platter);
			f->pages[i].platter = NULL;
		} else {
			f->pages[i].dirty = 0;
		}
	if (happened)
		f->platter_size = f->cut_size;
	else
		f->size = f->platter_size;
	f->cut = false;
}

static void
file_lose(struct disk *disk, struct disk_file *f)
{
	struct rng *rng = &disk->faults->rng;
	uint32_t keep_ppm = (uint32_t)(rng_below(rng, 5) * 250000);
	uint32_t torn_ppm = rng_below(rng, 4) == 0 ? 300000 : 0;
	uint64_t used = (uint64_t)f->size;
	size_t i;

	if (f->cut)
		cut_lose(rng, f);
	for (i = f->dirty_low; i < f->dirty_high && i < f->npages; i++)
		if (f->pages[i].dirty != 0)
			page_lose(rng, &f->pages[i], keep_ppm, torn_ppm);
	for (i = 0; i < f->npages; i++)
		page_reload(&f->pages[i]);
	disk->used -= used;
	if (f->size == f->platter_size || rng_below(rng, 2) == 0)
		f->size = f->platter_size;
	f->platter_size = f->size;
	disk->used += (uint64_t)f->size;
	for (i = (size_t)((f->size + DISK_PAGE - 1) / DISK_PAGE); i < f->npages; i++) {
		free(f->pages[i].now);
		free(f->pages[i].platter);
		memset(&f->pages[i], 0, sizeof(f->pages[i]));
	}
	f->dirty_low = f->dirty_high = 0;
}

static void
restore_names(struct disk *disk)
{
	int i;

	clear_names(disk, disk->now);
	for (i = 0; i < DISK_FILES; i++)
		if (disk->platter[i].file != -1) {
			disk->now[i] = disk->platter[i];
			disk->files[disk->now[i].file].links++;
		}
}

void
disk_lose_power(struct disk *disk)
{
	int i;

	disk_kill(disk);
	disk_carry_changes(disk, rng_below(&disk->faults->rng, disk->nchanges + 1));
	while (disk->nchanges > 0)
		disk_unref(disk, disk->changes[--disk->nchanges].file);
	restore_names(disk);
	for (i = 0; i < DISK_FILES; i++)
		if (disk->files[i].used)
			file_lose(disk, &disk->files[i]);
}

void
disk_settle(struct disk *disk)
{
	size_t page;
	int i;

	disk_carry_changes(disk, disk->nchanges);
	for (i = 0; i < DISK_FILES; i++) {
		struct disk_file *f = &disk->files[i];

		if (!f->used)
			continue;
		for (page = 0; page < f->npages; page++)
			disk_page_settle(&f->pages[page]);
		f->platter_size = f->size;
		f->cut = false;
		f->dirty_low = f->dirty_high = 0;
	}
}

static void
copy_file(struct disk_file *to, const struct disk_file *from)
{
	size_t i;

	*to = *from;
	to->links = 2;
	to->size = from->platter_size;
	to->dirty_low = to->dirty_high = 0;
	to->cut = false;
	to->pages = calloc(from->npages, sizeof(*to->pages));
	if (from->npages > 0 && to->pages == NULL)
		abort();
	for (i = 0; i < from->npages; i++)
		if (from->pages[i].platter != NULL) {
			memcpy(disk_platter_page(&to->pages[i]), from->pages[i].platter, DISK_PAGE);
			page_reload(&to->pages[i]);
		}
}

struct disk *
disk_copy(const struct disk *from)
{
	struct disk *to = disk_new(from->faults);
	int i, file = 0;

	for (i = 0; i < DISK_FILES; i++) {
		if (from->platter[i].file == -1)
			continue;
		copy_file(&to->files[file], &from->files[from->platter[i].file]);
		to->used += (uint64_t)to->files[file].size;
		to->now[file] = from->platter[i];
		to->now[file].file = file;
		to->platter[file] = to->now[file];
		file++;
	}
	return (to);
}

void
disk_replace(struct disk *disk, struct disk **other)
{
	struct disk *old = *other;
	struct disk swap = *disk;

	*disk = *old;
	*old = swap;
	disk_free(old);
	*other = NULL;
}
