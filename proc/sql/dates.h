/*
 * Values of columns declared DATE, DATETIME or TIMESTAMP are shown as RFC 3339
 * instants, the way Go prints a time.
 */
#ifndef PROC_SQL_DATES_H
#define PROC_SQL_DATES_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/*
 * Appends a quoted instant.  Seconds since 1970, or milliseconds if beyond
 * 10^12; a text that is not a date is the zero instant, year 1.  Returns NULL,
 * or the text of an error, in which case nothing was appended.
 */
const char *dates_add_integer(struct buf *, int64_t);
const char *dates_add_text(struct buf *, const char *, size_t len);

#endif
