/*
 * The disk in memory: see simdisk.h.
 *
 * Loss of power: of the changes that no flush has followed each sector survives
 * or not, by a chance drawn for each file; in a quarter of the images a sector may
 * be torn.  Truncations are lost the same way, and changes of names.
 */
#include "tests/storage/simdisk.h"

#include <sys/random.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct simdisk_events simdisk_events;

static struct simdisk *mounted;
static uint64_t stream;

void
simdisk_seed(uint64_t seed)
{
	stream = seed;
}

static uint64_t
draw(void)
{
	uint64_t z = stream += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return (z ^ z >> 31);
}

uint64_t
simdisk_random(uint64_t bound)
{
	return (draw() % bound);
}

/* Stands before libc's: the salts of a WAL follow from the seed, too. */
ssize_t
getrandom(void *data, size_t len, unsigned flags)
{
	uint8_t *out = data;
	size_t i;

	for (i = 0; i < len; i++)
		out[i] = (uint8_t)draw();
	return ((ssize_t)len);
}

/* ---- bytes ---- */

static void
set_size(struct simdisk_bytes *bytes, size_t size)
{
	if (size > bytes->capacity) {
		bytes->capacity = size * 2;
		bytes->data = realloc(bytes->data, bytes->capacity);
		assert(bytes->data != NULL);
	}
	if (size > bytes->size)
		memset(bytes->data + bytes->size, 0, size - bytes->size);
	bytes->size = size;
}

static void
put(struct simdisk_bytes *bytes, const void *data, size_t len, uint64_t offset)
{
	if (offset + len > bytes->size)
		set_size(bytes, (size_t)offset + len);
	if (len > 0)
		memcpy(bytes->data + offset, data, len);
}

static void
copy_bytes(struct simdisk_bytes *to, const struct simdisk_bytes *from)
{
	set_size(to, from->size);
	if (from->size > 0)
		memcpy(to->data, from->data, from->size);
}

static void
forget_changes(struct simdisk_file *file)
{
	size_t i;

	for (i = 0; i < file->change_count; i++)
		free(file->changes[i].data);
	file->change_count = 0;
}

static void
add_change(struct simdisk_file *file, uint64_t offset, const void *data, size_t len)
{
	struct simdisk_change *change;

	if (file->change_count == file->change_capacity) {
		file->change_capacity = file->change_capacity * 2 + 16;
		file->changes =
		    realloc(file->changes, file->change_capacity * sizeof(*file->changes));
		assert(file->changes != NULL);
	}
	change = &file->changes[file->change_count++];
	change->offset = offset;
	change->len = len;
	change->data = NULL;
	if (data != NULL) {
		change->data = malloc(len);
		assert(change->data != NULL);
		memcpy(change->data, data, len);
	}
}

static void
apply_change(struct simdisk_bytes *bytes, const struct simdisk_change *change)
{
	if (change->data != NULL)
		put(bytes, change->data, change->len, change->offset);
	else
		set_size(bytes, (size_t)change->offset);
}

/* ---- disks ---- */

struct simdisk *
simdisk_new(void)
{
	struct simdisk *disk = calloc(1, sizeof(*disk));

	assert(disk != NULL);
	return (disk);
}

void
simdisk_free(struct simdisk *disk)
{
	int i;

	for (i = 0; disk != NULL && i < SIMDISK_FILES; i++) {
		forget_changes(&disk->files[i]);
		free(disk->files[i].changes);
		free(disk->files[i].now.data);
		free(disk->files[i].flushed.data);
	}
	free(disk);
}

struct simdisk *
simdisk_copy(const struct simdisk *disk)
{
	struct simdisk *copy = simdisk_new();
	size_t n;
	int i;

	for (i = 0; i < SIMDISK_FILES; i++) {
		const struct simdisk_file *from = &disk->files[i];
		struct simdisk_file *to = &copy->files[i];

		to->used = from->used;
		copy_bytes(&to->now, &from->now);
		copy_bytes(&to->flushed, &from->flushed);
		for (n = 0; n < from->change_count; n++)
			add_change(to, from->changes[n].offset, from->changes[n].data,
			    from->changes[n].len);
	}
	memcpy(copy->names, disk->names, sizeof(copy->names));
	memcpy(copy->flushed_names, disk->flushed_names, sizeof(copy->flushed_names));
	memcpy(copy->renames, disk->renames, sizeof(copy->renames));
	copy->rename_count = disk->rename_count;
	return (copy);
}

void
simdisk_mount(struct simdisk *disk)
{
	mounted = disk;
	memset(&simdisk_events, 0, sizeof(simdisk_events));
}

/* ---- names ---- */

static struct simdisk_name *
find(struct simdisk_name *names, const char *name)
{
	int i;

	for (i = 0; i < SIMDISK_FILES; i++)
		if (strcmp(names[i].name, name) == 0)
			return (&names[i]);
	return (NULL);
}

static void
apply_rename(struct simdisk_name *names, const struct simdisk_rename *op)
{
	struct simdisk_name *from = op->from[0] != '\0' ? find(names, op->from) : NULL, *to;
	int file = op->file;

	if (op->from[0] != '\0') {
		if (from == NULL)
			return;
		file = from->file;
		memset(from, 0, sizeof(*from));
	}
	if (op->to[0] == '\0')
		return;
	to = find(names, op->to);
	if (to == NULL)
		to = find(names, "");
	assert(to != NULL);
	memcpy(to->name, op->to, sizeof(to->name));
	to->file = file;
}

/* ---- events ---- */

/* Counts an operation; the crash, if it is time, comes before it. */
static void
count_op(void)
{
	struct simdisk_events *events = &simdisk_events;

	if (++events->ops == events->crash_at && events->crashed == NULL)
		events->crashed = simdisk_copy(mounted);
}

static bool
fails(uint64_t *counter, uint64_t first)
{
	uint64_t length = simdisk_events.fail_length > 0 ? simdisk_events.fail_length : 1;

	++*counter;
	if (first == 0 || *counter < first || *counter >= first + length)
		return (false);
	simdisk_events.failed = true;
	errno = simdisk_events.fail_errno;
	return (true);
}

static int
rename_op(const char *from, const char *to, int file)
{
	struct simdisk_rename *op;

	count_op();
	if (fails(&simdisk_events.writes, simdisk_events.fail_write))
		return (-1);
	assert(mounted->rename_count < sizeof(mounted->renames) / sizeof(mounted->renames[0]));
	op = &mounted->renames[mounted->rename_count++];
	memset(op, 0, sizeof(*op));
	(void)snprintf(op->from, sizeof(op->from), "%s", from);
	(void)snprintf(op->to, sizeof(op->to), "%s", to);
	op->file = file;
	apply_rename(mounted->names, op);
	return (0);
}

/* ---- operations ---- */

bool
simdisk_exists(const char *name)
{
	return (find(mounted->names, name) != NULL);
}

int
simdisk_open(const char *name, bool create, bool truncate)
{
	struct simdisk_name *entry = find(mounted->names, name);
	int i;

	if (entry != NULL) {
		if (truncate && simdisk_truncate(entry->file, 0) == -1)
			return (-1);
		return (entry->file);
	}
	if (!create) {
		errno = ENOENT;
		return (-1);
	}
	for (i = 0; i < SIMDISK_FILES && mounted->files[i].used; i++)
		continue;
	assert(i < SIMDISK_FILES);
	if (rename_op("", name, i) == -1)
		return (-1);
	mounted->files[i].used = true;
	return (i);
}

int
simdisk_unlink(const char *name)
{
	if (!simdisk_exists(name)) {
		errno = ENOENT;
		return (-1);
	}
	return (rename_op(name, "", -1));
}

int
simdisk_rename(const char *from, const char *to)
{
	if (!simdisk_exists(from)) {
		errno = ENOENT;
		return (-1);
	}
	return (rename_op(from, to, -1));
}

int
simdisk_sync_names(void)
{
	count_op();
	if (fails(&simdisk_events.syncs, simdisk_events.fail_sync)) {
		mounted->rename_count = 0;
		return (-1);
	}
	memcpy(mounted->flushed_names, mounted->names, sizeof(mounted->names));
	mounted->rename_count = 0;
	return (0);
}

int
simdisk_write(int file, const void *data, size_t len, uint64_t offset)
{
	struct simdisk_file *f = &mounted->files[file];

	count_op();
	if (fails(&simdisk_events.writes, simdisk_events.fail_write)) {
		/* As on a full disk: a part of it may be written. */
		len = (size_t)simdisk_random(len + 1);
		if (len > 0) {
			put(&f->now, data, len, offset);
			add_change(f, offset, data, len);
		}
		errno = simdisk_events.fail_errno;
		return (-1);
	}
	put(&f->now, data, len, offset);
	add_change(f, offset, data, len);
	return (0);
}

size_t
simdisk_read(int file, void *data, size_t len, uint64_t offset)
{
	const struct simdisk_bytes *now = &mounted->files[file].now;

	if (offset >= now->size)
		return (0);
	if (len > now->size - offset)
		len = now->size - (size_t)offset;
	memcpy(data, now->data + offset, len);
	return (len);
}

int
simdisk_truncate(int file, uint64_t size)
{
	struct simdisk_file *f = &mounted->files[file];

	count_op();
	if (fails(&simdisk_events.writes, simdisk_events.fail_write))
		return (-1);
	set_size(&f->now, (size_t)size);
	add_change(f, size, NULL, 0);
	return (0);
}

/* A failed flush has lost the pages: a later one does not bring them to the disk. */
int
simdisk_sync(int file)
{
	struct simdisk_file *f = &mounted->files[file];
	bool lost;
	size_t i;

	count_op();
	lost = fails(&simdisk_events.syncs, simdisk_events.fail_sync);
	for (i = 0; i < f->change_count && !lost; i++)
		apply_change(&f->flushed, &f->changes[i]);
	forget_changes(f);
	return (lost ? -1 : 0);
}

/* A write past the page cache is on the disk, and what the cache held of the same bytes before it. */
static void
settle(int file, uint64_t offset, size_t len)
{
	struct simdisk_file *f = &mounted->files[file];
	size_t i, kept = 0;

	count_op();
	for (i = 0; i < f->change_count; i++) {
		struct simdisk_change *change = &f->changes[i];

		if (change->data != NULL && (change->offset >= offset + len ||
						change->offset + change->len <= offset)) {
			f->changes[kept++] = *change;
			continue;
		}
		apply_change(&f->flushed, change);
		free(change->data);
	}
	f->change_count = kept;
}

uint64_t
simdisk_size(int file)
{
	return (mounted->files[file].now.size);
}

/* ---- images ---- */

/* 0 to 100, with the ends drawn often: they make the odd mixtures of old and new files. */
static uint64_t
draw_chance(void)
{
	switch (simdisk_random(4)) {
	case 0:
		return (0);
	case 1:
		return (100);
	default:
		return (simdisk_random(101));
	}
}

/* In what pieces the changes survive. */
struct pieces {
	size_t sector;
	bool tear;
};

static void
keep_sectors(struct simdisk_bytes *out, const struct simdisk_change *change, uint64_t chance,
    const struct pieces *pieces)
{
	size_t at = 0, len;

	while (at < change->len) {
		len = pieces->sector - (size_t)((change->offset + at) % pieces->sector);
		if (len > change->len - at)
			len = change->len - at;
		if (simdisk_random(100) < chance)
			put(out, change->data + at,
			    pieces->tear && simdisk_random(8) == 0 ? simdisk_random(len) : len,
			    change->offset + at);
		at += len;
	}
}

static void
lose(struct simdisk_file *to, const struct simdisk_file *from, const struct pieces *pieces,
    uint64_t chance)
{
	size_t i;

	copy_bytes(&to->now, &from->flushed);
	for (i = 0; i < from->change_count; i++) {
		const struct simdisk_change *change = &from->changes[i];

		if (change->data != NULL)
			keep_sectors(&to->now, change, chance, pieces);
		else if (simdisk_random(100) < chance)
			set_size(&to->now, (size_t)change->offset);
	}
	copy_bytes(&to->flushed, &to->now);
}

/* Files that no name leads to are gone. */
static void
collect(struct simdisk *disk)
{
	int i, n;

	for (i = 0; i < SIMDISK_FILES; i++) {
		bool named = false;

		for (n = 0; n < SIMDISK_FILES; n++)
			named |= (disk->names[n].name[0] != '\0' && disk->names[n].file == i) ||
				 (disk->flushed_names[n].name[0] != '\0' &&
				     disk->flushed_names[n].file == i);
		if (named)
			continue;
		forget_changes(&disk->files[i]);
		set_size(&disk->files[i].now, 0);
		set_size(&disk->files[i].flushed, 0);
		disk->files[i].used = false;
	}
}

/* Files before names: where `name` leads to, -1: nowhere. */
static int
file_of(const struct simdisk *disk, const char *name)
{
	int i;

	for (i = 0; name != NULL && i < SIMDISK_FILES; i++)
		if (strcmp(disk->names[i].name, name) == 0)
			return (disk->names[i].file);
	return (-1);
}

static struct simdisk *
lose_power(const struct simdisk *disk, const char *kept, const char *lost)
{
	struct pieces pieces = { simdisk_random(2) == 0 ? 512 : 4096, simdisk_random(4) == 0 };
	struct simdisk *image = simdisk_new();
	uint64_t chance;
	size_t n;
	int i;

	for (i = 0; i < SIMDISK_FILES; i++) {
		chance = draw_chance();
		if (i == file_of(disk, kept))
			chance = 100;
		if (i == file_of(disk, lost))
			chance = 0;
		image->files[i].used = disk->files[i].used;
		lose(&image->files[i], &disk->files[i], &pieces, chance);
	}
	memcpy(image->names, disk->flushed_names, sizeof(image->names));
	chance = draw_chance();
	for (n = 0; n < disk->rename_count; n++)
		if (simdisk_random(100) < chance)
			apply_rename(image->names, &disk->renames[n]);
	memcpy(image->flushed_names, image->names, sizeof(image->names));
	return (image);
}

struct simdisk *
simdisk_image(
    const struct simdisk *disk, enum simdisk_death death, const char *kept, const char *lost)
{
	struct simdisk *image =
	    death == SIMDISK_KILL ? simdisk_copy(disk) : lose_power(disk, kept, lost);

	collect(image);
	return (image);
}

/* ---- the file layer ---- */

#define DIRECT SIMDISK_FILES /* handles from here on were opened with O_DSYNC */

static int
dir_open(struct file_dir *dir, const char *name, int flags)
{
	int file;

	if ((flags & O_DSYNC) != 0 && simdisk_events.no_direct) {
		errno = EINVAL;
		return (-1);
	}
	file = simdisk_open(name, (flags & O_CREAT) != 0, (flags & O_TRUNC) != 0);
	return (file != -1 && (flags & O_DSYNC) != 0 ? file + DIRECT : file);
}

static int
dir_close(struct file_dir *dir, int file)
{
	return (0);
}

static ssize_t
dir_pread(struct file_dir *dir, int file, void *data, size_t len, off_t offset)
{
	return ((ssize_t)simdisk_read(file, data, len, (uint64_t)offset));
}

static ssize_t
dir_pwritev(struct file_dir *dir, int file, const struct iovec *iov, int count, off_t offset)
{
	bool direct = file >= DIRECT;
	ssize_t done = 0;
	int i;

	file %= DIRECT;
	for (i = 0; i < count; i++) {
		if (simdisk_write(
			file, iov[i].iov_base, iov[i].iov_len, (uint64_t)(offset + done)) == -1)
			return (-1);
		done += (ssize_t)iov[i].iov_len;
	}
	if (direct)
		settle(file, (uint64_t)offset, (size_t)done);
	if (simdisk_events.crash_after_records > 0 && --simdisk_events.crash_after_records == 0 &&
	    simdisk_events.crashed == NULL)
		simdisk_events.crashed = simdisk_copy(mounted);
	return (done);
}

static int
dir_sync(struct file_dir *dir, int file)
{
	return (simdisk_sync(file));
}

static int
dir_truncate(struct file_dir *dir, int file, off_t size)
{
	return (simdisk_truncate(file, (uint64_t)size));
}

static off_t
dir_size(struct file_dir *dir, int file)
{
	return ((off_t)simdisk_size(file));
}

static int
dir_rename(struct file_dir *dir, const char *from, const char *to)
{
	return (simdisk_rename(from, to));
}

static int
dir_unlink(struct file_dir *dir, const char *name)
{
	return (simdisk_unlink(name));
}

static int
dir_sync_dir(struct file_dir *dir)
{
	return (simdisk_sync_names());
}

static int
dir_list(struct file_dir *dir, void (*each)(void *, const char *), void *arg)
{
	int i;

	for (i = 0; i < SIMDISK_FILES; i++)
		if (mounted->names[i].name[0] != '\0')
			each(arg, mounted->names[i].name);
	return (0);
}

static int64_t
dir_free_space(struct file_dir *dir)
{
	return (0); /* so there is no ballast, which would be copied with each image */
}

static const struct file_ops ops = { .open = dir_open,
	.close = dir_close,
	.pread = dir_pread,
	.pwritev = dir_pwritev,
	.sync = dir_sync,
	.truncate = dir_truncate,
	.size = dir_size,
	.rename = dir_rename,
	.unlink = dir_unlink,
	.sync_dir = dir_sync_dir,
	.list = dir_list,
	.free_space = dir_free_space };

struct file_dir *
simdisk_dir(void)
{
	static struct file_dir dir = { &ops };

	return (&dir);
}
