/*
 * yajl's allocator: see arena.h.  A block of the arena is never used again.
 */
#include "proc/http/arena.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

static bool
is_in(const struct arena *arena, const void *p)
{
	return ((const char *)p >= arena->bytes && (const char *)p < arena->bytes + ARENA_SIZE);
}

static void *
arena_malloc(void *ctx, size_t size)
{
	struct arena *arena = ctx;
	void *p = arena->bytes + arena->used;

	if (size > ARENA_SIZE - arena->used) {
		p = malloc(size);
		if (p == NULL)
			fatal("malloc");
		return (p);
	}
	arena->used += (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	return (p);
}

static void
arena_free(void *ctx, void *p)
{
	if (!is_in(ctx, p))
		free(p);
}

static void *
arena_realloc(void *ctx, void *p, size_t size)
{
	struct arena *arena = ctx;
	size_t there;
	void *q;

	if (p == NULL)
		return (arena_malloc(ctx, size));
	if (!is_in(arena, p)) {
		p = realloc(p, size);
		if (p == NULL)
			fatal("realloc");
		return (p);
	}
	/* A block's own size is not known: what stands behind it is copied with it. */
	there = (size_t)(arena->bytes + arena->used - (char *)p);
	q = arena_malloc(ctx, size);
	memmove(q, p, size < there ? size : there);
	return (q);
}

void
arena_begin(struct arena *arena, yajl_alloc_funcs *funcs)
{
	arena->used = 0;
	*funcs = (yajl_alloc_funcs){ arena_malloc, arena_realloc, arena_free, arena };
}
