/* Recorded streams of real builders: the decoder reads what the vendors' own clients read, however
 * they are split. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "lib/json_text.h"
#include "tests/lib/wire_trace.h"

#define EVERY_SPLIT_MAX 1500 /* bytes; longer streams are split byte by byte and in steps */

static const char *corpora(void)
{
	const char *path = getenv("CORPORA");
	return path ? path : "../shared/corpora";
}

static struct span read_corpus(const char *file)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", corpora(), file);
	return read_file(path);
}

/* Calls each() for every line of a file of JSON lines; returns their number, 0 when the file is
 * absent. */
static size_t each_line(const char *file, void (*each)(yyjson_val *line))
{
	struct span all = read_corpus(file);
	size_t count = 0, pos = 0;

	if (!all.p) {
		printf("skipped: no corpora\n");
		return 0;
	}
	while (pos < all.n) {
		const char *end = memchr(all.p + pos, '\n', all.n - pos);
		size_t len = end ? (size_t)(end - all.p) - pos : all.n - pos;
		yyjson_doc *doc = len ? yyjson_read(all.p + pos, len, 0) : NULL;
		if (doc) {
			each(yyjson_doc_get_root(doc));
			count++;
		}
		yyjson_doc_free(doc);
		pos += len + 1;
	}
	free((void *)(uintptr_t)all.p);
	return count;
}

static const char *text_of(yyjson_val *v, const char *key)
{
	const char *s = yyjson_get_str(yyjson_obj_get(v, key));
	return s ? s : "";
}

/* What the inner layer makes of a JSON text: escapes decoded in place. */
static void decode_escapes(struct span text, struct buf *out)
{
	for (size_t i = 0; i < text.n;) {
		char lit[4];
		uint8_t lit_len = 0;
		int len = text.p[i] == '\\' ? json_unescape(text.p + i, text.n - i, lit, &lit_len)
					    : 0;
		if (len > 0) {
			buf_add(out, lit, lit_len);
			i += (size_t)len;
		} else {
			buf_add_char(out, text.p[i++]);
		}
	}
}

static void without_blanks(struct buf *b)
{
	size_t to = 0;
	for (size_t i = 0; i < b->n; i++) {
		if (b->p[i] != ' ' && b->p[i] != '\n')
			b->p[to++] = b->p[i];
	}
	b->n = to;
}

/* Where the index and the decoder differ for a reason. */
static const struct {
	const char *id;
	const char *calls; /* what the decoder reads, without blanks */
	const char *why;
} exceptions[] = {
	{ "pydantic-ai_test-openai-responses-model-mcp-server-tool-stream_0_15156b",
	  "{\"repoName\":\"pydantic/pydantic-ai\",\"question\":\"Whatisthepydantic/pydantic-airepositoryabout?\"}",
	  "the index does not count calls that the builder's own server makes" },
	{ "pydantic-ai_test-openai-client-tool-search-streaming_0_ef6d8d",
	  "{\"queries\":[\"exchangeratecurrencyconverterUSDEURcurrent\",\"foreignexchangeUSDtoEURliverate\"]}",
	  "the index does not count searches for tools, which this client is to make" },
	{ "llm-gemini_test-tools-with-gemini-3-thought-signatures_0_7c166e", "{\"y\":3,\"x\":5}",
	  "the index sorts the members of an object" },
	{ "llm-gemini_test-tools-with-nested-pydantic-models_0_c1a336",
	  "{\"age\":30,\"name\":\"Alice\",\"address\":{\"street\":\"123MainSt\",\"city\":\"SanFrancisco\","
	  "\"zipcode\":\"94102\"}}",
	  "the index sorts the members of an object" },
};

/* Some builders say a choice's text twice, as chat (part 0) and as a plain completion (part 2). */
static void join_content(const struct trace *t, struct buf *out)
{
	struct span chat = trace_text(t, (struct channel_id){ CHANNEL_CONTENT, 0, 0 });

	if (chat.n && t->dialect == DIALECT_CHAT)
		buf_add(out, chat.p, chat.n);
	else
		trace_join(t, CHANNEL_CONTENT, out);
}

static void compare(const char *id, const char *what, const struct buf *got, struct span expected)
{
	cr_expect(span_eq((struct span){ got->n ? got->p : "", got->n }, expected),
		  "%s: %s: got [%.*s], expected [%.*s]", id, what, (int)min_size(got->n, 300),
		  got->n ? got->p : "", (int)min_size(expected.n, 300), expected.p);
}

static void compare_stream(yyjson_val *line, const struct trace *t)
{
	const char *id = text_of(line, "id");
	yyjson_val *expect = yyjson_obj_get(line, "expect");
	yyjson_val *text = yyjson_obj_get(expect, "text");
	struct buf got = { 0 }, calls = { 0 }, expected = { 0 };
	size_t i, max;
	yyjson_val *call;

	join_content(t, &got);
	compare(id, "text", &got, (struct span){ yyjson_get_str(text), yyjson_get_len(text) });
	trace_join(t, CHANNEL_ARGUMENTS, &calls);
	yyjson_arr_foreach(yyjson_obj_get(expect, "tool_calls"), i, max, call)
	{
		yyjson_val *args = yyjson_obj_get(call, "args");
		if (yyjson_is_str(args))
			decode_escapes((struct span){ yyjson_get_str(args), yyjson_get_len(args) },
				       &expected);
		else {
			size_t n = 0;
			char *json = yyjson_val_write(args, 0, &n);
			decode_escapes((struct span){ json, n }, &expected);
			free(json);
		}
	}
	for (i = 0; i < ARRAY_LEN(exceptions); i++) {
		if (strcmp(exceptions[i].id, id) == 0) {
			buf_clear(&expected);
			buf_add_text(&expected, exceptions[i].calls);
		}
	}
	without_blanks(&calls);
	without_blanks(&expected);
	compare(id, "tool calls", &calls,
		(struct span){ expected.n ? expected.p : "", expected.n });
	buf_fini(&got);
	buf_fini(&calls);
	buf_fini(&expected);
}

static void stream(yyjson_val *line)
{
	char file[256], path[512];
	struct wire_options o = { .frame_max = 1 << 20 };
	struct trace t;

	snprintf(file, sizeof file, "llm_streams/%s", text_of(line, "file"));
	snprintf(path, sizeof path, "%s?%s", text_of(line, "path"), text_of(line, "query"));
	wire_detect(span_of(path), span_of(text_of(line, "content_type")), &o.framing, &o.dialect);
	struct span body = read_corpus(file);
	cr_assert_not_null(body.p, "%s", file);
	trace_run(&t, &o, body, 0, 0);
	cr_expect_eq(t.error, WIRE_OK, "%s: %s", file, wire_error_names[t.error]);
	compare_stream(line, &t);
	cr_expect_leq(t.memory, 8192, "%s: %zu bytes", file, t.memory);
	trace_fini(&t);
	if (body.n <= 40000)
		trace_splits(file, &o, body, EVERY_SPLIT_MAX);
	o.frame_max = 300; /* nearly every event is a long frame */
	if (body.n <= 40000)
		trace_splits(file, &o, body, EVERY_SPLIT_MAX);
	free((void *)(uintptr_t)body.p);
}

Test(wire_corpora, recorded_streams)
{
	size_t n = each_line("llm_streams/index.jsonl", stream);
	cr_expect(n == 0 || n == 143, "%zu streams", n);
}

/* One payload a line, framed as the index of these says. */
static void frame_chunks(struct span all, bool messages, struct buf *out)
{
	for (size_t pos = 0; pos < all.n;) {
		const char *end = memchr(all.p + pos, '\n', all.n - pos);
		size_t len = end ? (size_t)(end - all.p) - pos : all.n - pos;
		yyjson_doc *doc = yyjson_read(all.p + pos, len, 0);
		if (messages)
			buf_printf(out, "event: %s\n", text_of(yyjson_doc_get_root(doc), "type"));
		yyjson_doc_free(doc);
		buf_add_text(out, "data: ");
		buf_add(out, all.p + pos, len);
		buf_add_text(out, "\n\n");
		pos += len + 1;
	}
}

/* Files that are no stream a builder would send. */
static const struct {
	const char *file;
	enum wire_error error;
	const char *why;
} odd[] = {
	{ "cererebras-structured-output-tools.1", WIRE_AFTER_END,
	  "two answers in one file, nothing between them" },
	{ "openai__parallel-tool-call-wrapper.1", WIRE_BAD_JSON,
	  "the first payload lacks its last brace" },
};

static size_t chunk_text; /* streams that gave text or arguments */

static void chunks(yyjson_val *line)
{
	char file[256];
	struct wire_options o = { .framing = FRAMING_SSE, .frame_max = 1 << 20 };
	struct buf body = { 0 }, text = { 0 };
	struct trace t;

	snprintf(file, sizeof file, "llm_streams/%s", text_of(line, "file"));
	struct span all = read_corpus(file);
	cr_assert_not_null(all.p, "%s", file);
	frame_chunks(all, strstr(file, "anthropic") != NULL, &body);
	trace_run(&t, &o, (struct span){ body.p, body.n }, 0, 0);
	enum wire_error expected = WIRE_OK;
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		if (strstr(file, odd[i].file))
			expected = odd[i].error;
	}
	cr_expect_eq(t.error, expected, "%s: %s", file, wire_error_names[t.error]);
	/* Frames that end inside an escape of the arguments are joined, so there may be fewer
	 * frames than events. */
	size_t events = (size_t)yyjson_get_int(yyjson_obj_get(line, "events"));
	cr_expect(t.error || (t.frame_count <= events && t.frame_count * 5 >= events * 4),
		  "%s: %zu frames of %zu", file, t.frame_count, events);
	for (int kind = CHANNEL_CONTENT; kind < CHANNEL_KIND_COUNT; kind++)
		trace_join(&t, (enum channel_kind)kind, &text);
	chunk_text += text.n > 0;
	trace_fini(&t);
	if (body.n <= 60000)
		trace_splits(file, &o, (struct span){ body.p, body.n }, 0);
	buf_fini(&body);
	buf_fini(&text);
	free((void *)(uintptr_t)all.p);
}

Test(wire_corpora, recorded_payloads)
{
	size_t n = each_line("llm_streams/vercel_chunks_index.jsonl", chunks);
	cr_expect(n == 0 || n == 80, "%zu files", n);
	cr_expect(n == 0 || chunk_text >= 56, "%zu with text", chunk_text);
}

/* ---- events and JSON texts ---- */

static size_t base64(const char *in, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	size_t n = 0;
	int have = 0;

	for (; *in && *in != '='; in++) {
		bits = bits << 6 | (uint32_t)(strchr(digits, *in) - digits);
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (char)(bits >> have);
		}
	}
	return n;
}

/* The fixtures' data, joined, must be the text; their payloads are plain. */
static void events(yyjson_val *line)
{
	struct wire_options o = { .framing = FRAMING_SSE, .frame_max = 65536 };
	struct buf body = { 0 }, expected = { 0 };
	struct trace t;
	size_t i, max;
	yyjson_val *v;

	yyjson_arr_foreach(yyjson_obj_get(line, "chunks_b64"), i, max, v)
	{
		char *to = buf_reserve(&body, yyjson_get_len(v) + 1);
		CHECK(to);
		body.n += base64(yyjson_get_str(v), to);
	}
	yyjson_arr_foreach(yyjson_obj_get(line, "expected_events"), i, max, v)
		buf_add_text(&expected, text_of(v, "data"));
	trace_run(&t, &o, (struct span){ body.p, body.n }, 0, 0);
	struct span got = trace_text(&t, (struct channel_id){ CHANNEL_RAW, 0, 0 });
	if (strcmp(text_of(line, "id"), "esp:getInvalidBomFixtureStream") == 0) {
		buf_clear(&expected); /* that parser expects its caller to take a BOM off; by the
					 standard it is skipped */
		buf_add_text(&expected, "bomful 1bomless 3\xe2\x9c\x94");
	}
	/* An event that the body's end cuts off is nothing to a client, and judged all the same. */
	bool last_is_cut = got.n > expected.n && memcmp(got.p, expected.p, expected.n) == 0;
	cr_expect(last_is_cut ||
			  span_eq(got, (struct span){ expected.n ? expected.p : "", expected.n }),
		  "%s: [%.*s] is not [%.*s]", text_of(line, "id"), (int)min_size(got.n, 200), got.p,
		  (int)min_size(expected.n, 200), expected.p);
	trace_fini(&t);
	trace_splits(text_of(line, "id"), &o, (struct span){ body.p, body.n }, 4096);
	o.frame_max = 64;
	trace_splits(text_of(line, "id"), &o, (struct span){ body.p, body.n }, 4096);
	buf_fini(&body);
	buf_fini(&expected);
}

Test(wire_corpora, event_stream_fixtures)
{
	size_t n = each_line("sse/eventsource_parser_fixtures.jsonl", events);
	cr_expect(n == 0 || n == 21, "%zu fixtures", n);
}

static bool tokenizes(const char *p, size_t n, size_t step)
{
	static const struct json_place nothing;
	struct json_text t;
	size_t pos = 0, end = 0;
	enum json_token token = JSON_MORE;

	json_text_init(&t, &nothing);
	while (end < n && token != JSON_BAD && token != JSON_TOO_DEEP) {
		end += min_size(step, n - end);
		do
			token = json_text_next(&t, p, end, &pos);
		while (token != JSON_MORE && token != JSON_END && token != JSON_BAD &&
		       token != JSON_TOO_DEEP);
	}
	return token == JSON_END || (token == JSON_MORE && t.done);
}

static void json_case(yyjson_val *line)
{
	const char *in = text_of(line, "input_b64"), *expect = text_of(line, "expect");
	char *p = malloc(strlen(in) + 1);
	CHECK(p);
	size_t n = base64(in, p);
	bool ok = tokenizes(p, n, n ? n : 1);

	cr_expect_eq(ok, tokenizes(p, n, 1), "%s: byte by byte differs", text_of(line, "id"));
	if (strcmp(expect, "accept") == 0)
		cr_expect(ok, "%s is refused", text_of(line, "id"));
	if (strcmp(expect, "reject") == 0)
		cr_expect(!ok, "%s is accepted", text_of(line, "id"));
	free(p);
}

Test(wire_corpora, json_texts)
{
	size_t n = each_line("json/jsontestsuite.jsonl", json_case);
	cr_expect(n == 0 || n == 204, "%zu texts", n);
}
