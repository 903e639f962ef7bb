#include "policy/pattern_set.h"

#include <ctype.h>
#include <string.h>

void pattern_set_range(struct pattern_set *set, unsigned from, unsigned to)
{
	for (unsigned c = from; c <= to && c < 256; c++)
		set->in[c] = 1;
}

/* \d \w \s and their complements; of \h \v \p \N, which are rough, about as many bytes. */
bool pattern_set_class(struct pattern_set *set, char c)
{
	struct pattern_set one = { .rough = false };
	set->rough = set->rough || !strchr("dDwWsS", c);
	switch (tolower((unsigned char)c)) {
	case 'd': pattern_set_range(&one, '0', '9'); break;
	case 'w':
		pattern_set_range(&one, '0', '9');
		pattern_set_range(&one, 'A', 'Z');
		pattern_set_range(&one, 'a', 'z');
		pattern_set_range(&one, '_', '_');
		break;
	case 's':
		pattern_set_range(&one, 9, 13);
		pattern_set_range(&one, ' ', ' ');
		break;
	case 'h':
		pattern_set_range(&one, 9, 9);
		pattern_set_range(&one, ' ', ' ');
		break;
	case 'v': pattern_set_range(&one, 10, 13); break;
	case 'p':
	case 'n': pattern_set_range(&one, 0, 255); break;
	default: return false;
	}
	for (size_t i = 0; i < 256; i++)
		set->in[i] |= isupper((unsigned char)c) && c != 'N' ? !one.in[i] : one.in[i];
	return true;
}

/* The byte that an escape stands for; at is on the character after the backslash and ends after it.
 * -1: not a byte. */
int pattern_set_escape(const char *s, size_t *at)
{
	char c = s[*at];
	if (c == 'x') {
		(*at)++;
		bool braces = s[*at] == '{';
		*at += braces;
		unsigned v = 0;
		for (int i = 0; isxdigit((unsigned char)s[*at]) && (braces || i < 2);
		     i++, (*at)++) {
			int d = tolower((unsigned char)s[*at]);
			v = v * 16 + (unsigned)(d <= '9' ? d - '0' : d - 'a' + 10);
		}
		if (braces && s[(*at)++] != '}')
			return -1;
		return (int)(v & 255);
	}
	static const char names[] = "tnrfea", bytes[] = "\t\n\r\f\x1b\a";
	const char *hit = c ? strchr(names, c) : NULL;
	if (hit) {
		(*at)++;
		return (unsigned char)bytes[hit - names];
	}
	if (c == '\0' || isalnum((unsigned char)c))
		return -1;
	(*at)++;
	return (unsigned char)c;
}

void pattern_set_skip_property(const char *s, size_t *at)
{
	if (s[*at] == '{')
		while (s[*at] && s[*at] != '}')
			(*at)++;
	if (s[*at])
		(*at)++;
}

/* One member of a bracket class: its byte, or -1 when it was a class of its own (then already in
 * the set). */
static int member(const char *s, size_t *at, struct pattern_set *set)
{
	char c = s[*at];
	if (c == '[' && s[*at + 1] == ':') {
		const char *close = strstr(s + *at + 2, ":]");
		if (close) {
			*at = (size_t)(close - s) + 2;
			pattern_set_class(set, 'w');
			set->rough = true;
			return -1;
		}
	}
	(*at)++;
	if (c != '\\')
		return (unsigned char)c;
	c = s[*at];
	if (c == 'b') {
		(*at)++;
		return 8;
	}
	if (c && strchr("dDwWsShHvVpPN", c)) {
		(*at)++;
		if (c == 'p' || c == 'P')
			pattern_set_skip_property(s, at);
		pattern_set_class(set, c);
		return -1;
	}
	size_t before = *at;
	int byte = pattern_set_escape(s, at);
	if (byte < 0) { /* octal and the like */
		*at = before + 1;
		pattern_set_class(set, 'w');
		set->rough = true;
	}
	return byte;
}

bool pattern_set_read(const char *s, size_t *at, struct pattern_set *set)
{
	(*at)++;
	bool negated = s[*at] == '^';
	*at += negated;
	bool first = true;
	while (s[*at] && (s[*at] != ']' || first)) {
		first = false;
		int low = member(s, at, set);
		if (low < 0)
			continue;
		int high = low;
		if (s[*at] == '-' && s[*at + 1] != ']' && s[*at + 1]) {
			(*at)++;
			high = member(s, at, set);
			set->rough = set->rough || high < 0; /* [a-\d] has the "-" */
		}
		pattern_set_range(set, (unsigned)low, (unsigned)(high < low ? low : high));
	}
	if (s[*at] != ']')
		return false;
	(*at)++;
	for (size_t i = 0; negated && i < 256; i++)
		set->in[i] = !set->in[i];
	return true;
}
