#include "proxy/plain.h"

#include <string.h>

#include "proxy/printable.h"

void plain_add(struct buf *out, struct span text)
{
	struct glyph g;
	unsigned column = 0;
	for (size_t at = 0; at < text.n && !out->failed; at += g.bytes) {
		printable_glyph((struct span){ text.p + at, text.n - at }, column, &g);
		buf_add(out, g.plain ? text.p + at : g.shown, g.plain ? g.bytes : g.width);
		column += g.width;
	}
}

void plain_add_lines(struct buf *out, struct span text, const char *prefix)
{
	while (text.n > 0) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;
		buf_add_text(out, prefix);
		plain_add(out, (struct span){ text.p, n });
		buf_add_char(out, '\n');
		n += end ? 1 : 0;
		text = (struct span){ text.p + n, text.n - n };
	}
}
