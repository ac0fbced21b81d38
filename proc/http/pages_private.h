/*
 * What the files of pages share.
 */
#ifndef PROC_HTTP_PAGES_PRIVATE_H
#define PROC_HTTP_PAGES_PRIVATE_H

#include <stddef.h>

#include "common/buf.h"

/*
 * The part of a JSON document that dotted keys name: a missing key gives {}, a
 * value that is no object ends the walk early.  The text is of our own printing.
 */
void pages_select(const char *json, const char *key, struct buf *out);
/* Where a value of such a text ends: at the comma or bracket behind it. */
const char *pages_skip(const char *value);
/* The value of an object's member; NULL if it has none of this name. */
const char *pages_find(const char *object, const char *key, size_t len);

#endif
