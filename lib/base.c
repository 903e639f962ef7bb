#include "lib/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

int span_eq_nocase(struct span a, struct span b)
{
	return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}
