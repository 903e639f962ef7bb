/*
 * Channels and pieces: identities, the text of a string, and the inner layer of tool arguments.
 *
 * Theory of operation of the inner layer
 *
 *   raw    { \" k e y \" : \" s \\ u 0 0 6 b - \" }
 *   outer  {  " k e y  " :  " s  \ u 0 0 6 b -  " }      one piece for each escape, runs as they
 * are inner  {  " k e y  " :  " s  k           -  " }      one piece for the escape that spans
 * several outer ones
 *
 * A backslash of the inner layer can only come from an escape of the outer one, so a run passes
 * untouched unless an inner escape is open. One that the end of a frame divides keeps its channel
 * waiting: the frame is then joined to the next one, since half an escape must not leave before the
 * text it stands for was judged.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire/steps.h"

bool pieces_grow(struct wire *w, struct pieces *out)
{
	size_t cap = out->cap ? out->cap * 2 : 64;
	struct piece *v = realloc(out->v, cap * sizeof *v);

	if (!v) {
		w->error = WIRE_NO_MEMORY;
		return false;
	}
	out->v = v;
	out->cap = cap;
	return true;
}

struct piece *piece_push(struct wire *w, struct pieces *out, enum piece_kind kind, uint16_t channel,
			 uint64_t off, size_t raw_len)
{
	if (out->n == out->cap && !pieces_grow(w, out))
		return NULL;
	struct piece *p = &out->v[out->n++];
	*p = (struct piece){ .raw_off = off,
			     .raw_len = (uint32_t)raw_len,
			     .channel = channel,
			     .kind = (uint8_t)kind };
	return p;
}

void piece_run(struct wire *w, struct pieces *out, uint16_t channel, const char *p, size_t n,
	       uint64_t off)
{
	while (n) { /* lengths are 32 bits */
		size_t part = min_size(n, 1u << 30);
		struct piece *piece = piece_push(w, out, PIECE_TEXT, channel, off, part);
		if (!piece)
			return;
		piece->text = p;
		piece->text_len = (uint32_t)part;
		p += part;
		n -= part;
		off += part;
	}
}

void piece_lit(struct wire *w, struct pieces *out, uint16_t channel, const char *lit, size_t n,
	       uint64_t off, size_t raw_len)
{
	struct piece *piece = piece_push(w, out, PIECE_TEXT, channel, off, raw_len);
	if (!piece)
		return;
	memcpy(piece->lit, lit, n);
	piece->text_len = (uint32_t)n;
	piece->lit_len = (uint8_t)n;
}

uint16_t channel_of(struct wire *w, struct channel_id id)
{
	if (id.kind == CHANNEL_TOOL_NAME)
		id.b = UINT32_MAX;
	for (uint16_t i = 0; i < w->channels_n; i++) {
		const struct channel_id *c = &w->channels[i].id;
		if (c->kind == id.kind && c->a == id.a && c->b == id.b && !w->channels[i].retired)
			return i;
	}
	if (w->channels_n == WIRE_CHANNELS_MAX) {
		w->error = WIRE_TOO_MANY_CHANNELS;
		return NO_CHANNEL;
	}
	if (w->channels_n == w->channels_cap) {
		uint16_t cap = (uint16_t)(w->channels_cap ? w->channels_cap * 2 : 4);
		struct channel *v = realloc(w->channels, cap * sizeof *v);
		if (!v) {
			w->error = WIRE_NO_MEMORY;
			return NO_CHANNEL;
		}
		w->channels = v;
		w->channels_cap = cap;
	}
	w->channels[w->channels_n] = (struct channel){ .id = id };
	return w->channels_n++;
}

static void inner_open(struct wire *w, struct inner *in, uint64_t off)
{
	in->n = 1;
	in->text[0] = '\\';
	in->off = off;
	w->waiting++;
}

static void inner_close(struct wire *w, struct inner *in)
{
	in->n = 0;
	w->waiting--;
}

/* What was collected in earlier frames has no byte of its own in this one: it stands on the byte
 * that decided it, or before it where text may be taken out, since that byte is no part of it. */
static size_t raw_length(const struct wire *w, const struct inner *in, uint64_t end)
{
	return end > in->off ? (size_t)(end - in->off) : !w->options.for_edits;
}

/* Gives the collected characters up as they are; up to `end`, raw. */
static void inner_spill(struct wire *w, struct inner *in, uint16_t channel, uint64_t end,
			struct pieces *out)
{
	for (size_t i = 0; i < in->n; i += 4)
		piece_lit(w, out, channel, in->text + i, min_size(4, in->n - i), in->off,
			  raw_length(w, in, end));
	inner_close(w, in);
}

void inner_flush(struct wire *w, struct inner *in, uint16_t channel, uint64_t off,
		 struct pieces *out)
{
	if (!in->n)
		return;
	bool elsewhere = in->off == UINT64_MAX;
	if (elsewhere)
		in->off = off - 1;
	inner_spill(w, in, channel, elsewhere && w->options.for_edits ? off - 1 : off, out);
}

/* The escape has as many characters as decide it. `end`: its end, raw. False: it goes on. */
static bool inner_decide(struct wire *w, struct inner *in, uint16_t channel, uint64_t end,
			 struct pieces *out)
{
	char lit[4];
	uint8_t lit_len;
	int len = json_unescape(in->text, in->n, lit, &lit_len);

	if (len <= 0 || len != in->n)
		return false;
	piece_lit(w, out, channel, lit, lit_len, in->off, raw_length(w, in, end));
	inner_close(w, in);
	return true;
}

/* The next character does not continue the escape: what was collected is text of its own. */
static void inner_break(struct wire *w, struct inner *in, uint16_t channel, uint64_t end,
			struct pieces *out)
{
	if (in->n < 6) {
		inner_spill(w, in, channel, end, out);
		return;
	}
	/* A high surrogate alone, and what came after it. */
	size_t rest = in->n - 6u;
	piece_lit(w, out, channel, "\xef\xbf\xbd", 3, in->off, raw_length(w, in, end));
	memmove(in->text, in->text + 6, rest);
	in->n = (uint8_t)rest;
	if (rest)
		inner_spill(w, in, channel, end, out);
	else
		inner_close(w, in);
}

static bool continues(const struct inner *in, char c)
{
	switch (in->n) {
	case 1: return c && strchr("\"\\/bfnrtu", c);
	case 6: return c == '\\';
	case 7: return c == 'u';
	}
	return json_hex(c) >= 0;
}

/* Twelve characters that are no pair: the first unit is alone, the second is an escape in its own
 * right. */
static void inner_unpair(struct wire *w, struct inner *in, uint16_t channel, uint64_t end,
			 struct pieces *out)
{
	piece_lit(w, out, channel, "\xef\xbf\xbd", 3, in->off, raw_length(w, in, end));
	memmove(in->text, in->text + 6, 6);
	in->n = 6;
	inner_decide(w, in, channel, end, out);
}

void inner_char(struct wire *w, struct inner *in, uint16_t channel, char c, uint64_t off,
		size_t raw_len, struct pieces *out)
{
	if (in->n && in->off == UINT64_MAX)
		in->off = off;
	if (in->n && !continues(in, c)) {
		bool backslash =
			in->n == 7; /* of a would-be second unit: it begins an escape of its own */
		if (backslash)
			in->n = 6;
		inner_break(w, in, channel, off, out);
		if (backslash) {
			inner_open(w, in, off);
			inner_char(w, in, channel, c, off, raw_len, out);
			return;
		}
	}
	if (!in->n) {
		if (c == '\\')
			inner_open(w, in, off);
		else
			piece_lit(w, out, channel, &c, 1, off, raw_len);
		return;
	}
	in->text[in->n++] = c;
	if (!inner_decide(w, in, channel, off + raw_len, out) && in->n == 12)
		inner_unpair(w, in, channel, off + raw_len, out);
}

void inner_run(struct wire *w, struct inner *in, uint16_t channel, const char *p, size_t n,
	       uint64_t off, struct pieces *out)
{
	size_t i = 0;

	while (i < n && in->n) {
		inner_char(w, in, channel, p[i], off + i, 1, out);
		i++;
	}
	piece_run(w, out, channel, p + i, n - i, off + i);
}

/* An escape of the outer layer. */
void inner_escape(struct wire *w, struct inner *in, uint16_t channel, const char *lit, size_t n,
		  uint64_t off, size_t raw_len, struct pieces *out)
{
	if (n == 1) {
		inner_char(w, in, channel, lit[0], off, raw_len, out);
		return;
	}
	/* Not ASCII: an open inner escape is broken by it. */
	inner_flush(w, in, channel, off, out);
	piece_lit(w, out, channel, lit, n, off, raw_len);
}

void end_channels(struct wire *w, int kind, int a, int64_t b)
{
	for (uint16_t i = 0; i < w->channels_n; i++) {
		struct channel *c = &w->channels[i];
		if (c->id.kind == CHANNEL_ENVELOPE || c->id.kind == CHANNEL_RAW || c->ended)
			continue;
		if ((kind >= 0 && c->id.kind != kind) || (a >= 0 && c->id.a != a) ||
		    (b >= 0 && c->id.b != b))
			continue;
		c->ending = true;
		w->ends_asked = true;
	}
}

void restart_channels(struct wire *w)
{
	end_channels(w, -1, -1, -1);
	w->ends_asked = w->restarted = true;
	for (uint32_t i = 0; i < w->marks_n; i++)
		mark_end(w, w->marks[i].index, w->frame_start);
}

void mark_begin(struct wire *w, uint32_t index, uint64_t off)
{
	for (uint32_t i = 0; i < w->marks_n; i++) {
		if (w->marks[i].index == index && w->marks[i].end == UINT64_MAX)
			return;
	}
	if (w->marks_n == MARKS_MAX) {
		w->error = WIRE_TOO_MANY_CHANNELS;
		return;
	}
	if (w->marks_n == w->marks_cap) {
		uint32_t cap = w->marks_cap ? w->marks_cap * 2 : 4;
		struct mark *v = realloc(w->marks, cap * sizeof *v);
		if (!v) {
			w->error = WIRE_NO_MEMORY;
			return;
		}
		w->marks = v;
		w->marks_cap = cap;
	}
	w->marks[w->marks_n++] = (struct mark){ .begin = off, .end = UINT64_MAX, .index = index };
}

void mark_end(struct wire *w, uint32_t index, uint64_t off)
{
	for (uint32_t i = 0; i < w->marks_n; i++) {
		if (w->marks[i].index == index && w->marks[i].end == UINT64_MAX)
			w->marks[i].end = off;
	}
}

bool mark_open(const struct mark *m, uint64_t released)
{
	return m->begin < released && m->end >= released;
}
