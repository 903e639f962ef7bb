/*
 * A stream's way through a gate, whole and in parts, for the tests of the gate. Each test file has
 * its own rules: gate_rules_load(rules) before, gate_rules_unload() after.
 */
#ifndef TESTS_PROXY_GATE_PLAY_H
#define TESTS_PROXY_GATE_PLAY_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/gate.h"

#define MASK "[redacted]"

static struct ruleset *set;
static struct gate_scratch scratch;

static inline void gate_rules_load(const char *rules)
{
	struct buf errors = { 0 };
	if (ruleset_parse("test", span_of(rules), &set, &errors) != 0)
		cr_assert_fail("%.*s", (int)errors.n, errors.p);
	cr_assert_eq(gate_scratch_init(&scratch, set), 0);
	buf_fini(&errors);
}

static inline void gate_rules_unload(void)
{
	gate_scratch_fini(&scratch);
	ruleset_unref(set);
}

struct run {
	enum gate_state state;
	struct buf out, ending;
	struct gate_record record;
	size_t cards;
	int end_error;
};

static inline void take(struct run *r, const struct gate *g, const struct gate_out *o)
{
	const struct gate_record *c = gate_record(g);
	buf_add(&r->out, o->old.p, o->old.n);
	buf_add(&r->out, o->fresh.p, o->fresh.n);
	cr_assert_eq(r->out.n + c->redacted, c->released + c->redactions * strlen(MASK));
	cr_assert_leq(c->released, c->judged + c->unscanned);
	cr_assert_leq(c->judged, c->received);
}

/* In parts of `size` bytes after a first one of `first`. */
static inline struct run play(struct gate_options options, struct span in, size_t first,
			      size_t size)
{
	struct run r = { 0 };
	struct gate_out o;
	options.ruleset = set;
	struct gate *g = gate_new(&options);
	for (size_t at = 0, part = first; at < in.n && r.state == GATE_OPEN; part = size) {
		part = min_size(part, in.n - at);
		char *copy = malloc(part); /* its own memory, so that a late read is seen */
		cr_assert_not_null(copy);
		memcpy(copy, in.p + at, part);
		r.state = gate_feed(g, &scratch, copy, part, &o);
		take(&r, g, &o);
		free(copy);
		at += part;
	}
	if (r.state == GATE_OPEN) {
		r.state = gate_finish(g, &scratch, &o);
		take(&r, g, &o);
	}
	if (r.state == GATE_CUT)
		r.end_error = gate_end(g, SPAN("EXCHANGE"), &r.ending);
	r.record = *gate_record(g);
	(void)judge_cards(gate_judge(g), &r.cards);
	gate_free(g);
	return r;
}

static inline void run_fini(struct run *r)
{
	buf_fini(&r->out);
	buf_fini(&r->ending);
}

static inline void same(const struct run *a, const struct run *b, size_t first, size_t size)
{
	cr_assert_eq(a->state, b->state, "state at %zu/%zu", first, size);
	cr_assert(a->out.n == b->out.n && (!a->out.n || memcmp(a->out.p, b->out.p, a->out.n) == 0),
		  "at %zu/%zu:\n%.*s\nnot\n%.*s", first, size, (int)b->out.n, b->out.p,
		  (int)a->out.n, a->out.p);
	cr_assert_eq(a->ending.n, b->ending.n, "ending at %zu/%zu", first, size);
	cr_assert_eq(a->end_error, b->end_error);
	cr_assert_eq(a->cards, b->cards, "cards at %zu/%zu", first, size);
	cr_assert_eq(a->record.redactions, b->record.redactions);
	cr_assert_eq(a->record.redacted, b->record.redacted);
}

/* The same bytes in any two parts and in parts of 1, 7 and 64 bytes end the same way. */
static inline struct run every_split(struct gate_options options, struct span in)
{
	static const size_t sizes[] = { 1, 7, 64 };
	struct run whole = play(options, in, in.n, in.n);
	for (size_t i = 1; i < in.n + ARRAY_LEN(sizes); i++) {
		size_t first = i < in.n ? i : sizes[i - in.n], size = i < in.n ? in.n : first;
		struct run r = play(options, in, first, size);
		same(&whole, &r, first, size);
		run_fini(&r);
	}
	return whole;
}

#endif
