/*
 * The gate over whole streams: what leaves, when, and how it ends, at every split. Secret-looking
 * strings are put together at run time.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/proxy/gate_play.h"

static const char rules[] =
	"version: 1\n"
	"rules:\n"
	"  - {id: token, title: t, remedy: r, severity: high, action: cut, regex: '\\b(tok_[a-z0-9]{16})\\b'}\n"
	"  - {id: word, title: t, remedy: r, severity: low, action: flag, regex: '(flagged)_word'}\n"
	"  - {id: long, title: t, remedy: r, severity: low, action: cut, hold: {bytes: 64},\n"
	"     regex: 'begin_hold([^;]{1,4000});'}\n";

static void load(void)
{
	gate_rules_load(rules);
}

TestSuite(gate, .init = load, .fini = gate_rules_unload);

static void add_event(struct buf *b, const char *text)
{
	buf_add_text(
		b,
		"data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":"
		"[{\"index\":0,\"delta\":{\"content\":\"");
	buf_add_json(b, span_of(text));
	buf_add_text(b, "\"},\"finish_reason\":null}]}\n\n");
}

static struct span bytes(const struct buf *b)
{
	return (struct span){ b->p, b->n };
}

static const struct gate_options chat = { .framing = FRAMING_SSE,
					  .dialect = DIALECT_CHAT,
					  .frame_bytes = 16384,
					  .document_bytes = 65536 };

Test(gate, clean_stream_passes_byte_for_byte)
{
	struct buf in = { 0 };
	for (int i = 0; i < 6; i++)
		add_event(&in, i % 2 ? "tok_ is only a beginning " : "clean \n text");
	buf_add_text(&in, ": a comment\n\ndata: [DONE]\n\n");
	struct run r = every_split(chat, bytes(&in));
	cr_assert_eq(r.state, GATE_OPEN);
	cr_assert_eq(r.out.n, in.n);
	cr_assert_eq(memcmp(r.out.p, in.p, in.n), 0);
	cr_assert_eq(r.record.judged, in.n);
	run_fini(&r);
	buf_fini(&in);
}

Test(gate, split_secret_is_cut_before_its_first_byte)
{
	struct buf in = { 0 };
	add_event(&in, "fine ");
	size_t clean = in.n;
	add_event(&in, "then tok_ab");
	add_event(&in, "cdefgh01");
	add_event(&in, "234567 and more");
	struct run r = every_split(chat, bytes(&in));
	cr_assert_eq(r.state, GATE_CUT);
	cr_assert_eq(r.out.n, clean);
	cr_assert_eq(r.end_error, 0);
	buf_add(&r.ending, "", 1);
	cr_assert_not_null(strstr(r.ending.p, "content_filter"));
	cr_assert_not_null(strstr(r.ending.p, "[DONE]"));
	cr_assert_null(strstr(r.ending.p, "tok_"));
	run_fini(&r);
	buf_fini(&in);
}

Test(gate, flagged_text_goes_on_with_one_card)
{
	struct buf in = { 0 };
	add_event(&in, "a flag");
	add_event(&in, "ged_word here");
	add_event(&in, "and flagged_word again");
	struct run r = every_split(chat, bytes(&in));
	cr_assert_eq(r.state, GATE_OPEN);
	cr_assert_eq(r.out.n, in.n);
	cr_assert_eq(r.cards, 1);
	run_fini(&r);
	buf_fini(&in);
}

Test(gate, long_event_leaves_as_it_comes_and_can_only_be_aborted)
{
	struct gate_options options = chat;
	struct buf in = { 0 }, text = { 0 };
	options.frame_bytes = 256;
	for (int i = 0; i < 100; i++)
		buf_add_text(&text, "clean text ");
	size_t prefix = text.n;
	buf_add_text(&text, "tok_abcdefgh01234567 and the rest");
	buf_add_char(&text, '\0');
	add_event(&in, text.p);
	struct run r = every_split(options, bytes(&in));
	cr_assert_eq(r.state, GATE_CUT);
	cr_assert_gt(r.out.n, prefix);
	cr_assert_eq(r.end_error, -ENOTSUP);
	buf_add(&r.out, "", 1);
	cr_assert_null(strstr(r.out.p, "tok_a"));
	cr_assert_not_null(strstr(r.out.p, "tok_"));
	run_fini(&r);
	buf_fini(&in);
	buf_fini(&text);
}

Test(gate, long_event_is_not_held_for_its_size)
{
	struct buf in = { 0 };
	struct gate_out o;
	struct gate_options options = chat;
	options.ruleset = set;
	buf_add_text(&in, "data: {\"image\":\"");
	for (int i = 0; i < 100000; i++)
		buf_add_char(&in, 'A');
	struct gate *g = gate_new(&options);
	cr_assert_eq(gate_feed(g, &scratch, in.p, in.n, &o), GATE_OPEN);
	cr_assert_gt(gate_record(g)->released, 99000);
	cr_assert_not(gate_at_boundary(g));
	gate_free(g);
	buf_fini(&in);
}

Test(gate, hold_past_its_bound_is_cut_as_such)
{
	struct buf in = { 0 };
	add_event(&in, "x begin_hold");
	for (int i = 0; i < 20; i++)
		add_event(&in, "0123456789");
	struct run r = every_split(chat, bytes(&in));
	cr_assert_eq(r.state, GATE_CUT);
	cr_assert_eq(r.cards, 0);
	run_fini(&r);
	buf_fini(&in);
}

Test(gate, plain_text_leaves_up_to_the_secret)
{
	struct gate_options options = { .framing = FRAMING_NONE,
					.frame_bytes = 16384,
					.document_bytes = 65536 };
	struct buf in = { 0 };
	buf_add_text(&in, "some text and tok_");
	size_t clean = in.n;
	buf_add_text(&in, "abcdefgh01234567 after");
	struct run r = every_split(options, bytes(&in));
	cr_assert_eq(r.state, GATE_CUT);
	cr_assert_eq(r.out.n, clean);
	run_fini(&r);
	buf_fini(&in);
}

Test(gate, broken_json_closes_or_opens_as_the_route_says)
{
	struct gate_options options = chat;
	struct buf in = { 0 };
	add_event(&in, "fine");
	size_t clean = in.n;
	buf_add_text(&in, "data: {\"choices\":[}\n\n");
	struct run closed = every_split(options, bytes(&in));
	cr_assert_eq(closed.state, GATE_CUT);
	cr_assert_eq(closed.out.n, clean);
	options.fail_open = true;
	struct run open = play(options, bytes(&in), in.n, in.n);
	cr_assert_eq(open.state, GATE_PASSED);
	cr_assert_eq(open.out.n, in.n);
	cr_assert_eq(open.record.unscanned, in.n - clean);
	run_fini(&closed);
	run_fini(&open);
	buf_fini(&in);
}

Test(gate, document_is_released_whole)
{
	struct gate_options options = { .framing = FRAMING_DOCUMENT,
					.dialect = DIALECT_CHAT,
					.frame_bytes = 16384,
					.document_bytes = 65536 };
	struct span in = SPAN(
		"{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hello\"}}]}");
	struct gate_out o;
	options.ruleset = set;
	struct gate *g = gate_new(&options);
	cr_assert_eq(gate_feed(g, &scratch, in.p, in.n - 1, &o), GATE_OPEN);
	cr_assert_eq(gate_record(g)->released, 0);
	gate_free(g);
	struct run r = every_split(options, in);
	cr_assert_eq(r.out.n, in.n);
	run_fini(&r);
}

Test(gate, expired_hold_is_cut)
{
	struct buf in = { 0 };
	struct gate_out o;
	struct gate_options options = chat;
	options.ruleset = set;
	add_event(&in, "x tok_abc");
	struct gate *g = gate_new(&options);
	cr_assert_eq(gate_feed(g, &scratch, in.p, in.n, &o), GATE_OPEN);
	cr_assert(gate_holding(g));
	cr_assert_eq(gate_expire(g, &scratch, &o), GATE_CUT);
	cr_assert_eq(gate_record(g)->released, 0);
	cr_assert_eq(gate_verdict(g)->cause, CUT_HOLD_BOUND);
	gate_free(g);
	buf_fini(&in);
}

Test(gate, observing_finds_all_and_holds_nothing)
{
	struct gate_options options = chat;
	struct buf in = { 0 };
	options.observe = true;
	add_event(&in, "tok_abcdefgh01234567 ");
	add_event(&in, "tok_abcdefgh01234568 flagged_word");
	struct run r = every_split(options, bytes(&in));
	cr_assert_eq(r.state, GATE_OPEN);
	cr_assert_eq(r.cards, 3);
	cr_assert_eq(r.out.n, in.n);
	run_fini(&r);
	buf_fini(&in);
}
