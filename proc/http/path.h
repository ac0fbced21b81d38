/*
 * Routes: which path is which endpoint, what it allows and whom.
 */
#ifndef PROC_HTTP_PATH_H
#define PROC_HTTP_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/counters.h"

enum endpoint {
	ENDPOINT_ROOT,
	ENDPOINT_CONSOLE_REDIRECT,
	ENDPOINT_CONSOLE,
	ENDPOINT_EXECUTE,
	ENDPOINT_QUERY,
	ENDPOINT_REQUEST,
	ENDPOINT_BACKUP,
	ENDPOINT_LOAD,
	ENDPOINT_SQL,
	ENDPOINT_BOOT,
	ENDPOINT_SNAPSHOT,
	ENDPOINT_REAP,
	ENDPOINT_REMOVE,
	ENDPOINT_STATUS,
	ENDPOINT_NODES,
	ENDPOINT_LEADER,
	ENDPOINT_READYZ,
	ENDPOINT_LICENSES,
	ENDPOINT_VARS,
	ENDPOINT_METRICS,
	ENDPOINT_PPROF,
	ENDPOINT__COUNT
};

enum method_bits {
	METHOD_GET = 1,
	METHOD_HEAD = 2,
	METHOD_POST = 4,
	METHOD_DELETE = 8,
	METHOD_ANY = 15
};

struct route {
	const char *path;
	bool prefix;		  /* matches whatever begins so */
	unsigned methods;
	uint32_t perms;		  /* all of these (proto/perm.h), 0: nobody is asked */
	const char *content_type; /* of every answer, errors without text included; NULL: none */
	enum endpoint endpoint;
};

/* Decodes percent escapes once; out has room for len + 1. Its length, or -1 for a bad escape. */
int path_decode(const char *raw, size_t len, char *out);
/* NULL: 404. */
const struct route *route_find(const char *path, size_t len);
/* 0 for a method that nothing allows. */
unsigned method_bit(const char *method, size_t len);
enum histogram route_histogram(const struct route *);
/* The path of an endpoint, as its route has it; "none" for ENDPOINT__COUNT. */
const char *route_path(enum endpoint);

#endif
