/*
 * Text of two or four bytes a character hides from rules that read ASCII. A byte order mark of such
 * an encoding, or a NUL where JSON or events begin (RFC 4627, section 3), is an error: enough
 * readers go by these, whatever the content type says. JSON in UTF-16 whose first byte is no NUL
 * has one as its second, which no JSON allows.
 */
#include <string.h>

#include "lib/wire/steps.h"

/* How many of a body's first bytes tell, beginning with this one. */
static size_t needed(const struct wire *w, unsigned char first)
{
	switch (first) {
	case 0xfe:
	case 0xff: return 2;
	case 0: return w->framing == FRAMING_NONE ? 4 : 1;
	default: return 1;
	}
}

static bool is_wide(const struct wire *w, const char *p, size_t n)
{
	if (n >= 2 && (!memcmp(p, "\xff\xfe", 2) || !memcmp(p, "\xfe\xff", 2)))
		return true;
	if (w->framing != FRAMING_NONE)
		return p[0] == 0;
	return n >= 4 && !memcmp(p, "\0\0\xfe\xff", 4);
}

bool encoding_known(struct wire *w, const char *p, size_t n, bool final)
{
	if (w->consumed || !n)
		return true;
	if (n < needed(w, (unsigned char)p[0]) && !final)
		return false;
	if (is_wide(w, p, n))
		w->error = WIRE_WIDE_TEXT;
	return true;
}
