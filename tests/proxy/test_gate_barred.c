/* A barred gate: everything is judged and kept, until it is admitted or refused. */
#include "tests/proxy/gate_play.h"

static const char rules[] =
	"version: 1\n"
	"rules:\n"
	"  - {id: token, title: t, remedy: r, severity: high, action: cut, regex: '\\b(tok_[a-z0-9]{16})\\b'}\n"
	"  - {id: name, title: t, remedy: r, severity: low, action: redact, regex: 'name=([a-z]{3,9});'}\n";

static void load(void)
{
	gate_rules_load(rules);
}

TestSuite(gate_barred, .init = load, .fini = gate_rules_unload);

static struct buf in, tapped;

static void add_event(const char *text)
{
	buf_add_text(
		&in,
		"data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":"
		"[{\"index\":0,\"delta\":{\"content\":\"");
	buf_add_json(&in, span_of(text));
	buf_add_text(&in, "\"},\"finish_reason\":null}]}\n\n");
}

static void tap(void *owner, const struct wire *wire, const struct piece *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].kind == PIECE_TEXT &&
		    wire_channel(wire, v[i].channel).kind == CHANNEL_CONTENT)
			buf_add(owner, piece_text(&v[i]), v[i].text_len);
}

static struct gate *open_gate(enum framing framing)
{
	const struct gate_options options = { .ruleset = set,
					      .framing = framing,
					      .dialect = DIALECT_CHAT,
					      .frame_bytes = 16384,
					      .document_bytes = 65536,
					      .tap = { tap, &tapped },
					      .barred = true };
	return gate_new(&options);
}

static void feed_all(struct gate *g, size_t first, size_t size)
{
	struct gate_out o;
	for (size_t at = 0, part = first; at < in.n; at += part, part = size) {
		part = min_size(part, in.n - at);
		(void)gate_feed(g, &scratch, in.p + at, part, &o);
		cr_assert_eq(o.old.n + o.fresh.n, 0);
		cr_assert_eq(gate_record(g)->released, 0);
	}
}

static void fini(struct gate *g)
{
	gate_free(g);
	buf_fini(&in);
	buf_fini(&tapped);
}

static void check_admitted(size_t first, size_t size, size_t leaves)
{
	struct gate_out o;
	struct gate *g = open_gate(FRAMING_SSE);
	buf_clear(&tapped);
	feed_all(g, first, size);
	cr_assert_eq(gate_finish(g, &scratch, &o), GATE_OPEN);
	cr_assert_eq(o.old.n + o.fresh.n, 0);
	cr_assert_eq(gate_record(g)->judged, in.n);
	cr_assert_eq(gate_admit(g, &o), GATE_OPEN);
	cr_assert_eq(o.old.n + o.fresh.n, leaves, "at %zu/%zu", first, size);
	cr_assert_eq(gate_record(g)->released, in.n);
	cr_assert(span_eq((struct span){ tapped.p, tapped.n }, SPAN("one two name=alpha; three")));
	gate_free(g);
}

Test(gate_barred, leaves_whole_when_it_is_admitted_at_every_split)
{
	add_event("one two ");
	add_event("name=alp");
	add_event("ha; three");
	buf_add_text(&in, "data: [DONE]\n\n");
	size_t leaves = in.n - strlen("alpha") + strlen(MASK);
	for (size_t i = 1; i < in.n; i++)
		check_admitted(i, in.n, leaves);
	check_admitted(1, 1, leaves);
	check_admitted(7, 7, leaves);
	fini(NULL);
}

Test(gate_barred, goes_on_as_any_other_when_it_is_admitted_early)
{
	struct gate_out o;
	struct gate *g = open_gate(FRAMING_SSE);
	add_event("one");
	size_t half = in.n;
	add_event("two");
	(void)gate_feed(g, &scratch, in.p, half + 5, &o);
	cr_assert_eq(gate_admit(g, &o), GATE_OPEN);
	cr_assert_eq(o.old.n + o.fresh.n, half);
	(void)gate_feed(g, &scratch, in.p + half + 5, in.n - half - 5, &o);
	cr_assert_eq(o.old.n + o.fresh.n, in.n - half);
	fini(g);
}

Test(gate_barred, of_what_was_refused_nothing_leaves)
{
	struct gate_out o;
	struct buf ending = { 0 };
	struct gate *g = open_gate(FRAMING_SSE);
	add_event("one");
	feed_all(g, in.n, in.n);
	cr_assert_eq(gate_refuse(g, "above_threshold"), GATE_CUT);
	cr_assert_eq(gate_end(g, SPAN("EXCHANGE"), &ending), 0);
	buf_add(&ending, "", 1);
	cr_assert_not_null(strstr(ending.p, "content_filter"));
	cr_assert_str_eq(gate_reason(g), "above_threshold");
	cr_assert_eq(gate_feed(g, &scratch, "x", 1, &o), GATE_CUT);
	cr_assert_eq(gate_admit(g, &o), GATE_CUT);
	cr_assert_eq(o.old.n + o.fresh.n, 0);
	buf_fini(&ending);
	fini(g);
}

Test(gate_barred, a_rule_that_cuts_has_the_last_word)
{
	struct gate_out o;
	struct gate *g = open_gate(FRAMING_SSE);
	add_event("one ");
	add_event("tok_abcdefgh01234567 ");
	feed_all(g, 40, 40);
	cr_assert_eq(gate_refuse(g, "above_threshold"), GATE_CUT);
	cr_assert_str_eq(gate_reason(g), "token");
	cr_assert_eq(gate_admit(g, &o), GATE_CUT);
	cr_assert_eq(o.old.n + o.fresh.n, 0);
	fini(g);
}

Test(gate_barred, keeps_a_plain_body_too)
{
	struct gate_out o;
	struct gate *g = open_gate(FRAMING_NONE);
	buf_add_text(&in, "print(1)\n");
	feed_all(g, 3, 2);
	cr_assert_eq(gate_finish(g, &scratch, &o), GATE_OPEN);
	cr_assert_eq(gate_admit(g, &o), GATE_OPEN);
	cr_assert_eq(o.old.n + o.fresh.n, in.n);
	fini(g);
}
