#include "lib/memory.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { HUGE_BYTES = 2 << 20 };

void *memory_take(size_t n)
{
	if (n < HUGE_BYTES)
		return malloc(n);
	void *p = NULL;
	if (posix_memalign(&p, HUGE_BYTES, n) != 0)
		return NULL;
	(void)madvise(p, n, MADV_HUGEPAGE); /* a wish: small pages do as well */
	return p;
}
