#include "policy/syntax_pool.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	RESERVE_BYTES = 16 << 20, /* that nobody touches while there is memory */
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

struct syntax_pool {
	struct block *blocks;
	char *at, *end;     /* of the first block */
	void *given[SIZES]; /* each points to the next */
	size_t bytes;       /* of all pieces, those given back too */
};

static _Thread_local struct syntax_pool *inside;

static _Thread_local struct {
	uint64_t made, lacked;
	int64_t held;
} counts;

uint64_t syntax_pool_made(void)
{
	return counts.made;
}

uint64_t syntax_pool_lacked(void)
{
	return counts.lacked;
}

int64_t syntax_pool_held(void)
{
	return counts.held;
}

int64_t syntax_pool_size(void)
{
	return inside ? (int64_t)inside->bytes : counts.held;
}

/* --- the reserve --- */

static struct {
	pthread_mutex_t lock;
	size_t used, pieces; /* used goes back when no piece is left */
	_Alignas(16) char bytes[RESERVE_BYTES];
} reserve = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Before each of its pieces. */
struct spare {
	_Alignas(16) size_t bytes;
};

static bool is_spare(const void *p)
{
	uintptr_t at = (uintptr_t)p, from = (uintptr_t)reserve.bytes;
	return at >= from && at < from + RESERVE_BYTES;
}

static void *take_spare(size_t n)
{
	size_t room = sizeof(struct spare) + ((n + 15) & ~(size_t)15);
	pthread_mutex_lock(&reserve.lock);
	struct spare *s = (struct spare *)(void *)(reserve.bytes + reserve.used);
	bool fits = n < RESERVE_BYTES && room <= RESERVE_BYTES - reserve.used;
	reserve.used += fits ? room : 0;
	reserve.pieces += fits;
	pthread_mutex_unlock(&reserve.lock);
	if (!fits) {
		static const char why[] = "redcard: out of memory: the parser of syntax trees "
					  "cannot go on, nor can it stop here; give redcard more\n";
		(void)!write(STDERR_FILENO, why, sizeof(why) - 1);
		abort();
	}
	s->bytes = n;
	counts.lacked++;
	return s + 1;
}

static void give_spare(void)
{
	pthread_mutex_lock(&reserve.lock);
	if (--reserve.pieces == 0)
		reserve.used = 0;
	pthread_mutex_unlock(&reserve.lock);
}

/* --- malloc's --- */

static void *hold(void *p)
{
	counts.held += (int64_t)malloc_usable_size(p);
	return p;
}

static void *take_plain(size_t n)
{
	void *p = malloc(n ? n : 1);
	return p ? hold(p) : take_spare(n);
}

static void give_plain(void *p)
{
	if (is_spare(p)) {
		give_spare();
		return;
	}
	counts.held -= p ? (int64_t)malloc_usable_size(p) : 0;
	free(p);
}

static void *take_plain_again(void *p, size_t n)
{
	size_t had = !p ? 0 : is_spare(p) ? ((struct spare *)p - 1)->bytes : malloc_usable_size(p);
	void *more = is_spare(p) ? NULL : realloc(p, n ? n : 1);
	if (more) {
		counts.held -= (int64_t)had;
		return hold(more);
	}
	more = take_spare(n);
	if (p)
		memcpy(more, p, min_size(had, n));
	give_plain(p);
	return more;
}

/* --- pools --- */

struct syntax_pool *syntax_pool_new(void)
{
	return calloc(1, sizeof(struct syntax_pool));
}

void syntax_pool_free(struct syntax_pool *p)
{
	while (p && p->blocks) {
		struct block *b = p->blocks;
		p->blocks = b->next;
		if (is_spare(b))
			give_spare();
		else
			free(b);
	}
	free(p);
}

void syntax_pool_enter(struct syntax_pool *p)
{
	CHECK(!inside);
	inside = POOLED ? p : NULL;
}

void syntax_pool_leave(void)
{
	inside = NULL;
}

bool syntax_pool_drops(void)
{
	return POOLED;
}

size_t syntax_pool_bytes(const struct syntax_pool *p)
{
	return p->bytes;
}

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

static void add_block(struct syntax_pool *pool, size_t bytes)
{
	size_t next = pool->blocks ? min_size(pool->blocks->bytes * 4, BLOCK_MOST) : BLOCK_BYTES;
	size_t wanted = bytes + 32 > next ? bytes + 32 : next;
	struct block *b = memory_take(wanted);
	if (!b) { /* so little that others have some, too */
		wanted = bytes + 32 > BLOCK_BYTES ? bytes + 32 : BLOCK_BYTES;
		b = take_spare(wanted);
	}
	*b = (struct block){ pool->blocks, wanted };
	pool->blocks = b;
	pool->at = (char *)b + 16 + 16 - sizeof(struct header);
	pool->end = (char *)b + wanted;
}

static void *take_pooled(struct syntax_pool *pool, size_t n)
{
	uint32_t bytes, size = size_of(n, &bytes);
	void *p = pool->given[size];
	if (p) {
		memcpy(&pool->given[size], p, sizeof(p));
		return p;
	}
	if ((size_t)(pool->end - pool->at) < bytes)
		add_block(pool, bytes);
	struct header *h = (struct header *)(void *)pool->at;
	*h = (struct header){ size, bytes };
	pool->at += bytes;
	pool->bytes += bytes;
	return h + 1;
}

static void give_pooled(struct syntax_pool *pool, void *p)
{
	const struct header *h = (const struct header *)p - 1;
	memcpy(p, &pool->given[h->size], sizeof(p));
	pool->given[h->size] = p;
}

/* --- either --- */

void *syntax_pool_take(size_t n)
{
	counts.made += n;
	return inside ? take_pooled(inside, n) : take_plain(n);
}

void syntax_pool_give(void *p)
{
	if (!inside)
		give_plain(p);
	else if (p)
		give_pooled(inside, p);
}

void *syntax_pool_take_zeroed(size_t n, size_t each)
{
	CHECK(!each || n <= SIZE_MAX / each);
	void *p = syntax_pool_take(n * each);
	return memset(p, 0, n * each);
}

void *syntax_pool_take_again(void *p, size_t n)
{
	counts.made += n;
	if (!inside)
		return take_plain_again(p, n);
	size_t had = p ? ((const struct header *)p - 1)->bytes - sizeof(struct header) : 0;
	if (p && n <= had)
		return p;
	void *more = take_pooled(inside, n);
	if (!p)
		return more;
	memcpy(more, p, had);
	give_pooled(inside, p);
	return more;
}
