/*
 * A real writer on real files, killed with SIGKILL at random instants, over and
 * over on what the last one left.  Nothing that was acknowledged may be gone (a
 * kill loses no written byte), and in the end database and chain must be those of
 * a writer that never died.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "proc/sql/sqlvfs.h"
#include "tests/storage/work.h"
#include "tests/storage/writer.h"

#define ROUNDS 150
#define ROUNDS_FULL 300
#define MORE 100 /* entries after the last death, beyond any that no record tells of */
#define PATH_SIZE 256

/* Shared with the writer. */
struct page {
	_Atomic uint64_t started; /* the store is open */
	_Atomic uint64_t index; /* that has a ledger record */
	_Atomic uint64_t base; /* that raft would have been told */
	_Atomic uint64_t checkpoints;
};

static struct page *page;
static uint64_t seed;
static char directory[PATH_SIZE];

/* The writer: entries without end, now and then a checkpoint under a reader. */
static void
write_on(uint64_t own_seed)
{
	struct work work = { .seed = seed };
	sqlite3 *reader = NULL;
	struct store *store;

	writer_seed(own_seed);
	sqlvfs_init();
	store = writer_open(directory, &work.at);
	if (work.at.index < page->index || work.at.index < page->base)
		fatalx("acknowledged index %llu is gone, at %llu", (unsigned long long)page->index,
		    (unsigned long long)work.at.index);
	/* What recovery picked has a record. */
	page->index = work.recorded = work.at.index;
	page->started++;
	for (;;) {
		if (work_batch(&work, store, 1 + (unsigned)writer_draw(8)) != SQLITE_OK)
			fatalx("a batch failed");
		page->index = work.recorded;
		if (writer_draw(10) == 0)
			writer_toggle_reader(&reader, directory);
		if (writer_draw(6) == 0) {
			if (store_checkpoint(store) != SQLITE_OK)
				fatalx("a checkpoint failed");
			page->base = store_base_index(store);
			page->checkpoints++;
		}
	}
}

/* By itself, which it must not; leaves it to be waited for. */
static bool
has_ended(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		info.si_pid == pid);
}

static void
kill_one(void)
{
	uint64_t started = page->started, own_seed = writer_draw(UINT64_MAX);
	struct timespec wait = { 0, (long)writer_draw(12000000) };
	pid_t pid = fork();
	bool ended;

	if (pid == -1)
		fatal("fork");
	if (pid == 0)
		write_on(own_seed);
	/* Some die while they start. */
	while (writer_draw(20) != 0 && page->started == started && !has_ended(pid))
		(void)usleep(500);
	(void)nanosleep(&wait, NULL);
	ended = has_ended(pid);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	if (ended) {
		printf("FAILED: the writer ended by itself (RQLITED_SEED=%llu)\n",
		    (unsigned long long)seed);
		exit(1);
	}
}

/* One pass without deaths up to the index, in memory of another directory. */
static void
replay(const char *path, uint64_t index, uint64_t *chain, uint64_t *dump)
{
	struct work work = { .seed = seed };
	struct store *store = writer_open(path, &work.at);

	while (work.at.index < index)
		if (work_batch(&work, store, 1) != SQLITE_OK)
			fatalx("the replay failed");
	*chain = work.at.chain;
	*dump = work_dump(store_db(store));
	if (!work_is_whole(store_db(store)))
		fatalx("integrity_check");
	store_close(store);
}

static void
remove_directory(const char *path)
{
	char command[PATH_SIZE + 16];
	pid_t pid;

	(void)snprintf(command, sizeof(command), "%s", path);
	pid = fork();
	if (pid == 0) {
		(void)execlp("rm", "rm", "-rf", command, (char *)NULL);
		_exit(1);
	}
	(void)waitpid(pid, NULL, 0);
}

int
main(void)
{
	const char *given = getenv("RQLITED_SEED");
	int rounds = getenv("RQLITED_FULL") != NULL ? ROUNDS_FULL : ROUNDS, i;
	char other[] = "/tmp/rqlited-kill.XXXXXX", made[] = "/tmp/rqlited-kill.XXXXXX";
	uint64_t chain, dump, expected_chain, expected_dump, index;

	log_init("test", LOG_ERROR);
	seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	writer_seed(seed);
	printf("RQLITED_SEED=%llu\n", (unsigned long long)seed);
	(void)fflush(stdout);
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || mkdtemp(made) == NULL || mkdtemp(other) == NULL)
		fatal("mmap, mkdtemp");
	(void)snprintf(directory, sizeof(directory), "%s", made);
	for (i = 0; i < rounds; i++)
		kill_one();
	sqlvfs_init();
	index = page->index + MORE;
	replay(directory, index, &chain, &dump);
	replay(other, index, &expected_chain, &expected_dump);
	remove_directory(directory);
	remove_directory(other);
	if (chain != expected_chain || dump != expected_dump) {
		printf("FAILED: the database is another one (RQLITED_SEED=%llu)\n",
		    (unsigned long long)seed);
		return (1);
	}
	printf(
	    "%d kills, %llu of them after the start, %llu entries, %llu checkpoints: all right\n",
	    i, (unsigned long long)page->started, (unsigned long long)index,
	    (unsigned long long)page->checkpoints);
	return (0);
}
