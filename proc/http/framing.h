/*
 * The head of an HTTP/1 request as it was sent.  h2o hides duplicates of the
 * headers that frame a request; here the raw bytes are walked, and whatever two
 * servers could read in two ways is refused (RFC 9112, sections 3 and 6).
 */
#ifndef PROC_HTTP_FRAMING_H
#define PROC_HTTP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

struct framing_verdict {
	int status; /* 400, or 417 for what can not be expected */
	const char *body; /* maybe empty */
	bool chunked; /* of what is let pass: its body comes in chunks */
};

/*
 * bytes begin with the request line; version as h2o has it (0x100, 0x101).
 * 0, or -1 with what to answer before the connection is closed.
 */
int framing_check(const char *bytes, size_t len, int version, struct framing_verdict *);

#endif
