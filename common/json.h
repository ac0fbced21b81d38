/*
 * Writes JSON into a buffer, byte for byte as Go's encoder would: the same
 * escapes, the same numbers, the same indentation.
 *
 * The json_add_ functions append one scalar and nothing else.  struct json adds
 * commas, colons and, when pretty, new lines and indentation of four spaces.
 * Nothing here can fail: the buffer grows, and misuse is an assertion.
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/* A string with its quotes.  An offending byte of bad UTF-8 becomes \ufffd. */
void json_add_string(struct buf *, const void *, size_t len);
void json_add_int(struct buf *, int64_t);
void json_add_uint(struct buf *, uint64_t);
/* The shortest decimal that reads back as the same double; infinities and NaN are null. */
void json_add_double(struct buf *, double);
/* A string of base64 with padding. */
void json_add_base64(struct buf *, const void *, size_t len);

struct json {
	struct buf *out;
	unsigned depth; /* of indentation */
	bool pretty;
	bool empty; /* nothing yet in the innermost array or object */
	bool after_key; /* the next value belongs to a key: no comma */
};

/*
 * Writes to a borrowed buffer; `depth` is the indentation of what surrounds the value (0:
 * nothing).
 */
void json_init(struct json *, struct buf *, bool pretty, unsigned depth);

void json_begin_object(struct json *);
void json_end_object(struct json *);
void json_begin_array(struct json *);
void json_end_array(struct json *);
void json_key(struct json *, const char *);
void json_key_n(struct json *, const char *, size_t len);

void json_string(struct json *, const char *);
void json_string_n(struct json *, const void *, size_t len);
void json_int(struct json *, int64_t);
void json_uint(struct json *, uint64_t);
void json_double(struct json *, double);
void json_bool(struct json *, bool);
void json_null(struct json *);
/* A value that is JSON already. */
void json_raw(struct json *, const void *, size_t len);
/*
 * What stands before a value: comma, new line, indentation.  For who then appends the value
 * itself.
 */
void json_value(struct json *);

#endif
