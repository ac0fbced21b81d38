/*
 * Named parameters that came as one JSON object: of members with the same name the
 * last one counts, as in the maps of rqlite.
 */
#ifndef PROC_HTTP_NAMES_H
#define PROC_HTTP_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/* Of the `count` parameters from the offset to the end of a command; returns how many are left. */
uint32_t names_collapse(struct buf *command, size_t at, uint32_t count);

#endif
