/*
 * A stage for one worker: a real master is asked what it tells each of its
 * workers, and a real worker is then told just that by us, with peers that are
 * ours too.  So no test restates what the master's wiring says.
 *
 * The master finds this program where it looks for its workers (links named
 * rqlited-ROLE); run by such a name it hands its channel to the test and waits.
 */
#ifndef TESTS_PRIVSEP_STAGE_H
#define TESTS_PRIVSEP_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/chan.h"
#include "proto/ipc.h"

#define STAGE_WAIT_MS 10000
#define STAGE_FRAMES_MAX 96

/* All that a master told a worker, from HELLO to GATHERED, but not its peers. */
struct script {
	struct {
		uint16_t type;
		struct buf payload;
		int fd;
	} frames[STAGE_FRAMES_MAX];
	size_t count;
};

/* A real master whose workers are all ours. */
struct stage {
	pid_t master;
	int words; /* its log, a pipe */
	int listener; /* where stand-ins report */
	struct chan control[ROLE__COUNT]; /* the worker's end; fd -1: not started */
	int standin[ROLE__COUNT]; /* readable (end of file) once it is dead */
};

/* A real worker whose master and one peer are ours. */
struct player {
	pid_t pid;
	int words; /* its log, a pipe */
	struct chan master;
	struct chan peer;
};

/* What this program does when the master runs it as a worker; `path` is its name. */
int stage_stand_in(const char *path);

/*
 * Runs the command of a master, whose workers are links in `libexec`, until a
 * stand-in of each role has said hello.  Failures end the program.
 */
void stage_open(struct stage *, const char *libexec, char *const command[]);
void stage_record(struct stage *, enum role, struct script *);
void stage_close(struct stage *);

/*
 * Starts a worker that is told what the script says and has one peer of that
 * role, none if it is ROLE_MASTER; returns when it is confined and ready.
 */
void player_start(struct player *, const char *program, const struct script *, enum role peer);
/*
 * Lets the worker handle what it was sent: true if it still lives, and answers
 * its master.
 */
bool player_settle(struct player *);
/* Closes its channels; its exit status once it is gone, 1000 + the signal if one killed it. */
int player_end(struct player *);

/* What was written to the log since the last call, as far as it fits, as a string. */
void words_read(int words, char *text, size_t size);

#endif
