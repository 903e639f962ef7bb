#include "proxy/plain.h"

#include <stdbool.h>
#include <string.h>

/* The character at p: its bytes and its number; 0: these bytes are none. */
static size_t decode(const unsigned char *p, size_t n, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = p[0] < 0x80   ? 1
			: p[0] < 0xc0 ? 0
			: p[0] < 0xe0 ? 2
			: p[0] < 0xf0 ? 3
			: p[0] < 0xf8 ? 4
				      : 0;
	if (length == 0 || length > n)
		return 0;
	uint32_t c = length == 1 ? p[0] : p[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*out = c;
	return length;
}

/* Controls, and what has no width or turns the direction of writing (Unicode 15, category Cf and
 * the separators of lines and paragraphs). */
static bool is_hidden(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x00, 0x08 },     { 0x0a, 0x1f },     { 0x7f, 0x9f },     { 0xad, 0xad },
		{ 0x61c, 0x61c },   { 0x180e, 0x180e }, { 0x200b, 0x200f }, { 0x2028, 0x202e },
		{ 0x2060, 0x206f }, { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe01ef },
	};
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

void plain_add(struct buf *out, struct span text)
{
	const unsigned char *p = (const unsigned char *)text.p;
	for (size_t i = 0; i < text.n && !out->failed;) {
		uint32_t c = 0;
		size_t length = decode(p + i, text.n - i, &c);
		if (length == 0)
			buf_printf(out, "\\x%02x", p[i++]);
		else if (is_hidden(c))
			buf_printf(out, c < 0x100 ? "\\x%02x" : "\\u{%x}", c);
		else
			buf_add(out, p + i, length);
		i += length;
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
