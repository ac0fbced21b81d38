/*
 * Two processes apply the same entries with other batches, other checkpoints and
 * other readers: their databases must be equal as dumps, and their chains.
 */
#include <sys/wait.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "proc/sql/sqlvfs.h"
#include "tests/storage/work.h"
#include "tests/storage/writer.h"

#define PAIRS 40
#define PAIRS_FULL 200
#define ENTRIES 120
#define PATH_SIZE 64

/* One of the two; tells chain and dump. */
static void
run(const char *path, uint64_t seed, uint64_t timing, int fd)
{
	struct work work = { .seed = seed };
	uint64_t answer[2];
	sqlite3 *reader = NULL;
	struct store *store;
	uint64_t n;

	writer_seed(timing);
	sqlvfs_init();
	store = writer_open(path, &work.at);
	if (writer_draw(2) == 0)
		(void)sqlite3_exec(store_db(store), "PRAGMA cache_size=5", NULL, NULL, NULL);
	while (work.at.index < ENTRIES) {
		n = 1 + writer_draw(8);
		if (n > ENTRIES - work.at.index)
			n = ENTRIES - work.at.index;
		if (work_batch(&work, store, (unsigned)n) != SQLITE_OK)
			fatalx("a batch failed");
		if (writer_draw(6) == 0)
			writer_toggle_reader(&reader, path);
		if (writer_draw(5) == 0 && store_checkpoint(store) != SQLITE_OK)
			fatalx("a checkpoint failed");
		if (writer_draw(20) == 0) {
			(void)sqlite3_close_v2(reader);
			reader = NULL;
			store_close(store);
			store = writer_open(path, &work.at);
		}
	}
	answer[0] = work.at.chain;
	answer[1] = work_dump(store_db(store));
	if (write(fd, answer, sizeof(answer)) != sizeof(answer))
		fatal("write");
	_exit(0);
}

static void
remove_directory(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)execlp("rm", "rm", "-rf", path, (char *)NULL);
		_exit(1);
	}
	(void)waitpid(pid, NULL, 0);
}

static void
start_one(uint64_t seed, uint64_t answer[2])
{
	char path[] = "/tmp/rqlited-pair.XXXXXX";
	uint64_t timing = writer_draw(UINT64_MAX);
	int fds[2];
	pid_t pid;

	if (mkdtemp(path) == NULL || pipe(fds) == -1)
		fatal("mkdtemp, pipe");
	pid = fork();
	if (pid == -1)
		fatal("fork");
	if (pid == 0)
		run(path, seed, timing, fds[1]);
	(void)close(fds[1]);
	if (read(fds[0], answer, 2 * sizeof(answer[0])) != 2 * sizeof(answer[0]))
		fatalx("one of a pair has failed");
	(void)close(fds[0]);
	(void)waitpid(pid, NULL, 0);
	remove_directory(path);
}

int
main(void)
{
	const char *given = getenv("RQLITED_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	int pairs = getenv("RQLITED_FULL") != NULL ? PAIRS_FULL : PAIRS, i;
	uint64_t first[2], second[2];

	log_init("test", LOG_ERROR);
	writer_seed(seed);
	printf("RQLITED_SEED=%llu\n", (unsigned long long)seed);
	(void)fflush(stdout);
	for (i = 0; i < pairs; i++) {
		uint64_t entries = writer_draw(UINT64_MAX);

		start_one(entries, first);
		start_one(entries, second);
		if (memcmp(first, second, sizeof(first)) != 0) {
			printf("FAILED: pair %d differs in %s (RQLITED_SEED=%llu)\n", i,
			    first[0] != second[0] ? "the chain" : "the dump",
			    (unsigned long long)seed);
			return (1);
		}
	}
	printf("%d pairs of processes, %d entries each: all equal\n", pairs, ENTRIES);
	return (0);
}
