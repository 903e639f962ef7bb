#include "proxy/line_index.h"

#include <stdlib.h>
#include <string.h>

bool line_index_init(struct line_index *l, struct span text)
{
	size_t n = 2;
	CHECK(text.n < UINT32_MAX);
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	*l = (struct line_index){ .text = text, .start = malloc(n * sizeof(*l->start)) };
	if (!l->start)
		return false;
	l->start[l->n++] = 0;
	for (size_t i = 0; i + 1 < text.n; i++)
		if (text.p[i] == '\n')
			l->start[l->n++] = (uint32_t)i + 1;
	l->start[l->n] = (uint32_t)text.n;
	return true;
}

void line_index_fini(struct line_index *l)
{
	free(l->start);
	*l = (struct line_index){ 0 };
}

struct span line_index_text(const struct line_index *l, uint32_t line)
{
	CHECK(line < l->n);
	struct span s = { l->text.p + l->start[line], l->start[line + 1] - l->start[line] };
	if (s.n && s.p[s.n - 1] == '\n')
		s.n--;
	if (s.n && s.p[s.n - 1] == '\r')
		s.n--;
	return s;
}

uint32_t line_index_find(const struct line_index *l, uint32_t byte)
{
	uint32_t low = 0, high = l->n;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		*(l->start[middle] <= byte ? &low : &high) = middle;
	}
	return low;
}

void line_index_place(const struct line_index *l, uint32_t byte, uint32_t *line, uint32_t *column)
{
	uint32_t at = line_index_find(l, byte);
	*line = at + 1;
	*column = 1;
	for (uint32_t i = l->start[at]; i < byte; i++)
		*column += (l->text.p[i] & 0xc0) != 0x80;
}
