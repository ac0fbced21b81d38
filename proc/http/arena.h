/*
 * Memory for one parse by yajl: few blocks, small, and all given back at its end.
 * They stand in a piece of the stack; what does not fit comes from malloc(3).
 */
#ifndef PROC_HTTP_ARENA_H
#define PROC_HTTP_ARENA_H

#include <stddef.h>
#include <yajl/yajl_common.h>

#define ARENA_SIZE 2048 /* bytes; enough unless a body is deep, or a text has escapes */
#define ARENA_ALIGN 16

struct arena {
	size_t used;
	_Alignas(ARENA_ALIGN) char bytes[ARENA_SIZE];
};

/* The arena must stay until yajl_free(), and serve one handle only.  A lack of memory is fatal. */
void arena_begin(struct arena *, yajl_alloc_funcs *);

#endif
