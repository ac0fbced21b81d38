/*
 * The JSON of the credentials file, read as Go's streaming decoder does, whose
 * texts operators know: an array whose elements are taken one by one, and
 * whatever follows it ignored.
 *
 * Bounded: by the file's size, by the length of each string kept, by the depth
 * of what is skipped.  Nothing recurses.
 */
#ifndef PROC_AUTH_CRED_JSON_H
#define PROC_AUTH_CRED_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "proc/auth/credentials.h"

struct cred_json {
	const char *p;
	const char *end;
	struct error *error;
	struct error wrong_type; /* the first, kept: a syntax error behind it is said instead */
	bool has_wrong_type;
};

struct cred_text {
	size_t len;
	char bytes[CREDENTIALS_NAME_MAX + 1]; /* NUL-terminated as well */
};

/* Each of the following returns -1 with the error set. */

/* Steps over blanks; the next byte, or -1 at the end. */
int cred_json_peek(struct cred_json *);
/* The error that the next byte, or the end of the text, is here. */
int cred_json_unexpected(struct cred_json *, const char *where);
/* A string, unescaped, invalid UTF-8 replaced; text may be NULL to skip it. */
int cred_json_string(struct cred_json *, struct cred_text *text);
/* A value of any kind and depth, skipped. */
int cred_json_skip(struct cred_json *);
/* A member's name and the colon behind it. */
int cred_json_name(struct cred_json *, struct cred_text *name);
/*
 * A value that should be a string.  1 if it was, 0 if it was null, or of
 * another type, which is noted as the type error of `field`.
 */
int cred_json_string_or_null(struct cred_json *, const char *field, struct cred_text *);
/* Skips a value and notes that it is of the wrong type. `what` ends the message. */
int cred_json_wrong_type(struct cred_json *, const char *what);
/* After a value: 1 if a comma was taken, 0 if `close` was. */
int cred_json_more(struct cred_json *, char close);
/* Takes the opening bracket at hand: 1 if something is in it, 0 if `close` was taken too. */
int cred_json_open(struct cred_json *, char close);

#endif
