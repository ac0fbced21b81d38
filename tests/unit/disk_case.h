/*
 * The set-up of tests on the disk in memory: a new one for each, and a fatal() that
 * they outlive.
 */
#ifndef TESTS_UNIT_DISK_CASE_H
#define TESTS_UNIT_DISK_CASE_H

#include <setjmp.h>

#include "tests/storage/simdisk.h"

extern struct simdisk *disk; /* mounted */
extern jmp_buf disk_dead;

/* Of cmocka's shape. */
int disk_setup(void **state);
int disk_teardown(void **state);
/* For dead_hook: leaves fatal() by disk_dead. */
void disk_on_death(const char *text);

#endif
