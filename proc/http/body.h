/*
 * Request bodies: the JSON list of statements, made into a binary command in one
 * pass (http-style errors with rqlite's texts; the first problem found wins).
 */
#ifndef PROC_HTTP_BODY_H
#define PROC_HTTP_BODY_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

struct body_error {
	int status; /* 400, or 413 past a limit of common/limits.h */
	char text[1200]; /* some errors quote what was sent */
};

/*
 * Appends the statements of a body to the command that command_begin() began at
 * offset `at`, and sets their number.  The body is changed in place
 * (lone surrogate escapes are mended).  -1 with what to answer.
 */
int body_json(char *body, size_t len, struct buf *out, size_t at, struct body_error *);

/*
 * The same for one SQL string without parameters: a text/plain body, or q.  Any
 * bytes are good, none make an empty statement.
 */
int body_text(const char *sql, size_t len, struct buf *out, size_t at, struct body_error *);

#endif
