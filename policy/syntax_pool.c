#include "policy/syntax_pool.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base.h"
#include "lib/memory.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POOLED false
#elif defined(__has_feature)
#define POOLED (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer))
#else
#define POOLED true
#endif

enum {
	BLOCK_BYTES = 64 << 10, /* the first; each is four times the one before */
	BLOCK_MOST = 16 << 20,
	SMALL = 1024, /* up to here a size is a multiple of 16, from here a power of two */
	SIZES = SMALL / 16 + 33,
};

/* Stands before each piece, which so begins at a multiple of 16. */
struct header {
	uint32_t size; /* index in `given` */
	uint32_t bytes;
};

struct block {
	struct block *next;
	size_t bytes;
};

static _Thread_local struct {
	bool on;
	struct block *blocks;
	char *at, *end;     /* of the first block */
	void *given[SIZES]; /* each points to the next */
} pool;

static _Thread_local struct {
	uint64_t made;
	int64_t held;
} counts;

uint64_t syntax_pool_made(void)
{
	return counts.made;
}

int64_t syntax_pool_held(void)
{
	return counts.held;
}

/* --- malloc's --- */

static void *hold(void *p)
{
	CHECK(p); /* tree-sitter cannot go on without */
	counts.held += (int64_t)malloc_usable_size(p);
	return p;
}

static void let_go(void *p)
{
	counts.held -= p ? (int64_t)malloc_usable_size(p) : 0;
}

/* --- the pool --- */

static uint32_t size_of(size_t n, uint32_t *bytes)
{
	n += sizeof(struct header);
	CHECK(n < UINT32_MAX / 4); /* texts and so trees are limited */
	if (n <= SMALL) {
		*bytes = (uint32_t)(n + 15) & ~15U;
		return *bytes / 16;
	}
	uint32_t log = 32 - (uint32_t)__builtin_clz((uint32_t)n - 1);
	*bytes = 1U << log;
	return SMALL / 16 + log;
}

static void add_block(size_t bytes)
{
	size_t next = pool.blocks ? min_size(pool.blocks->bytes * 4, BLOCK_MOST) : BLOCK_BYTES;
	bytes = bytes + 32 > next ? bytes + 32 : next;
	struct block *b = memory_take(bytes);
	CHECK(b); /* tree-sitter cannot go on without */
	*b = (struct block){ pool.blocks, bytes };
	pool.blocks = b;
	pool.at = (char *)b + 16 + 16 - sizeof(struct header);
	pool.end = (char *)b + bytes;
}

void *syntax_pool_take(size_t n)
{
	counts.made += n;
	if (!pool.on)
		return hold(malloc(n ? n : 1));
	uint32_t bytes, size = size_of(n, &bytes);
	void *p = pool.given[size];
	if (p) {
		memcpy(&pool.given[size], p, sizeof(p));
		return p;
	}
	if ((size_t)(pool.end - pool.at) < bytes)
		add_block(bytes);
	struct header *h = (struct header *)(void *)pool.at;
	*h = (struct header){ size, bytes };
	pool.at += bytes;
	return h + 1;
}

void syntax_pool_give(void *p)
{
	if (!pool.on) {
		let_go(p);
		free(p);
	} else if (p) {
		const struct header *h = (const struct header *)p - 1;
		memcpy(p, &pool.given[h->size], sizeof(p));
		pool.given[h->size] = p;
	}
}

void *syntax_pool_take_zeroed(size_t n, size_t each)
{
	if (!pool.on) {
		counts.made += n * each;
		return hold(calloc(n ? n : 1, each ? each : 1));
	}
	CHECK(!each || n <= SIZE_MAX / each);
	return memset(syntax_pool_take(n * each), 0, n * each);
}

void *syntax_pool_take_again(void *p, size_t n)
{
	if (!pool.on) {
		counts.made += n;
		let_go(p);
		return hold(realloc(p, n ? n : 1));
	}
	size_t had = p ? ((const struct header *)p - 1)->bytes - sizeof(struct header) : 0;
	if (p && n <= had) {
		counts.made += n;
		return p;
	}
	void *more = syntax_pool_take(n);
	if (p)
		memcpy(more, p, had);
	syntax_pool_give(p);
	return more;
}

bool syntax_pool_begin(void)
{
	CHECK(!pool.on);
	return pool.on = POOLED;
}

void syntax_pool_end(void)
{
	while (pool.blocks) {
		struct block *b = pool.blocks;
		pool.blocks = b->next;
		free(b);
	}
	memset(&pool, 0, sizeof(pool));
}
