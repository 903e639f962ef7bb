/*
 * An arena: many small pieces of memory that end together. Zero-initialised is empty; the owner of
 * the struct owns the pieces, which never move.
 */
#ifndef LIB_ARENA_H
#define LIB_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks;
};

void *arena_take(struct arena *a, size_t n); /* zeroed, aligned for anything; NULL: out of memory */
char *arena_text(struct arena *a, const char *p, size_t n); /* a copy with a NUL behind it */
void arena_fini(struct arena *a);

#endif
