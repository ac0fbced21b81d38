/*
 * What a log should hold, beside the log: entries of known content, and the
 * check that the log gives back exactly these.
 */
#ifndef TESTS_STORAGE_LOGBOOK_H
#define TESTS_STORAGE_LOGBOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proc/raft/log.h"

#define LOGBOOK_MAX 2048
#define LOGBOOK_SEGMENT (6 * 4096UL)

struct logbook {
	struct file_dir *dir;
	struct log_config config;
	struct log *log; /* NULL: closed */
	struct error error; /* of the last open */
	uint64_t terms[LOGBOOK_MAX]; /* by index */
	size_t sizes[LOGBOOK_MAX];
	uint64_t last;
	uint64_t wanted; /* while a batch is written: its last index */
	uint64_t cutting; /* while the log is cut: where; else 0 */
};

/* An empty book of a log in the directory, not opened. */
void logbook_init(struct logbook *, struct file_dir *);
/* False if the log does not open: error says why. */
bool logbook_open(struct logbook *);
void logbook_close(struct logbook *);
/* A batch of so many entries of a size each; false if it could not be written. */
bool logbook_append(struct logbook *, uint64_t term, unsigned count, size_t size);
bool logbook_cut(struct logbook *, uint64_t index);
/*
 * The log holds entries up to `last`, each as it was added, back to one that was
 * not dropped on purpose: NULL, or what is wrong.
 */
const char *logbook_check(struct logbook *);

#endif
