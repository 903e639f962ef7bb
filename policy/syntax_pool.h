/*
 * The memory of one parse from beginning to end. Between begin and end whatever tree-sitter takes
 * on this thread comes out of a few large blocks, what it gives back is taken again for the same
 * size, and the end drops the blocks: nothing has to be given back one by one. A tree or parser
 * must not cross either. Elsewhere, and where a sanitizer watches, tree-sitter's memory is
 * malloc's.
 *
 * All of it is counted by thread: what was made tells what a parse costs, what is held how much its
 * trees keep.
 */
#ifndef POLICY_SYNTAX_POOL_H
#define POLICY_SYNTAX_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool syntax_pool_begin(void); /* false: malloc's it is, what is taken must be given back */
void syntax_pool_end(void);

/* What tree-sitter is given in place of malloc, calloc, realloc and free. */
void *syntax_pool_take(size_t n);
void *syntax_pool_take_zeroed(size_t n, size_t each);
void *syntax_pool_take_again(void *p, size_t n);
void syntax_pool_give(void *p);

uint64_t syntax_pool_made(void); /* bytes asked for so far: the same on every machine */
int64_t syntax_pool_held(void);  /* as malloc rounds it; without what stands in a pool */

#endif
