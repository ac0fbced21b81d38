/*
 * What clients ask for when the state machine is the real executor: requests of
 * SQL in the form that travels in the log.  A row of the table `ops` for each, and
 * something to its side: updates, deletes, random bytes, an error, an index.
 */
#ifndef TESTS_SIM_COMMAND_H
#define TESTS_SIM_COMMAND_H

#include <stdint.h>

#include "common/buf.h"
#include "tests/sim/machine.h"

/* Makes the tables: what the log's first entry is taken for. */
void command_add_schema(struct buf *);
/* The operation's entry: the model's head, the product's head, the command.  Random bytes up to `padding`. */
void command_add(struct buf *, const struct command_model *, uint32_t padding);

#endif
