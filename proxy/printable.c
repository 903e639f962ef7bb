#include "proxy/printable.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

/* The code point at the text's start and how many bytes it has; false: no UTF-8. */
static bool decode(struct span s, uint32_t *code, size_t *bytes)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
	*bytes = 1;
	*code = n > 1 ? c & (0xff >> (n + 1)) : c;
	if (n == 0 || n > s.n)
		return false;
	for (size_t i = 1; i < n; i++) {
		if ((s.p[i] & 0xc0) != 0x80)
			return false;
		*code = *code << 6 | (s.p[i] & 0x3f);
	}
	if (*code < least[n] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return false;
	*bytes = n;
	return true;
}

static int width_of(uint32_t code)
{
	static locale_t utf8;
	if (code < 0x80)
		return code >= 32 && code < 127 ? 1 : -1;
	if (!utf8)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
	if (!utf8)
		return code < 0xa0 ? -1 : 1;
	locale_t before = uselocale(utf8);
	int width = wcwidth((wchar_t)code);
	uselocale(before);
	return width;
}

/* Invisible, or it changes how other text is shown: marks of direction, joiners, tags. */
static bool invisible(uint32_t code)
{
	return code == 0xad || code == 0x34f || code == 0x61c || code == 0x115f || code == 0x1160 ||
	       (code >= 0x17b4 && code <= 0x17b5) || (code >= 0x180b && code <= 0x180f) ||
	       (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2060 && code <= 0x206f) || code == 0x3164 || code == 0xfeff ||
	       code == 0xffa0 || (code >= 0xfff9 && code <= 0xfffb) ||
	       (code >= 0xe0000 && code <= 0xe0fff);
}

/* Marks that combine with what precedes them, a few at most. */
static size_t marks(struct span s, size_t at)
{
	uint32_t code;
	size_t n;
	for (int i = 0; i < 8 && at < s.n; i++) {
		bool valid = decode((struct span){ s.p + at, s.n - at }, &code, &n);
		if (!valid || invisible(code) || width_of(code) != 0)
			break;
		at += n;
	}
	return at;
}

void printable_glyph(struct span text, unsigned column, struct glyph *out)
{
	uint32_t code;
	*out = (struct glyph){ .bytes = 1 };
	bool valid = decode(text, &code, &out->bytes);
	int width = valid && !invisible(code) ? width_of(code) : -1;
	out->plain = width > 0;
	if (out->plain) {
		out->width = (unsigned)width;
		out->bytes = marks(text, out->bytes);
		return;
	}
	if (valid && code == '\t')
		snprintf(out->shown, sizeof(out->shown), "%*s",
			 (int)(PRINTABLE_TAB - column % PRINTABLE_TAB), "");
	else if (!valid)
		snprintf(out->shown, sizeof(out->shown), "\\x%02x", (unsigned char)text.p[0]);
	else if (code < 32 || code == 127)
		snprintf(out->shown, sizeof(out->shown), "^%c", (char)(code ^ 64));
	else
		snprintf(out->shown, sizeof(out->shown), "<U+%04X>", code);
	out->width = (unsigned)strlen(out->shown);
}

void printable_add(struct buf *out, struct span text, unsigned columns)
{
	size_t mark = out->n;
	unsigned used = 0;
	struct glyph g;
	for (size_t at = 0; at < text.n; at += g.bytes) {
		printable_glyph((struct span){ text.p + at, text.n - at }, 0, &g);
		bool blank = memchr(" \t\r\n", text.p[at], 4) != NULL;
		if (blank && at && memchr(" \t\r\n", text.p[at - 1], 4))
			continue;
		g.width = blank ? 1 : g.width;
		if (used + g.width > columns) {
			out->n = mark;
			buf_add_text(out, "...");
			return;
		}
		if (blank)
			buf_add_char(out, ' ');
		else if (g.plain)
			buf_add(out, text.p + at, g.bytes);
		else
			buf_add_text(out, g.shown);
		used += g.width;
		if (used + 3 <= columns)
			mark = out->n;
	}
}
