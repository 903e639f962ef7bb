/*
 * Most events of a stream are the same bytes around a different text. A *shape* is such an event as
 * it was learned: its bytes, with holes where a value may be another one. The memo keeps two.
 *
 *   data: {"id":"c1","created":17,"choices":[{"delta":{"content":"some text"}}],"pad":"Kd8"}\n\n
 *   |<------- compared -------><><------------- compared ------->|<------->|<------>|<>|<---->|
 *                            number                                 text    compared envelope
 *
 * Holes are the texts, whole numbers that name no channel, and strings that name nothing. An event
 * with the same bytes outside the holes, and a value of the same sort in each, is read here: only
 * its holes are looked at.
 *
 * Why it is sound. The tokenizer is a function of the bytes, and neither such a number nor what
 * stands inside a string changes its state after them; so the same bytes lead to the same state,
 * and to the frame's end. What the compared bytes would have emitted are whole strings of the
 * envelope, each closed by a NUL, and the frame that was learned has emitted exactly these: a
 * string that no rule matched then does not match now. The same goes for an envelope string that is
 * as it was learned; another one is emitted. Only a frame whose channels were guessed right, which
 * ended no channel, is learned; when channels end, the shapes are forgotten. Whether a frame is
 * like a shape depends on the bytes of the frames alone, never on how they were split into reads:
 * a frame is read here as a whole, or what was done is taken back.
 *
 * Where a rule may have matched and the stream went on (for_edits), nothing is taken from memory.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/wire/steps.h"

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits; returns how many, or SIZE_MAX when they are no number of JSON. */
static size_t read_number(struct wire *w, const struct shape *s, const struct hole *h,
			  const char *p, size_t n)
{
	size_t i = (size_t)(h->to - h->from);
	uint64_t number = h->number;

	if (n <= i || memcmp(p, s->bytes + h->from, i) != 0 || digit(p[i])) {
		for (i = 0, number = 0; i < n && digit(p[i]); i++)
			number = number * 10 + (uint64_t)(p[i] - '0');
		if (i == 0 || i > 19 || (i > 1 && p[0] == '0'))
			return SIZE_MAX;
	}
	if (h->role == ROLE_CREATED)
		w->created = number;
	else if (h->role == ROLE_SEQUENCE)
		w->sequence = max_u64(w->sequence, number);
	else if (h->role == ROLE_USAGE)
		registers_usage(w, h->arg, number);
	return i;
}

static size_t read_text(struct wire *w, const struct hole *h, const char *p, size_t n, uint64_t off,
			struct pieces *out)
{
	if (n && p[0] == '"')
		return 0;
	if (h->silent) {
		size_t from = out->n, end = text_plain(w, 0, p, n, off, out);
		out->n = from;
		return end;
	}
	if (h->channel == NO_CHANNEL)
		return SIZE_MAX;
	if (!h->two_layers)
		return text_plain(w, h->channel, p, n, off, out);
	size_t end = text_inner(w, h->channel, p, n, off, out);
	/* An escape that goes on in the next frame is said as the parser says it. */
	return w->channels[h->channel].inner.n ? SIZE_MAX : end;
}

static size_t read_envelope(struct wire *w, const struct shape *s, const struct hole *h,
			    const char *p, size_t n, uint64_t off, struct pieces *out)
{
	size_t len = (size_t)(h->to - h->from);

	if (n > len && p[len] == '"' && memcmp(p, s->bytes + h->from, len) == 0)
		return len;
	size_t end = text_plain(w, w->envelope, p, n, off, out);
	if (end != SIZE_MAX)
		piece_lit(w, out, w->envelope, "", 1, off + end, 1);
	return end;
}

static size_t read_hole(struct wire *w, const struct shape *s, const struct hole *h, const char *p,
			size_t n, uint64_t off, struct pieces *out)
{
	switch ((enum hole_kind)h->kind) {
	case HOLE_TEXT: return read_text(w, h, p, n, off, out);
	case HOLE_ENVELOPE: return read_envelope(w, s, h, p, n, off, out);
	case HOLE_NUMBER: return read_number(w, s, h, p, n);
	}
	return SIZE_MAX;
}

/* The length of the frame at p when it has this shape, or 0. */
static size_t read_shape(struct wire *w, const struct shape *s, const char *p, size_t n,
			 struct pieces *out)
{
	size_t at = 0, from = 0;

	for (unsigned i = 0; i < s->holes_n; i++) {
		const struct hole *h = &s->holes[i];
		size_t fixed = h->from - from;
		if (n - at <= fixed || memcmp(p + at, s->bytes + from, fixed) != 0)
			return 0;
		at += fixed;
		size_t used = read_hole(w, s, h, p + at, n - at, w->consumed + at, out);
		if (used == SIZE_MAX)
			return 0;
		at += used;
		from = h->to;
	}
	size_t fixed = s->n - from;
	if (n - at < fixed || memcmp(p + at, s->bytes + from, fixed) != 0)
		return 0;
	return at + fixed;
}

/* The same; takes back what it did when the frame is unlike. */
static size_t try_shape(struct wire *w, const struct shape *s, const char *p, size_t n,
			struct pieces *out)
{
	uint64_t created = w->created, sequence = w->sequence, usage[USAGE_PARTS];
	uint8_t usage_known = w->usage_known;
	uint16_t waiting = w->waiting;
	size_t pieces = out->n;
	struct inner inner = { 0 };

	memcpy(usage, w->usage, sizeof(usage));
	if (s->inner != NO_CHANNEL)
		inner = w->channels[s->inner].inner;
	size_t len = read_shape(w, s, p, n, out);
	if (len && !w->error)
		return len;
	out->n = pieces;
	w->created = created;
	w->sequence = sequence;
	memcpy(w->usage, usage, sizeof(usage));
	w->usage_known = usage_known;
	w->usage_new = false;
	w->waiting = waiting;
	if (s->inner != NO_CHANNEL)
		w->channels[s->inner].inner = inner;
	return 0;
}

size_t memo_read(struct wire *w, const char *p, size_t n, struct pieces *out)
{
	struct memo *m = w->memo;
	size_t len = 0;

	if (!m)
		return 0;
	n = min_size(n, 1u << 30); /* lengths of pieces are 32 bits */
	for (unsigned i = 0; !len && i < ARRAY_LEN(m->shapes); i++) {
		const struct shape *s = &m->shapes[m->latest ^ i];
		if (s->n)
			len = try_shape(w, s, p, n, out);
	}
	if (!len)
		return 0;
	w->consumed += len;
	w->scan = w->line = 0;
	w->fields = false;
	decode_frame_end(w, w->consumed, out);
	return len;
}

void memo_begin(struct wire *w)
{
	w->draft = (w->framing == FRAMING_SSE || w->framing == FRAMING_LINES) && !w->long_frame &&
		   !w->reread && !w->options.for_edits;
	w->hole_open = false;
	if (!w->draft)
		return;
	if (!w->memo)
		w->memo = calloc(1, sizeof *w->memo);
	if (!w->memo) {
		w->draft = false; /* slower, and nothing else */
		return;
	}
	w->drafted = 0;
}

/* The shape that is being drafted: the older one, which is lost. */
static struct shape *draft(const struct wire *w)
{
	struct shape *s = &w->memo->shapes[!w->memo->latest];
	s->n = 0;
	return s;
}

/* A hole from off on, or NULL: then its bytes are compared. */
static struct hole *add_hole(struct wire *w, enum hole_kind kind, uint64_t off)
{
	struct shape *s = draft(w);
	uint64_t from = off - w->consumed;

	if (from >= SHAPE_BYTES)
		w->draft = false;
	if (!w->draft || w->drafted == SHAPE_HOLES)
		return NULL;
	struct hole *h = &s->holes[w->drafted];
	*h = (struct hole){ .kind = (uint8_t)kind, .from = (uint16_t)from, .channel = NO_CHANNEL };
	return h;
}

/* An envelope string that names nothing: it has no place, or an ending repeats an earlier one. */
static bool nameless(const struct wire *w)
{
	const struct json_place *place = w->json.place;

	return !place || (place->role == ROLE_ID && w->id_n) ||
	       (place->role == ROLE_MODEL && w->model_n);
}

void memo_string(struct wire *w, bool text, uint64_t off)
{
	if (text && w->id.kind == CHANNEL_TOOL_NAME)
		w->draft = false; /* what stands behind it says whose it is */
	if (!w->draft || !(text || nameless(w)))
		return;
	struct hole *h = add_hole(w, text && !w->separated ? HOLE_TEXT : HOLE_ENVELOPE, off);
	if (!h || (w->separated && w->two_layers)) {
		w->draft = w->draft && !text;
		return;
	}
	h->two_layers = w->two_layers;
	h->silent = w->silent;
	w->hole_open = true;
}

void memo_string_end(struct wire *w, uint64_t off)
{
	struct shape *s = draft(w);
	uint64_t to = off - w->consumed;

	w->hole_open = false;
	if (to >= SHAPE_BYTES) {
		w->draft = false;
		return;
	}
	s->holes[w->drafted].to = (uint16_t)to;
	s->holes[w->drafted].channel = w->channel;
	w->drafted++;
}

void memo_number(struct wire *w, uint64_t off, uint64_t end)
{
	const struct json_place *place = w->json.place;
	uint8_t role = place ? place->role : ROLE_PATH;

	bool usage = role == ROLE_USAGE;
	if (!w->json.whole || end - off > 19 ||
	    (place && role != ROLE_CREATED && role != ROLE_SEQUENCE && !usage)) {
		w->draft = w->draft && !usage;
		return;
	}
	struct hole *h = add_hole(w, HOLE_NUMBER, off);
	if (!h) {
		w->draft = w->draft && !usage; /* a report is read, never compared */
		return;
	}
	h->arg = place ? place->arg : 0;
	h->to = (uint16_t)min_u64(end - w->consumed, UINT16_MAX);
	h->role = role;
	h->number = w->json.number;
	w->drafted++;
}

void memo_learn(struct wire *w, const char *p, size_t n)
{
	unsigned inner = 0;

	if (!w->draft || !w->known_n || n > SHAPE_BYTES || p[n - 1] != '\n' ||
	    w->payload != PAYLOAD_JSON || w->ends_asked || w->waiting)
		return;
	if (w->consumed == 0 && (p[0] == '\xef' || p[0] == '\xc3'))
		return; /* a BOM is none in a later frame */
	struct shape *s = draft(w);
	s->inner = NO_CHANNEL;
	for (unsigned i = 0; i < w->drafted; i++) {
		if (!s->holes[i].two_layers)
			continue;
		s->inner = s->holes[i].channel;
		inner++;
	}
	if (inner > 1)
		return;
	memcpy(s->bytes, p, n);
	s->n = (uint16_t)n;
	s->holes_n = w->drafted;
	w->memo->latest ^= 1;
}

void memo_forget(struct wire *w)
{
	for (unsigned i = 0; w->memo && i < ARRAY_LEN(w->memo->shapes); i++)
		w->memo->shapes[i].n = 0;
}
