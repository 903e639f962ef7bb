/* Events that look like earlier ones: what is read at once says what a reading token by token says.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/wire_trace.h"

static const struct wire_options chat = { FRAMING_SSE, DIALECT_CHAT, false, false, 65536 };
static const struct wire_options responses = { FRAMING_SSE, DIALECT_RESPONSES, false, false,
					       65536 };

#define CONTENT(i) ((struct channel_id){ CHANNEL_CONTENT, (i), 0 })
#define ENVELOPE ((struct channel_id){ CHANNEL_ENVELOPE, 0, 0 })
#define EVENT(created, index, text, pad)                                \
	"data: {\"created\":" created ",\"choices\":[{\"index\":" index \
	",\"delta\":{\"content\":\"" text "\"}}],\"pad\":\"" pad "\",\"n\":" created "}\n\n"
#define CALL(text)                                                                  \
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0," \
	"\"function\":{\"arguments\":\"" text "\"}}]}}]}\n\n"
#define DELTA(number, text)                                                                       \
	"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\","      \
	"\"sequence_number\":" number ",\"output_index\":0,\"content_index\":0,\"delta\":\"" text \
	"\"}\n\n"

static void expect(const struct wire_options *o, const char *body, struct channel_id id,
		   struct span text)
{
	struct trace t;

	trace_run(&t, o, span_of(body), 0, 0);
	struct span got = trace_text(&t, id);
	cr_expect_eq(t.error, WIRE_OK, "%s: %s", body, wire_error_names[t.error]);
	cr_expect(span_eq(got, text), "got [%.*s], expected [%.*s] of %s", (int)got.n, got.p,
		  (int)text.n, text.p, body);
	trace_fini(&t);
	trace_splits(body, o, span_of(body), 4096);
}

static void expect_error(const char *body, enum wire_error error)
{
	struct trace t;

	trace_run(&t, &chat, span_of(body), 0, 0);
	cr_expect_eq(t.error, error, "%s: %s", body, wire_error_names[t.error]);
	trace_fini(&t);
	trace_splits(body, &chat, span_of(body), 4096);
}

Test(wire_memo, numbers_and_strings_change)
{
	static const char body[] = EVENT("17", "0", "a", "x") EVENT("18", "0", "b\\n", "y\\u00e9z")
		EVENT("1234567890123456789", "0", "", "") EVENT("0", "0", "\\ud83d\\ude00c", "x");
	expect(&chat, body, CONTENT(0),
	       SPAN("ab\n\xf0\x9f\x98\x80"
		    "c"));
	expect(&chat, body, ENVELOPE, SPAN("x\0y\xc3\xa9z\0\0"));
}

Test(wire_memo, other_channels_are_other_shapes)
{
	static const char body[] = EVENT("1", "0", "a", "x") EVENT("1", "1", "b", "x")
		EVENT("1", "0", "c", "x") EVENT("1", "1", "d", "x") EVENT("1", "2", "e", "x")
			EVENT("1", "0", "f", "x");
	expect(&chat, body, CONTENT(0), SPAN("acf"));
	expect(&chat, body, CONTENT(1), SPAN("bd"));
	expect(&chat, body, CONTENT(2), SPAN("e"));
}

Test(wire_memo, what_the_grammar_refuses_stays_refused)
{
	expect_error(EVENT("17", "0", "a", "x") EVENT("08", "0", "b", "x"), WIRE_BAD_JSON);
	expect_error(EVENT("17", "0", "a", "x") EVENT("", "0", "b", "x"), WIRE_BAD_JSON);
	expect_error(EVENT("17", "0", "a", "x") EVENT("1x", "0", "b", "x"), WIRE_BAD_JSON);
	expect_error(EVENT("17", "0", "a", "x") EVENT("17", "0", "b\\q", "x"), WIRE_BAD_JSON);
	expect_error(EVENT("17", "0", "a", "x") EVENT("17", "0", "b", "\\u12"), WIRE_BAD_JSON);
	expect_error(EVENT("17", "0", "a", "x") EVENT("17", "0", "b", "\t"), WIRE_BAD_JSON);
	expect(&chat, EVENT("17", "0", "a", "x") EVENT("-1.5e3", "0", "b", "x"), CONTENT(0),
	       SPAN("ab"));
}

#define NAMED(id, text)                                                                     \
	"data: {\"id\":\"" id "\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text \
	"\"}}]}\n\n"

Test(wire_memo, an_ending_repeats_the_first_id)
{
	static const char body[] = NAMED("i", "a") NAMED("j", "b") NAMED("k", "c") NAMED("k", "d");
	struct wire *w = wire_new(&chat);
	struct wire_notice notice = { SPAN("e"), SPAN("r"), SPAN("m") };
	struct pieces v = { 0 };
	struct buf out = { 0 };

	expect(&chat, body, CONTENT(0), SPAN("abcd"));
	expect(&chat, body, ENVELOPE, SPAN("i\0j\0k\0k\0"));
	cr_assert_eq(wire_feed(w, body, sizeof body - 1, &v), sizeof body - 1);
	cr_assert_eq(wire_end(w, ENDING_REFUSAL, sizeof body - 1, &notice, &out), 0);
	cr_expect(memmem(out.p, out.n, "\"id\":\"i\"", 8), "%.*s", (int)out.n, out.p);
	buf_fini(&out);
	pieces_fini(&v);
	wire_free(w);
}

Test(wire_memo, lines_have_shapes)
{
	static const struct wire_options lines = { FRAMING_LINES, DIALECT_OLLAMA, false, false,
						   65536 };
	static const char body[] =
		"{\"created_at\":\"1\",\"message\":{\"content\":\"a\"},\"done\":false}\n"
		"{\"created_at\":\"2\",\"message\":{\"content\":\"b\\n\"},\"done\":false}\r\n"
		"{\"created_at\":\"3\",\"message\":{\"content\":\"c\"},\"done\":false}\n"
		"{\"created_at\":\"4\",\"message\":{\"content\":\"d\"},\"done\":true}\n";
	expect(&lines, body, CONTENT(0), SPAN("ab\ncd"));
	expect(&lines, body, ENVELOPE,
	       SPAN("1\0"
		    "2\0"
		    "3\0"
		    "4\0"));
}

Test(wire_memo, white_space_before_a_payload_is_always_text)
{
	static const char body[] = "data:  {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"
				   "data:  {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\n";
	expect(&chat, body, CONTENT(0), SPAN("ab"));
	expect(&chat, body, (struct channel_id){ CHANNEL_RAW, 0, 0 }, SPAN("  "));
}

Test(wire_memo, an_empty_text_says_no_channel)
{
	expect(&chat,
	       EVENT("1", "0", "", "x") EVENT("1", "0", "", "x") EVENT("1", "0", "a", "x")
		       EVENT("1", "0", "b", "x"),
	       CONTENT(0), SPAN("ab"));
}

Test(wire_memo, arguments_of_two_layers)
{
	static const struct channel_id args = { CHANNEL_ARGUMENTS, 0, 0 };
	expect(&chat,
	       CALL("{\\\"a\\\":\\\"") CALL("b\\\\nc\\\\\\\"d\\\\\\\\") CALL("\\\\u00")
		       CALL("e9\\\\") CALL("t") CALL("\\\\ud83d") CALL("\\\\ude00\\\"}"),
	       args, SPAN("{\"a\":\"b\nc\"d\\\xc3\xa9\t\xf0\x9f\x98\x80\"}"));
}

/* The raw bytes of an escape's first half are told: with them a quote is known not to delimit. */
Test(wire_memo, a_divided_escape_is_told)
{
	static const char body[] = CALL("a") CALL("b\\\\") CALL("\\\"c");
	struct wire *w = wire_new(&chat);
	struct pieces v = { 0 };
	unsigned told = 0;
	cr_assert_eq(wire_feed(w, body, sizeof(body) - 1, &v), sizeof(body) - 1);
	for (size_t i = 0; i < v.n; i++)
		told += v.v[i].kind == PIECE_TEXT && !v.v[i].text_len && v.v[i].raw_len == 2;
	cr_assert_eq(told, 1);
	pieces_fini(&v);
	wire_free(w);
}

Test(wire_memo, an_ended_channel_ends_the_shape)
{
	static const char stop[] =
		"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
	char body[1024];

	snprintf(body, sizeof body, "%s%s%s%s", EVENT("1", "0", "a", "x"),
		 EVENT("1", "0", "b", "x"), stop, EVENT("1", "0", "c", "x"));
	expect_error(body, WIRE_AFTER_END);
}

Test(wire_memo, an_ending_goes_on_from_the_last_number)
{
	static const char body[] = DELTA("7", "a") DELTA("8", "b") DELTA("41", "c");
	struct wire *w = wire_new(&responses);
	struct wire_notice notice = { SPAN("e"), SPAN("r"), SPAN("m") };
	struct pieces v = { 0 };
	struct buf out = { 0 };

	expect(&responses, body, CONTENT(0), SPAN("abc"));
	cr_assert_eq(wire_feed(w, body, sizeof body - 1, &v), sizeof body - 1);
	cr_assert_eq(wire_end(w, ENDING_REFUSAL, sizeof body - 1, &notice, &out), 0);
	cr_expect(memmem(out.p, out.n, "\"sequence_number\":42", 20), "%.*s", (int)out.n, out.p);
	buf_fini(&out);
	pieces_fini(&v);
	wire_free(w);
}

Test(wire_memo, long_strings_and_many_holes)
{
	struct buf body = { 0 }, want = { 0 };

	for (int i = 0; i < 12; i++) {
		buf_printf(&body, "data: {\"n\":%d,\"l\":[", i);
		for (int k = 0; k < 3 * (i / 3); k++)
			buf_printf(&body, "%d,\"%d\",", i + k, i + k);
		buf_printf(&body, "0],\"choices\":[{\"index\":0,\"delta\":{\"content\":\"");
		for (int k = 0; k < i * 40; k++) {
			buf_add_text(&body, k % 33 ? "k" : "\\\"");
			buf_add_char(&want, k % 33 ? 'k' : '"');
		}
		buf_add_text(&body, "\"}}]}\n\n");
	}
	buf_add_char(&body, '\0');
	cr_assert(!body.failed && !want.failed);
	expect(&chat, body.p, CONTENT(0), (struct span){ want.p, want.n });
	trace_splits("long", &chat, span_of(body.p), body.n);
	buf_fini(&body);
	buf_fini(&want);
}
