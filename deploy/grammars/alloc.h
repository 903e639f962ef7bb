/*
 * Stands before each file of a grammar, so that all of its memory comes from where tree-sitter's does. Some scanners
 * call calloc() by its own name, whatever TREE_SITTER_REUSE_ALLOCATOR says, and go on with what they got.
 */
#include <stdlib.h>

extern void *(*ts_current_malloc)(size_t);
extern void *(*ts_current_calloc)(size_t, size_t);
extern void *(*ts_current_realloc)(void *, size_t);
extern void (*ts_current_free)(void *);

#define malloc(n) ts_current_malloc(n)
#define calloc(n, each) ts_current_calloc(n, each)
#define realloc(p, n) ts_current_realloc(p, n)
#define free(p) ts_current_free(p)
