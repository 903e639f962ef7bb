/* Streams of our own writing, one for each wire, and how each of them ends when it is cut. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "tests/lib/wire_trace.h"

static const char prose[] =
	"Here is a small function that adds the numbers of a list.\n\n```python\ndef total(values):\n";
static const char written[] =
	"import os\n\n\ndef total(values):\n\t\"sum\"\n\treturn sum(values)  # caf\xc3\xa9 \xf0\x9f\x98\x80\n";

static const struct {
	const char *file, *path, *type;
	const char *ending; /* what a refusal must say; NULL: it can only be aborted */
	bool prose, written;
} cases[] = {
	{ "chat.sse", "/v1/chat/completions", "text/event-stream", "\"content_filter\"", true,
	  false },
	{ "chat_two_choices.sse", "/v1/chat/completions", "text/event-stream", "\"content_filter\"",
	  false, false },
	{ "chat_tools.sse", "/v1/chat/completions", "text/event-stream", "\"content_filter\"",
	  false, true },
	{ "responses.sse", "/v1/responses", "text/event-stream", "response.incomplete", true,
	  false },
	{ "responses_tools.sse", "/v1/responses", "text/event-stream", "response.incomplete", false,
	  true },
	{ "messages.sse", "/v1/messages", "text/event-stream", "\"refusal\"", true, false },
	{ "messages_tools.sse", "/v1/messages", "text/event-stream", "\"refusal\"", false, true },
	{ "gemini.sse", "/v1beta/models/m:streamGenerateContent?alt=sse", "text/event-stream",
	  "\"SAFETY\"", true, true },
	{ "gemini_array.json", "/v1beta/models/m:streamGenerateContent", "application/json",
	  "\"SAFETY\"", true, true },
	{ "ollama.ndjson", "/api/chat", "application/x-ndjson", "\"done\":true", true, true },
	{ "plain.txt", "/plain", "text/plain", "the-rule", true, false },
	{ "chat.json", "/v1/chat/completions", "application/json", NULL, true, true },
	{ "responses.json", "/v1/responses", "application/json", NULL, true, true },
	{ "messages.json", "/v1/messages", "application/json", NULL, true, true },
	{ "gemini.json", "/v1beta/models/m:generateContent", "application/json", NULL, true, true },
};

static struct span read_case(size_t i, struct wire_options *o)
{
	char path[128];

	*o = (struct wire_options){ .frame_max = 65536 };
	snprintf(path, sizeof path, "tests/data/%s", cases[i].file);
	wire_detect(span_of(cases[i].path), span_of(cases[i].type), &o->framing, &o->dialect);
	struct span body = read_file(path);
	cr_assert_not_null(body.p, "%s", path);
	return body;
}

static bool says(const struct trace *t, enum channel_kind kind, const char *text)
{
	struct buf all = { 0 };

	trace_join(t, kind, &all);
	bool found = all.n && memmem(all.p, all.n, text, strlen(text)) != NULL;
	buf_fini(&all);
	return found;
}

Test(wire_data, each_wire_gives_its_text)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wire_options o;
		struct trace t;
		struct span body = read_case(i, &o);
		trace_run(&t, &o, body, 0, 0);
		cr_expect_eq(t.error, WIRE_OK, "%s: %s", cases[i].file, wire_error_names[t.error]);
		if (cases[i].prose)
			cr_expect(says(&t,
				       o.framing == FRAMING_NONE ? CHANNEL_RAW : CHANNEL_CONTENT,
				       prose),
				  "%s", cases[i].file);
		if (cases[i].written)
			cr_expect(says(&t, CHANNEL_ARGUMENTS, written), "%s", cases[i].file);
		trace_fini(&t);
		if (o.framing != FRAMING_NONE) {
			trace_splits(cases[i].file, &o, body, 3000);
			o.frame_max = 100;
			trace_splits(cases[i].file, &o, body, 3000);
			o.frame_max = 65536;
			o.dialect = DIALECT_UNKNOWN;
			trace_splits(cases[i].file, &o, body, 0);
		}
		free((void *)(uintptr_t)body.p);
	}
}

Test(wire_data, two_choices_are_two_channels)
{
	struct wire_options o;
	struct trace t;
	struct span body = read_case(1, &o);

	trace_run(&t, &o, body, 0, 0);
	cr_expect(span_eq(trace_text(&t, (struct channel_id){ CHANNEL_CONTENT, 0, 0 }),
			  SPAN("The first answer: use a hash map.\n")));
	cr_expect(span_eq(trace_text(&t, (struct channel_id){ CHANNEL_CONTENT, 1, 0 }),
			  SPAN("The second answer: sort, then walk with two fingers.\n")));
	trace_fini(&t);
	free((void *)(uintptr_t)body.p);
}

/* The JSON of a body must be valid whatever was cut: each event, line or the array is parsed by
 * another parser. */
static void parses(const char *name, enum framing framing, struct span body)
{
	size_t pos = 0;

	if (framing == FRAMING_ARRAY) {
		yyjson_doc *doc = yyjson_read(body.p, body.n, 0);
		cr_expect(doc, "%s: [%.*s]", name, (int)body.n, body.p);
		yyjson_doc_free(doc);
		return;
	}
	while (pos < body.n) {
		const char *end = memchr(body.p + pos, '\n', body.n - pos);
		cr_assert(end, "%s ends inside a line", name);
		const char *p = body.p + pos;
		size_t n = (size_t)(end - p);
		pos += n + 1;
		if (framing == FRAMING_SSE && (n < 6 || memcmp(p, "data: {", 7) != 0))
			continue;
		size_t skip = framing == FRAMING_SSE ? 6 : 0;
		yyjson_doc *doc = yyjson_read(p + skip, n - skip, 0);
		cr_expect(doc, "%s: %.*s", name, (int)n, p);
		yyjson_doc_free(doc);
	}
}

/* Cuts the stream after each of its frames; the decoder had read everything by then, as a gate that
 * holds has. */
static void cut(size_t i, const struct wire_options *o, struct span body, enum wire_ending how)
{
	static const struct wire_notice notice = { { "ex-1", 4 },
						   { "the-rule", 8 },
						   { "Said \"no\".", 10 } };
	struct wire *w = wire_new(o);
	struct pieces v = { 0 };
	size_t used = wire_feed(w, body.p, body.n, &v);

	cr_expect(used <= body.n);
	for (size_t k = 0; k <= v.n; k++) {
		struct buf out = { 0 };
		uint64_t released = k == v.n ? 0 : v.v[k].raw_off + v.v[k].raw_len;
		if (k < v.n && v.v[k].kind != PIECE_FRAME)
			continue;
		buf_add(&out, body.p, (size_t)released);
		int rc = wire_end(w, how, released, &notice, &out);
		bool abort =
			!cases[i].ending || (o->framing == FRAMING_NONE && how == ENDING_ERROR);
		cr_expect_eq(rc, abort ? -ENOTSUP : 0, "%s: %d", cases[i].file, rc);
		if (rc == 0 && o->framing != FRAMING_NONE)
			parses(cases[i].file, o->framing, (struct span){ out.p, out.n });
		size_t tail = out.n - (size_t)released;
		const char *word = how == ENDING_REFUSAL && released ? cases[i].ending : "";
		cr_expect(rc || memmem(out.p + released, tail, word, strlen(word)),
			  "%s at %llu: %.*s", cases[i].file, (unsigned long long)released,
			  (int)tail, out.p + released);
		buf_fini(&out);
	}
	pieces_fini(&v);
	wire_free(w);
}

Test(wire_data, a_cut_after_any_frame_ends_properly)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct wire_options o;
		struct span body = read_case(i, &o);
		cut(i, &o, body, ENDING_REFUSAL);
		cut(i, &o, body, ENDING_ERROR);
		free((void *)(uintptr_t)body.p);
	}
}

Test(wire_data, open_blocks_are_closed_as_of_what_was_released)
{
	static const char first[] =
		"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\n"
		"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
		"\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
	static const char rest[] =
		"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
		"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,"
		"\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
	struct wire *w = wire_new(
		&(struct wire_options){ FRAMING_SSE, DIALECT_MESSAGES, false, false, 65536 });
	struct wire_notice notice = { SPAN("e"), SPAN("r"), SPAN("m") };
	struct pieces v = { 0 };
	struct buf body = { 0 }, out = { 0 };

	buf_add_text(&body, first);
	buf_add_text(&body, rest);
	cr_assert_eq(wire_feed(w, body.p, body.n, &v), body.n);
	cr_assert_eq(wire_end(w, ENDING_REFUSAL, sizeof first - 1, &notice, &out), 0);
	cr_expect(memmem(out.p, out.n, "_stop\",\"index\":0}", 17));
	cr_expect(!memmem(out.p, out.n, "\"index\":1}", 10));
	buf_clear(&out);
	cr_assert_eq(wire_end(w, ENDING_REFUSAL, body.n, &notice, &out), 0);
	cr_expect(!memmem(out.p, out.n, "\"index\":0}", 10));
	cr_expect(memmem(out.p, out.n, "_stop\",\"index\":1}", 17));
	buf_clear(&out);
	cr_assert_eq(wire_end(w, ENDING_REFUSAL, 0, &notice, &out), 0);
	cr_expect(memmem(out.p, out.n, "event: error\n", 13));
	buf_fini(&body);
	buf_fini(&out);
	pieces_fini(&v);
	wire_free(w);
}
