/*
 * Bytes as text, for the orders and answers of `captured`.  Input is the test's own:
 * a mistake in it ends the program.
 */
#ifndef TESTS_PRIVSEP_HEX_H
#define TESTS_PRIVSEP_HEX_H

#include "common/buf.h"
#include "proto/ipc.h"

void hex_add(struct buf *, const struct ipc_bytes *);

/* The bytes of a word in hexadecimal, put in its place; "-" is none.  Longer than max is a mistake. */
struct ipc_bytes hex_read(char *word, size_t max);

#endif
