/*
 * The set-up of tests of the store: a disk in memory, new for each, and a store on it
 * with a table of rows.
 */
#ifndef TESTS_UNIT_STORE_CASE_H
#define TESTS_UNIT_STORE_CASE_H

#include <stdbool.h>

#include "proc/sql/store.h"
#include "tests/storage/simdisk.h"

extern struct simdisk *disk; /* mounted */
extern struct store_config config;
extern struct store *store; /* the one that lives, or NULL */
extern struct store_position at; /* its last entry */
extern struct error error; /* of what failed last */

/* Of cmocka's shape. */
int setup(void **state);
int teardown(void **state);

/* Lets recovery pick a record; false with `error`. */
bool pick(void);
/* A life begins, and must; another one, after an orderly end. */
void start(void);
void restart(void);
/* Runs SQL that must succeed; as an entry with its record; a table and n rows, an entry each. */
void run(const char *sql);
void commit(const char *sql);
void fill(int n);
int count_rows(void);

#endif
