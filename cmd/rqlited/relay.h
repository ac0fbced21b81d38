/*
 * The workers' log lines on their way to standard error.
 */
#ifndef RQLITED_RELAY_H
#define RQLITED_RELAY_H

#include <poll.h>

struct master;

/* Makes the pipe that the workers write into. */
void relay_init(struct master *);
/* What to wait for before the next copy. */
struct pollfd relay_wait(const struct master *);
/* Copies what is there, as far as standard error takes it at once. */
void relay_copy(struct master *);

#endif
