#include "lib/http1_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_FIRST 1024
#define HEADERS_FIRST 16

void http1_store_fini(struct http1_store *s)
{
	free(s->text);
	free(s->v);
	memset(s, 0, sizeof(*s));
}

size_t http1_store_memory(const struct http1_store *s)
{
	return s->cap + s->room * sizeof(*s->v);
}

/* Not realloc(): the spans that exist are moved along, which needs both addresses while both are
 * valid. */
static int grow(struct http1_store *s, size_t n)
{
	size_t cap = s->cap ? s->cap : TEXT_FIRST;
	while (cap - s->n < n)
		cap *= 2;
	CHECK(cap <= UINT32_MAX);
	char *text = malloc(cap);
	if (!text)
		return -ENOMEM;
	if (s->n > 0)
		memcpy(text, s->text, s->n);
	for (uint32_t i = 0; i < s->count; i++) {
		s->v[i].name.p = text + (s->v[i].name.p - s->text);
		s->v[i].value.p = text + (s->v[i].value.p - s->text);
	}
	free(s->text);
	s->text = text;
	s->cap = (uint32_t)cap;
	return 0;
}

int http1_store_add(struct http1_store *s, const char *p, size_t n)
{
	if (s->cap - s->n < n || !s->text) {
		int err = grow(s, n);
		if (err)
			return err;
	}
	memcpy(s->text + s->n, p, n);
	s->n += (uint32_t)n;
	return 0;
}

int http1_store_name(struct http1_store *s)
{
	if (s->count == s->room) {
		uint32_t room = s->room ? s->room * 2 : HEADERS_FIRST;
		struct http1_header *v = realloc(s->v, room * sizeof(*v));
		if (!v)
			return -ENOMEM;
		s->v = v;
		s->room = room;
	}
	s->v[s->count].name = http1_store_piece(s);
	s->v[s->count++].value = (struct span){ s->text + s->n, 0 };
	http1_store_mark(s);
	return 0;
}

struct span http1_store_piece(const struct http1_store *s)
{
	return (struct span){ s->text ? s->text + s->mark : "", s->n - s->mark };
}

void http1_store_mark(struct http1_store *s)
{
	s->mark = s->n;
}
