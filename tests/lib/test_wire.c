/* Small streams written here: channels, order of members, escapes, frames, ends, errors. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/lib/wire_trace.h"

static const struct wire_options chat = { FRAMING_SSE, DIALECT_CHAT, false, false, 65536 };
static const struct wire_options chat_small = { FRAMING_SSE, DIALECT_CHAT, false, false, 64 };
static const struct wire_options lines = { FRAMING_LINES, DIALECT_UNKNOWN, false, false, 65536 };

static void expect(const struct wire_options *o, const char *body, struct channel_id id,
		   const char *text)
{
	struct trace t;

	trace_run(&t, o, span_of(body), 0, 0);
	struct span got = trace_text(&t, id);
	cr_expect_eq(t.error, WIRE_OK, "%s: %s", body, wire_error_names[t.error]);
	cr_expect(span_eq(got, span_of(text)), "got [%.*s], expected [%s] of %s", (int)got.n, got.p,
		  text, body);
	trace_fini(&t);
	trace_splits(body, o, span_of(body), 4096);
}

static void expect_error(const struct wire_options *o, const char *body, enum wire_error error)
{
	struct trace t;

	trace_run(&t, o, span_of(body), 0, 0);
	cr_expect_eq(t.error, error, "%s: %s", body, wire_error_names[t.error]);
	trace_fini(&t);
	trace_splits(body, o, span_of(body), 4096);
}

#define CONTENT(i) ((struct channel_id){ CHANNEL_CONTENT, (i), 0 })
#define ARGS(i, b) ((struct channel_id){ CHANNEL_ARGUMENTS, (i), (b) })
#define DELTA(text) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define CALL(text)                                                                                                     \
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"" text \
	"\"}}]}}]}\n\n"

Test(wire, content_goes_on_from_event_to_event)
{
	expect(&chat, DELTA("one ") DELTA("two") "data: [DONE]\n\n", CONTENT(0), "one two");
	expect(&chat_small, DELTA("one ") DELTA("two") "data: [DONE]\n\n", CONTENT(0), "one two");
}

Test(wire, an_index_after_the_text_counts)
{
	static const char body[] =
		"data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"index\":1},"
		"{\"delta\":{\"content\":\"y\"},\"index\":0}]}\n\n";
	expect(&chat, body, CONTENT(1), "x");
	expect(&chat, body, CONTENT(0), "y");
}

Test(wire, a_tool_index_after_the_text_counts)
{
#define LATE(text)                                                                             \
	"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"arguments\":\"" text \
	"\"},\"index\":3}]}}]}\n\n"
	static const char body[] = LATE("{\\\"a\\\\") LATE("nb");
	expect(&chat, body, ARGS(0, 3), "{\"a\nb");
}

Test(wire, escapes_of_one_layer)
{
	expect(&chat,
	       DELTA("a\\n\\\"\\\\\\/\\u0041\\u00e9\\ud83d\\ude00\\ud83dx\\ude00\\ud83d\\u0041"),
	       CONTENT(0),
	       "a\n\"\\/A\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd"
	       "A");
	expect(&chat_small,
	       DELTA("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\n\\ud83d\\ude00\\ud83d\\n"),
	       CONTENT(0),
	       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\xf0\x9f\x98\x80\xef\xbf\xbd\n");
}

Test(wire, escapes_of_two_layers)
{
	static const char args[] = CALL(
		"{\\\"k\\\": \\\"\\\\u0073k-\\\\n\\u005cu0041\\\\\\\\n\\\\ud83d\\\\ude00\\\"}");
	static const char text[] = "{\"k\": \"sk-\nA\\n\xf0\x9f\x98\x80\"}";
	expect(&chat, args, ARGS(0, 0), text);
	expect(&chat_small, args, ARGS(0, 0), text);
}

Test(wire, an_inner_escape_over_several_events)
{
	expect(&chat, CALL("a\\\\") CALL("u00") DELTA("between") CALL("73k"), ARGS(0, 0), "ask");
	expect(&chat, CALL("a\\\\ud83d") CALL("\\\\ude") CALL("00k"), ARGS(0, 0),
	       "a\xf0\x9f\x98\x80k");
	expect(&chat, CALL("a\\\\ud83d") CALL("k"), ARGS(0, 0), "a\xef\xbf\xbdk");
	expect(&chat, CALL("a\\\\ud83d\\\\") CALL("nk"), ARGS(0, 0), "a\xef\xbf\xbd\nk");
	expect(&chat, CALL("a\\\\u00") CALL("zk"), ARGS(0, 0), "a\\u00zk");
	expect(&chat, CALL("a\\\\u00"), ARGS(0, 0), "a\\u00");
	expect(&chat, CALL("a\\\\u00\\\\n"), ARGS(0, 0), "a\\u00\n");
}

Test(wire, frames_with_half_an_escape_are_joined)
{
	struct trace t;

	trace_run(&t, &chat, span_of(CALL("a\\\\") DELTA("x") CALL("nb") DELTA("y")), 0, 0);
	cr_expect_eq(t.frame_count, 2, "%zu frames", t.frame_count);
	trace_fini(&t);
}

Test(wire, keys_are_compared_after_their_escapes)
{
	expect(&chat, "data: {\"ch\\u006fices\":[{\"delta\":{\"\\u0063ontent\":\"x\"}}]}\n\n",
	       CONTENT(0), "x");
}

Test(wire, envelope_strings_are_separated)
{
	struct trace t;

	trace_run(
		&t, &chat,
		span_of("event: e\ndata: {\"id\":\"i\\n\",\"choices\":[],\"x\":[\"y\",{\"z\":\"\"}]}\n\n"),
		0, 0);
	struct span got = trace_text(&t, (struct channel_id){ CHANNEL_ENVELOPE, 0, 0 });
	cr_expect(span_eq(got, SPAN("e\0i\n\0y\0\0")), "%.*s", (int)got.n, got.p);
	trace_fini(&t);
}

Test(wire, errors)
{
	expect_error(&chat, "data: {\"a\":}\n\n", WIRE_BAD_JSON);
	expect_error(&chat, DELTA("x") "data: {\"a\"\n\n", WIRE_BAD_JSON);
	expect_error(&chat, "data: {\"choices\":[],\"choices\":[]}\n\n", WIRE_BAD_JSON);
	expect_error(&chat, "data: {\"a\":\"\\x\"}\n\n", WIRE_BAD_JSON);
	expect_error(&chat, "data: {\"a\":\"x\ndata: y\"}\n\n", WIRE_BAD_JSON);
	expect_error(&chat, "data: {\"a\":\"x", WIRE_TRUNCATED);
	expect_error(
		&chat_small,
		"data: {\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":}\n\n",
		WIRE_BAD_JSON);
	expect_error(
		&chat_small,
		"data: {\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":\"",
		WIRE_TRUNCATED);
	expect_error(
		&chat,
		"data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\n" DELTA(
			"y"),
		WIRE_AFTER_END);
	expect_error(&lines, "{\"a\":1}x\n", WIRE_BAD_JSON);
	expect_error(&chat_small, CALL("a\\\\") ": nothing\n\n" CALL("nb"), WIRE_OPEN_ESCAPE);
}

static void expect_wide(enum framing framing, struct span body, enum wire_error error)
{
	const struct wire_options o = { framing, DIALECT_UNKNOWN, false, false, 65536 };
	struct trace t;

	trace_run(&t, &o, body, 0, 0);
	cr_expect_eq(t.error, error, "%s: %s", framing_names[framing], wire_error_names[t.error]);
	trace_fini(&t);
	trace_splits("wide", &o, body, 64);
}

Test(wire, two_and_four_bytes_a_character_are_refused)
{
	static const enum framing all[] = { FRAMING_NONE, FRAMING_SSE, FRAMING_LINES, FRAMING_ARRAY,
					    FRAMING_DOCUMENT };

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		expect_wide(all[i], SPAN("\xff\xfe{\0\"\0a\0"), WIRE_WIDE_TEXT);
		expect_wide(all[i], SPAN("\xfe\xff\0{\0\"\0a"), WIRE_WIDE_TEXT);
		expect_wide(all[i], SPAN("\xff\xfe\0\0a\0\0\0"), WIRE_WIDE_TEXT);
		expect_wide(all[i], SPAN("\0\0\xfe\xff\0\0\0a"), WIRE_WIDE_TEXT);
		if (all[i] != FRAMING_NONE)
			expect_wide(all[i], SPAN("\0{\0}\0"), WIRE_WIDE_TEXT);
	}
	expect_wide(FRAMING_DOCUMENT, SPAN("{\0}\0"), WIRE_BAD_JSON);
	expect_wide(FRAMING_LINES, SPAN("{\0}\0\n\0"), WIRE_BAD_JSON);
	/* Bytes that only begin so. */
	expect_wide(FRAMING_NONE,
		    SPAN("\0\0\0\x18"
			 "ftyp"),
		    WIRE_OK);
	expect_wide(FRAMING_NONE, SPAN("\xff\xfb\x90"), WIRE_OK);
	expect_wide(FRAMING_NONE, SPAN("\xff"), WIRE_OK);
	expect_wide(FRAMING_NONE, SPAN("\0"), WIRE_OK);
	expect_wide(FRAMING_SSE,
		    SPAN("\xef\xbb\xbf"
			 "data: x\n\n"),
		    WIRE_OK);
}

Test(wire, an_event_without_its_blank_line_is_judged)
{
	expect(&chat, "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n", CONTENT(0), "x");
	expect(&chat, "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}", CONTENT(0), "x");
	expect(&chat, "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\r", CONTENT(0), "x");
}

Test(wire, the_first_known_payload_tells_the_dialect)
{
	static const struct wire_options unknown = { FRAMING_SSE, DIALECT_UNKNOWN, false, false,
						     65536 };
	static const struct wire_options small = { FRAMING_SSE, DIALECT_UNKNOWN, false, false, 64 };
	expect(&unknown, "data: {\"hello\":1}\n\n" DELTA("x"), CONTENT(0), "x");
	expect(&small, DELTA("xyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyz"), CONTENT(0),
	       "xyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyzxyz");
	expect(&lines, "{\"model\":\"m\",\"message\":{\"content\":\"x\"},\"done\":false}\n",
	       CONTENT(0), "x");
}

Test(wire, lines_that_are_not_json_are_text)
{
	expect(&lines, "one\n\ntwo", (struct channel_id){ CHANNEL_RAW, 0, 0 }, "one\n\ntwo");
}

#define WITH_ID(id, text, rest)                                                             \
	"data: {\"id\":\"" id "\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text \
	"\"},\"x\":\"" rest "\"}]}\n\n"

static void expect_envelope(const char *body, struct span envelope, const char *content)
{
	struct trace t;

	trace_run(&t, &chat, span_of(body), 0, 0);
	struct span got = trace_text(&t, (struct channel_id){ CHANNEL_ENVELOPE, 0, 0 });
	cr_expect_eq(t.error, WIRE_OK);
	cr_expect(span_eq(got, envelope), "%s: %.*s", body, (int)got.n, got.p);
	cr_expect(span_eq(trace_text(&t, CONTENT(0)), span_of(content)));
	trace_fini(&t);
	trace_splits(body, &chat, span_of(body), 4096);
}

Test(wire, an_envelope_is_said_once_while_it_stays_the_same)
{
	expect_envelope(WITH_ID("i", "a", "r") WITH_ID("i", "b\\n", "r") WITH_ID("i", "", "r"),
			SPAN("i\0r\0"), "ab\n");
	expect_envelope(WITH_ID("i", "a", "r") WITH_ID("i", "b", "s") WITH_ID("i", "c", "s"),
			SPAN("i\0r\0s\0s\0"), "abc");
	expect_envelope(WITH_ID("i", "a", "r") WITH_ID("j", "b", "r") WITH_ID("i", "c", "r"),
			SPAN("i\0r\0j\0r\0i\0"), "abc");
	expect_envelope(WITH_ID("i", "a", "r") ": ping\n\n" WITH_ID("i", "b", "r\\n"),
			SPAN("i\0r\0r\n\0"), "ab");
}

Test(wire, a_frame_like_the_last_one_may_still_be_wrong)
{
	expect_error(&chat, WITH_ID("i", "a", "r") WITH_ID("i", "b\\x", "r"), WIRE_BAD_JSON);
	expect_error(&chat, WITH_ID("i", "a", "r") WITH_ID("i", "b\x01", "r"), WIRE_BAD_JSON);
	expect_error(
		&chat,
		WITH_ID("i", "a",
			"r") "data: {\"id\":\"i\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\n\n",
		WIRE_BAD_JSON);
}

Test(wire, an_index_after_the_text_counts_in_a_frame_like_the_last_one)
{
	static const char body[] =
		"data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"index\":0}]}\n\n"
		"data: {\"choices\":[{\"delta\":{\"content\":\"y\"},\"index\":1}]}\n\n"
		"data: {\"choices\":[{\"delta\":{\"content\":\"z\"},\"index\":1}]}\n\n"
		"data: {\"choices\":[{\"delta\":{\"content\":\"w\"},\"index\":0}]}\n\n";
	expect(&chat, body, CONTENT(0), "xw");
	expect(&chat, body, CONTENT(1), "yz");
}

static void expect_names(const struct wire_options *o, const char *body, const char *names)
{
	struct trace t;
	struct buf got = { 0 };
	trace_run(&t, o, span_of(body), 0, 0);
	trace_join(&t, CHANNEL_TOOL_NAME, &got);
	cr_expect_eq(t.error, WIRE_OK);
	for (size_t i = 0; i < got.n; i++)
		got.p[i] = got.p[i] ? got.p[i] : ',';
	cr_expect(span_eq((struct span){ got.p, got.n }, span_of(names)), "got [%.*s] of %s",
		  (int)got.n, got.p, body);
	buf_fini(&got);
	trace_fini(&t);
	trace_splits(body, o, span_of(body), 4096);
}

#define NAMED(i, name)                                                              \
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":" i \
	",\"id\":\"c" i "\",\"type\":\"function\",\"function\":{\"name\":\"" name   \
	"\",\"arguments\":\"\"}}]}}]}\n\n"
#define EVENT(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"," rest "}\n\n"

Test(wire, names_of_tools_are_told_apart)
{
	static const struct wire_options responses = { FRAMING_SSE, DIALECT_RESPONSES, false, false,
						       65536 };
	static const struct wire_options messages = { FRAMING_SSE, DIALECT_MESSAGES, false, false,
						      65536 };
	static const struct wire_options gemini = { FRAMING_SSE, DIALECT_GEMINI, false, false,
						    65536 };
	static const struct wire_options ollama = { FRAMING_LINES, DIALECT_OLLAMA, false, false,
						    65536 };
	expect_names(&chat, NAMED("0", "read") CALL("{}") NAMED("1", "del\\u0065te"),
		     "read,delete,");
	expect_names(&chat_small, NAMED("0", "read") CALL("{}") NAMED("1", "delete"),
		     "read,delete,");
	expect_names(
		&responses,
		EVENT("response.output_item.added",
		      "\"output_index\":1,\"item\":{\"type\":\"function_call\",\"name\":\"read\"}")
			EVENT("response.output_item.done",
			      "\"output_index\":1,\"item\":{\"type\":\"function_call\","
			      "\"arguments\":\"{}\",\"name\":\"read\"}"),
		"read,");
	expect_names(
		&messages,
		EVENT("content_block_start",
		      "\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"name\":\"read\"}")
			EVENT("content_block_stop", "\"index\":0")
				EVENT("content_block_start",
				      "\"index\":1,\"content_block\":{\"type\":\"tool_use\","
				      "\"name\":\"delete\"}"),
		"read,delete,");
	expect_names(
		&gemini,
		"data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"read\","
		"\"args\":{\"a\":1}}}]},\"index\":0}]}\n\n",
		"read,");
	expect_names(
		&ollama,
		"{\"message\":{\"tool_calls\":[{\"function\":{\"name\":\"read\",\"arguments\":{}}}]},"
		"\"done\":true}\n",
		"read,");
}
