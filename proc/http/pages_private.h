/*
 * What the files of pages share.
 */
#ifndef PROC_HTTP_PAGES_PRIVATE_H
#define PROC_HTTP_PAGES_PRIVATE_H

#include "common/buf.h"

/*
 * The part of a JSON document that dotted keys name: a missing key gives {}, a
 * value that is no object ends the walk early.  The text is of our own printing.
 */
void pages_select(const char *json, const char *key, struct buf *out);

#endif
