/*
 * Credentials, certificates and keys: which are in force, and how others take
 * their place (reload.c).
 */
#ifndef RQLITED_RELOAD_H
#define RQLITED_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/ipc.h"

struct master;
struct worker;

/* Takes the files as they are now; what is wrong with one its reader says. */
void reload_init(struct master *);
/* Once a second, and when SIGHUP came: begins what is asked for, ends what takes too long. */
void reload_tick(struct master *);
/* A worker is dead and not yet started again, `alone` or with all others. */
void reload_worker_died(struct master *, bool alone);
/* A worker has looked at the files of the reload under way. */
void reload_drained(struct master *, struct worker *, const struct msg_drained *);
/* Logs which files a worker reads: what it says of them is rqlite's text, without names. */
void reload_name_files(const struct master *, enum role);
/* A worker has answered the ping of that number. */
void reload_pong(struct master *, struct worker *, uint64_t serial);

#endif
