#include "proxy/shadow_judge.h"

#include <string.h>

#include "lib/inflate.h"
#include "policy/quorum.h"
#include "proxy/gate.h"

#define BLANKS " \t\r\n\xef\xbb\xbf"

enum { PRIMARY, SHADOW, BUILDERS };

static void say(struct shadow_finding *out, enum shadow_result result, const char *reason)
{
	out->result = result;
	out->reason = reason;
}

/* --- the status --- */

static bool is_code(unsigned status)
{
	return status >= 200 && status < 300;
}

/* False: there is no code to look at. What refuses what the primary refuses too is no failure. */
static bool status_is_good(const struct shadow_case *c, struct shadow_finding *out)
{
	unsigned status = c->reply->status;
	if (is_code(status))
		return true;
	if (c->primary && !is_code(c->primary->status))
		say(out, SHADOW_UNCOMPARED, "both refused");
	else if (c->primary || status >= 500)
		say(out, SHADOW_ERROR, "status");
	else
		say(out, SHADOW_NO_PRIMARY, "status");
	return false;
}

/* What is long at both is no failure: the bound is ours. */
static void judge_size(const struct shadow_case *c, struct shadow_finding *out)
{
	bool alone = c->primary && !c->primary->too_large && c->primary->whole;
	say(out, alone ? SHADOW_ERROR : SHADOW_UNCOMPARED, "answer too large");
}

/* --- the body --- */

static bool decode(const struct shadow_case *c, struct shadow_finding *out)
{
	struct span coding = span_of(c->reply->coding);
	struct buf *body = &c->reply->body, decoded = { .max = c->config->mirror->answer_most };
	if (coding.n == 0 || span_eq_nocase(coding, SPAN("identity")))
		return true;
	struct inflate *z = inflate_new(coding, c->config->mirror->answer_most,
					c->config->limits.decoded_ratio);
	enum inflate_status status =
		z ? inflate_feed(z, body->p, body->n, &decoded) : INFLATE_CORRUPT;
	bool good = z && (status == INFLATE_OK || status == INFLATE_END) &&
		    inflate_finish(z) == INFLATE_END && !decoded.failed;
	inflate_free(z);
	if (good) {
		struct buf old = *body;
		*body = decoded;
		decoded = old;
	} else {
		say(out, SHADOW_ERROR, "encoding");
	}
	buf_fini(&decoded);
	return good;
}

/* As the proxy sniffs: an API answers in JSON or in events, whatever it calls them. */
static enum framing sniff(struct span body, enum dialect dialect)
{
	size_t at = 0;
	while (at < body.n && body.p[at] && strchr(BLANKS, body.p[at]))
		at++;
	char first = at < body.n ? body.p[at] : '\0';
	if (at == body.n)
		return FRAMING_NONE;
	if (first == '[')
		return dialect == DIALECT_GEMINI ? FRAMING_ARRAY : FRAMING_DOCUMENT;
	if (first == '{')
		return dialect == DIALECT_OLLAMA ? FRAMING_LINES : FRAMING_DOCUMENT;
	return FRAMING_SSE;
}

void shadow_choose_wire(const struct config_route *route, const struct shadow_answer *a,
			enum framing *framing, enum dialect *dialect)
{
	if (route && !route->wire_auto) {
		*framing = route->framing;
		*dialect = route->dialect;
		return;
	}
	wire_detect(a->target, a->type, framing, dialect);
	if (route && route->dialect != DIALECT_UNKNOWN)
		*dialect = route->dialect;
	if (*framing == FRAMING_NONE && *dialect != DIALECT_UNKNOWN)
		*framing = sniff(a->body, *dialect);
}

static void take_pieces(void *owner, const struct wire *wire, const struct piece *v, size_t n)
{
	(void)quorum_feed(owner, SHADOW, wire, v, n);
}

static struct gate *open_gate(const struct shadow_case *c, struct quorum *q)
{
	const struct config_route *route = c->route;
	struct gate_options options = {
		.ruleset = c->config->ruleset,
		.frame_bytes = route ? route->frame_bytes : GATE_FRAME_BYTES,
		.document_bytes = route ? route->document_bytes : GATE_DOCUMENT_BYTES,
		.skip_reasoning = route && route->skip_reasoning,
		.limits = route && route->budget.set ? &route->budget : NULL,
		.tap = { take_pieces, q },
	};
	const struct shadow_answer answer = { .target = span_of(c->target),
					      .type = span_of(c->reply->type),
					      .body = { c->reply->body.p, c->reply->body.n } };
	shadow_choose_wire(route, &answer, &options.framing, &options.dialect);
	return gate_new(&options);
}

/* A rule that only flags leaves the stream as it is. */
static bool would_change(const struct gate *g, const struct card *v, size_t n)
{
	const struct verdict *verdict = gate_verdict(g);
	bool changed = verdict->kind == VERDICT_CUT && verdict->cause != CUT_ENGINE_ERROR;
	for (size_t i = 0; i < n; i++)
		changed = changed || v[i].action != ACTION_FLAG;
	return changed || gate_broken(g) != BUDGET_NONE;
}

static const char *rule_of(const struct shadow_case *c, const struct gate *g, const struct card *v,
			   size_t n)
{
	if (gate_broken(g) != BUDGET_NONE)
		return budget_reasons[gate_broken(g)];
	for (size_t i = 0; i < n; i++)
		if (v[i].action != ACTION_FLAG)
			return ruleset_rule(c->config->ruleset, v[i].rule)->id;
	if (gate_verdict(g)->cause == CUT_HOLD_BOUND)
		return cut_cause_names[CUT_HOLD_BOUND];
	return ruleset_rule(c->config->ruleset, gate_verdict(g)->rule)->id;
}

/* Not when we could not judge it, nor when its primary was cut as well. */
static bool is_its_fault(const struct shadow_case *c, struct gate *g)
{
	return gate_verdict(g)->cause != CUT_ENGINE_ERROR &&
	       wire_failed(gate_wire(g)) != WIRE_NO_MEMORY && !(c->primary && c->primary->cut);
}

/* Reasons of failures are static; a rule's is its set's. False: it is not to be compared. */
static bool judge_body(const struct shadow_case *c, struct gate_scratch *scratch, struct quorum *q,
		       struct shadow_finding *out)
{
	struct gate_out gone;
	size_t n;
	struct gate *g = open_gate(c, q);
	if (!g) {
		say(out, SHADOW_UNCOMPARED, "out of memory");
		return false;
	}
	(void)gate_feed(g, scratch, c->reply->body.p, c->reply->body.n, &gone);
	enum gate_state state = gate_finish(g, scratch, &gone);
	const struct card *cards = judge_cards(gate_judge(g), &n);
	out->cards = judge_counts(gate_judge(g))->cards;
	bool broken = would_change(g, cards, n);
	if (broken)
		say(out, SHADOW_VIOLATION, rule_of(c, g, cards, n));
	else if (state != GATE_OPEN)
		say(out, is_its_fault(c, g) ? SHADOW_ERROR : SHADOW_UNCOMPARED, gate_reason(g));
	gate_free(g);
	return !broken && state == GATE_OPEN;
}

/* --- the primary --- */

/* False: it breaks its format, which a part of it may do. */
static bool feed_primary(const struct shadow_case *c, struct quorum *q)
{
	const struct config_route *route = c->route;
	const struct mirror_answer *a = c->primary;
	struct wire_options options = { .framing = a->framing,
					.dialect = a->dialect,
					.skip_reasoning = route && route->skip_reasoning,
					.frame_max =
						route ? route->frame_bytes : GATE_FRAME_BYTES };
	if (a->framing == FRAMING_DOCUMENT)
		options.frame_max = route ? route->document_bytes : GATE_DOCUMENT_BYTES;
	struct pieces pieces = { 0 };
	struct wire *w = wire_new(&options);
	bool good = false;
	if (w) {
		size_t used = wire_feed(w, a->body.p, a->body.n, &pieces);
		good = wire_finish(w, a->body.p + used, a->body.n - used, &pieces) == WIRE_OK;
		(void)quorum_feed(q, PRIMARY, w, pieces.v, pieces.n);
	}
	pieces_fini(&pieces);
	wire_free(w);
	return good;
}

/* NULL: it can be compared. */
static const char *fault_of(const struct mirror_answer *a)
{
	if (!is_code(a->status))
		return "primary's status";
	if (a->cut)
		return "primary cut";
	if (a->too_large)
		return "primary too large";
	return a->whole ? NULL : "primary incomplete";
}

/* --- the pair --- */

static void compare_both(struct quorum *q, bool primary_good, struct shadow_finding *out)
{
	size_t n;
	quorum_end(q, PRIMARY, primary_good ? QUORUM_COMPLETE : QUORUM_TRUNCATED);
	quorum_end(q, SHADOW, QUORUM_COMPLETE);
	const struct quorum_pair *pair = quorum_pairs(q, &n);
	out->scored = pair->scored;
	if (pair->scored)
		score_bounds(&pair->score, &out->low, &out->high);
	switch (pair->verdict) {
	case SCORE_PASS: say(out, SHADOW_OK, compare_reason_names[pair->reason]); return;
	case SCORE_AUDIT: say(out, SHADOW_DIFFERS, compare_reason_names[pair->reason]); return;
	case SCORE_FAIL:
	case SCORE_VERDICT_COUNT: break;
	}
	say(out, SHADOW_UNCOMPARED, compare_reason_names[pair->reason]);
}

static void judge(const struct shadow_case *c, struct gate_scratch *scratch, struct quorum *q,
		  struct shadow_finding *out)
{
	if (!decode(c, out) || !judge_body(c, scratch, q, out))
		return;
	const char *fault = c->primary ? fault_of(c->primary) : NULL;
	if (!c->primary)
		say(out, SHADOW_NO_PRIMARY, "primary's answer did not come");
	else if (fault)
		say(out, SHADOW_UNCOMPARED, fault);
	else
		compare_both(q, feed_primary(c, q), out);
}

void shadow_judge(const struct shadow_case *c, struct gate_scratch *scratch,
		  struct shadow_finding *out)
{
	const struct config_quorum *quorum = c->route ? c->route->quorum : NULL;
	const struct quorum_settings settings = { .builders = BUILDERS,
						  .agree = BUILDERS,
						  .chosen = PRIMARY,
						  .threshold = c->config->shadow->threshold,
						  .max_bytes = QUORUM_BYTES,
						  .max_nodes = QUORUM_NODES,
						  .base = quorum ? quorum->base : NULL,
						  .n_base = quorum ? quorum->n_base : 0 };
	*out = (struct shadow_finding){ .reason = "" };
	if (c->too_large)
		judge_size(c, out);
	if (c->too_large || !status_is_good(c, out))
		return;
	struct quorum *q = quorum_new(&settings);
	if (q)
		judge(c, scratch, q, out);
	else
		say(out, SHADOW_UNCOMPARED, "out of memory");
	quorum_free(q);
}
