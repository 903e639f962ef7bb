#include "lib/http1_start.h"

#include <string.h>

#include "lib/base.h"

void http1_start_begin(struct http1_start *s, const char *p)
{
	s->fed = p;
}

void http1_start_end(struct http1_start *s, size_t n)
{
	size_t size = sizeof(s->before), fresh = min_size(n, size);
	memmove(s->before, s->before + fresh, size - fresh);
	memcpy(s->before + size - fresh, s->fed + n - fresh, fresh);
	s->fed_at += (uint32_t)n;
	s->fed = NULL;
}

void http1_start_piece(struct http1_start *s, const char *p, size_t n)
{
	uint32_t at = s->fed_at + (uint32_t)(p - s->fed);
	s->gaps += at - s->n;
	s->n = at + (uint32_t)n;
}

/* Do these bytes stand before p? Some of them may have come with earlier calls. */
static bool follows(const struct http1_start *s, const char *p, struct span word)
{
	size_t here = min_size(word.n, (size_t)(p - s->fed)), there = word.n - here;
	return memcmp(p - here, word.p + there, here) == 0 &&
	       memcmp(s->before + sizeof(s->before) - there, word.p, there) == 0;
}

void http1_start_version(struct http1_start *s, const char *p, size_t n, bool request)
{
	uint32_t gaps = s->gaps;
	http1_start_piece(s, p, n);
	if (s->gaps > gaps) /* its first piece */
		s->wrong_name = !follows(s, p, request ? SPAN(" HTTP/") : SPAN("HTTP/"));
}

bool http1_start_sound(const struct http1_start *s, bool request)
{
	return !s->wrong_name && s->gaps == (request ? strlen("  HTTP/") : strlen("HTTP/"));
}
