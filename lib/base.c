#include "lib/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void check_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "redcard: bug: %s does not hold at %s:%d; please report it\n", cond, file, line);
	abort();
}

struct span span_of(const char *text)
{
	return text ? (struct span){ text, strlen(text) } : (struct span){ "", 0 };
}

int span_eq(struct span a, struct span b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static inline char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

int span_eq_nocase(struct span a, struct span b)
{
	if (a.n != b.n)
		return 0;
	for (size_t i = 0; i < a.n; i++)
		if (fold(a.p[i]) != fold(b.p[i]))
			return 0;
	return 1;
}
