/*
 * The body of one string at once, for strings that stand in the buffer whole. Gives the same pieces
 * as the tokenizer and channels.c do token by token.
 */
#include <string.h>

#include "lib/wire/steps.h"

/* The stops of the 32 bytes at `at`: one look at them serves all short runs among them. */
struct stops {
	size_t at;
	uint32_t mask;
};

#define NO_STOPS                     \
	{                            \
		.at = (size_t)0 - 32 \
	}

/* The first quote, backslash or control character from i on; n: none. */
static inline size_t next_stop(struct stops *s, const char *p, size_t n, size_t i)
{
	if (i - s->at < 32) {
		uint32_t rest = s->mask & UINT32_MAX << (i - s->at);
		if (rest)
			return s->at + (size_t)__builtin_ctz(rest);
		i = s->at + 32;
	}
	for (; i + 32 <= n; i += 32) {
		uint32_t mask = json_stops(p + i);
		if (mask) {
			*s = (struct stops){ i, mask };
			return i + (size_t)__builtin_ctz(mask);
		}
	}
	return i < n ? i + json_plain(p + i, n - i) : n;
}

static inline struct piece *push(struct wire *w, struct pieces *out, uint16_t channel, uint64_t off,
				 size_t raw_len)
{
	if (out->n == out->cap && !pieces_grow(w, out))
		return NULL;
	struct piece *p = &out->v[out->n++];
	*p = (struct piece){ .raw_off = off, .raw_len = (uint32_t)raw_len, .channel = channel };
	return p;
}

static inline void push_run(struct wire *w, struct pieces *out, uint16_t channel, const char *p,
			    size_t n, uint64_t off)
{
	struct piece *piece = push(w, out, channel, off, n);
	if (!piece)
		return;
	piece->text = p;
	piece->text_len = (uint32_t)n;
}

static inline void push_char(struct wire *w, struct pieces *out, uint16_t channel, char c,
			     uint64_t off, size_t raw_len)
{
	struct piece *piece = push(w, out, channel, off, raw_len);
	if (!piece)
		return;
	piece->lit[0] = c;
	piece->lit_len = 1;
	piece->text_len = 1;
}

size_t text_plain(struct wire *w, uint16_t channel, const char *p, size_t n, uint64_t off,
		  struct pieces *out)
{
	struct stops s = NO_STOPS;
	size_t i = 0;

	for (;;) {
		size_t at = next_stop(&s, p, n, i);
		if (at > i)
			push_run(w, out, channel, p + i, at - i, off + i);
		if (at < n && p[at] == '"')
			return at;
		if (n - at < 2 || p[at] != '\\')
			return SIZE_MAX;
		char c = json_simple[(unsigned char)p[at + 1]];
		if (c) {
			push_char(w, out, channel, c, off + at, 2);
			i = at + 2;
			continue;
		}
		char lit[4];
		uint8_t lit_len;
		int len = json_unescape(p + at, n - at, lit, &lit_len);
		if (len <= 0)
			return SIZE_MAX;
		piece_lit(w, out, channel, lit, lit_len, off + at, (size_t)len);
		i = at + (size_t)len;
	}
}

/* An escape of the inner layer in its usual form: \\n or \\\" or \\\\. Returns its length, and sets
 * *c; 0 for every other form. */
static inline size_t usual(const char *p, size_t n, char *c)
{
	if (n < 4 || p[1] != '\\' || p[2] == '"')
		return 0;
	if (p[2] == '\\') {
		*c = p[3];
		return *c == '"' || *c == '\\' ? 4 : 0;
	}
	*c = json_simple[(unsigned char)p[2]];
	return *c ? 3 : 0;
}

size_t text_inner(struct wire *w, uint16_t channel, const char *p, size_t n, uint64_t off,
		  struct pieces *out)
{
	struct inner *in = &w->channels[channel].inner;
	struct stops s = NO_STOPS;
	size_t i = 0;

	for (;;) {
		size_t at = next_stop(&s, p, n, i);
		if (at > i && in->n)
			inner_run(w, in, channel, p + i, at - i, off + i, out);
		else if (at > i)
			push_run(w, out, channel, p + i, at - i, off + i);
		if (at < n && p[at] == '"')
			return at;
		if (n - at < 2 || p[at] != '\\')
			return SIZE_MAX;
		char c = json_simple[(unsigned char)p[at + 1]];
		if (c && !in->n && c != '\\') {
			push_char(w, out, channel, c, off + at, 2);
			i = at + 2;
			continue;
		}
		size_t skip = in->n ? 0 : usual(p + at, n - at, &c);
		if (skip) {
			push_char(w, out, channel, c, off + at, skip);
			i = at + skip;
			continue;
		}
		char lit[4];
		uint8_t lit_len;
		int len = json_unescape(p + at, n - at, lit, &lit_len);
		if (len <= 0)
			return SIZE_MAX;
		inner_escape(w, in, channel, lit, lit_len, off + at, (size_t)len, out);
		i = at + (size_t)len;
	}
}
