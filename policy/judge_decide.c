#include "policy/excuse.h"
#include "policy/judge_state.h"

/* What refines a match into a finding. Each step sees the text up to the deciding byte and nothing
 * after it. */
struct finding {
	const struct judge *judge;
	const struct slot *slot;
	const struct rule *rule;
	const struct candidate *candidate;
	const struct judge_scratch *scratch;
	struct secret secret;
	uint64_t decided_at;
	struct moment when;
};

static bool keywords_seen(const struct finding *f)
{
	if (f->rule->keyword == RULE_NO_KEYWORDS)
		return true;
	/* Keywords of derived text may stand in the text that it is derived from. */
	uint64_t until = f->decided_at;
	for (const struct slot *s = f->slot;;
	     s = &f->scratch->slots[s->channel->parent->slot - 1]) {
		if (s != f->slot)
			until = track_until(&s->work, f->when.raw);
		if (slot_has(s, f->rule->keyword, until))
			return true;
		if (!s->channel->parent)
			return false;
	}
}

static bool not_excused(const struct finding *f)
{
	const struct track *t = &f->slot->work;
	if (f->secret.from < t->base || f->secret.to > track_end(t))
		return true; /* not all of it is there: nothing excuses it */
	return !excuse_holds(f->rule, f->scratch->tools.regex, f->candidate, t, &f->secret,
			     f->decided_at);
}

static const struct {
	const char *name;
	bool (*keeps)(const struct finding *f);
} refinements[] = {
	{ "keywords", keywords_seen },
	{ "excuses", not_excused },
};

static bool refined(const struct finding *f)
{
	for (size_t i = 0; i < ARRAY_LEN(refinements); i++)
		if (!refinements[i].keeps(f))
			return false;
	return true;
}

/* Where the release of a cut may go at most, for the violation itself. */
static uint64_t hold_from(const struct slot *slot, const struct rule *r, const struct candidate *c,
			  const struct decision *d)
{
	switch (r->info.hold) {
	case HOLD_LEAD_IN: return candidate_raw(c, &slot->work);
	case HOLD_WINDOW: { /* never before what a window of this size has let go already */
		uint64_t window = (uint64_t)r->info.hold_bytes + r->delay;
		uint64_t least = d->at > window ? d->at - window : 0;
		return track_raw(&slot->work, max_u64(d->secret.from, least));
	}
	case HOLD_NONE:
	case HOLD_COUNT: break;
	}
	return d->at ? track_raw(&slot->work, d->at - 1) : 0;
}

static bool note(struct judge *j, struct judge_scratch *s, uint32_t slot_index, struct candidate *c,
		 const struct secret *secret)
{
	struct slot *slot = &s->slots[slot_index];
	const struct rule *r = judge_rule(j, c);
	struct view view = slot_view(slot);
	struct decided when = candidate_decide(c, r, &s->tools, &view, slot->old_end, secret);
	struct decision d = { .when = when.when,
			      .at = when.at,
			      .secret = *secret,
			      .body = secret->from,
			      .slot = slot_index,
			      .path = slot->channel->path,
			      .rule = c->rule };
	d.bound = c->state == CANDIDATE_BOUND;
	if (r->info.hold == HOLD_LEAD_IN)
		d.body = max_u64(c->point, secret->from);
	d.raw = hold_from(slot, r, c, &d);
	if (r->syntax && d.at <= c->point) /* decided before there was anything to hold */
		d.raw = min_u64(d.when.raw, j->raw_seen);
	struct finding f = { j, slot, r, c, s, *secret, when.at, when.when };
	if (d.bound ? r->info.action != ACTION_FLAG || r->syntax : refined(&f))
		return judge_scratch_decision(s, &d);
	return true;
}

bool judge_decide(struct judge *j, struct judge_scratch *s, uint32_t slot_index)
{
	struct slot *slot = &s->slots[slot_index];
	if (!slot->list.n)
		return true;
	struct view view = slot_view(slot);
	for (uint32_t i = 0; i < slot->list.n; i++) {
		struct candidate *c = &slot->list.v[i];
		struct secret secret = { 0 };
		if (i < slot->new_from || c->state == CANDIDATE_UNASKED)
			c->state = (uint8_t)candidate_ask(c, judge_rule(j, c), &s->tools, &view,
							  &secret);
		if (c->state == CANDIDATE_FAILED)
			return false;
		if ((c->state == CANDIDATE_FOUND || c->state == CANDIDATE_BOUND) &&
		    !note(j, s, slot_index, c, &secret))
			return false;
	}
	return true;
}
