#include "policy/words.h"

#include <string.h>

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

size_t words_size(const char *const *list, size_t n)
{
	size_t nodes = 1;
	for (size_t i = 0; i < n; i++)
		nodes += strlen(list[i]);
	return sizeof(struct words) + nodes * sizeof(struct words_node);
}

/* The node of a byte in a row that begins at *row, made where there is none. */
static uint32_t node_of(struct words *w, uint32_t *row, unsigned char byte)
{
	for (uint32_t i = *row; i; i = w->v[i].sibling)
		if (w->v[i].byte == byte)
			return i;
	w->v[++w->n] = (struct words_node){ .sibling = *row, .byte = byte };
	return *row = w->n;
}

void words_fill(struct words *w, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *p = list[i];
		uint32_t at = 0;
		w->empty = w->empty || !*p;
		for (; *p; p++)
			at = node_of(w, at ? &w->v[at].child : &w->first[lower(*p)], lower(*p));
		w->v[at].ends = at != 0;
	}
}

static bool begins(const struct words *w, const char *p, size_t n)
{
	uint32_t at = w->first[lower(*p)];
	for (size_t i = 1; at; i++) {
		if (w->v[at].ends)
			return true;
		unsigned char byte = i < n ? lower(p[i]) : 0;
		for (at = i < n ? w->v[at].child : 0; at && w->v[at].byte != byte;)
			at = w->v[at].sibling;
	}
	return false;
}

bool words_within(const struct words *w, struct span text)
{
	bool found = w->empty;
	for (size_t i = 0; i < text.n && !found; i++)
		found = begins(w, text.p + i, text.n - i);
	return found;
}
