#include "proxy/replay.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/policy_open.h"

#define PLAIN_STEP 64

const char *const effect_names[] = { "nothing", "flagged", "redacted", "cut" };
static_assert(ARRAY_LEN(effect_names) == EFFECT_COUNT, "one name each");

struct run {
	struct replay *r;
	struct gate *gate;
	struct sha256 *hash;
	struct span body;
	size_t fed;
	bool no_memory;
};

int replay_open(struct replay *r, const char *policy)
{
	int error = policy_open(policy, &r->set, &r->scratch);
	if (error)
		return error;
	r->effects = calloc(ruleset_count(r->set) + 1, sizeof(*r->effects));
	if (!r->effects)
		fprintf(stderr, "redcard: %s: out of memory; give the process more\n", policy);
	return r->effects ? 0 : -ENOMEM;
}

void replay_fini(struct replay *r)
{
	free(r->effects);
	free(r->held);
	gate_scratch_fini(&r->scratch);
	ruleset_unref(r->set);
	*r = (struct replay){ 0 };
}

/* --- the body, frame by frame --- */

static bool note_held(struct replay *r, uint64_t bytes)
{
	if (r->n_held == r->cap_held) {
		size_t cap = r->cap_held ? 2 * r->cap_held : 1024;
		uint32_t *v = realloc(r->held, cap * sizeof(*v));
		if (!v)
			return false;
		r->held = v;
		r->cap_held = cap;
	}
	r->held[r->n_held++] = (uint32_t)min_u64(bytes, UINT32_MAX);
	return true;
}

static void take(struct run *run, const struct gate_out *out)
{
	sha256_feed(run->hash, out->old.p, out->old.n);
	sha256_feed(run->hash, out->fresh.p, out->fresh.n);
}

static bool is_open(const struct run *run)
{
	return gate_verdict(run->gate)->kind != VERDICT_CUT;
}

static void feed_to(struct run *run, size_t to)
{
	struct gate_out out;
	if (to <= run->fed || !is_open(run))
		return;
	(void)gate_feed(run->gate, &run->r->scratch, run->body.p + run->fed, to - run->fed, &out);
	run->fed = to;
	take(run, &out);
	const struct gate_record *record = gate_record(run->gate);
	if (is_open(run))
		run->no_memory |= !note_held(run->r, record->received - record->released);
}

static void feed_all(struct run *run, enum framing framing, const struct pieces *pieces)
{
	struct gate_out out;
	for (size_t i = 0; framing != FRAMING_NONE && i < pieces->n; i++) {
		const struct piece *p = &pieces->v[i];
		if (p->kind == PIECE_FRAME)
			feed_to(run, min_size(run->body.n, (size_t)(p->raw_off + p->raw_len)));
	}
	for (size_t at = run->fed; framing == FRAMING_NONE && at < run->body.n;) {
		at = min_size(at + PLAIN_STEP, run->body.n);
		feed_to(run, at);
	}
	feed_to(run, run->body.n);
	(void)gate_finish(run->gate, &run->r->scratch, &out);
	take(run, &out);
}

/* --- what it came to --- */

static enum effect effect_of(const struct replay *r, const struct card *card)
{
	if (ruleset_monitor(r->set))
		return EFFECT_FLAGGED;
	switch (card->action) {
	case ACTION_FLAG: return EFFECT_FLAGGED;
	case ACTION_REDACT: return EFFECT_REDACTED;
	case ACTION_CUT: return EFFECT_CUT;
	case ACTION_COUNT: break;
	}
	CHECK(!"an action without an effect");
	return EFFECT_NOTHING;
}

static void strengthen(struct replay *r, uint16_t rule, enum effect effect)
{
	if (effect > r->effects[rule])
		r->effects[rule] = effect;
}

static void note_effects(struct run *run)
{
	struct replay *r = run->r;
	const struct verdict *v = gate_verdict(run->gate);
	size_t n;
	const struct card *cards = judge_cards(gate_judge(run->gate), &n);
	memset(r->effects, 0, ruleset_count(r->set) * sizeof(*r->effects));
	for (size_t i = 0; i < n; i++)
		strengthen(r, cards[i].rule, effect_of(r, &cards[i]));
	bool by_rule =
		v->kind == VERDICT_CUT && (v->cause == CUT_RULE || v->cause == CUT_HOLD_BOUND);
	if (by_rule)
		strengthen(r, v->rule, EFFECT_CUT);
	r->reason = gate_reason(run->gate);
	for (size_t i = 0; i < ruleset_count(r->set); i++) /* the gate's goes with the gate */
		if (strcmp(ruleset_rule(r->set, i)->id, r->reason) == 0)
			r->reason = ruleset_rule(r->set, i)->id;
	r->fault = r->reason[0] && !by_rule;
}

int replay_run(struct replay *r, struct span body, enum framing framing, enum dialect dialect,
	       const struct pieces *pieces)
{
	const struct gate_options options = { .ruleset = r->set,
					      .framing = framing,
					      .dialect = dialect,
					      .frame_bytes = GATE_FRAME_BYTES,
					      .document_bytes = GATE_DOCUMENT_BYTES };
	struct run run = { .r = r, .body = body, .hash = sha256_new() };
	int error = -ENOMEM;
	run.gate = run.hash ? gate_new(&options) : NULL;
	if (run.gate) {
		feed_all(&run, framing, pieces);
		note_effects(&run);
		error = run.no_memory ? -ENOMEM : sha256_finish_hex(run.hash, r->left);
	}
	gate_free(run.gate);
	sha256_free(run.hash);
	return error;
}

/* --- how much was held --- */

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

void replay_sort_held(struct replay *r)
{
	if (r->n_held)
		qsort(r->held, r->n_held, sizeof(*r->held), by_size);
}

uint32_t replay_held(const struct replay *r, double share)
{
	return r->held[min_size((size_t)(share * (double)r->n_held), r->n_held - 1)];
}
