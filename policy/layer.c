#include "policy/layer.h"

#include <assert.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define LINE_LEAST 60 /* characters of a line of base64 after which another one follows */
#define BLANKS_MAX 32 /* between the two */

const char *const layer_names[] = { "base64", "hex", "percent" };
static_assert(ARRAY_LEN(layer_names) == LAYER_COUNT, "one name each");

enum layer_mode { MODE_SEEK, MODE_RUN, MODE_WRAP };

struct work { /* one layer at work */
	struct layer *l;
	const struct track *text;
	struct track *out;
	const struct layer_hint *hint;
	uint32_t near[2]; /* see track_range() */
	bool deeper;      /* what it derives is decoded in turn */
	bool failed;
};

static char byte_at(const struct work *w, uint64_t at)
{
	return w->text->text[at - w->text->base];
}

/* Appends a byte that begins with the text's byte `from` and is known with `at`. */
static void put(struct work *w, char byte, uint64_t from, uint64_t at)
{
	struct track_range r = track_range(w->text, from, at, w->near);
	if (w->failed || !track_room(w->out, 1)) {
		w->failed = true;
		return;
	}
	struct track_cursor c = track_cursor(w->out);
	track_put(&c, &byte, 1, r.raw, (uint32_t)min_u64(r.end - r.raw, UINT32_MAX - 1));
	track_stop(w->out, &c);
}

bool layer_pending(const struct layer *l, uint64_t *from)
{
	*from = l->from;
	return l->mode == MODE_WRAP || (l->mode == MODE_RUN && l->n);
}

/* The run ends with the byte at `l->at`. */
static void stop(struct work *w, uint64_t next)
{
	uint64_t from;
	put(w, '\0', layer_pending(w->l, &from) ? from : w->l->at, w->l->at);
	*w->l = (struct layer){ .at = next };
}

static inline bool is_plain(unsigned c)
{
	return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\n' || c == '\r';
}

static bool accepts(struct layer *l, unsigned char c)
{
	if (l->more) {
		l->more--;
		return (c & 0xc0) == 0x80;
	}
	if (c >= 0xc2 && c <= 0xf4)
		l->more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	return l->more || is_plain(c);
}

static int value64(const struct work *w, uint64_t at)
{
	return w->hint->value64[(unsigned char)byte_at(w, at)];
}

static int value16(const struct work *w, uint64_t at)
{
	return w->hint->value16[(unsigned char)byte_at(w, at)];
}

/* Whether the first n bytes of a run are to be given out. */
static bool is_enough(const struct work *w, const char *bytes, uint32_t n)
{
	const struct layer_hint *h = w->hint;
	if (n >= h->least[(unsigned char)bytes[n - 1]])
		return true;
	return w->deeper && (n >= h->deep || (n >= h->shortest && memchr(bytes, '%', n)));
}

static bool in_url(unsigned char c)
{
	return c > 0x20 && c < 0x7f && c != '"' && c != '\'' && c != '<' && c != '>' && c != '`' &&
	       c != '\\';
}

/* base64 */

/* One more character of a group of four. False: it completes a byte that no text has. */
static bool group64(struct work *w, unsigned v)
{
	struct layer *l = w->l;
	if (!l->n) {
		if (l->mode != MODE_WRAP)
			l->from = l->at;
	} else {
		unsigned byte = ((unsigned)l->bits << 2 * l->n | v >> (6 - 2 * l->n)) & 0xff;
		if (!accepts(l, (unsigned char)byte))
			return false;
		put(w, (char)byte, l->from, l->at);
		l->from = l->at;
	}
	if (l->mode == MODE_WRAP)
		l->line = 0;
	l->mode = MODE_RUN;
	l->bits = (uint8_t)v;
	l->n = (l->n + 1) & 3;
	l->line++;
	l->at++;
	return true;
}

static void run64(struct work *w)
{
	struct layer *l = w->l;
	for (uint64_t end = track_end(w->text); l->at < end && !w->failed;) {
		char c = byte_at(w, l->at);
		int v = value64(w, l->at);
		bool line_end = c == '\n' || c == '\r';
		if (v >= 0 && group64(w, (unsigned)v))
			continue;
		if (l->mode == MODE_RUN && line_end && !l->n && l->line >= LINE_LEAST) {
			l->mode = MODE_WRAP;
			l->from = l->at++;
		} else if (l->mode == MODE_WRAP && v < 0 && l->at - l->from < BLANKS_MAX &&
			   (line_end || c == ' ' || c == '\t')) {
			l->at++;
		} else {
			stop(w, l->at + 1);
			return;
		}
	}
}

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_LATER };

/* Whether a run begins at `at`: its first bytes are text. They are then given out, together. */
static enum answer start64(struct work *w, uint64_t at)
{
	char bytes[LAYER_FIRST] = { 0 };
	uint32_t n = 0, i = 0;
	unsigned bits = 0;
	while (!n || !is_enough(w, bytes, n)) {
		if (at + i == track_end(w->text))
			return ANSWER_LATER;
		int v = value64(w, at + i);
		if (v < 0)
			return ANSWER_NO;
		bits = bits << 6 | (unsigned)v;
		if (i++ % 4 == 0)
			continue;
		bytes[n] = (char)(bits >> (6 - 2 * ((i - 1) % 4)));
		if (!is_plain((unsigned char)bytes[n++]))
			return ANSWER_NO;
	}
	for (uint32_t k = 0; k < n; k++)
		put(w, bytes[k], at + 4 * (k / 3) + k % 3, at + i - 1);
	*w->l = (struct layer){ .at = at + i,
				.from = at + i - 1,
				.line = i,
				.mode = MODE_RUN,
				.n = i % 4,
				.bits = bits & 0x3f };
	run64(w);
	return ANSWER_YES;
}

/* hex */

static void run16(struct work *w)
{
	struct layer *l = w->l;
	for (uint64_t end = track_end(w->text); l->at < end && !w->failed; l->at++) {
		int v = value16(w, l->at);
		unsigned byte = ((unsigned)l->bits << 4 | (unsigned)v) & 0xff;
		if (v < 0 || (l->n && !accepts(l, (unsigned char)byte))) {
			stop(w, l->at + 1);
			return;
		}
		if (l->n)
			put(w, (char)byte, l->from, l->at);
		else
			l->from = l->at;
		l->n = !l->n;
		l->bits = (uint8_t)v;
	}
}

static enum answer start16(struct work *w, uint64_t at)
{
	char bytes[LAYER_FIRST] = { 0 };
	uint32_t n = 0;
	unsigned bits = 0;
	if (at > w->text->base && value16(w, at - 1) >= 0)
		return ANSWER_NO;
	for (uint32_t i = 0; !n || !is_enough(w, bytes, n);) {
		if (at + i == track_end(w->text))
			return ANSWER_LATER;
		int v = value16(w, at + i);
		if (v < 0)
			return ANSWER_NO;
		bits = bits << 4 | (unsigned)v;
		if (i++ % 2 == 0)
			continue;
		bytes[n] = (char)bits;
		if (!is_plain((unsigned char)bytes[n++]))
			return ANSWER_NO;
	}
	for (uint32_t k = 0; k < n; k++)
		put(w, bytes[k], at + 2 * (uint64_t)k, at + 2 * (uint64_t)n - 1);
	*w->l = (struct layer){ .at = at + 2 * (uint64_t)n, .mode = MODE_RUN };
	run16(w);
	return ANSWER_YES;
}

/* percent */

static void run_percent(struct work *w)
{
	struct layer *l = w->l;
	for (uint64_t end = track_end(w->text); l->at < end && !w->failed; l->at++) {
		char c = byte_at(w, l->at);
		int v = value16(w, l->at);
		if ((l->n && v < 0) || !in_url((unsigned char)c)) {
			stop(w, l->n ? l->at : l->at + 1);
			return;
		}
		if (l->n == 0 && c == '%') {
			l->from = l->at;
			l->n = 1;
		} else if (l->n == 0) {
			put(w, c, l->at, l->at);
		} else if (l->n == 1) {
			l->bits = (uint8_t)v;
			l->n = 2;
		} else {
			put(w, (char)(l->bits << 4 | v), l->from, l->at);
			l->n = 0;
		}
	}
}

static enum answer start_percent(struct work *w, uint64_t at)
{
	uint64_t least = max_u64(w->l->at, w->text->base), back = at;
	least = max_u64(least, at > LAYER_BACK ? at - LAYER_BACK : 0);
	while (back > least && in_url((unsigned char)byte_at(w, back - 1)))
		back--;
	for (; back < at; back++)
		put(w, byte_at(w, back), back, at);
	*w->l = (struct layer){ .at = at + 1, .from = at, .mode = MODE_RUN, .n = 1 };
	run_percent(w);
	return ANSWER_YES;
}

/* Where runs may begin: a `%`; a digit whose pair may be printable; a character whose group of four
 * may be, behind what is neither letter nor digit. */
static inline bool begins(unsigned char c, unsigned char before)
{
	unsigned char low = before | 0x20;
	bool word = (low >= 'a' && low <= 'z') || (before >= '0' && before <= '9');
	bool first = (c >= 'I' && c <= 'Z') || (c >= 'a' && c <= 'f');
	return c == '%' || (c >= '2' && c <= '7') || (first && !word);
}

#ifdef __SSE2__
static inline __m128i among(__m128i x, char from, char n)
{
	__m128i y = _mm_sub_epi8(x, _mm_set1_epi8(from));
	return _mm_cmpeq_epi8(_mm_min_epu8(y, _mm_set1_epi8((char)(n - 1))), y);
}

/* The same of BLOCK bytes, a bit each. */
#define BLOCK 16
static inline unsigned begins_block(const char *p)
{
	__m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i before = _mm_loadu_si128((const __m128i *)(const void *)(p - 1));
	__m128i word = _mm_or_si128(among(_mm_or_si128(before, _mm_set1_epi8(0x20)), 'a', 26),
				    among(before, '0', 10));
	__m128i first = _mm_or_si128(among(x, 'I', 18), among(x, 'a', 6));
	__m128i other = _mm_or_si128(among(x, '2', 6), _mm_cmpeq_epi8(x, _mm_set1_epi8('%')));
	return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(word, first), other));
}
#endif

static const struct {
	enum answer (*start)(struct work *w, uint64_t at);
	void (*run)(struct work *w);
} steps[] = { { start64, run64 }, { start16, run16 }, { start_percent, run_percent } };
static_assert(ARRAY_LEN(steps) == LAYER_COUNT, "one each");

struct seeker {
	struct layers *layers;
	const struct track *text;
	struct track *out;
	const struct layer_hint *hint;
	unsigned wanted, deeper;
	uint64_t keep; /* the first place of which it is not known yet */
	bool failed;
};

static void look(struct seeker *s, uint64_t at)
{
	char c = s->text->text[at - s->text->base];
	enum layer_kind kind = c == '%' ? LAYER_PERCENT : c <= '9' ? LAYER_HEX : LAYER_BASE64;
	struct layer *l = &s->layers->v[kind];
	if (!(s->wanted & 1u << kind) || l->mode != MODE_SEEK || at < l->at)
		return;
	struct work w = { .l = l, .text = s->text, .out = &s->out[kind], .hint = s->hint };
	w.deeper = s->deeper >> kind & 1;
	if (steps[kind].start(&w, at) == ANSWER_LATER)
		s->keep = min_u64(s->keep, at);
	s->failed |= w.failed;
}

/* Whether the characters that follow rule a run out; most that could begin one fail here. */
static inline bool is_hopeless(const struct layer_hint *h, const unsigned char *p, uint64_t n)
{
	if (*p <= '9')
		return *p != '%' && n > 1 && h->value16[p[1]] < 0;
	if (n < 2 || h->shortest < 4)
		return false;
	unsigned nibble = (unsigned)h->value64[p[1]] & 15; /* the second byte's high one */
	if (nibble && nibble - 2 >= 6)
		return true;
	unsigned third = n > 2 ? (unsigned)h->value64[p[2]] : 1;
	unsigned fourth = n > 3 ? (unsigned)h->value64[p[3]] : 32;
	if ((third & 3) >= 2 || !is_plain((third & 3) << 6 | fourth))
		return true;
	return n > 5 && ((unsigned)h->value64[p[4]] - 2 >= 30 || h->value64[p[5]] < 0);
}

static void seek(struct seeker *s)
{
	const struct track *t = s->text;
	const uint64_t end = track_end(t);
	uint64_t at = max_u64(s->layers->seek, t->base);
	if (at == t->base && at < end && begins((unsigned char)t->text[0], 0))
		look(s, at);
	at += at == t->base;
	const char *p = t->text + (at - t->base);
#ifdef __SSE2__
	for (unsigned found, skip = 0; at < end && end - t->base > BLOCK; at += BLOCK, p += BLOCK) {
		if (end - at < BLOCK) { /* the last ones, less those that were seen */
			skip = BLOCK - (unsigned)(end - at);
			at -= skip;
			p -= skip;
		}
		for (found = begins_block(p) >> skip << skip; found; found &= found - 1) {
			unsigned i = (unsigned)__builtin_ctz(found);
			if (!is_hopeless(s->hint, (const unsigned char *)p + i, end - at - i))
				look(s, at + i);
		}
	}
#endif
	for (; at < end; at++, p++)
		if (begins((unsigned char)p[0], (unsigned char)p[-1]))
			look(s, at);
}

static void run_on(struct seeker *s)
{
	for (size_t k = 0; k < LAYER_COUNT; k++) {
		struct work w = {
			.l = &s->layers->v[k], .text = s->text, .out = &s->out[k], .hint = s->hint
		};
		if (w.l->mode != MODE_SEEK)
			steps[k].run(&w);
		s->failed |= w.failed;
	}
}

bool layers_feed(struct layers *l, const struct track *text, const struct layer_want *want,
		 struct track out[LAYER_COUNT])
{
	struct seeker s = { .layers = l,
			    .text = text,
			    .out = out,
			    .hint = want->hint,
			    .wanted = want->layers,
			    .deeper = want->deeper,
			    .keep = track_end(text) };
	if (l->v[0].mode | l->v[1].mode | l->v[2].mode)
		run_on(&s);
	seek(&s);
	l->seek = s.keep;
	return !s.failed;
}

void layers_end(struct layers *l, uint64_t at)
{
	*l = (struct layers){ .seek = at };
	for (size_t k = 0; k < LAYER_COUNT; k++)
		l->v[k].at = at;
}

void layer_hint_init(struct layer_hint *h)
{
	static const char order[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	memset(h->least, LAYER_FIRST, sizeof(h->least));
	h->shortest = LAYER_FIRST;
	memset(h->value64, -1, sizeof(h->value64));
	memset(h->value16, -1, sizeof(h->value16));
	for (int i = 0; i < 64; i++)
		h->value64[(unsigned char)order[i]] = (int8_t)i;
	h->value64['-'] = 62;
	h->value64['_'] = 63;
	for (int i = 0; i < 16; i++)
		h->value16[(unsigned char)"0123456789abcdef"[i]] = (int8_t)i;
	for (int i = 10; i < 16; i++)
		h->value16['A' + i - 10] = (int8_t)i;
}
