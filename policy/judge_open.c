/*
 * Candidates, as the matcher finds what leads in to them.
 *
 * Most are ruled out by text that is there already. Nothing goes on with those, but before the byte
 * that rules one out it held: a cut that was decided by then releases less. So they are kept for
 * the call, as what the matcher found, and are candidates again when somebody asks what was so
 * then.
 *
 * In derived text all remain candidates, because where their holds begin is not yet known.
 */
#include "policy/judge_state.h"

static const struct rule_pattern *pattern_of(const struct judge *j, const struct channel *ch,
					     const struct multimatch_hit *hit)
{
	return &(ch->parent ? j->set->decoded_patterns : j->set->patterns)[hit->pattern];
}

/* Whether the rule is for the text that the lead-in ends in. */
static bool applies(const struct slot *slot, const struct rule *r, uint64_t point)
{
	const struct channel *ch = slot->channel;
	/* A NUL ends what is derived from one run; a lead-in does not reach over it. */
	if (ch->parent && !slot->work.text[point - 1 - slot->work.base])
		return false;
	/* The last byte of the lead-in, or of the whole match, says where the rule applies. */
	if (r->info.scope == SCOPE_CODE && !(point && slot_is_code(slot, point - 1)))
		return false;
	return !r->syntax || (point && slot_may_ask(slot, r->syntax, point));
}

static bool open_one(struct judge *j, struct judge_scratch *s, struct slot *slot,
		     const struct multimatch_hit *hit)
{
	const struct channel *ch = slot->channel;
	const struct rule_pattern *p = pattern_of(j, ch, hit);
	const struct rule *r = &j->set->rules[p->rule];
	const uint64_t point = hit->end + ch->stream_base;
	if (ch->parent && (ch->kinds & ~r->info.decode || ch->depth > r->info.decode_depth))
		return true;
	if (p->keyword)
		return slot_saw(slot, r->keyword, point);
	if (!applies(slot, r, point))
		return true;
	struct candidate c = { .point = point, .rule = p->rule, .branch = p->branch };
	struct view view = slot_view(slot);
	if (!candidate_open(&c, r, &s->tools, &view))
		return false;
	if (c.state != CANDIDATE_DEAD || ch->parent)
		return candidates_add(&slot->list, &c);
	multimatch_hits_add(&slot->gone, hit->end, hit->pattern);
	return true;
}

/* A flood is mostly what the first bytes rule out, so these are looked at here. */
bool judge_open(struct judge *j, struct judge_scratch *s, struct slot *slot)
{
	const bool derived = slot->channel->parent;
	const struct rule_pattern *patterns = derived ? j->set->decoded_patterns : j->set->patterns;
	const struct track *t = &slot->work;
	const uint64_t base = t->base - slot->channel->stream_base;
	const char *text = t->text;
	const size_t n = t->n;
	for (size_t i = 0; i < s->hits.n; i++) {
		const struct multimatch_hit hit = s->hits.v[i];
		const struct rule_pattern *p = &patterns[hit.pattern];
		const size_t at = (size_t)(hit.end - base);
		if (!derived && p->head && at < n &&
		    head_rules_out(p->head, text + at, min_size(n - at, p->places)))
			multimatch_hits_add(&slot->gone, hit.end, hit.pattern);
		else if (!open_one(j, s, slot, &hit))
			return false;
	}
	return !slot->gone.failed;
}

/* Whether it was still open for the text before `until`. */
static bool was_open(const struct judge *j, const struct judge_scratch *s, const struct slot *slot,
		     const struct multimatch_hit *gone, uint64_t until)
{
	const struct rule_pattern *p = pattern_of(j, slot->channel, gone);
	const struct rule *r = &j->set->rules[p->rule];
	struct candidate c = { .point = gone->end + slot->channel->stream_base,
			       .rule = p->rule,
			       .branch = p->branch };
	struct view view = slot_view(slot);
	struct secret unused;
	return c.point < until && until < c.point + r->info.hold_bytes &&
	       applies(slot, r, c.point) && candidate_open(&c, r, &s->tools, &view) &&
	       candidate_state(&c, r, &s->tools, &slot->work, until, false, &unused) ==
		       CANDIDATE_ALIVE;
}

/* They are in the order of their points, and so are their holds. */
uint64_t judge_gone_limit(const struct judge *j, const struct judge_scratch *s,
			  const struct slot *slot, uint64_t until)
{
	for (size_t i = 0; i < slot->gone.n; i++) {
		const struct multimatch_hit *one = &slot->gone.v[i];
		const struct rule_pattern *p = pattern_of(j, slot->channel, one);
		if (judge_holds(j, &j->set->rules[p->rule]) && was_open(j, s, slot, one, until))
			return track_raw(&slot->work, one->end + slot->channel->stream_base);
	}
	return UINT64_MAX;
}

bool judge_gone_held(const struct judge *j, const struct judge_scratch *s, const struct slot *slot,
		     uint16_t rule, uint64_t raw, uint64_t until)
{
	const struct track *t = &slot->work;
	const uint64_t base = slot->channel->stream_base, point = track_until(t, raw);
	size_t low = 0, high = slot->gone.n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (slot->gone.v[mid].end + base < point)
			low = mid + 1;
		else
			high = mid;
	}
	for (size_t i = low; i < slot->gone.n && track_raw(t, slot->gone.v[i].end + base) == raw;
	     i++)
		if (pattern_of(j, slot->channel, &slot->gone.v[i])->rule == rule &&
		    was_open(j, s, slot, &slot->gone.v[i], until))
			return true;
	return false;
}
