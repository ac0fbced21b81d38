/*
 * HTTP Basic credentials (RFC 7617) as rqlite reads them.
 */
#ifndef PROC_HTTP_BASIC_H
#define PROC_HTTP_BASIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BASIC_SCRATCH_MAX 8192

struct basic {
	const char *user;
	size_t user_len;
	const char *password;
	size_t password_len;
};

/*
 * Decodes a header's value into the scratch, which the views point into and the
 * caller wipes.  False, and both empty: these are no credentials, or longer ones than
 * auth is told, which nobody has.
 */
bool basic_parse(const char *value, size_t len, uint8_t *scratch, size_t size, struct basic *);

/*
 * Wipes the values of all Authorization headers in a request's head as it was sent,
 * up to the empty line, or to len if there is none.
 */
void basic_wipe(char *head, size_t len);

#endif
