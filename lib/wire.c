#include "lib/wire.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire/steps.h"

const char *const wire_error_names[WIRE_ERROR_COUNT] = {
	"ok",          "bad_json",  "too_deep",  "too_many_channels", "truncated",
	"open_escape", "after_end", "wide_text", "no_memory"
};
static_assert(ARRAY_LEN(wire_error_names) == WIRE_ERROR_COUNT && WIRE_NO_MEMORY == 8,
	      "a name for each error");

const char *const framing_names[FRAMING_COUNT] = { "none", "sse", "lines", "array", "document" };
static_assert(FRAMING_DOCUMENT == 4, "a name for each framing");

const char *const channel_kind_names[CHANNEL_KIND_COUNT] = { "raw",       "envelope",  "content",
							     "refusal",   "reasoning", "arguments",
							     "tool text", "tool name" };
static_assert(CHANNEL_TOOL_NAME == 7, "a name for each kind of channel");

/* A new wire format: its file in lib/wire/, an enum dialect, a name and a line here. */
const char *const dialect_names[DIALECT_COUNT] = { "unknown",  "chat",   "responses",
						   "messages", "gemini", "ollama" };
static const struct dialect_table *const tables[DIALECT_COUNT] = {
	[DIALECT_UNKNOWN] = &dialect_unknown,     [DIALECT_CHAT] = &dialect_chat,
	[DIALECT_RESPONSES] = &dialect_responses, [DIALECT_MESSAGES] = &dialect_messages,
	[DIALECT_GEMINI] = &dialect_gemini,       [DIALECT_OLLAMA] = &dialect_ollama,
};

#define FRAME_MIN 64 /* a smaller frame_max would divide what must be seen at once */

void pieces_fini(struct pieces *v)
{
	free(v->v);
	*v = (struct pieces){ 0 };
}

struct wire *wire_new(const struct wire_options *options)
{
	struct wire *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->options = *options;
	if (w->options.frame_max < FRAME_MIN)
		w->options.frame_max = FRAME_MIN;
	w->framing = options->framing;
	w->dialect = options->dialect;
	w->table = tables[w->dialect];
	w->envelope = w->raw = NO_CHANNEL;
	w->started = UINT64_MAX;
	return w;
}

void wire_free(struct wire *w)
{
	if (!w)
		return;
	free(w->known);
	free(w->channels);
	free(w->marks);
	free(w->memo);
	free(w);
}

size_t wire_memory(const struct wire *w)
{
	return sizeof *w + w->known_cap * sizeof *w->known + w->channels_cap * sizeof *w->channels +
	       w->marks_cap * sizeof *w->marks + (w->memo ? sizeof *w->memo : 0);
}

static size_t find_frame(struct wire *w, const char *p, size_t n, bool final)
{
	switch (w->framing) {
	case FRAMING_SSE: return sse_find(w, p, n, final);
	case FRAMING_LINES: return lines_find(w, p, n);
	case FRAMING_ARRAY: return array_find(w, p, n);
	case FRAMING_NONE:
	case FRAMING_DOCUMENT:
	case FRAMING_COUNT: break;
	}
	return 0;
}

static size_t run_frame(struct wire *w, const char *p, size_t n, bool final, struct pieces *out)
{
	switch (w->framing) {
	case FRAMING_SSE: return sse_run(w, p, n, final, out);
	case FRAMING_LINES: return lines_run(w, p, n, out);
	case FRAMING_ARRAY: return array_run(w, p, n, out);
	case FRAMING_DOCUMENT: return n ? decode_feed(w, p, n, w->consumed, out) : 0;
	case FRAMING_NONE:
	case FRAMING_COUNT: break;
	}
	decode_text(w, &w->raw, CHANNEL_RAW, p, n, w->consumed, out);
	return n;
}

/* Before a frame's bytes are read, once more perhaps. */
static void begin_reading(struct wire *w)
{
	w->sse_line = LINE_START;
	w->frame_done = false;
	w->after_end = false;
	if (w->framing == FRAMING_SSE)
		w->fields = w->data_seen = false;
	decode_begin(w);
}

/* Takes back what a reading of the frame did to the channels. */
static void take_back(struct wire *w, size_t pieces, uint16_t channels, struct pieces *out)
{
	for (uint32_t i = w->known_n; i-- > 0;) {
		const struct known *k = &w->known[i];
		if (k->channel != NO_CHANNEL)
			w->channels[k->channel].inner = k->inner;
	}
	out->n = pieces;
	w->channels_n = channels;
	if (w->envelope != NO_CHANNEL && w->envelope >= channels)
		w->envelope = NO_CHANNEL;
	if (w->raw != NO_CHANNEL && w->raw >= channels)
		w->raw = NO_CHANNEL;
	w->waiting = 0;
	for (uint16_t i = 0; i < channels; i++)
		w->waiting = (uint16_t)(w->waiting + (w->channels[i].inner.n != 0));
}

static bool guessed_wrong(const struct wire *w)
{
	for (uint32_t i = 0; i < w->known_n; i++) {
		const struct known *k = &w->known[i];
		struct channel_id id = again_identity(w, k->place, &k->r);
		if (id.kind != k->id.kind || id.a != k->id.a || id.b != k->id.b)
			return true;
	}
	return false;
}

static void read_frame(struct wire *w, const char *p, size_t n, enum wire_error incomplete,
		       struct pieces *out)
{
	begin_reading(w);
	size_t used = run_frame(w, p, n, true, out);
	decode_finish(w, incomplete);
	if (!w->error && used < n)
		w->error = incomplete;
}

/* The bytes of a frame are consumed; the next one begins. */
static void next_frame(struct wire *w, struct pieces *out)
{
	decode_frame_end(w, w->consumed, out);
	w->scan = w->line = 0;
	w->fields = w->data_seen = w->long_frame = false;
	w->table = tables[w->dialect];
	begin_reading(w);
}

/* Decodes a complete frame. */
static void whole_frame(struct wire *w, const char *p, size_t n, bool final, struct pieces *out)
{
	enum wire_error incomplete = final ? WIRE_TRUNCATED : WIRE_BAD_JSON;
	size_t pieces = out->n;
	uint16_t channels = w->channels_n;

	read_frame(w, p, n, incomplete, out);
	if (!w->error && w->table != tables[w->dialect]) {
		take_back(w, pieces, channels, out);
		w->table = tables[w->dialect];
		read_frame(w, p, n, incomplete, out);
	}
	if (!w->error && guessed_wrong(w)) {
		take_back(w, pieces, channels, out);
		w->reread = true;
		read_frame(w, p, n, incomplete, out);
		w->reread = false;
	} else if (!w->error) {
		memo_learn(w, p, n);
	}
	if (!w->error && w->after_end)
		w->error = WIRE_AFTER_END;
	if (w->error) {
		out->n = pieces;
		return;
	}
	w->consumed += n;
	next_frame(w, out);
}

/* Reads the next frame when it is complete, as all that is left is when it is final; returns its
 * length, or 0. */
static size_t take_frame(struct wire *w, const char *p, size_t n, bool final, struct pieces *out)
{
	bool fresh = !w->scan;
	size_t len = fresh ? memo_read(w, p, n, out) : 0;

	if (len)
		return w->error ? 0 : len;
	len = find_frame(w, p, n, final);
	if (w->error)
		return 0;
	if (!len && final)
		len = n;
	/* A fresh frame that is complete was compared already. */
	if (len && (fresh || !memo_read(w, p, len, out)))
		whole_frame(w, p, len, final, out);
	return w->error ? 0 : len;
}

/* The first frame_max bytes of a frame hold no end of it: from here on it is decoded as it comes.
 */
static void begin_long(struct wire *w, const char *p, struct pieces *out)
{
	size_t pieces = out->n;
	uint16_t channels = w->channels_n;

	if (w->waiting) {
		w->error = WIRE_OPEN_ESCAPE;
		return;
	}
	w->long_frame = true;
	begin_reading(w);
	if (w->dialect != DIALECT_UNKNOWN)
		return;
	(void)run_frame(w, p, w->options.frame_max, false, out); /* only to find the dialect */
	take_back(w, pieces, channels, out);
	w->error = WIRE_OK;
	w->table = tables[w->dialect];
	begin_reading(w);
}

static void advance(struct wire *w, size_t n)
{
	w->consumed += n;
	w->scan -= min_size(w->scan, n);
	w->line -= min_size(w->line, n);
}

/* What there is of a long frame; returns the bytes consumed. */
static size_t long_frame(struct wire *w, const char *p, size_t n, bool final, struct pieces *out)
{
	size_t end = w->framing == FRAMING_ARRAY ? array_find(w, p, n) : 0;
	if (w->error)
		return 0;
	size_t used = run_frame(w, p, end ? end : n, final, out);
	bool done = end ? used == end : w->frame_done;
	advance(w, used);
	if (w->error || !done)
		return used;
	decode_finish(w, WIRE_BAD_JSON);
	if (!w->error)
		next_frame(w, out);
	return used;
}

size_t wire_feed(struct wire *w, const char *buf, size_t n, struct pieces *out)
{
	size_t pos = 0;

	if (!encoding_known(w, buf, n, false))
		return 0;
	while (pos < n && !w->error) {
		const char *p = buf + pos;
		size_t rest = n - pos;
		if (w->framing == FRAMING_NONE) {
			w->consumed += run_frame(w, p, rest, false, out);
			return n;
		}
		if (!w->long_frame) {
			size_t len =
				take_frame(w, p, min_size(rest, w->options.frame_max), false, out);
			if (w->error)
				break;
			if (len) {
				pos += len;
				continue;
			}
			if (rest < w->options.frame_max)
				break;
			begin_long(w, p, out);
			if (w->error)
				break;
		}
		pos += long_frame(w, p, rest, false, out);
		if (w->long_frame)
			break;
	}
	return pos;
}

/* The unconsumed bytes of a body that ended, when they are not part of a long frame. */
static void finish_frames(struct wire *w, const char *p, size_t n, struct pieces *out)
{
	while (n && !w->error) {
		size_t len = take_frame(w, p, n, true, out);
		p += len;
		n -= len;
	}
}

enum wire_error wire_finish(struct wire *w, const char *buf, size_t n, struct pieces *out)
{
	(void)encoding_known(w, buf, n, true);
	if (w->error)
		return w->error;
	if (w->framing == FRAMING_NONE) {
		w->consumed += run_frame(w, buf, n, true, out);
	} else if (w->long_frame) {
		size_t used = long_frame(w, buf, n, true, out);
		if (!w->long_frame)
			finish_frames(w, buf + used, n - used, out);
		else if (!w->error && used < n)
			w->error = WIRE_TRUNCATED;
		else
			decode_finish(w, WIRE_TRUNCATED);
	} else {
		finish_frames(w, buf, n, out);
	}
	if (!w->error && w->framing == FRAMING_ARRAY && w->consumed && !array_complete(w))
		w->error = WIRE_TRUNCATED;
	for (uint16_t i = 0; !w->error && i < w->channels_n; i++)
		inner_flush(w, &w->channels[i].inner, i, w->consumed, out);
	if (!w->error && w->consumed > w->frame_start)
		next_frame(w, out);
	return w->error;
}

uint64_t wire_consumed(const struct wire *w)
{
	return w->consumed;
}

enum wire_error wire_failed(const struct wire *w)
{
	return w->error;
}

enum framing wire_framing(const struct wire *w)
{
	return w->framing;
}

enum dialect wire_dialect(const struct wire *w)
{
	return w->dialect;
}

void wire_usage(const struct wire *w, struct wire_usage *out)
{
	const uint64_t *u = w->usage;
	const unsigned output = 1u << USAGE_OUTPUT | 1u << USAGE_THOUGHTS;

	uint64_t said = u[USAGE_INPUT] + u[USAGE_OUTPUT], beside = 0;
	if (w->usage_known & 1u << USAGE_TOTAL && u[USAGE_TOTAL] > said)
		beside = min_u64(u[USAGE_TOTAL] - said, u[USAGE_REASONING]);

	*out = (struct wire_usage){
		.input = u[USAGE_INPUT] + u[USAGE_INPUT_CREATED] + u[USAGE_INPUT_CACHED] +
			 u[USAGE_INPUT_TOOLS],
		.output = u[USAGE_OUTPUT] + u[USAGE_THOUGHTS] + beside,
		.reasoning = u[USAGE_REASONING] + u[USAGE_THOUGHTS],
		.input_known = w->usage_known & 1u << USAGE_INPUT,
		.output_known = w->usage_known & output,
	};
}

bool wire_in_long_frame(const struct wire *w, uint64_t *start)
{
	if (!w->long_frame && (w->framing != FRAMING_NONE || !w->consumed))
		return false;
	*start = w->frame_start;
	return true;
}

struct channel_id wire_channel(const struct wire *w, uint16_t channel)
{
	CHECK(channel < w->channels_n);
	return w->channels[channel].id;
}

void channel_name(struct channel_id id, char name[64])
{
	const char *kind = channel_kind_names[id.kind];

	if (id.kind == CHANNEL_TOOL_NAME)
		snprintf(name, 64, "choice %u tool names", id.a);
	else if (id.kind == CHANNEL_RAW || id.kind == CHANNEL_ENVELOPE)
		snprintf(name, 64, "%s", kind);
	else if (id.kind == CHANNEL_ARGUMENTS)
		snprintf(name, 64, "choice %u tool %u arguments", id.a, id.b);
	else if (id.b)
		snprintf(name, 64, "choice %u part %u %s", id.a, id.b, kind);
	else
		snprintf(name, 64, "choice %u %s", id.a, kind);
}

struct span wire_keepalive(const struct wire *w)
{
	if (w->framing == FRAMING_SSE)
		return SPAN(": held\n\n");
	return w->framing == FRAMING_ARRAY ? SPAN("\n") : SPAN("");
}
