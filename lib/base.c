#include "lib/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void check_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "redcard: bug: %s does not hold at %s:%d; please report it\n", cond, file,
		line);
	abort();
}

struct span span_of(const char *text)
{
	return text ? (struct span){ text, strlen(text) } : (struct span){ "", 0 };
}

int span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
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

/* Eight bytes at a time: a multiplication carries each bit upwards, the shift brings it back. */
uint64_t span_hash(struct span s, uint64_t seed)
{
	const uint64_t odd = 0x9e3779b97f4a7c15U;
	uint64_t hash = (seed ^ s.n) * odd, word;
	for (; s.n >= sizeof(word); s.p += sizeof(word), s.n -= sizeof(word)) {
		memcpy(&word, s.p, sizeof(word));
		hash = (hash ^ hash >> 32 ^ word) * odd;
	}
	word = 0;
	for (size_t i = 0; i < s.n; i++)
		word |= (uint64_t)(unsigned char)s.p[i] << 8 * i;
	hash = (hash ^ hash >> 32 ^ word) * odd;
	return hash ^ hash >> 32;
}
