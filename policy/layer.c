#include "policy/layer.h"

#include <assert.h>

#define LINE_LEAST 60 /* characters of a line of base64 after which another one follows */
#define BLANKS_MAX 32 /* between the two */

const char *const layer_names[] = { "base64", "hex", "percent" };
static_assert(ARRAY_LEN(layer_names) == LAYER_COUNT, "one name each");

enum layer_mode { MODE_SEEK, MODE_RUN, MODE_WRAP };

struct work { /* one layer at work */
	struct layer *l;
	const struct track *text;
	struct track *out;
	uint32_t least;
	bool failed;
};

static char byte_at(const struct work *w, uint64_t at)
{
	return w->text->text[at - w->text->base];
}

/* Appends a byte that begins with the text's byte `from` and is known with `at`. */
static void put(struct work *w, char byte, uint64_t from, uint64_t at)
{
	uint64_t raw = track_raw(w->text, from), end = track_raw_end(w->text, at);
	if (w->failed || !track_room(w->out, 1)) {
		w->failed = true;
		return;
	}
	struct track_cursor c = track_cursor(w->out);
	track_put(&c, &byte, 1, raw, (uint32_t)min_u64(end - raw, UINT32_MAX - 1));
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

static bool is_plain(unsigned char c)
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

static int value64(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

static int value16(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
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
		int v = value64((unsigned char)c);
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
	char bytes[LAYER_LEAST_MAX];
	uint32_t n = 0;
	unsigned before = 0;
	uint64_t i = 0;
	for (; n < w->least; i++) {
		if (at + i == track_end(w->text))
			return ANSWER_LATER;
		int v = value64((unsigned char)byte_at(w, at + i));
		if (v < 0)
			return ANSWER_NO;
		if (i % 4) {
			bytes[n] = (char)(before << 2 * (i % 4) | (unsigned)v >> (6 - 2 * (i % 4)));
			if (!is_plain((unsigned char)bytes[n++]))
				return ANSWER_NO;
		}
		before = (unsigned)v;
	}
	for (uint32_t k = 0; k < n; k++)
		put(w, bytes[k], at + 4 * (k / 3) + k % 3, at + i - 1);
	*w->l = (struct layer){ .at = at + i,
				.from = at + i - 1,
				.line = (uint32_t)i,
				.mode = MODE_RUN,
				.n = i % 4,
				.bits = (uint8_t)before };
	run64(w);
	return ANSWER_YES;
}

/* hex */

static void run16(struct work *w)
{
	struct layer *l = w->l;
	for (uint64_t end = track_end(w->text); l->at < end && !w->failed; l->at++) {
		int v = value16((unsigned char)byte_at(w, l->at));
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
	char bytes[LAYER_LEAST_MAX] = { 0 };
	if (at > w->text->base && value16((unsigned char)byte_at(w, at - 1)) >= 0)
		return ANSWER_NO;
	for (uint32_t i = 0; i < 2 * w->least; i++) {
		if (at + i == track_end(w->text))
			return ANSWER_LATER;
		int v = value16((unsigned char)byte_at(w, at + i));
		bytes[i / 2] = (char)((unsigned char)bytes[i / 2] << 4 | v);
		if (v < 0 || (i % 2 && !is_plain((unsigned char)bytes[i / 2])))
			return ANSWER_NO;
	}
	uint64_t next = at + 2 * (uint64_t)w->least;
	for (uint32_t k = 0; k < w->least; k++)
		put(w, bytes[k], at + 2 * k, next - 1);
	*w->l = (struct layer){ .at = next, .mode = MODE_RUN };
	run16(w);
	return ANSWER_YES;
}

/* percent */

static void run_percent(struct work *w)
{
	struct layer *l = w->l;
	for (uint64_t end = track_end(w->text); l->at < end && !w->failed; l->at++) {
		char c = byte_at(w, l->at);
		int v = value16((unsigned char)c);
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
 * may be, behind what is neither letter nor digit. Sixteen bytes are looked at together. */

typedef uint8_t lanes __attribute__((vector_size(16)));

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "first byte, lowest bits");

static inline lanes between(lanes x, uint8_t from, uint8_t n)
{
	return (lanes)(x - from < (lanes){ 0 } + n);
}

static inline lanes begins(const char *p)
{
	lanes x, before;
	memcpy(&x, p, sizeof(x));
	memcpy(&before, p - 1, sizeof(before));
	lanes word = between(before | 0x20, 'a', 26) | between(before, '0', 10);
	lanes first = between(x, 'I', 18) | between(x, 'a', 6);
	return (first & ~word) | between(x, '2', 6) | (lanes)(x == (lanes){ 0 } + '%');
}

static bool begins_one(unsigned char c, unsigned char before)
{
	if (c == '%' || (c >= '2' && c <= '7'))
		return true;
	bool first = (c >= 'I' && c <= 'Z') || (c >= 'a' && c <= 'f');
	unsigned char low = before | 0x20;
	return first && !((low >= 'a' && low <= 'z') || (before >= '0' && before <= '9'));
}

static const struct {
	enum answer (*start)(struct work *w, uint64_t at);
	void (*run)(struct work *w);
} steps[] = { { start64, run64 }, { start16, run16 }, { start_percent, run_percent } };
static_assert(ARRAY_LEN(steps) == LAYER_COUNT, "one each");

struct seeker {
	struct layers *layers;
	const struct track *text;
	struct track *out;
	unsigned wanted;
	uint32_t least;
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
	struct work w = { .l = l, .text = s->text, .out = &s->out[kind], .least = s->least };
	if (steps[kind].start(&w, at) == ANSWER_LATER)
		s->keep = min_u64(s->keep, at);
	s->failed |= w.failed;
}

/* Places among 8 lanes, each all ones or all zeroes. */
static inline void look_at(struct seeker *s, uint64_t at, uint64_t lanes8)
{
	for (lanes8 &= 0x0101010101010101; lanes8 && !s->failed; lanes8 &= lanes8 - 1)
		look(s, at + (uint64_t)__builtin_ctzll(lanes8) / 8);
}

static void seek(struct seeker *s)
{
	const struct track *t = s->text;
	uint64_t end = track_end(t), at = max_u64(s->layers->seek, t->base);
	const char *text = t->text;
	if (at == t->base && at < end && begins_one((unsigned char)text[0], 0))
		look(s, at);
	at += at == t->base;
	for (uint64_t skip = 0; at < end && end - t->base > 16 && !s->failed; at += 16) {
		if (end - at < 16) { /* the last sixteen, less those that were seen */
			skip = 16 - (end - at);
			at = end - 16;
		}
		uint64_t found[2];
		lanes v = begins(text + (at - t->base));
		memcpy(found, &v, sizeof(found));
		if (skip >= 8)
			found[0] = 0;
		if (skip % 8)
			found[skip / 8] &= UINT64_MAX << skip % 8 * 8;
		look_at(s, at, found[0]);
		look_at(s, at + 8, found[1]);
	}
	for (; at < end && !s->failed; at++) {
		const char *p = text + (at - t->base);
		if (begins_one((unsigned char)p[0], (unsigned char)p[-1]))
			look(s, at);
	}
}

bool layers_feed(struct layers *l, const struct track *text, unsigned wanted, uint32_t least,
		 struct track out[LAYER_COUNT])
{
	struct seeker s = { l, text, out, wanted, least, track_end(text), false };
	for (size_t k = 0; k < LAYER_COUNT; k++) {
		track_clear(&out[k], 0);
		if (l->v[k].mode == MODE_SEEK)
			continue;
		struct work w = { .l = &l->v[k], .text = text, .out = &out[k], .least = least };
		steps[k].run(&w);
		s.failed |= w.failed;
	}
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
