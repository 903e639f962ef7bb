#include "policy/re2_class.h"

#include <ctype.h>
#include <string.h>

#include "lib/base.h"

#define CHARACTER_MAX 0x10ffff

static int digit(char c)
{
	return c >= '0' && c <= '9'         ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
					    : -1;
}

static int32_t fail(struct re2_reader *r, const char *why)
{
	r->why = r->why ? r->why : why;
	return -1;
}

static int32_t hexadecimal(struct re2_reader *r)
{
	int32_t v = 0;
	int n = 0;
	bool braces = r->s[r->at] == '{';
	r->at += braces;
	for (; digit(r->s[r->at]) >= 0 && (braces || n < 2) && v <= CHARACTER_MAX; n++)
		v = v * 16 + digit(r->s[r->at++]);
	if (braces && r->s[r->at++] != '}')
		n = 0;
	if (v > CHARACTER_MAX || (braces ? !n : n != 2))
		return fail(r, "\\x takes two digits, or a character in braces");
	return v;
}

int32_t re2_escape(struct re2_reader *r)
{
	static const char names[] = "aftnrv", bytes[] = "\a\f\t\n\r\v";
	char c = r->s[r->at];
	const char *hit = c ? strchr(names, c) : NULL;
	int32_t v = 0;
	if (hit) {
		r->at++;
		return bytes[hit - names];
	}
	if (c == 'x') {
		r->at++;
		return hexadecimal(r);
	}
	bool octal = c == '0' ||
		     (c >= '1' && c <= '7' && r->s[r->at + 1] >= '0' && r->s[r->at + 1] <= '7');
	if (octal) {
		for (int n = 0; n < 3 && r->s[r->at] >= '0' && r->s[r->at] <= '7'; n++)
			v = v * 8 + (r->s[r->at++] - '0');
		return v;
	}
	if (c >= '1' && c <= '9')
		return fail(r, "RE2 has no backreferences");
	if (!c || isalnum((unsigned char)c) || (unsigned char)c >= 128)
		return fail(r, "RE2 has no such escape");
	r->at++;
	return c;
}

/* Unicode's classes and POSIX's, of which ASCII's part counts. */
static const struct {
	const char *name, *members; /* pairs: from, to */
} classes[] = {
	{ "alnum", "09AZaz" },
	{ "alpha", "AZaz" },
	{ "ascii", "\1\x7f" },
	{ "blank", "\t\t  " },
	{ "cntrl", "\1\x1f\x7f\x7f" },
	{ "digit", "09" },
	{ "graph", "!~" },
	{ "lower", "az" },
	{ "print", " ~" },
	{ "punct", "!/:@[`{~" },
	{ "space", "\t\r  " },
	{ "upper", "AZ" },
	{ "word", "09AZ__az" },
	{ "xdigit", "09AFaf" },
	{ "L", "AZaz" },
	{ "Lu", "AZ" },
	{ "Ll", "az" },
	{ "N", "09" },
	{ "Nd", "09" },
	{ "P", "!#%*,/:;?@[]__{{}}" },
	{ "S", "$$++<>^^``||~~" },
	{ "Z", "  " },
	{ "Zs", "  " },
	{ "C", "\1\x1f\x7f\x7f" },
	{ "Cc", "\1\x1f\x7f\x7f" },
};

static bool named(const char *name, size_t n, bool posix, bool negated, struct pattern_set *set)
{
	struct pattern_set one = { .rough = false };
	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		const char *m = classes[i].members;
		if (strlen(classes[i].name) != n || memcmp(classes[i].name, name, n) != 0 ||
		    posix != (islower((unsigned char)name[0]) != 0))
			continue;
		for (; *m; m += 2)
			pattern_set_range(&one, (unsigned char)m[0], (unsigned char)m[1]);
		one.in[0] = one.in[1]; /* what has SOH has NUL */
		for (size_t c = 0; c < 256; c++)
			set->in[c] |= negated ? !one.in[c] : one.in[c];
		return true;
	}
	return false;
}

static void property(struct re2_reader *r, bool negated, struct pattern_set *set)
{
	const char *name = r->s + r->at;
	size_t n = *name ? 1 : 0;
	if (*name == '{') {
		const char *close = strchr(name, '}');
		name++;
		n = close ? (size_t)(close - name) : 0;
		r->at += n + 2;
	} else {
		r->at += n;
	}
	if (n && *name == '^') {
		negated = !negated;
		name++;
		n--;
	}
	if (!n || !named(name, n, false, negated, set))
		fail(r, "a Unicode class other than L, Lu, Ll, N, Nd, P, S, Z, Zs, C, Cc");
}

bool re2_escape_class(struct re2_reader *r, struct pattern_set *set)
{
	static const char spaces[] = "\t\n\f\r ";
	struct pattern_set one = { .rough = false };
	char c = r->s[r->at], low = (char)tolower((unsigned char)c);
	if (!c || !strchr("dwsp", low))
		return false;
	r->at++;
	if (low == 'p') {
		property(r, c == 'P', set);
		return true;
	}
	if (low == 's')
		for (const char *p = spaces; *p; p++)
			one.in[(unsigned char)*p] = 1;
	else
		pattern_set_class(&one, low);
	for (size_t i = 0; i < 256; i++)
		set->in[i] |= isupper((unsigned char)c) ? !one.in[i] : one.in[i];
	return true;
}

static void add_byte(struct buf *out, unsigned c)
{
	static const char controls[] = "\t\n\f\r", names[] = "tnfr";
	const char *hit = c && c < ' ' ? strchr(controls, (int)c) : NULL;
	if (hit)
		buf_printf(out, "\\%c", names[hit - controls]);
	else if (c < 128 && (isalnum((int)c) || c == '_' || c == ' '))
		buf_add_char(out, (char)c);
	else if (c > ' ' && c < 127)
		buf_printf(out, "\\%c", (int)c);
	else
		buf_printf(out, "\\x%02x", c);
}

void re2_add_set(struct buf *out, const struct pattern_set *set, bool negated)
{
	buf_add_text(out, negated ? "[^" : "[");
	for (unsigned c = 0; c < 256; c++) {
		unsigned to = c;
		if (!set->in[c])
			continue;
		while (to < 255 && set->in[to + 1])
			to++;
		add_byte(out, c);
		if (to > c + 1)
			buf_add_char(out, '-');
		if (to > c)
			add_byte(out, to);
		c = to;
	}
	buf_add_char(out, ']');
}

void re2_add_literal(struct buf *out, int32_t c)
{
	uint32_t v = (uint32_t)c;
	if (v < 0x80) {
		add_byte(out, v);
		return;
	}
	if (v >= 0x10000)
		buf_printf(out, "\\x%02x\\x%02x", 0xf0 | v >> 18, 0x80 | (v >> 12 & 63));
	else if (v >= 0x800)
		buf_printf(out, "\\x%02x", 0xe0 | v >> 12);
	if (v >= 0x800)
		buf_printf(out, "\\x%02x", 0x80 | (v >> 6 & 63));
	else
		buf_printf(out, "\\x%02x", 0xc0 | v >> 6);
	buf_printf(out, "\\x%02x", 0x80 | (v & 63));
}

/* One character of a class, by itself or as an end of a range. */
static int32_t member(struct re2_reader *r)
{
	char c = r->s[r->at];
	if ((unsigned char)c >= 128)
		return fail(r, "a character beyond ASCII in a class; write it as an alternative");
	r->at += c != '\0';
	return c == '\\' ? re2_escape(r) : c;
}

/* [:name:] and the like; false: it is none. */
static bool posix_class(struct re2_reader *r, struct pattern_set *set)
{
	const char *from = r->s + r->at + 2, *close;
	if (strncmp(r->s + r->at, "[:", 2) != 0 || !(close = strstr(from, ":]")))
		return false;
	bool negated = *from == '^';
	from += negated;
	if (close < from || !named(from, (size_t)(close - from), true, negated, set))
		fail(r, "a class in [: :] that RE2 does not have");
	r->at = (size_t)(close - r->s) + 2;
	return true;
}

static void add_range(struct re2_reader *r, struct pattern_set *set, int32_t low, int32_t high)
{
	if (high < low)
		fail(r, "a range that ends before it begins");
	else if (low >= 128 || (high >= 128 && high < 255))
		fail(r, "a character beyond ASCII in a class; write it as an alternative");
	else /* up to some character beyond all of ASCII: all bytes that such have */
		pattern_set_range(set, (unsigned)low, high < 128 ? (unsigned)high : 255);
}

void re2_class(struct re2_reader *r, struct buf *out)
{
	struct pattern_set set = { .rough = false };
	bool negated = r->s[r->at + 1] == '^', first = true;
	r->at += 1 + negated;
	while (!r->why && r->s[r->at] && (r->s[r->at] != ']' || first)) {
		first = false;
		if (posix_class(r, &set))
			continue;
		if (r->s[r->at] == '\\') {
			struct re2_reader ahead = { r->s, r->at + 1, NULL };
			if (re2_escape_class(&ahead, &set)) {
				*r = ahead;
				continue;
			}
		}
		int32_t low = member(r), high = low;
		if (!r->why && r->s[r->at] == '-' && r->s[r->at + 1] && r->s[r->at + 1] != ']') {
			r->at++;
			high = member(r);
		}
		if (!r->why)
			add_range(r, &set, low, high);
	}
	if (!r->why && r->s[r->at] != ']')
		fail(r, "a bracket class is not closed");
	if (!r->why)
		r->at++;
	re2_add_set(out, &set, negated);
}
