/*
 * The memory of tree-sitter and of its grammars.
 *
 * A pool is that of one text from beginning to end. While a thread is in it, whatever tree-sitter
 * takes there comes out of a few large blocks, what it gives back is taken again for the same size,
 * and syntax_pool_free() drops the blocks: nothing has to be given back one by one. What was taken
 * in a pool must be given back in it or not at all. Elsewhere, and where a sanitizer watches, the
 * memory is malloc's.
 *
 * Tree-sitter cannot go on without what it asks for. Where there is no memory it gets some of a
 * reserve, which is counted: who parses looks at that count between the steps, and gives up. Only
 * when the reserve is used up as well, which is the size of what one step can ask for and more,
 * does the process end, with a line that says why.
 *
 * All of it is counted by thread.
 */
#ifndef POLICY_SYNTAX_POOL_H
#define POLICY_SYNTAX_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct syntax_pool;

struct syntax_pool *syntax_pool_new(void);     /* NULL: no memory */
void syntax_pool_free(struct syntax_pool *p);  /* NULL is fine */
void syntax_pool_enter(struct syntax_pool *p); /* this thread, which must be in none */
void syntax_pool_leave(void);
size_t syntax_pool_bytes(const struct syntax_pool *p);
bool syntax_pool_drops(
	void); /* false: malloc's it is after all, what is taken must be given back */

/* What tree-sitter is given in place of malloc, calloc, realloc and free. */
void *syntax_pool_take(size_t n);
void *syntax_pool_take_zeroed(size_t n, size_t each);
void *syntax_pool_take_again(void *p, size_t n);
void syntax_pool_give(void *p);

uint64_t syntax_pool_made(void);   /* bytes asked for so far: the same on every machine */
uint64_t syntax_pool_lacked(void); /* how often the reserve had to do */
int64_t syntax_pool_held(void);    /* as malloc rounds it; without what stands in a pool */
int64_t syntax_pool_size(void);    /* of the pool that the thread is in, else what is held */

#endif
