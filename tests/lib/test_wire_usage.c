/* Token numbers that streams report of themselves, on every wire, however the bytes are split. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/wire_trace.h"

#define MAX 65536
#define CHUNK(text) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define USED(text, in, out)                                                                  \
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}],\"usage\":" \
	"{\"prompt_tokens\":" in ",\"completion_tokens\":" out "}}\n\n"
#define GEMINI(text, out, thoughts)                                               \
	"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" text "\"}]}}],"  \
	"\"usageMetadata\":{\"promptTokenCount\":7,\"candidatesTokenCount\":" out \
	",\"thoughtsTokenCount\":" thoughts "}}"

static const struct {
	const char *name;
	struct wire_options options;
	const char *body;
	struct wire_usage usage;
} streams[] = {
	{ "chat",
	  { FRAMING_SSE, DIALECT_CHAT, false, false, MAX },
	  CHUNK("a") CHUNK("b") "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,"
				"\"completion_tokens\":345,\"completion_tokens_details\":"
				"{\"reasoning_tokens\":40}}}\n\ndata: [DONE]\n\n",
	  { 12, 345, 40, true, true } },
	{ "chat that reports on the way",
	  { FRAMING_SSE, DIALECT_CHAT, false, false, MAX },
	  USED("a", "12", "1") USED("b", "12", "2") USED("c", "12", "20") USED("d", "12", "19"),
	  { 12, 19, 0, true, true } },
	{ "chat that says the same again",
	  { FRAMING_SSE, DIALECT_CHAT, false, false, MAX },
	  USED("a", "3", "5") USED("b", "3", "7") USED("c", "3", "5"),
	  { 3, 5, 0, true, true } },
	{ "reasoning beside the output, as the total tells",
	  { FRAMING_SSE, DIALECT_CHAT, false, false, MAX },
	  "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":2,"
	  "\"total_tokens\":354,\"completion_tokens_details\":{\"reasoning_tokens\":340}}}\n\n",
	  { 12, 342, 340, true, true } },
	{ "a total of more than is told",
	  { FRAMING_SSE, DIALECT_CHAT, false, false, MAX },
	  "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":9,"
	  "\"total_tokens\":1000,\"completion_tokens_details\":{\"reasoning_tokens\":3}}}\n\n",
	  { 12, 12, 3, true, true } },
	{ "chat document",
	  { FRAMING_DOCUMENT, DIALECT_CHAT, false, false, MAX },
	  "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"ab\"}}],\"usage\":"
	  "{\"prompt_tokens\":5,\"completion_tokens\":6}}",
	  { 5, 6, 0, true, true } },
	{ "groq",
	  { FRAMING_SSE, DIALECT_CHAT, false, false, MAX },
	  CHUNK("a") "data: {\"choices\":[],\"x_groq\":{\"usage\":{\"prompt_tokens\":4,"
		     "\"completion_tokens\":9}}}\n\n",
	  { 4, 9, 0, true, true } },
	{ "null",
	  { FRAMING_SSE, DIALECT_CHAT, false, false, MAX },
	  "data: {\"choices\":[],\"usage\":null}\n\n",
	  { 0, 0, 0, false, false } },
	{ "not whole",
	  { FRAMING_SSE, DIALECT_CHAT, false, false, MAX },
	  USED("a", "1e3", "-5") USED("b", "1.5", "8"),
	  { 0, 8, 0, false, true } },
	{ "responses",
	  { FRAMING_SSE, DIALECT_RESPONSES, false, false, MAX },
	  "data: {\"type\":\"response.created\",\"response\":{\"usage\":null}}\n\n"
	  "data: {\"type\":\"response.output_text.delta\",\"delta\":\"abc\"}\n\n"
	  "data: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":31,"
	  "\"output_tokens\":62,\"output_tokens_details\":{\"reasoning_tokens\":9}}}}\n\n",
	  { 31, 62, 9, true, true } },
	{ "messages",
	  { FRAMING_SSE, DIALECT_MESSAGES, false, false, MAX },
	  "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":10,"
	  "\"cache_creation_input_tokens\":5,\"cache_read_input_tokens\":100,"
	  "\"output_tokens\":1}}}\n\n"
	  "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"text\":\"hi\"}}\n\n"
	  "data: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":15}}\n\n",
	  { 115, 15, 0, true, true } },
	{ "gemini events",
	  { FRAMING_SSE, DIALECT_GEMINI, false, false, MAX },
	  "data: " GEMINI("a", "1", "20") "\n\ndata: " GEMINI("b", "2", "20") "\n\n",
	  { 7, 22, 20, true, true } },
	{ "gemini array",
	  { FRAMING_ARRAY, DIALECT_GEMINI, false, false, MAX },
	  "[" GEMINI("a", "1", "20") ",\n" GEMINI("b", "3", "21") "]",
	  { 7, 24, 21, true, true } },
	{ "ollama",
	  { FRAMING_LINES, DIALECT_OLLAMA, false, false, MAX },
	  "{\"model\":\"m\",\"message\":{\"content\":\"a\"},\"done\":false}\n"
	  "{\"model\":\"m\",\"message\":{\"content\":\"\"},\"done\":true,"
	  "\"prompt_eval_count\":26,\"eval_count\":298}\n",
	  { 26, 298, 0, true, true } },
	{ "a frame that is too long to keep",
	  { FRAMING_SSE, DIALECT_CHAT, false, false, 64 },
	  USED("a text that goes on for a while, longer than a frame may be", "11", "22"),
	  { 11, 22, 0, true, true } },
	{ "a dialect that is found out",
	  { FRAMING_SSE, DIALECT_UNKNOWN, false, false, MAX },
	  CHUNK("a") USED("b", "2", "3"),
	  { 2, 3, 0, true, true } },
};

Test(wire_usage, is_read_at_every_split)
{
	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		struct trace t;
		const struct wire_usage *want = &streams[i].usage;
		trace_run(&t, &streams[i].options, span_of(streams[i].body), 0, 0);
		cr_expect_eq(t.error, WIRE_OK, "%s: %s", streams[i].name,
			     wire_error_names[t.error]);
		cr_expect_eq(t.usage.input, want->input, "%s: input %llu", streams[i].name,
			     (unsigned long long)t.usage.input);
		cr_expect_eq(t.usage.output, want->output, "%s: output %llu", streams[i].name,
			     (unsigned long long)t.usage.output);
		cr_expect_eq(t.usage.reasoning, want->reasoning, "%s", streams[i].name);
		cr_expect_eq(t.usage.input_known, want->input_known, "%s", streams[i].name);
		cr_expect_eq(t.usage.output_known, want->output_known, "%s", streams[i].name);
		trace_fini(&t);
		trace_splits(streams[i].name, &streams[i].options, span_of(streams[i].body), 4096);
	}
}

/* The frame that reports carries the numbers; one that does not carries none. */
Test(wire_usage, stands_in_the_frame_that_reports)
{
	struct trace t;
	trace_run(&t, &streams[1].options,
		  SPAN(USED("a", "12", "1") CHUNK("b") USED("c", "12", "20") USED("d", "12", "30")),
		  0, 0);
	buf_add_char(&t.frames, '\0');
	cr_assert_eq(t.frame_count, 4);
	unsigned n = 0;
	static const char *const wanted[] = { "tokens 12+1\n", "tokens 12+20\n", "tokens 12+30\n" };
	for (const char *at = t.frames.p; (at = strstr(at, "tokens ")); at++, n++)
		cr_assert(n < 3 && strncmp(at, wanted[n], strlen(wanted[n])) == 0, "%s", at);
	cr_assert_eq(n, 3);
	trace_fini(&t);
}

#define DONE(item) "data: {\"type\":\"response.output_item.done\",\"item\":{" item "}}\n\n"
#define ADDED(item) "data: {\"type\":\"response.output_item.added\",\"item\":{" item "}}\n\n"
#define REASONING(text) "\"type\":\"reasoning\",\"encrypted_content\":\"" text "\""
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

/* What is hidden stands in the frame that carries it, each time it comes. */
static const struct {
	const char *name;
	struct wire_options options;
	const char *body, *hidden;
} sealed[] = {
	{ "messages: a signature, a redacted block, a result of the builder's own tool",
	  { FRAMING_SSE, DIALECT_MESSAGES, false, false, MAX },
	  "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"signature\":\"" TEN
	  "\"}}\n\n"
	  "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"signature\":\"" TEN
	  "\"}}\n\n"
	  "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"data\":\"" TEN
		  TEN "\"}}\n\n"
	  "data: {\"content_block\":{\"tool_use_id\":\"a\"},\"type\":\"content_block_start\","
	  "\"index\":2}\n\n"
	  "data: {\"content_block\":{\"tool_use_id\":\"\"},\"type\":\"content_block_start\","
	  "\"index\":3}\n\n",
	  "hidden 10+0;hidden 10+0;hidden 20+0;hidden 0+1;" },
	{ "gemini: two parts of one event, the text before its `thought`",
	  { FRAMING_SSE, DIALECT_GEMINI, false, false, MAX },
	  "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\",\"thoughtSignature\":\"" TEN
	  "\",\"thought\":true},{\"text\":\"b\",\"thoughtSignature\":\"" TEN "\"}]}}]}\n\n",
	  "hidden 20+0;" },
	{ "responses: longer than when the item began",
	  { FRAMING_SSE, DIALECT_RESPONSES, false, false, MAX },
	  ADDED(REASONING(TEN)) DONE(REASONING(HUNDRED)) DONE(REASONING(HUNDRED))
		  ADDED("\"type\":\"message\"") DONE("\"type\":\"message\""),
	  "hidden 90+0;" },
	{ "responses: what is no reasoning",
	  { FRAMING_SSE, DIALECT_RESPONSES, false, false, MAX },
	  ADDED(REASONING(TEN))
		  DONE("\"type\":\"compaction\",\"encrypted_content\":\"" HUNDRED "\""),
	  "" },
	{ "in a frame that is too long to keep",
	  { FRAMING_SSE, DIALECT_GEMINI, false, false, 64 },
	  "data: {\"candidates\":[{\"content\":{\"parts\":[{\"thoughtSignature\":\"" HUNDRED
	  "\"}]}}]}\n\n",
	  "hidden 100+0;" },
};

Test(wire_usage, tells_what_is_hidden_at_every_split)
{
	for (size_t i = 0; i < ARRAY_LEN(sealed); i++) {
		struct trace t;
		char got[256] = "";
		trace_run(&t, &sealed[i].options, span_of(sealed[i].body), 0, 0);
		buf_add_char(&t.frames, '\0');
		for (const char *at = t.frames.p; (at = strstr(at, "hidden ")); at++)
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%.*s;",
				 (int)strcspn(at, "\n"), at);
		cr_expect_str_eq(got, sealed[i].hidden, "%s: %s", sealed[i].name, got);
		trace_fini(&t);
		trace_splits(sealed[i].name, &sealed[i].options, span_of(sealed[i].body), 4096);
	}
}
