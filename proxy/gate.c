#include "proxy/gate.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/gate_core.h"

int gate_scratch_init(struct gate_scratch *s, const struct ruleset *set)
{
	*s = (struct gate_scratch){ 0 };
	return judge_scratch_new(set, &s->judge);
}

void gate_scratch_fini(struct gate_scratch *s)
{
	judge_scratch_free(s->judge);
	pieces_fini(&s->pieces);
	*s = (struct gate_scratch){ 0 };
}

struct gate *gate_new(const struct gate_options *o)
{
	struct gate *g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->frame_max = o->framing == FRAMING_DOCUMENT ? o->document_bytes : o->frame_bytes;
	const struct wire_options wire = {
		.framing = o->framing,
		.dialect = o->dialect,
		.skip_reasoning = o->skip_reasoning,
		.for_edits = !o->observe && ruleset_redacts(o->ruleset),
		.frame_max = g->frame_max,
	};
	g->cut = o->cut;
	g->fail_open = o->fail_open;
	g->barred = o->barred;
	g->tap = o->tap;
	g->at_boundary = true;
	g->reason = "";
	g->wire = wire_new(&wire);
	if (!g->wire)
		goto fail;
	g->judge = judge_new(o->ruleset, g->wire);
	if (!g->judge)
		goto fail;
	if (o->observe)
		judge_observe(g->judge);
	g->monitor = o->observe || ruleset_monitor(o->ruleset);
	if (!o->limits && !o->price)
		return g;
	g->budget = malloc(sizeof(*g->budget));
	if (!g->budget)
		goto fail;
	budget_init(g->budget, o->limits ? o->limits : &(struct budget_limits){ 0 },
		    o->price ? o->price : &(struct budget_price){ 0 });
	return g;
fail:
	gate_free(g);
	return NULL;
}

void gate_free(struct gate *g)
{
	if (!g)
		return;
	judge_free(g->judge);
	wire_free(g->wire);
	free(g->budget);
	buf_fini(&g->window);
	buf_fini(&g->leaving);
	frames_fini(&g->frames);
	buf_fini(&g->edits.bytes);
	free(g);
}

/* --- frames --- */

static bool note_frames(struct gate *g, const struct pieces *pieces)
{
	g->frames_judged = judge_counts(g->judge)->frames;
	for (size_t i = 0; i < pieces->n; i++) {
		const struct piece *p = &pieces->v[i];
		if (p->kind != PIECE_FRAME)
			continue;
		g->record.frames++;
		if (!(g->barred ? frames_add_joined : frames_add)(&g->frames, p->raw_off,
								  p->raw_off + p->raw_len))
			return false;
	}
	return true;
}

/* The last offset up to which bytes may leave when everything before `limit` was judged, as of the
 * moment when `seen` bytes had been received: the end of a frame, or `limit` itself inside a frame
 * that was already too long to keep. */
static uint64_t release_point(const struct gate *g, uint64_t limit, uint64_t seen, bool *boundary)
{
	*boundary = true;
	if (g->barred)
		return g->record.released;
	if (wire_framing(g->wire) == FRAMING_NONE)
		return limit;
	uint64_t start;
	uint64_t point =
		frames_point(&g->frames, g->record.released, limit, seen, g->frame_max, boundary);
	if (!*boundary)
		return point;
	if (wire_in_long_frame(g->wire, &start) && start < limit && seen - start > g->frame_max) {
		*boundary = false;
		return max_u64(point, limit);
	}
	return point;
}

/* --- failing --- */

static void fail(struct gate *g, const char *reason)
{
	g->reason = reason;
	g->state = g->fail_open ? GATE_PASSED : GATE_CUT;
}

static void cut_for(struct gate *g, enum budget_limit limit)
{
	g->broken = limit;
	if (g->monitor)
		return;
	g->state = GATE_CUT;
	g->reason = budget_reasons[limit];
}

static void apply(struct gate *g)
{
	const struct ruleset *set = judge_ruleset(g->judge);
	if (g->state != GATE_OPEN || g->verdict.kind != VERDICT_CUT)
		return;
	switch (g->verdict.cause) {
	case CUT_RULE:
		g->state = GATE_CUT;
		g->reason = ruleset_rule(set, g->verdict.rule)->id;
		break;
	case CUT_HOLD_BOUND:
		g->state = GATE_CUT;
		g->reason = cut_cause_names[CUT_HOLD_BOUND];
		break;
	case CUT_ENGINE_ERROR:
	case CUT_NONE:
	case CUT_CAUSE_COUNT: fail(g, cut_cause_names[CUT_ENGINE_ERROR]); break;
	}
}

/* --- moving bytes out --- */

/* Releases up to `point`. The window holds [released, window end); p[0..n) follows it. What does
 * not leave of p is kept. */
static void release(struct gate *g, uint64_t point, const char *p, size_t n, struct gate_out *out)
{
	uint64_t window_end = g->record.released + g->window.n;
	CHECK(point >= g->record.released && point <= window_end + n);
	if (g->window.cap == 0 && point == window_end + n) { /* the common case */
		out->fresh = (struct span){ p, n };
	} else if (point <= window_end) {
		size_t leaving = (size_t)(point - g->record.released);
		buf_add(&g->window, p, n);
		if (leaving) {
			buf_add(&g->leaving, g->window.p, leaving);
			buf_drop_front(&g->window, leaving);
		}
		out->old = (struct span){ g->leaving.p, leaving };
	} else {
		size_t fresh = (size_t)(point - window_end);
		struct buf emptied = g->leaving;
		g->leaving = g->window;
		g->window = emptied;
		out->old = (struct span){ g->leaving.p, g->leaving.n };
		out->fresh = (struct span){ p, fresh };
		buf_add(&g->window, p + fresh, n - fresh);
	}
	if (g->window.n == 0)
		buf_fini(&g->window);
	if (!gate_edit(&g->edits, g->judge, g->record.released, out, &g->record)) {
		g->reason = wire_error_names[WIRE_NO_MEMORY]; /* whatever the route says: what
								 was found does not leave */
		g->state = GATE_CUT;
		g->at_boundary = false;
	}
	g->record.released = point;
	frames_forget(&g->frames, g->record.released);
}

static void drop_left(struct gate *g)
{
	if (g->leaving.cap)
		buf_fini(&g->leaving);
	if (g->edits.bytes.cap)
		buf_fini(&g->edits.bytes);
}

/* --- feeding --- */

/* Gives the decoder what the window could not decode yet, with as much of p as completes it.
 * Returns how much of p the window took over. */
static size_t stitch(struct gate *g, struct pieces *pieces, const char *p, size_t n)
{
	size_t pending = (size_t)(g->record.released + g->window.n - wire_consumed(g->wire));
	size_t taken = 0, step = 1024;
	if (pending == 0)
		return 0;
	/* Pieces point into the window, so it must not move while it grows. */
	if (!buf_reserve(&g->window, min_size(n, (size_t)g->frame_max + 4096)))
		return 0;
	uint64_t fresh_start = g->record.released + g->window.n;
	while (taken < n && wire_consumed(g->wire) < fresh_start &&
	       wire_failed(g->wire) == WIRE_OK) {
		size_t part = min_size(step, n - taken);
		buf_add(&g->window, p + taken, part);
		taken += part;
		step *= 2;
		size_t off = (size_t)(wire_consumed(g->wire) - g->record.released);
		(void)!wire_feed(g->wire, g->window.p + off, g->window.n - off, pieces);
		if (taken >= (size_t)g->frame_max + 2048)
			break;
	}
	uint64_t consumed = wire_consumed(g->wire);
	if (consumed >
	    fresh_start) { /* the rest of what was taken is better fed from where it is */
		size_t used = (size_t)(consumed - fresh_start);
		g->window.n -= taken - used;
		taken = used;
	}
	return taken;
}

/* Nothing failed, nothing is held: all frames leave that are complete, and need not be remembered.
 */
static bool settle_clean(struct gate *g, const struct pieces *pieces, const char *p, size_t n,
			 struct gate_out *out)
{
	uint64_t consumed = wire_consumed(g->wire), start;
	if (g->barred || g->verdict.kind != VERDICT_PASS || g->frames.n || g->window.failed ||
	    wire_failed(g->wire) != WIRE_OK || wire_framing(g->wire) == FRAMING_NONE ||
	    wire_in_long_frame(g->wire, &start))
		return false;
	uint64_t point = g->record.released;
	for (size_t i = pieces->n; i-- > 0;) {
		const struct piece *last = &pieces->v[i];
		if (last->kind != PIECE_FRAME)
			continue;
		point = max_u64(point, last->raw_off + last->raw_len);
		break;
	}
	g->record.frames += judge_counts(g->judge)->frames - g->frames_judged;
	g->frames_judged = judge_counts(g->judge)->frames;
	g->record.judged = max_u64(g->record.judged, consumed);
	if (point > g->record.released)
		g->at_boundary = true;
	release(g, point, p, n, out);
	g->record.held_max = max_u64(g->record.held_max, g->record.received - g->record.released);
	return true;
}

/* Judges what was decoded, but nothing from the byte on that breaks a budget. True: none broke. */
static bool judge_pieces(struct gate *g, struct gate_scratch *s, bool final,
			 struct budget_breach *breach)
{
	struct pieces *v = &s->pieces;
	*breach = (struct budget_breach){ .limit = BUDGET_NONE };
	if (g->budget)
		budget_feed(g->budget, g->wire, v->v, v->n, breach);
	if (breach->limit && g->monitor) {
		cut_for(g, breach->limit);
		breach->limit = BUDGET_NONE;
	}
	if (!breach->limit) {
		judge_feed(g->judge, s->judge, v->v, v->n, final, &g->verdict);
		return true;
	}
	judge_feed(g->judge, s->judge, v->v, breach->piece, false, &g->verdict);
	if (!breach->text || g->verdict.kind == VERDICT_CUT)
		return false;
	struct piece part = v->v[breach->piece];
	part.text_len = part.raw_len = breach->text;
	judge_feed(g->judge, s->judge, &part, 1, false, &g->verdict);
	return false;
}

static void settle(struct gate *g, struct gate_scratch *s, bool final, const char *p, size_t n,
		   struct gate_out *out)
{
	bool boundary = true;
	struct budget_breach breach;
	if (g->tap.pieces)
		g->tap.pieces(g->tap.owner, g->wire, s->pieces.v, s->pieces.n);
	if (judge_pieces(g, s, final, &breach) && settle_clean(g, &s->pieces, p, n, out))
		return;
	if (!note_frames(g, &s->pieces))
		fail(g, wire_error_names[WIRE_NO_MEMORY]);
	if (g->window.failed || wire_failed(g->wire) != WIRE_OK)
		fail(g, wire_error_names[g->window.failed ? WIRE_NO_MEMORY : wire_failed(g->wire)]);
	/* What was received past a fault of the wire is chance: seen is what it could read. */
	uint64_t consumed = wire_consumed(g->wire), limit = consumed, seen = consumed;
	if (g->verdict.kind != VERDICT_PASS)
		limit = min_u64(limit, g->verdict.release_raw);
	if (g->verdict.kind == VERDICT_CUT)
		seen = g->verdict.decided_raw;
	bool breached = breach.limit && g->verdict.kind != VERDICT_CUT;
	if ((g->verdict.kind == VERDICT_CUT && g->verdict.cause != CUT_ENGINE_ERROR) || breached)
		g->state = GATE_OPEN; /* it came before whatever failed behind it */
	if (breached) {
		limit = min_u64(limit, breach.release_raw);
		seen = breach.decided_raw;
		cut_for(g, breach.limit);
	}
	apply(g);
	limit = max_u64(limit, g->record.released);
	g->record.judged = max_u64(g->record.judged, limit);
	uint64_t point = release_point(g, limit, seen, &boundary);
	if (g->state == GATE_PASSED) {
		point = g->record.received;
		g->record.unscanned += point - g->record.judged;
	}
	if (point > g->record.released)
		g->at_boundary = boundary;
	release(g, point, p, n, out);
	g->record.held_max = max_u64(g->record.held_max, g->record.received - g->record.released);
}

enum gate_state gate_feed(struct gate *g, struct gate_scratch *s, const char *p, size_t n,
			  struct gate_out *out)
{
	*out = (struct gate_out){ 0 };
	drop_left(g);
	if (g->state == GATE_CUT || n == 0)
		return g->state;
	g->record.received += n;
	if (g->state == GATE_PASSED) {
		out->fresh = (struct span){ p, n };
		g->record.released += n;
		g->record.unscanned += n;
		return g->state;
	}
	s->pieces.n = 0;
	size_t taken = stitch(g, &s->pieces, p, n);
	if (wire_consumed(g->wire) == g->record.released + g->window.n)
		(void)!wire_feed(g->wire, p + taken, n - taken, &s->pieces);
	else
		CHECK(taken == n || wire_failed(g->wire) != WIRE_OK || g->window.failed);
	settle(g, s, false, p + taken, n - taken, out);
	return g->state;
}

enum gate_state gate_finish(struct gate *g, struct gate_scratch *s, struct gate_out *out)
{
	*out = (struct gate_out){ 0 };
	drop_left(g);
	if (g->state != GATE_OPEN)
		return g->state;
	s->pieces.n = 0;
	size_t off = (size_t)(wire_consumed(g->wire) - g->record.released);
	(void)!wire_finish(g->wire, g->window.p ? g->window.p + off : "", g->window.n - off,
			   &s->pieces);
	settle(g, s, true, "", 0, out);
	return g->state;
}

/* Lets out what may leave by now, with no new bytes. */
static void settle_again(struct gate *g, struct gate_out *out)
{
	bool boundary = true;
	uint64_t limit = wire_consumed(g->wire);
	apply(g);
	if (g->verdict.kind != VERDICT_PASS)
		limit = min_u64(limit, g->verdict.release_raw);
	limit = max_u64(limit, g->record.released);
	g->record.judged = max_u64(g->record.judged, limit);
	uint64_t point = release_point(g, limit, g->record.received, &boundary);
	if (point > g->record.released)
		g->at_boundary = boundary;
	release(g, point, "", 0, out);
}

enum gate_state gate_expire(struct gate *g, struct gate_scratch *s, struct gate_out *out)
{
	*out = (struct gate_out){ 0 };
	drop_left(g);
	if (g->state != GATE_OPEN)
		return g->state;
	s->pieces.n = 0;
	judge_expire(g->judge, &g->verdict);
	settle_again(g, out);
	return g->state;
}

enum gate_state gate_admit(struct gate *g, struct gate_out *out)
{
	*out = (struct gate_out){ 0 };
	drop_left(g);
	g->barred = false;
	if (g->state == GATE_OPEN)
		settle_again(g, out);
	return g->state;
}

enum gate_state gate_refuse(struct gate *g, const char *reason)
{
	if (g->state == GATE_OPEN)
		fail(g, reason);
	return g->state;
}

enum gate_state gate_stop(struct gate *g, enum budget_limit limit)
{
	if (g->state == GATE_OPEN && !g->broken)
		cut_for(g, limit);
	return g->state;
}
