/*
 * One payload (an event's data, a line, an element, a document) to pieces, by the dialect's table
 * of places.
 *
 * The channel of a text may depend on members that come after it (`index`, `type`). The first
 * reading takes what is known where the text begins, and notes it in known[]; a container that owns
 * a register settles it for the texts inside when it closes. When a guess was wrong, the caller
 * takes the frame's pieces back and reads it once more, with the identities of known[]. In a long
 * frame the guess stands.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/wire/steps.h"

void decode_begin(struct wire *w)
{
	w->payload = PAYLOAD_NONE;
	w->tree = false;
	w->capture = ROLE_PATH;
	w->known_next = 0;
	w->r = (struct registers){ 0 };
	if (!w->reread)
		w->known_n = 0;
	again_frame(w);
	memo_begin(w);
}

/* The identity of the text at this place, which begins here. */
static struct channel_id know(struct wire *w, const struct json_place *place)
{
	if (w->long_frame)
		return again_identity(w, place, &w->r);
	if (w->reread) {
		CHECK(w->known_next < w->known_n);
		const struct known *k = &w->known[w->known_next++];
		return again_identity(w, place, &k->r);
	}
	if (w->known_n == w->known_cap) {
		uint32_t cap = w->known_cap ? w->known_cap * 2 : 4;
		struct known *v = realloc(w->known, cap * sizeof *v);
		if (!v) {
			w->error = WIRE_NO_MEMORY;
			return (struct channel_id){ 0 };
		}
		w->known = v;
		w->known_cap = cap;
	}
	struct channel_id id = again_identity(w, place, &w->r);
	w->known[w->known_n++] =
		(struct known){ .place = place, .r = w->r, .id = id, .channel = NO_CHANNEL };
	return id;
}

static void begin_text(struct wire *w, const struct json_place *place, uint64_t off,
		       struct pieces *out)
{
	w->id = know(w, place);
	again_begin(w, off, out);
	if (place->said == SAID_AGAIN)
		w->draft = false; /* what it is depends on what was said */
	w->separated = w->id.kind == CHANNEL_ENVELOPE;
	w->two_layers = place->role == ROLE_ARGS || w->id.kind == CHANNEL_ARGUMENTS;
	w->silent = w->id.kind == CHANNEL_REASONING && w->options.skip_reasoning;
	w->channel = w->separated ? w->envelope : NO_CHANNEL;
}

static void begin_string(struct wire *w, uint64_t off, struct pieces *out)
{
	const struct json_place *place = w->json.place;

	w->own.n = 0;
	if (place && (place->role == ROLE_TEXT || place->role == ROLE_ARGS)) {
		begin_text(w, place, off, out);
		memo_string(w, true, off);
		return;
	}
	w->id = (struct channel_id){ .kind = CHANNEL_ENVELOPE };
	w->separated = true;
	w->two_layers = false;
	w->silent = false;
	w->channel = w->envelope;
	memo_string(w, false, off);
	if (!place)
		return;
	w->captured_n = 0;
	w->capture = place->role;
	if (place->role == ROLE_SEALED || place->role == ROLE_STEP)
		w->draft = false; /* it counts again each time */
}

/* The channel of the string being read, made at its first byte of text. */
static uint16_t target(struct wire *w)
{
	if (w->channel != NO_CHANNEL)
		return w->channel;
	w->channel = channel_of(w, w->id);
	if (w->channel == NO_CHANNEL)
		return NO_CHANNEL;
	struct channel *c = &w->channels[w->channel];
	if (w->separated) {
		w->envelope = w->channel;
	} else if (c->ended) {
		w->after_end = true;
		if (w->long_frame)
			w->error = WIRE_AFTER_END;
	} else if (!w->long_frame && !w->reread && w->known_n) {
		struct known *k = &w->known[w->known_n - 1];
		k->channel = w->channel;
		k->inner = c->inner;
	}
	return w->channel;
}

static struct inner *inner_of(struct wire *w)
{
	return w->separated ? &w->own : &w->channels[w->channel].inner;
}

/* A string that is longer than what may be kept is kept as nothing: it is compared or repeated,
 * never shortened. */
static void capture(struct wire *w, const char *p, size_t n)
{
	if (w->capture == ROLE_SEALED) {
		if (!w->reread)
			w->sealed += (uint32_t)min_size(n, UINT32_MAX / 2 - w->sealed);
		return;
	}
	if (w->captured_n > KEPT_MAX || n > (size_t)(KEPT_MAX - w->captured_n)) {
		w->captured_n = KEPT_MAX + 1;
		return;
	}
	memcpy(w->captured + w->captured_n, p, n);
	w->captured_n = (uint8_t)(w->captured_n + n);
}

static void run(struct wire *w, const char *p, size_t n, uint64_t off, struct pieces *out)
{
	if (w->capture != ROLE_PATH)
		capture(w, p, n);
	if (w->silent || target(w) == NO_CHANNEL)
		return;
	if (w->two_layers)
		inner_run(w, inner_of(w), w->channel, p, n, off, out);
	else
		piece_run(w, out, w->channel, p, n, off);
}

static void escape(struct wire *w, uint64_t off, size_t raw_len, struct pieces *out)
{
	const struct json_text *t = &w->json;

	if (w->capture != ROLE_PATH)
		capture(w, t->lit, t->lit_len);
	if (w->silent || target(w) == NO_CHANNEL)
		return;
	if (w->two_layers)
		inner_escape(w, inner_of(w), w->channel, t->lit, t->lit_len, off, raw_len, out);
	else
		piece_lit(w, out, w->channel, t->lit, t->lit_len, off, raw_len);
}

/* A string ends at `off` inside an escape of the inner layer: its raw bytes so far belong to the
 * text that a later frame will tell. Who takes that text out must take these bytes with it, and who
 * asks whether a quote delimits must see them: a piece of raw bytes without text says which. */
static void divided_escape(struct wire *w, uint64_t off, struct pieces *out)
{
	struct inner *in = inner_of(w);

	if (!in->n || in->off == UINT64_MAX)
		return;
	piece_push(w, out, PIECE_TEXT, w->channel, in->off, (size_t)(off - in->off));
	in->off = UINT64_MAX;
}

static void end_name(struct wire *w, uint64_t off, struct pieces *out)
{
	piece_lit(w, out, w->channel, "", 1, off, 1);
	again_named(w, w->id.b);
	if (w->error == WIRE_OK)
		out->v[out->n - 1].call = w->id.b;
}

static void end_string(struct wire *w, uint64_t off, struct pieces *out)
{
	if (w->capture != ROLE_PATH)
		registers_capture(w, off);
	if (w->hole_open)
		memo_string_end(w, off);
	if (!w->separated) {
		/* What a long frame has consumed may leave, so half an escape cannot wait for the
		 * next frame. */
		if (w->long_frame && w->waiting)
			w->error = WIRE_OPEN_ESCAPE;
		if (w->two_layers && w->channel != NO_CHANNEL)
			divided_escape(w, off, out);
		if (w->id.kind == CHANNEL_TOOL_NAME && w->channel != NO_CHANNEL)
			end_name(w, off, out);
		w->two_layers = false;
		return;
	}
	if (target(w) == NO_CHANNEL)
		return;
	if (w->two_layers)
		inner_flush(w, &w->own, w->channel, off, out);
	w->two_layers = false;
	piece_lit(w, out, w->channel, "", 1, off, 1);
}

static void open_container(struct wire *w, uint64_t off, struct pieces *out)
{
	const struct json_place *place = w->json.place;

	if (w->tree || !place)
		return;
	if (place->role == ROLE_SNIFF && w->dialect == DIALECT_UNKNOWN)
		w->dialect = (enum dialect)place->arg;
	if (place->role == ROLE_ARGS) {
		begin_text(w, place, off, out);
		w->two_layers = w->draft = false;
		w->tree = true;
		w->tree_depth = w->json.depth;
		w->tree_from = w->json.from;
		w->tree_bare = place->said != SAID_ONCE && !w->long_frame;
		w->json.keys = true;
		return;
	}
	if (place->scope)
		registers_open(w, place);
}

/* Emits an object of arguments up to `to`. */
static void tree_text(struct wire *w, const char *p, size_t to, uint64_t off, struct pieces *out)
{
	if (to > w->tree_from)
		run(w, p + w->tree_from, to - w->tree_from, off + w->tree_from, out);
	w->tree_from = to;
	w->tree_bare = false;
}

static bool without_members(const char *p, size_t n)
{
	for (size_t i = 1; i + 1 < n; i++) {
		if (!strchr(" \t\r\n", p[i]) || !p[i])
			return false;
	}
	return true;
}

static void close_container(struct wire *w, const char *p, size_t pos, uint64_t off,
			    struct pieces *out)
{
	if (!w->tree) {
		if (w->json.place && w->json.place->scope)
			registers_close(w, w->json.place, off + pos - 1);
		return;
	}
	if (w->json.depth >= w->tree_depth)
		return;
	if (!w->tree_bare || !without_members(p + w->tree_from, pos - w->tree_from))
		tree_text(w, p, pos, off, out);
	w->tree = false;
	w->json.keys = false;
	if (w->separated && target(w) != NO_CHANNEL)
		piece_lit(w, out, w->channel, "", 1, off + pos - 1, 1);
}

static void number(struct wire *w, uint64_t off, uint64_t end)
{
	if (w->draft)
		memo_number(w, off, end);
	if (w->json.place)
		registers_number(w);
}

static void literal(struct wire *w, bool truth)
{
	const struct json_place *place = w->json.place;

	if (place->role == ROLE_SNIFF && w->dialect == DIALECT_UNKNOWN)
		w->dialect = (enum dialect)place->arg;
	if (place->role == ROLE_FLAG && truth)
		w->r.flags |= place->arg;
}

/* Consumes one token; false when the buffer gives no more. */
static bool take_token(struct wire *w, const char *p, size_t n, size_t *pos, uint64_t off,
		       struct pieces *out)
{
	struct json_text *t = &w->json;
	enum json_token token = json_text_next(t, p, n, pos);

	switch (token) {
	case JSON_MORE:
	case JSON_END: return false;
	case JSON_BAD: w->error = WIRE_BAD_JSON; return false;
	case JSON_TOO_DEEP: w->error = WIRE_TOO_DEEP; return false;
	case JSON_STRING:
		if (!w->tree)
			begin_string(w, off + *pos, out);
		break;
	case JSON_RUN:
		if (!w->tree)
			run(w, p + t->from, *pos - t->from, off + t->from, out);
		break;
	case JSON_ESCAPE:
		if (w->tree) {
			size_t to = *pos;
			tree_text(w, p, t->from, off, out);
			escape(w, off + t->from, to - t->from, out);
			w->tree_from = to;
		} else {
			escape(w, off + t->from, *pos - t->from, out);
		}
		break;
	case JSON_STRING_END:
		if (!w->tree)
			end_string(w, off + *pos - 1, out);
		break;
	case JSON_OPEN: open_container(w, off + t->from, out); break;
	case JSON_CLOSE: close_container(w, p, *pos, off, out); break;
	case JSON_NUMBER:
		if (!w->tree)
			number(w, off + t->from, off + *pos);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL:
		if (!w->tree)
			literal(w, token == JSON_TRUE);
		break;
	}
	return w->error == WIRE_OK;
}

static size_t feed_json(struct wire *w, const char *p, size_t n, uint64_t off, struct pieces *out)
{
	size_t pos = 0;

	w->tree_from = 0;
	while (take_token(w, p, n, &pos, off, out))
		;
	if (w->error)
		return pos;
	if (w->tree)
		tree_text(w, p, pos, off, out);
	else if (w->long_frame && json_text_in_string(&w->json) && w->two_layers &&
		 w->channel != NO_CHANNEL && inner_of(w)->n) {
		/* An inner escape is consumed whole or not at all. */
		struct inner *in = inner_of(w);
		pos = (size_t)(in->off - off);
		in->n = 0;
		w->waiting--;
	}
	return pos;
}

/* White space, and the bytes of a byte order mark, which clients take off before they read JSON.
 * They are judged as text, as is everything. */
static bool before_json(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\xef' || c == '\xbb' ||
	       c == '\xbf';
}

size_t decode_feed(struct wire *w, const char *p, size_t n, uint64_t off, struct pieces *out)
{
	size_t i = 0;

	if (w->payload == PAYLOAD_NONE) {
		while (i < n && before_json(p[i]))
			i++;
		decode_text(w, &w->raw, CHANNEL_RAW, p, i, off, out);
		if (i == n)
			return n;
		w->draft = w->draft && i == 0; /* white space before JSON is text of its own */
		bool quoted = p[i] == '"' &&
			      (w->framing == FRAMING_DOCUMENT || w->framing == FRAMING_ARRAY);
		if (p[i] == '[' && n - i == 1 && w->long_frame)
			return i; /* "[D" is no JSON, and only the next byte tells */
		bool word = p[i] == '[' && n - i > 1 && p[i + 1] == 'D';
		bool json = p[i] == '{' || p[i] == '[' || quoted;
		w->payload = json && !word ? PAYLOAD_JSON : PAYLOAD_RAW;
		json_text_init(&w->json, w->table->root);
		w->json.numbers = w->draft;
		if (n - i >= 6 && memcmp(p + i, "[DONE]", 6) == 0 && !w->long_frame) {
			w->finished = true;
			end_channels(w, -1, -1, -1);
		}
	}
	if (w->payload == PAYLOAD_JSON)
		return i + feed_json(w, p + i, n - i, off + i, out);
	decode_text(w, &w->raw, CHANNEL_RAW, p + i, n - i, off + i, out);
	return n;
}

void decode_finish(struct wire *w, enum wire_error incomplete)
{
	if (w->error == WIRE_OK && w->payload == PAYLOAD_JSON && !w->json.done)
		w->error = incomplete;
}

void decode_text(struct wire *w, uint16_t *channel, enum channel_kind kind, const char *p, size_t n,
		 uint64_t off, struct pieces *out)
{
	if (n == 0)
		return;
	if (*channel == NO_CHANNEL)
		*channel = channel_of(w, (struct channel_id){ .kind = (uint8_t)kind });
	if (*channel != NO_CHANNEL)
		piece_run(w, out, *channel, p, n, off);
}

void decode_separator(struct wire *w, uint16_t channel, char c, uint64_t off, struct pieces *out)
{
	if (channel != NO_CHANNEL)
		piece_lit(w, out, channel, &c, 1, off, 1);
}

/* Ends the channels that the builder has completed, then the frame, unless half an escape is
 * waiting. */
void decode_frame_end(struct wire *w, uint64_t end, struct pieces *out)
{
	if (w->ends_asked)
		memo_forget(w);
	for (uint16_t i = 0; w->ends_asked && i < w->channels_n; i++) {
		struct channel *c = &w->channels[i];
		if (w->restarted && c->id.kind != CHANNEL_ENVELOPE && c->id.kind != CHANNEL_RAW)
			c->retired = true;
		if (!c->ending)
			continue;
		inner_flush(w, &c->inner, i, end, out);
		piece_push(w, out, PIECE_CHANNEL_END, i, end, 0);
		c->ending = false;
		c->ended = true;
	}
	again_frame_end(w);
	w->ends_asked = w->restarted = false;
	if (w->waiting) {
		for (uint16_t i = 0; i < w->channels_n; i++)
			w->channels[i].inner.off = UINT64_MAX;
		if (end - w->frame_start > w->options.frame_max)
			w->error = WIRE_OPEN_ESCAPE;
		return;
	}
	uint64_t start = max_u64(w->frame_start, end - min_u64(end, UINT32_MAX));
	struct piece *frame = piece_push(w, out, PIECE_FRAME, 0, start, (size_t)(end - start));
	if (frame && w->usage_new) {
		struct wire_usage usage;
		wire_usage(w, &usage);
		frame->tokens.input = (uint32_t)min_u64(usage.input, UINT32_MAX);
		frame->tokens.output = (uint32_t)min_u64(usage.output, UINT32_MAX);
	}
	if (frame) {
		frame->text_len = w->sealed;
		frame->lit[0] = (char)w->steps;
	}
	w->sealed = w->steps = 0;
	w->usage_new = false;
	w->frame_start = end;
}
