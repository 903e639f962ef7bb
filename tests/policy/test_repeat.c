/* What a stream says twice: a builder whose repeat differs from what it streamed has no vote. */
#include <stdio.h>

#include "lib/file.h"
#include "lib/json.h"
#include "tests/policy/quorum_play.h"

TestSuite(repeat, .timeout = 120);

#define EVENT(type, rest) "data: {\"type\":\"response." type "\"," rest "}\n\n"
#define CALL(arguments)                                                                            \
	"\"type\":\"function_call\",\"name\":\"run\",\"call_id\":\"c\",\"arguments\":\"" arguments \
	"\""
#define ADDED EVENT("output_item.added", "\"output_index\":0,\"item\":{" CALL("") "}")
#define DELTA(text) \
	EVENT("function_call_arguments.delta", "\"output_index\":0,\"delta\":\"" text "\"")
#define DONE(text) \
	EVENT("function_call_arguments.done", "\"output_index\":0,\"arguments\":\"" text "\"")
#define ITEM(item) EVENT("output_item.done", "\"output_index\":0,\"item\":{" item "}")
#define END(items) EVENT("completed", "\"response\":{\"id\":\"r\",\"output\":[" items "]}")
#define LS "{\\\"cmd\\\":\\\"ls\\\"}"
#define RM "{\\\"cmd\\\":\\\"rm\\\"}"
#define STREAMED ADDED DELTA("{\\\"cmd\\\":") DELTA("\\\"ls\\\"}")
#define GOOD STREAMED DONE(LS) ITEM(CALL(LS)) END("{" CALL(LS) "}")

#define CODE "```python\\nprint(1)\\n```\\n"
#define EVIL "```python\\nprint(2)\\n```\\n"
#define SAYS(text) \
	EVENT("output_text.delta", "\"output_index\":0,\"content_index\":0,\"delta\":\"" text "\"")
#define SAID(text) \
	EVENT("output_text.done", "\"output_index\":0,\"content_index\":0,\"text\":\"" text "\"")
#define PART(text)                                                                                         \
	EVENT("content_part.done",                                                                         \
	      "\"output_index\":0,\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"" text \
	      "\"}")
#define MESSAGE(text) \
	"\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"" text "\"}]"
#define THOUGHT                                                                            \
	"\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"x\"}]," \
	"\"content\":[{\"text\":\"y\",\"type\":\"reasoning_text\"}]"
#define INPUT(event, key, text) \
	EVENT("custom_tool_call_input." event, "\"output_index\":0,\"" key "\":\"" text "\"")
#define SHELL(commands) "\"type\":\"shell_call\",\"action\":{\"commands\":[" commands "]}"

static const struct {
	const char *a, *b; /* b: what the other builder says */
	enum compare_reason reason;
} cases[] = {
	{ GOOD, GOOD, COMPARE_EQUAL },
	{ STREAMED, GOOD, COMPARE_EQUAL }, /* nothing is said again */
	{ STREAMED DONE(RM), GOOD, COMPARE_CONTRADICTION },
	{ STREAMED DONE(LS) ITEM(CALL(RM)), GOOD, COMPARE_CONTRADICTION },
	{ STREAMED DONE(LS) ITEM(CALL(LS)) END("{" CALL(RM) "}"), GOOD, COMPARE_CONTRADICTION },
	{ STREAMED DONE(""), GOOD, COMPARE_CONTRADICTION },
	{ STREAMED DONE("{\\\"cmd\\\":\\\"ls\\\"} "), GOOD, COMPARE_CONTRADICTION },
	/* The index may stand behind the text */
	{ STREAMED EVENT("function_call_arguments.done",
			 "\"arguments\":\"" LS "\",\"output_index\":0"),
	  GOOD, COMPARE_EQUAL },
	{ STREAMED EVENT("function_call_arguments.done",
			 "\"arguments\":\"" RM "\",\"output_index\":0"),
	  GOOD, COMPARE_CONTRADICTION },
	/* Text of quotes that is otherwise the same */
	{ ADDED DELTA("{\\\"a\\\":\\\"x\\\",\\\"b\\\":\\\"y\\\"}")
		  DONE("{\\\"a\\\":\\\"x\\\\\\\",\\\\\\\"b\\\\\\\":\\\\\\\"y\\\"}"),
	  ADDED DELTA("{\\\"a\\\":\\\"x\\\",\\\"b\\\":\\\"y\\\"}"), COMPARE_CONTRADICTION },
	{ ADDED DELTA("{\\\"a\\\":\\\"x\\\\") DELTA("\\\"\\\"}")
		  DONE("{\\\"a\\\":\\\"x\\\\\\\"\\\"}"),
	  ADDED DELTA("{\\\"a\\\":\\\"x\\\\\\\"\\\"}"), COMPARE_EQUAL },
	/* The name */
	{ STREAMED ITEM("\"name\":\"erase\",\"arguments\":\"" LS "\""), GOOD,
	  COMPARE_CONTRADICTION },
	{ STREAMED END("{\"name\":\"erase\",\"arguments\":\"" LS "\"}"), GOOD,
	  COMPARE_CONTRADICTION },
	{ ITEM("\"name\":\"erase\",\"arguments\":\"" LS "\""), GOOD, COMPARE_ACTIONS_DIFFER },
	/* Without deltas it is the text */
	{ ADDED DONE(LS) ITEM(CALL(LS)), GOOD, COMPARE_EQUAL },
	{ ITEM(CALL(LS)), GOOD, COMPARE_EQUAL },
	{ END("{" CALL(LS) "}"), GOOD, COMPARE_EQUAL },
	{ END("{" CALL(RM) "}"), GOOD, COMPARE_ACTIONS_DIFFER },
	{ ITEM(CALL(RM)) END("{" CALL(LS) "}"), GOOD, COMPARE_CONTRADICTION },
	{ STREAMED END("{" CALL(LS) "},{" CALL(RM) "}"), GOOD, COMPARE_ACTIONS_DIFFER },
	/* What an item begins with */
	{ EVENT("output_item.added", "\"output_index\":0,\"item\":{" CALL("{\\\"x\\\":1,") "}")
		  DELTA("\\\"cmd\\\":\\\"ls\\\"}"),
	  GOOD, COMPARE_ACTIONS_DIFFER },
	/* Prose */
	{ SAYS(CODE) SAID(CODE) PART(CODE) ITEM(MESSAGE(CODE)) END("{" MESSAGE(CODE) "}"),
	  SAYS(CODE), COMPARE_EQUAL },
	{ SAYS(CODE) SAID(EVIL), SAYS(CODE), COMPARE_CONTRADICTION },
	{ SAYS(CODE) PART(EVIL), SAYS(CODE), COMPARE_CONTRADICTION },
	{ SAYS(CODE) ITEM(MESSAGE(EVIL)), SAYS(CODE), COMPARE_CONTRADICTION },
	{ SAYS(CODE) END("{" MESSAGE(EVIL) "}"), SAYS(CODE), COMPARE_CONTRADICTION },
	{ ITEM(MESSAGE(CODE)), SAYS(CODE), COMPARE_EQUAL },
	{ SAYS(CODE) ITEM(THOUGHT), SAYS(CODE), COMPARE_EQUAL }, /* thoughts are no code */
	/* A tool's free-form input */
	{ INPUT("delta", "delta", "ls") INPUT("done", "input", "ls"), INPUT("delta", "delta", "ls"),
	  COMPARE_EQUAL },
	{ INPUT("delta", "delta", "ls") INPUT("done", "input", "rm"), INPUT("delta", "delta", "ls"),
	  COMPARE_CONTRADICTION },
	/* Actions that no delta says */
	{ ITEM(SHELL("\"ls\"")) END("{" SHELL("\"ls\"") "}"), ITEM(SHELL("\"ls\"")),
	  COMPARE_EQUAL },
	{ ITEM(SHELL("\"rm\"")), ITEM(SHELL("\"ls\"")), COMPARE_ACTIONS_DIFFER },
	{ ITEM(SHELL("\"ls\"")) END("{" SHELL("\"rm\"") "}"), ITEM(SHELL("\"ls\"")),
	  COMPARE_CONTRADICTION },
	{ STREAMED ITEM("\"type\":\"web_search_call\",\"action\":{\"query\":\"a\"}"), GOOD,
	  COMPARE_EQUAL }, /* the builder's own */
};

static struct answer answer(enum dialect dialect, const char *events)
{
	struct answer a = { .framing = FRAMING_SSE, .dialect = dialect };
	buf_add_text(&a.bytes, events);
	return a;
}

static enum compare_reason reason(enum dialect dialect, const char *a, const char *b, size_t step)
{
	const struct quorum_settings settings = play_settings(2, 2);
	struct answer both[] = { answer(dialect, a), answer(dialect, b) };
	struct quorum *q = quorum_new(&settings);
	size_t n;
	play(q, both, 2, (struct order){ ORDER_EVEN, step, 0 }, NULL, NULL);
	enum compare_reason why = quorum_pairs(q, &n)->reason;
	quorum_free(q);
	buf_fini(&both[0].bytes);
	buf_fini(&both[1].bytes);
	return why;
}

Test(repeat, responses)
{
	static const size_t steps[] = { 1, 7, 1 << 20 };
	for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(steps); i++) {
		size_t k = i / ARRAY_LEN(steps), step = steps[i % ARRAY_LEN(steps)];
		enum compare_reason there = reason(DIALECT_RESPONSES, cases[k].a, cases[k].b, step);
		enum compare_reason back = reason(DIALECT_RESPONSES, cases[k].b, cases[k].a, step);
		cr_expect_eq(there, cases[k].reason, "%zu: %s", k, compare_reason_names[there]);
		cr_expect_eq(back, cases[k].reason, "%zu back: %s", k, compare_reason_names[back]);
	}
}

/* An item that is no call moves the numbers of those that follow, and nothing else. */
Test(repeat, calls_are_counted_among_calls)
{
	const char *a = ITEM(THOUGHT)
		EVENT("output_item.done", "\"output_index\":1,\"item\":{" CALL(LS) "}");
	cr_assert_eq(reason(DIALECT_RESPONSES, a, GOOD, 100), COMPARE_EQUAL);
	const char *text = ITEM(THOUGHT)
		EVENT("output_item.done", "\"output_index\":1,\"item\":{" MESSAGE(CODE) "}");
	cr_assert_eq(reason(DIALECT_RESPONSES, text, SAYS(CODE), 100), COMPARE_EQUAL);
}

#define BEGINS(input)                                                                      \
	"data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":" \
	"\"tool_use\",\"name\":\"run\",\"input\":" input "}}\n\n"
#define GOES_ON(text)                                                              \
	"data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":" \
	"\"input_json_delta\",\"partial_json\":\"" text "\"}}\n\n"
#define STARTS(blocks) \
	"data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"content\":[" blocks "]}}\n\n"

Test(repeat, messages)
{
	static const struct {
		const char *a, *b;
		enum compare_reason reason;
	} all[] = {
		{ BEGINS("{}") GOES_ON(LS), BEGINS("{ }") GOES_ON(LS), COMPARE_EQUAL },
		{ BEGINS("{\"cmd\":\"ls\"}"), BEGINS("{}") GOES_ON(LS), COMPARE_EQUAL },
		{ BEGINS("{\"cmd\":\"rm\"}"), BEGINS("{}") GOES_ON(LS), COMPARE_ACTIONS_DIFFER },
		{ BEGINS("{\"cmd\":\"rm\"}") GOES_ON(LS), BEGINS("{}") GOES_ON(LS),
		  COMPARE_TRUNCATED },
		{ STARTS("") BEGINS("{}") GOES_ON(LS), BEGINS("{}") GOES_ON(LS), COMPARE_EQUAL },
		{ STARTS("{\"type\":\"tool_use\",\"name\":\"run\",\"input\":{\"cmd\":\"rm\"}}")
			  BEGINS("{}") GOES_ON(LS),
		  BEGINS("{}") GOES_ON(LS), COMPARE_ACTIONS_DIFFER },
	};
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		enum compare_reason got = reason(DIALECT_MESSAGES, all[i].a, all[i].b, 5);
		cr_expect_eq(got, all[i].reason, "%zu: %s", i, compare_reason_names[got]);
	}
}

/* Arguments by their paths are not put together here, so they are no vote. */
Test(repeat, gemini_paths)
{
	const char *a =
		"data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":"
		"\"f\",\"partialArgs\":[{\"jsonPath\":\"$.n\",\"numberValue\":1}]}}]}}]}\n\n";
	cr_assert_eq(reason(DIALECT_GEMINI, a, a, 9), COMPARE_UNSUPPORTED);
}

/* --- recorded streams: what their builders say twice is the same --- */

static void recorded(const struct json_value *line, unsigned *n)
{
	struct span path = json_string(json_get(line, "path"));
	struct span file = json_string(json_get(line, "file"));
	struct span type = json_string(json_get(line, "content_type"));
	struct buf body = { 0 };
	char name[512];
	if (!path.n || !memmem(path.p, path.n, "/responses", 10) ||
	    !memmem(type.p, type.n, "event-stream", 12))
		return;
	snprintf(name, sizeof(name), "%s/llm_streams/%.*s", getenv("CORPORA"), (int)file.n, file.p);
	cr_assert_eq(file_read(name, 64 << 20, &body), 0, "%s", name);
	buf_add_char(&body, '\0');
	enum compare_reason why = reason(DIALECT_RESPONSES, body.p, body.p, 1 << 20);
	cr_expect_neq(why, COMPARE_CONTRADICTION, "%s", name);
	buf_fini(&body);
	++*n;
}

Test(repeat, recorded_streams_do_not_contradict_themselves)
{
	struct buf all = { 0 };
	char path[512];
	unsigned count = 0;
	snprintf(path, sizeof(path), "%s/llm_streams/index.jsonl",
		 getenv("CORPORA") ? getenv("CORPORA") : "");
	if (file_read(path, 64 << 20, &all) != 0)
		cr_skip("no corpora");
	for (size_t at = 0, n; at < all.n; at += n + 1) {
		struct json *j = NULL;
		const char *end = memchr(all.p + at, '\n', all.n - at);
		n = end ? (size_t)(end - all.p) - at : all.n - at;
		cr_assert_eq(json_parse((struct span){ all.p + at, n }, &j), 0);
		recorded(json_root(j), &count);
		json_free(j);
	}
	buf_fini(&all);
	cr_assert_eq(count, 39);
}
