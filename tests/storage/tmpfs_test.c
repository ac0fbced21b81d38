/*
 * A real small disk (tmpfs, in a mount namespace of its own) that is full at
 * each write in turn: applying stops, reads go on, nothing is lost; with space
 * back the same connection goes on, and all comes out as if nothing had been.
 *
 * Needs the right to mount; skipped aloud without.
 */
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "proc/sql/sqlvfs.h"
#include "tests/storage/work.h"

#define ENTRIES 60
#define PAGE 4096
#define SKIPPED 77
#define BALLAST "/ballast"

static char directory[] = "/tmp/rqlited-tmpfs.XXXXXX";
static uint64_t seed, fulls;

static void
fail(const char *what, uint64_t pages)
{
	printf("FAILED: %s (RQLITED_SEED=%llu, %llu pages)\n", what, (unsigned long long)seed,
	    (unsigned long long)pages);
	(void)umount2(directory, MNT_DETACH);
	(void)rmdir(directory);
	exit(1);
}

/* Takes all space but some pages. */
static void
fill_disk(uint64_t pages)
{
	static char zeros[PAGE];
	char name[sizeof(directory) + sizeof(BALLAST)];
	struct statvfs vfs;
	int fd;

	(void)snprintf(name, sizeof(name), "%s" BALLAST, directory);
	fd = open(name, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd == -1)
		fatal("%s", name);
	while (statvfs(directory, &vfs) == 0 && vfs.f_bavail > pages)
		if (write(fd, zeros, sizeof(zeros)) != sizeof(zeros))
			break;
	(void)close(fd);
}

static void
free_disk(void)
{
	char name[sizeof(directory) + sizeof(BALLAST)];

	(void)snprintf(name, sizeof(name), "%s" BALLAST, directory);
	(void)unlink(name);
}

/* Runs to the end, with the disk full from the 10th entry on until a batch fails. */
static bool
run(uint64_t pages, bool limited, uint64_t *chain, uint64_t *dump)
{
	struct store_config config = { .path = directory, .scale = 1024 };
	struct work work = { .seed = seed };
	struct store *store;
	struct error error;
	bool was_full = false;
	int rc;

	config.dir = file_dir_open(directory);
	store = config.dir != NULL ? store_pick(&config, &error) : NULL;
	if (store == NULL || store_open(store, &error) == -1)
		fail("does not start", pages);
	while (work.at.index < ENTRIES) {
		if (limited && !was_full && work.at.index >= 10)
			fill_disk(pages);
		rc = work_batch(&work, store, 1);
		if (rc == SQLITE_OK && work.at.index % 7 == 0)
			rc = store_checkpoint(store);
		if (rc == SQLITE_OK)
			continue;
		if (!limited || was_full || (rc & 0xff) != SQLITE_FULL)
			fail(sqlite3_errstr(rc), pages);
		was_full = true;
		if (work_dump(store_db(store)) == 0 || !work_is_whole(store_db(store)))
			fail("reads do not go on", pages);
		free_disk();
	}
	*chain = work.at.chain;
	*dump = work_dump(store_db(store));
	store_close(store);
	file_dir_close(config.dir);
	free_disk();
	fulls += was_full;
	return (was_full);
}

static void
mount_disk(void)
{
	if (mount("tmpfs", directory, "tmpfs", MS_NOSUID, "size=4m") == -1)
		fatal("mount");
}

int
main(void)
{
	const char *given = getenv("RQLITED_SEED");
	uint64_t chain, dump, expected_chain, expected_dump, pages;
	bool was_full;

	log_init("test", LOG_ERROR);
	seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	printf("RQLITED_SEED=%llu\n", (unsigned long long)seed);
	(void)fflush(stdout);
	if (unshare(CLONE_NEWNS) == -1 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1) {
		printf("skipped: may not mount (%s)\n", strerror(errno));
		return (SKIPPED);
	}
	if (mkdtemp(directory) == NULL)
		fatal("mkdtemp");
	sqlvfs_init();
	mount_disk();
	(void)run(0, false, &expected_chain, &expected_dump);
	for (pages = 0, was_full = true; was_full; pages++) {
		(void)umount2(directory, MNT_DETACH);
		mount_disk();
		was_full = run(pages, true, &chain, &dump);
		if (chain != expected_chain || dump != expected_dump)
			fail("another database", pages);
	}
	(void)umount2(directory, MNT_DETACH);
	(void)rmdir(directory);
	printf("full %llu times, with 0 to %llu pages left: all right\n", (unsigned long long)fulls,
	    (unsigned long long)pages - 2);
	return (0);
}
