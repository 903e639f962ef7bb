#include "lib/arena.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 8192

struct arena_block {
	struct arena_block *next;
	size_t used, cap;
	max_align_t bytes[];
};

void *arena_take(struct arena *a, size_t n)
{
	n = (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	struct arena_block *b = a->blocks;
	if (!b || b->cap - b->used < n) {
		size_t cap = n > BLOCK_BYTES ? n : BLOCK_BYTES;
		b = calloc(1, sizeof(*b) + cap);
		if (!b)
			return NULL;
		b->cap = cap;
		b->next = a->blocks;
		a->blocks = b;
	}
	void *p = (char *)b->bytes + b->used;
	b->used += n;
	return p;
}

char *arena_text(struct arena *a, const char *p, size_t n)
{
	char *copy = arena_take(a, n + 1);
	if (copy && n)
		memcpy(copy, p, n);
	return copy;
}

void arena_fini(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *b = a->blocks;
		a->blocks = b->next;
		free(b);
	}
}
