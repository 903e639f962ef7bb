/*
 * The memory of one parse from beginning to end. Between begin and end whatever tree-sitter takes
 * on this thread comes out of a few large blocks, what it gives back is taken again for the same
 * size, and the end drops the blocks: nothing has to be given back one by one. A tree or parser
 * must not cross either. Elsewhere, and where a sanitizer watches, tree-sitter's memory is
 * malloc's.
 */
#ifndef POLICY_SYNTAX_POOL_H
#define POLICY_SYNTAX_POOL_H

#include <stdbool.h>
#include <stddef.h>

bool syntax_pool_begin(void); /* false: malloc's it is, what is taken must be given back */
void syntax_pool_end(void);

/* In place of malloc, calloc, realloc and free, while it is on. */
bool syntax_pool_on(void);
void *syntax_pool_take(size_t n);
void *syntax_pool_take_zeroed(size_t n, size_t each);
void *syntax_pool_take_again(void *p, size_t n);
void syntax_pool_give(void *p);

#endif
