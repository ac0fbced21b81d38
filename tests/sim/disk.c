/*
 * The operations of the simulated disk: see disk.h.
 */
#include "tests/sim/disk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/disk_private.h"

static struct disk *
disk_of(struct file_dir *dir)
{
	return ((struct disk *)dir);
}

static void *
must(void *p)
{
	if (p == NULL)
		abort();
	return (p);
}

/* Each change of the disk may be the node's last act. */
static bool
fuse_burns(struct disk *disk)
{
	disk->faults->changes++;
	return (disk->faults->fuse > 0 && --disk->faults->fuse == 0);
}

static void
burn(struct disk *disk)
{
	disk->faults->burn(disk->faults->arg);
	abort();
}

/* ---- names ---- */

static struct disk_name *
find_name(struct disk_name *names, const char *name)
{
	int i;

	for (i = 0; i < DISK_FILES; i++)
		if (names[i].file != -1 && strcmp(names[i].name, name) == 0)
			return (&names[i]);
	return (NULL);
}

void
disk_unref(struct disk *disk, int file)
{
	struct disk_file *f = &disk->files[file];
	size_t i;

	if (--f->links > 0)
		return;
	for (i = 0; i < f->npages; i++) {
		free(f->pages[i].now);
		free(f->pages[i].platter);
	}
	free(f->pages);
	disk->used -= (uint64_t)f->size;
	memset(f, 0, sizeof(*f));
}

static void
name_set(struct disk *disk, struct disk_name *names, const char *name, int file)
{
	struct disk_name *entry = find_name(names, name);
	int i;

	disk->files[file].links++;
	if (entry != NULL) {
		disk_unref(disk, entry->file);
		entry->file = file;
		return;
	}
	for (i = 0; i < DISK_FILES && names[i].file != -1; i++)
		continue;
	assert(i < DISK_FILES && strlen(name) < DISK_NAME);
	memcpy(names[i].name, name, strlen(name) + 1);
	names[i].file = file;
}

static void
name_clear(struct disk *disk, struct disk_name *names, const char *name)
{
	struct disk_name *entry = find_name(names, name);

	if (entry == NULL)
		return;
	disk_unref(disk, entry->file);
	entry->file = -1;
}

void
disk_apply_change(struct disk *disk, struct disk_name *names, const struct disk_change *change)
{
	switch (change->kind) {
	case DISK_LINK:
		name_set(disk, names, change->name, change->file);
		break;
	case DISK_RENAME:
		name_set(disk, names, change->to, change->file);
		name_clear(disk, names, change->name);
		break;
	case DISK_UNLINK:
		name_clear(disk, names, change->name);
		break;
	}
}

void
disk_carry_changes(struct disk *disk, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		disk_apply_change(disk, disk->platter, &disk->changes[i]);
		disk_unref(disk, disk->changes[i].file);
	}
	disk->nchanges -= n;
	memmove(disk->changes, disk->changes + n, disk->nchanges * sizeof(disk->changes[0]));
}

static void
change(struct disk *disk, enum disk_change_kind kind, const char *name, const char *to, int file)
{
	struct disk_change *c;

	if (disk->nchanges == DISK_CHANGES)
		disk_carry_changes(disk, 1);
	c = &disk->changes[disk->nchanges++];
	c->kind = kind;
	memcpy(c->name, name, strlen(name) + 1);
	if (to != NULL)
		memcpy(c->to, to, strlen(to) + 1);
	c->file = file;
	disk->files[file].links++;
	disk_apply_change(disk, disk->now, c);
	if (fuse_burns(disk))
		burn(disk);
}

/* ---- pages ---- */

static void
file_grow(struct disk_file *f, off_t size)
{
	size_t n = ((size_t)size + DISK_PAGE - 1) / DISK_PAGE;

	if (n <= f->npages)
		return;
	if (n < f->npages * 2)
		n = f->npages * 2;
	f->pages = must(realloc(f->pages, n * sizeof(*f->pages)));
	memset(f->pages + f->npages, 0, (n - f->npages) * sizeof(*f->pages));
	f->npages = n;
}

uint8_t *
disk_platter_page(struct disk_page *page)
{
	if (page->platter == NULL)
		page->platter = must(calloc(1, DISK_PAGE));
	return (page->platter);
}

void
disk_page_settle(struct disk_page *page)
{
	int i;

	if (page->dirty == 0)
		return;
	for (i = 0; i < DISK_SECTORS; i++) {
		if ((page->dirty & 1 << i) == 0)
			continue;
		if (page->now != NULL)
			memcpy(disk_platter_page(page) + i * DISK_SECTOR,
			    page->now + i * DISK_SECTOR, DISK_SECTOR);
		else if (page->platter != NULL)
			memset(page->platter + i * DISK_SECTOR, 0, DISK_SECTOR);
	}
	page->dirty = 0;
}

static bool
all_zero(const uint8_t *data, size_t n)
{
	return (n == 0 || (data[0] == 0 && memcmp(data, data + 1, n - 1) == 0));
}

static void
page_write(struct disk_page *page, size_t at, const uint8_t *data, size_t n)
{
	size_t i;

	for (i = at / DISK_SECTOR; i <= (at + n - 1) / DISK_SECTOR; i++)
		page->dirty |= (uint8_t)(1 << i);
	if (page->now == NULL && all_zero(data, n))
		return;
	if (n == DISK_PAGE && all_zero(data, n)) {
		free(page->now);
		page->now = NULL;
		return;
	}
	if (page->now == NULL)
		page->now = must(calloc(1, DISK_PAGE));
	memcpy(page->now + at, data, n);
}

static void
file_put(struct disk *disk, struct disk_file *f, const uint8_t *data, size_t n, off_t offset)
{
	size_t first = (size_t)offset / DISK_PAGE, page = first;

	if (n == 0)
		return;
	if (offset + (off_t)n > f->size) {
		disk->used += (uint64_t)(offset + (off_t)n - f->size);
		f->size = offset + (off_t)n;
		file_grow(f, f->size);
	}
	while (n > 0) {
		size_t at = (size_t)offset % DISK_PAGE;
		size_t part = n < DISK_PAGE - at ? n : DISK_PAGE - at;

		page = (size_t)offset / DISK_PAGE;
		page_write(&f->pages[page], at, data, part);
		data += part;
		n -= part;
		offset += (off_t)part;
	}
	if (f->dirty_high == 0 || first < f->dirty_low)
		f->dirty_low = first;
	if (page + 1 > f->dirty_high)
		f->dirty_high = page + 1;
}

/* ---- operations ---- */

static int
new_file(struct disk *disk)
{
	int i;

	for (i = 0; i < DISK_FILES; i++)
		if (!disk->files[i].used) {
			disk->files[i].used = true;
			return (i);
		}
	abort();
}

static int
sim_truncate(struct file_dir *dir, int handle, off_t size)
{
	struct disk *disk = disk_of(dir);
	struct disk_file *f = &disk->files[disk->handles[handle]];
	off_t page;

	if (size < f->size) {
		for (page = size / DISK_PAGE; page * DISK_PAGE < f->size; page++) {
			struct disk_page *p = &f->pages[page];
			size_t keep = page * DISK_PAGE < size ? (size_t)(size % DISK_PAGE) : 0;

			if (p->now != NULL)
				memset(p->now + keep, 0, DISK_PAGE - keep);
			p->dirty = 0xff;
		}
		if (!f->cut || size < f->cut_size)
			f->cut_size = size;
		f->cut = true;
		if (f->dirty_high == 0 || (size_t)(size / DISK_PAGE) < f->dirty_low)
			f->dirty_low = (size_t)(size / DISK_PAGE);
		f->dirty_high = f->npages;
	}
	disk->used += (uint64_t)(size - f->size);
	f->size = size;
	file_grow(f, size);
	if (fuse_burns(disk))
		burn(disk);
	return (0);
}

static int
sim_open(struct file_dir *dir, const char *name, int flags)
{
	struct disk *disk = disk_of(dir);
	struct disk_name *entry = find_name(disk->now, name);
	int handle, file;

	for (handle = 0; handle < DISK_HANDLES && disk->handles[handle] != -1; handle++)
		continue;
	assert(handle < DISK_HANDLES);
	if (entry == NULL && (flags & O_CREAT) == 0) {
		errno = ENOENT;
		return (-1);
	}
	disk->direct[handle] = (flags & O_DSYNC) != 0;
	if (entry == NULL) {
		file = new_file(disk);
		disk->handles[handle] = file;
		disk->files[file].links++;
		change(disk, DISK_LINK, name, NULL, file);
		return (handle);
	}
	disk->handles[handle] = entry->file;
	disk->files[entry->file].links++;
	if (flags & O_TRUNC)
		(void)sim_truncate(dir, handle, 0);
	return (handle);
}

static int
sim_close(struct file_dir *dir, int handle)
{
	struct disk *disk = disk_of(dir);

	/* What a process left half done may close a handle again while it is cleaned up. */
	if (handle < 0 || disk->handles[handle] == -1) {
		assert(disk->faults->dead);
		errno = EBADF;
		return (-1);
	}
	disk_unref(disk, disk->handles[handle]);
	disk->handles[handle] = -1;
	return (0);
}

static ssize_t
sim_pread(struct file_dir *dir, int handle, void *data, size_t len, off_t offset)
{
	struct disk *disk = disk_of(dir);
	const struct disk_file *f = &disk->files[disk->handles[handle]];
	uint8_t *out = data;
	size_t left;

	if (offset >= f->size)
		return (0);
	if ((off_t)len > f->size - offset)
		len = (size_t)(f->size - offset);
	for (left = len; left > 0;) {
		const struct disk_page *page = &f->pages[offset / DISK_PAGE];
		size_t at = (size_t)offset % DISK_PAGE;
		size_t part = left < DISK_PAGE - at ? left : DISK_PAGE - at;

		if (page->now == NULL)
			memset(out, 0, part);
		else
			memcpy(out, page->now + at, part);
		out += part;
		left -= part;
		offset += (off_t)part;
	}
	return ((ssize_t)len);
}

/* How much of a write is done before something goes wrong; -1: it fails at once. */
static ssize_t
write_limit(struct disk *disk, const struct disk_file *f, size_t len, off_t offset)
{
	off_t end = offset + (off_t)len;

	if (rng_chance(&disk->faults->rng, disk->faults->write_error_ppm)) {
		disk->faults->failed_writes++;
		errno = EIO;
		return (-1);
	}
	if (end > f->size && disk->used + (uint64_t)(end - f->size) > disk->faults->capacity) {
		disk->faults->failed_writes++;
		if (rng_chance(&disk->faults->rng, 500000) && f->size > offset)
			return ((ssize_t)(f->size - offset));
		errno = ENOSPC;
		return (-1);
	}
	return ((ssize_t)len);
}

/* A write past the cache has taken with it what the cache held of these pages. */
static void
settle_range(struct disk_file *f, off_t offset, size_t len)
{
	size_t i = (size_t)offset / DISK_PAGE,
	       end = ((size_t)offset + len + DISK_PAGE - 1) / DISK_PAGE;

	for (; i < end; i++)
		disk_page_settle(&f->pages[i]);
}

static ssize_t
sim_pwritev(struct file_dir *dir, int handle, const struct iovec *iov, int count, off_t offset)
{
	struct disk *disk = disk_of(dir);
	struct disk_file *f = &disk->files[disk->handles[handle]];
	size_t len = 0;
	bool dies = fuse_burns(disk);
	ssize_t limit, done = 0;
	int i;

	for (i = 0; i < count; i++)
		len += iov[i].iov_len;
	limit = write_limit(disk, f, len, offset);
	if (limit == -1)
		return (-1);
	if (dies)
		limit = (ssize_t)rng_below(&disk->faults->rng, (uint64_t)limit + 1);
	for (i = 0; i < count && done < limit; i++) {
		size_t part = iov[i].iov_len;

		if ((ssize_t)part > limit - done)
			part = (size_t)(limit - done);
		file_put(disk, f, iov[i].iov_base, part, offset + done);
		done += (ssize_t)part;
	}
	if (dies)
		burn(disk);
	if (disk->direct[handle])
		settle_range(f, offset, (size_t)done);
	return (done);
}

static int
sim_sync(struct file_dir *dir, int handle)
{
	struct disk *disk = disk_of(dir);
	struct disk_file *f = &disk->files[disk->handles[handle]];
	bool dies = fuse_burns(disk);
	bool fails = !dies && rng_chance(&disk->faults->rng, disk->faults->sync_error_ppm);
	size_t i;

	disk->faults->syncs++;
	for (i = f->dirty_low; i < f->dirty_high && i < f->npages; i++)
		if (dies || fails) {
			/* Some pages made it; the rest is forgotten, or still dirty at a death. */
			if (rng_chance(&disk->faults->rng, 300000))
				disk_page_settle(&f->pages[i]);
			else if (fails)
				f->pages[i].dirty = 0;
		} else
			disk_page_settle(&f->pages[i]);
	if (dies)
		burn(disk);
	f->dirty_low = f->dirty_high = 0;
	f->platter_size = f->size;
	f->cut = false;
	if (!fails)
		return (0);
	disk->faults->failed_syncs++;
	errno = EIO;
	return (-1);
}

static off_t
sim_size(struct file_dir *dir, int handle)
{
	struct disk *disk = disk_of(dir);

	return (disk->files[disk->handles[handle]].size);
}

static int
sim_rename(struct file_dir *dir, const char *from, const char *to)
{
	struct disk *disk = disk_of(dir);
	struct disk_name *entry = find_name(disk->now, from);

	if (entry == NULL) {
		errno = ENOENT;
		return (-1);
	}
	change(disk, DISK_RENAME, from, to, entry->file);
	return (0);
}

static int
sim_unlink(struct file_dir *dir, const char *name)
{
	struct disk *disk = disk_of(dir);
	struct disk_name *entry = find_name(disk->now, name);

	if (entry == NULL) {
		errno = ENOENT;
		return (-1);
	}
	change(disk, DISK_UNLINK, name, NULL, entry->file);
	return (0);
}

static int
sim_sync_dir(struct file_dir *dir)
{
	struct disk *disk = disk_of(dir);

	disk->faults->syncs++;
	if (fuse_burns(disk))
		burn(disk);
	disk_carry_changes(disk, disk->nchanges);
	return (0);
}

static int
sim_list(struct file_dir *dir, void (*each)(void *, const char *), void *arg)
{
	struct disk *disk = disk_of(dir);
	int i;

	for (i = 0; i < DISK_FILES; i++)
		if (disk->now[i].file != -1)
			each(arg, disk->now[i].name);
	return (0);
}

static int64_t
sim_free_space(struct file_dir *dir)
{
	struct disk *disk = disk_of(dir);

	return (disk->used > disk->faults->capacity
		    ? 0
		    : (int64_t)(disk->faults->capacity - disk->used));
}

static const struct file_ops sim_ops = {
	.open = sim_open,
	.close = sim_close,
	.pread = sim_pread,
	.pwritev = sim_pwritev,
	.sync = sim_sync,
	.truncate = sim_truncate,
	.size = sim_size,
	.rename = sim_rename,
	.unlink = sim_unlink,
	.sync_dir = sim_sync_dir,
	.list = sim_list,
	.free_space = sim_free_space,
};

struct disk *
disk_new(struct disk_faults *faults)
{
	struct disk *disk = must(calloc(1, sizeof(*disk)));
	int i;

	disk->super.ops = &sim_ops;
	disk->faults = faults;
	for (i = 0; i < DISK_FILES; i++)
		disk->now[i].file = disk->platter[i].file = -1;
	for (i = 0; i < DISK_HANDLES; i++)
		disk->handles[i] = -1;
	return (disk);
}

struct file_dir *
disk_dir(struct disk *disk)
{
	return (&disk->super);
}
