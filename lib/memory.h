/*
 * Memory for arrays of megabytes that do not live long. It is malloc's and free()'s, but the kernel
 * is asked to give it in pages of 2 MiB: where memory is new each time, faults for small pages cost
 * more than what is then done with it.
 */
#ifndef LIB_MEMORY_H
#define LIB_MEMORY_H

#include <stddef.h>

void *memory_take(size_t n); /* not zeroed; NULL: out of memory */

#endif
