/* proxy/gate_edit.c, through the gate: redacted streams leave the same for every split, however the
 * gate had to hold them. Secret-looking strings are put together at run time. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "tests/proxy/gate_play.h"

#define LEAD "red_"
#define SECRET     \
	"a0b1c2d3" \
	"e4f5g6h7"

static const char rules[] =
	"version: 1\n"
	"rules:\n"
	"  - {id: red, title: t, severity: high, action: redact, regex: '\\bred_([a-z0-9]{16})\\b'}\n"
	"  - {id: token, title: t, severity: high, action: cut, regex: '\\btok_([a-z0-9]{16})\\b'}\n"
	"  - {id: late, title: t, severity: high, action: redact, hold: window 12, regex: 'w[0-9]{8}w'}\n";

static void load(void)
{
	gate_rules_load(rules);
}

TestSuite(gate_edit, .init = load, .fini = gate_rules_unload);

static void leaves(const struct run *r, const struct buf *wanted)
{
	cr_assert(r->out.n == wanted->n && memcmp(r->out.p, wanted->p, wanted->n) == 0,
		  "%.*s\nnot\n%.*s", (int)r->out.n, r->out.p, (int)wanted->n, wanted->p);
}

static void add_event(struct buf *b, const char *user, const char *text)
{
	buf_printf(b,
		   "data: {\"id\":\"c1\",\"model\":\"m\",\"user\":\"%s\",\"choices\":[{\"index\":0,"
		   "\"delta\":{\"content\":\"%s\"}}]}\n\n",
		   user, text);
}

static struct span bytes(const struct buf *b)
{
	return (struct span){ b->p, b->n };
}

static const struct gate_options chat = { .framing = FRAMING_SSE,
					  .dialect = DIALECT_CHAT,
					  .frame_bytes = 16384,
					  .document_bytes = 65536 };
static const struct gate_options plain = { .framing = FRAMING_NONE, .frame_bytes = 16384 };

Test(gate_edit, events_go_on_around_the_mask)
{
	static const char *const in_texts[] = { "clean ",    "key " LEAD "a0b1", "c2d3",
						"e4f5g6h7 ", LEAD SECRET ",",    " end" };
	static const char *const out_texts[] = { "clean ", "key " LEAD MASK, "",
						 " ",      LEAD MASK ",",    " end" };
	struct buf in = { 0 }, wanted = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(in_texts); i++) {
		add_event(&in, "u", in_texts[i]);
		add_event(&wanted, "u", out_texts[i]);
	}
	buf_add_text(&in, ": a comment\n\ndata: [DONE]\n\n");
	buf_add_text(&wanted, ": a comment\n\ndata: [DONE]\n\n");
	struct run r = every_split(chat, bytes(&in));
	cr_assert_eq(r.state, GATE_OPEN);
	leaves(&r, &wanted);
	cr_assert_eq(r.record.redactions, 2);
	cr_assert_eq(r.record.redacted, 32);
	cr_assert_eq(r.record.released, in.n);
	run_fini(&r);
	buf_fini(&in);
	buf_fini(&wanted);
}

Test(gate_edit, long_events_are_edited_as_they_leave)
{
	struct gate_options options = chat;
	struct buf in = { 0 }, wanted = { 0 }, a = { 0 }, b = { 0 };
	options.frame_bytes = 256;
	for (int i = 0; i < 30; i++) {
		buf_add_text(&a, i % 10 == 5 ? LEAD SECRET " " : "clean text ");
		buf_add_text(&b, i % 10 == 5 ? LEAD MASK " " : "clean text ");
	}
	buf_add_text(&a, LEAD "\\u0061"
			      "0b1c2d3e4f5g6h7");
	buf_add_text(&b, LEAD MASK);
	buf_add_char(&a, '\0');
	buf_add_char(&b, '\0');
	add_event(&in, "u", a.p);
	add_event(&wanted, "u", b.p);
	struct run r = every_split(options, bytes(&in));
	cr_assert_eq(r.state, GATE_OPEN);
	leaves(&r, &wanted);
	cr_assert_eq(r.record.redactions, 4);
	run_fini(&r);
	buf_fini(&in);
	buf_fini(&wanted);
	buf_fini(&a);
	buf_fini(&b);
}

Test(gate_edit, plain_text_and_windows)
{
	struct buf wanted = { 0 };
	buf_add_text(&wanted, "one " LEAD MASK " two [redacted] three " LEAD MASK);
	struct run r =
		every_split(plain, SPAN("one " LEAD SECRET " two w12345678w three " LEAD SECRET));
	cr_assert_eq(r.state, GATE_OPEN);
	leaves(&r, &wanted);
	run_fini(&r);
	buf_fini(&wanted);
}

Test(gate_edit, a_document_stays_one)
{
	struct gate_options options = chat;
	struct json *j = NULL;
	options.framing = FRAMING_DOCUMENT;
	struct run r = every_split(
		options,
		SPAN("{\"id\":\"x\",\"choices\":[{\"index\":0,\"message\":{\"content\":\"my " LEAD
			     SECRET "\"}}],\"usage\":{\"total_tokens\":9}}"));
	cr_assert_eq(r.state, GATE_OPEN);
	cr_assert_eq(json_parse(bytes(&r.out), &j), 0);
	const struct json_value *choice = json_at(json_get(json_root(j), "choices"), 0);
	struct span said = json_string(json_get(json_get(choice, "message"), "content"));
	cr_assert(span_eq(said, SPAN("my " LEAD MASK)));
	cr_assert_eq(json_number(json_get(json_get(json_root(j), "usage"), "total_tokens")), 9);
	json_free(j);
	run_fini(&r);
}

Test(gate_edit, a_cut_after_a_redaction_ends_properly)
{
	struct buf in = { 0 }, wanted = { 0 };
	add_event(&in, "some-user-name", "a " LEAD SECRET " ");
	add_event(&wanted, "some-user-name", "a " LEAD MASK " ");
	add_event(&in, "some-user-name",
		  "b tok_a0b1c2d3"
		  "e4f5g6h7 c");
	struct run r = every_split(chat, bytes(&in));
	cr_assert_eq(r.state, GATE_CUT);
	leaves(&r, &wanted);
	cr_assert_eq(r.end_error, 0);
	buf_add_char(&r.ending, '\0');
	cr_assert_not_null(strstr(r.ending.p, "content_filter"));
	run_fini(&r);
	buf_fini(&in);
	buf_fini(&wanted);
}

Test(gate_edit, an_ending_does_not_repeat_what_was_redacted)
{
	struct buf in = { 0 }, wanted = { 0 };
	add_event(&in, LEAD SECRET, "a");
	add_event(&wanted, LEAD MASK, "a");
	add_event(&in, LEAD SECRET,
		  "b tok_a0b1c2d3"
		  "e4f5g6h7 c");
	struct run r = every_split(chat, bytes(&in));
	cr_assert_eq(r.state, GATE_CUT);
	leaves(&r, &wanted);
	cr_assert_eq(r.end_error, -ENOTSUP);
	cr_assert_eq(r.ending.n, 0);
	run_fini(&r);
	buf_fini(&in);
	buf_fini(&wanted);
}

Test(gate_edit, failing_open_still_redacts_what_was_found)
{
	struct gate_options options = chat;
	struct buf in = { 0 }, wanted = { 0 };
	options.fail_open = true;
	add_event(&in, "u", "a " LEAD SECRET " b");
	add_event(&wanted, "u", "a " LEAD MASK " b");
	buf_add_text(&in, "data: {\"choices\":[}\n\n");
	buf_add_text(&wanted, "data: {\"choices\":[}\n\n");
	struct run r = { 0 };
	struct gate_out o;
	options.ruleset = set;
	struct gate *g = gate_new(&options);
	cr_assert_eq(gate_feed(g, &scratch, in.p, in.n, &o), GATE_PASSED);
	buf_add(&r.out, o.old.p, o.old.n);
	buf_add(&r.out, o.fresh.p, o.fresh.n);
	leaves(&r, &wanted);
	gate_free(g);
	run_fini(&r);
	buf_fini(&in);
	buf_fini(&wanted);
}

Test(gate_edit, time_over_is_cut_as_for_any_hold)
{
	struct gate_options options = plain;
	struct gate_out o;
	options.ruleset = set;
	struct span in = SPAN("x " LEAD "a0b1c2d3");
	struct gate *g = gate_new(&options);
	cr_assert_eq(gate_feed(g, &scratch, in.p, in.n, &o), GATE_OPEN);
	cr_assert(gate_holding(g));
	cr_assert_eq(gate_expire(g, &scratch, &o), GATE_CUT);
	cr_assert_leq(gate_record(g)->released, 6);
	gate_free(g);
	/* A window that was given up has let its text go: what is found in it then is cut. */
	in = SPAN("x w1234");
	g = gate_new(&options);
	cr_assert_eq(gate_feed(g, &scratch, in.p, in.n, &o), GATE_OPEN);
	cr_assert_eq(gate_expire(g, &scratch, &o), GATE_OPEN);
	cr_assert_eq(gate_record(g)->released, in.n);
	cr_assert_eq(gate_feed(g, &scratch, "5678w and more", 14, &o), GATE_CUT);
	gate_free(g);
}

Test(gate_edit, observing_edits_nothing)
{
	struct gate_options options = chat;
	struct buf in = { 0 };
	options.observe = true;
	add_event(&in, "u", LEAD SECRET " ");
	struct run r = every_split(options, bytes(&in));
	leaves(&r, &in);
	cr_assert_eq(r.record.redactions, 0);
	run_fini(&r);
	buf_fini(&in);
}

/* Random streams out of what the rules are sensitive to, in four texts at once. */
static const char *const crumbs[] = { " red_a0b1",     "c2d3e4f5",
				      "g6h7 ",         " red_a0b1c2d3",
				      "e4f5g6h7 ",     " tok_a0b1",
				      " w1234",        "5678w ",
				      " w12345678w ",  " " LEAD SECRET " ",
				      "red_",          "\\u0061",
				      "0b1c2d3",       "\\n",
				      " w12345678w ",  "x",
				      " tok_a0b1c2d3", " red_\\u00610b1c2d3" };

static unsigned next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*seed >> 33);
}

static void random_crumbs(struct buf *b, uint64_t *seed)
{
	for (unsigned n = next_random(seed) % 6; n; n--)
		buf_add_text(b, crumbs[next_random(seed) % ARRAY_LEN(crumbs)]);
}

/* In arguments the crumbs' escapes are of the inner layer, and an event may end inside one, unless
 * it is a long one: those are refused. */
static void random_arguments(struct buf *b, uint64_t *seed, bool divide)
{
	struct buf text = { 0 };
	random_crumbs(&text, seed);
	for (size_t i = 0; i < text.n; i++) {
		buf_add_text(b, text.p[i] == '\\' ? "\\" : "");
		buf_add_char(b, text.p[i]);
		if (divide && next_random(seed) % 8 == 0)
			buf_add_text(b,
				     "\"}}]}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{"
				     "\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"");
	}
	buf_fini(&text);
}

static void random_event(struct buf *b, uint64_t *seed, bool divide)
{
	static const char *const opens[] = {
		"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"",
		"data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"",
		"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"arguments\":\"",
		"data: {\"user\":\"",
	};
	static const char *const ends[] = { "\"}}]}\n\n", "\"}}]}\n\n", "\"}}]}}]}\n\n",
					    "\"}\n\n" };
	unsigned place = next_random(seed) % ARRAY_LEN(opens);
	buf_add_text(b, opens[place]);
	if (place == 2)
		random_arguments(b, seed, divide);
	else
		random_crumbs(b, seed);
	buf_add_text(b, ends[place]);
}

static void payloads_are_json(struct span all)
{
	for (const char *end; (end = memchr(all.p, '\n', all.n));) {
		struct span line = { all.p, (size_t)(end - all.p) };
		struct json *j = NULL;
		if (line.n > 6 && memcmp(line.p, "data: ", 6) == 0)
			cr_assert_eq(json_parse((struct span){ line.p + 6, line.n - 6 }, &j), 0,
				     "%.*s", (int)line.n, line.p);
		json_free(j);
		all = (struct span){ end + 1, all.n - line.n - 1 };
		if (all.n == 0)
			break;
	}
}

Test(gate_edit, random_streams)
{
	uint64_t seed = 11, redactions = 0, cuts = 0;
	for (int round = 0; round < 3000; round++) {
		struct gate_options options = chat;
		struct buf in = { 0 };
		options.frame_bytes = round % 4 ? 16384 : 128;
		for (unsigned n = 3 + next_random(&seed) % 12; n; n--)
			random_event(&in, &seed, round % 4);
		struct run whole = play(options, bytes(&in), in.n, in.n);
		for (int way = 0; way < 4; way++) {
			size_t first = 1 + next_random(&seed) % in.n;
			size_t size = way ? 1 + next_random(&seed) % 200 : 1;
			struct run r = play(options, bytes(&in), way ? first : 1, size);
			cr_assert_eq(r.state, whole.state, "round %d way %d", round, way);
			cr_assert(r.out.n == whole.out.n &&
					  (!r.out.n || memcmp(r.out.p, whole.out.p, r.out.n) == 0),
				  "round %d, %zu then %zu:\n%.*s\n\nnot\n%.*s\n\nof\n%.*s", round,
				  first, size, (int)r.out.n, r.out.p, (int)whole.out.n, whole.out.p,
				  (int)in.n, in.p);
			cr_assert_eq(r.record.redacted, whole.record.redacted);
			run_fini(&r);
		}
		struct gate_options again = options;
		again.observe = true;
		struct run rest = play(again, bytes(&whole.out), whole.out.n, 1);
		cr_assert_eq(rest.cards, 0, "round %d: a secret is left in\n%.*s\n\nof\n%.*s",
			     round, (int)whole.out.n, whole.out.p, (int)in.n, in.p);
		run_fini(&rest);
		redactions += whole.record.redactions;
		cuts += whole.state == GATE_CUT;
		if (whole.end_error == 0 && whole.out.n)
			payloads_are_json(bytes(&whole.out));
		run_fini(&whole);
		buf_fini(&in);
	}
	cr_assert_gt(redactions, 300, "the streams hardly test anything: %lu", redactions);
	cr_assert_gt(cuts, 100, "the streams hardly test anything: %lu", cuts);
}
