/* Budgets in the gate: what leaves before one breaks, at every split. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/gate.h"

#define EVENT(text) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define REPORT                                                                         \
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}],\"usage\":{" \
	"\"completion_tokens\":900}}\n\n"

static const char rules[] =
	"version: 1\n"
	"rules:\n"
	"  - {id: word, title: t, remedy: r, severity: low, action: cut, regex: '(forbid)den'}\n";
static const char stream[] = EVENT("one ") EVENT("two ") EVENT("three ") EVENT("four ");
static const size_t one = sizeof(EVENT("one ")) - 1, two = sizeof(EVENT("two ")) - 1;

static struct ruleset *set;
static struct gate_scratch scratch;

static void load_as(const char *mode)
{
	struct buf text = { 0 }, errors = { 0 };
	buf_add_text(&text, mode);
	buf_add_text(&text, rules);
	if (ruleset_parse("test", (struct span){ text.p, text.n }, &set, &errors) != 0)
		cr_assert_fail("%.*s", (int)errors.n, errors.p);
	cr_assert_eq(gate_scratch_init(&scratch, set), 0);
	buf_fini(&errors);
	buf_fini(&text);
}

static void load(void)
{
	load_as("");
}

static void unload(void)
{
	gate_scratch_fini(&scratch);
	ruleset_unref(set);
}

TestSuite(gate_budget, .init = load, .fini = unload);

static struct gate_options options(const struct budget_limits *limits, enum framing framing,
				   uint32_t frame)
{
	return (struct gate_options){ .ruleset = set,
				      .framing = framing,
				      .dialect = framing ? DIALECT_CHAT : DIALECT_UNKNOWN,
				      .frame_bytes = frame,
				      .document_bytes = frame,
				      .limits = limits };
}

/* What left, when the first part has `first` bytes and the others `size`. */
static size_t play(const struct gate_options *o, struct span in, size_t first, size_t size,
		   char reason[64])
{
	struct gate *g = gate_new(o);
	struct gate_out out;
	enum gate_state state = GATE_OPEN;
	for (size_t at = 0, part = first; at < in.n && state == GATE_OPEN; part = size) {
		part = min_size(part, in.n - at);
		state = gate_feed(g, &scratch, in.p + at, part, &out);
		at += part;
	}
	if (state == GATE_OPEN)
		state = gate_finish(g, &scratch, &out);
	size_t left = (size_t)gate_record(g)->released;
	strcpy(reason, gate_reason(g));
	gate_free(g);
	return left;
}

static void expect(const struct gate_options *o, const char *body, size_t released,
		   const char *reason)
{
	struct span in = span_of(body);
	char why[64];
	for (size_t first = 1; first <= in.n; first++) {
		cr_expect_eq(play(o, in, first, in.n, why), released, "first %zu", first);
		cr_expect_str_eq(why, reason, "first %zu", first);
	}
	for (size_t size = 1; size < 70; size += 3) {
		cr_expect_eq(play(o, in, size, size, why), released, "parts of %zu", size);
		cr_expect_str_eq(why, reason, "parts of %zu", size);
	}
}

Test(gate_budget, bytes_leave_in_whole_frames)
{
	struct budget_limits l = { .output_bytes = one + two };
	struct gate_options o = options(&l, FRAMING_SSE, 65536);
	expect(&o, stream, one + two, "budget_output_bytes");
	l.output_bytes--;
	expect(&o, stream, one, "budget_output_bytes");
	l.output_bytes = sizeof(stream) - 1;
	expect(&o, stream, sizeof(stream) - 1, "");
}

Test(gate_budget, bytes_of_a_body_without_frames)
{
	struct budget_limits l = { .output_bytes = 10 };
	struct gate_options o = options(&l, FRAMING_NONE, 65536);
	expect(&o, "a text that is longer than that", 10, "budget_output_bytes");
}

Test(gate_budget, tokens_and_what_is_reported_of_them)
{
	struct budget_limits l = { .output_tokens = 2 };
	struct gate_options o = options(&l, FRAMING_SSE, 65536);
	expect(&o, stream, one + two, "budget_output_tokens");
	l.output_tokens = 500;
	expect(&o, EVENT("one ") REPORT EVENT("two "), one, "budget_output_tokens");
}

/* The day's rest shrinks between two reads: the next text is not let out. */
Test(gate_budget, what_the_day_has_left)
{
	const struct budget_price price = { .output = 1000000 }; /* 1,000 nano a token */
	struct gate_options o = options(NULL, FRAMING_SSE, 65536);
	o.price = &price;
	struct gate *g = gate_new(&o);
	struct gate_out out;
	gate_allow(g, BUDGET_DAILY, 3000);
	cr_assert_eq(gate_feed(g, &scratch, stream, one, &out), GATE_OPEN);
	gate_allow(g, BUDGET_DAILY, 500);
	cr_assert_eq(gate_feed(g, &scratch, stream + one, sizeof(stream) - 1 - one, &out),
		     GATE_CUT);
	cr_assert_eq(gate_record(g)->released, one);
	cr_assert_str_eq(gate_reason(g), "budget_daily");
	cr_assert_eq(gate_broken(g), BUDGET_DAILY);
	cr_assert(gate_at_boundary(g));
	gate_free(g);
	o.price = NULL;
	g = gate_new(&o);
	gate_allow(g, BUDGET_DAILY, 0); /* nothing is known of costs */
	gate_guess_input(g, 1);
	cr_assert_eq(gate_feed(g, &scratch, stream, one, &out), GATE_OPEN);
	gate_free(g);
}

Test(gate_budget, inside_a_frame_that_is_too_long_to_keep)
{
	struct budget_limits l = { .output_tokens = 12 };
	struct gate_options o = options(&l, FRAMING_SSE, 64);
	static const char body[] = EVENT(
		"a b c d e f g h i j k l m and a text that goes on, longer than a frame may be");
	expect(&o, body, (size_t)(strstr(body, " m and") + 1 - body), "budget_output_tokens");
}

Test(gate_budget, the_rule_that_broke_before_it_wins)
{
	struct budget_limits l = { .output_tokens = 3 };
	struct gate_options o = options(&l, FRAMING_SSE, 65536);
	expect(&o, EVENT("one ") EVENT("forbidden ") EVENT("three ") EVENT("four "), one, "word");
	expect(&o, EVENT("one ") EVENT("two ") EVENT("three forbidden "), one + two,
	       "budget_output_tokens");
}

/* What waits for a rule's decision stays behind when the budget breaks. */
Test(gate_budget, what_is_held_stays)
{
	struct budget_limits l = { .output_tokens = 2 };
	struct gate_options o = options(&l, FRAMING_NONE, 65536);
	expect(&o, "one two three", 8, "budget_output_tokens");
}

Test(gate_budget, a_policy_that_monitors_cuts_nothing)
{
	unload();
	load_as("mode: monitor\n");
	struct budget_limits l = { .output_tokens = 2 };
	struct gate_options o = options(&l, FRAMING_SSE, 65536);
	expect(&o, stream, sizeof(stream) - 1, "");
	struct gate *g = gate_new(&o);
	struct gate_out out;
	cr_assert_eq(gate_feed(g, &scratch, stream, sizeof(stream) - 1, &out), GATE_OPEN);
	cr_assert_eq(gate_broken(g), BUDGET_OUTPUT_TOKENS);
	gate_free(g);
}
