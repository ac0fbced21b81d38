/*
 * Random log entries with every hazard that an apply batch must survive: failing
 * statements of all kinds, triggers that roll back, deferred keys, DDL, transaction
 * control, settings, temporary objects, counters, randomness.
 */
#ifndef TESTS_STORAGE_SCRIPT_H
#define TESTS_STORAGE_SCRIPT_H

#include <stdint.h>

#include "common/buf.h"

/* xorshift64*: never 0. */
uint64_t script_random(uint64_t *seed);
/* Statements that make the tables that entries work on, as one command. */
void script_add_schema(struct buf *);
/* One random command. */
void script_add_command(struct buf *, uint64_t *seed);

#endif
