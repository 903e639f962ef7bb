#include <assert.h>
#include <stdlib.h>

#include "policy/companion.h"
#include "policy/judge_state.h"

/* Open candidates of one stream. More than that is an attack on the matcher's time; the stream is
 * cut. */
#define OPEN_MAX 4096

const char *const cut_cause_names[] = { "none", "rule", "hold_bound", "engine_error" };
static_assert(ARRAY_LEN(cut_cause_names) == CUT_CAUSE_COUNT, "one name each");

void judge_cut(struct judge *j, enum cut_cause cause, uint16_t rule, uint64_t decided,
	       uint64_t release)
{
	j->verdict = (struct verdict){
		.kind = VERDICT_CUT,
		.cause = cause,
		.rule = rule,
		.decided_raw = min_u64(decided, j->raw_seen),
		.release_raw = max_u64(release, j->safe_raw),
	};
}

/* FNV-1a over what matched: tells a repeated text from another one, and is never shown. */
static uint64_t text_hash(const struct track *t, const struct secret *secret)
{
	uint64_t hash = 0xcbf29ce484222325;
	uint64_t from = max_u64(secret->from, t->base), to = min_u64(secret->to, track_end(t));
	for (uint64_t at = from; at < to; at++)
		hash = (hash ^ (unsigned char)t->text[at - t->base]) * 0x100000001b3;
	return hash;
}

/* Two findings of one rule are one card when they overlap, or when they are the same text: builders
 * repeat in their closing events what they have streamed before. */
static bool known(const struct judge *j, const struct slot *slot, const struct decision *d,
		  uint64_t hash)
{
	for (uint32_t i = j->n_cards; i-- > 0;) {
		const struct card *old = &j->cards[i];
		if (old->rule != d->rule)
			continue;
		if (old->text_hash == hash && old->text_len == d->secret.to - d->secret.from)
			return true;
		if (old->channel == slot->number && old->layers == d->path &&
		    d->secret.from < old->text_off + old->text_len && old->text_off < d->secret.to)
			return true;
	}
	return false;
}

static void card_add(struct judge *j, const struct slot *slot, const struct decision *d)
{
	uint64_t hash = text_hash(&slot->work, &d->secret);
	if (known(j, slot, d, hash))
		return;
	j->counts.cards++;
	/* What is only noted must not crowd out what takes a change back. */
	bool rolls_back = j->set->rules[d->rule].info.rollback;
	if (j->n_cards >= (rolls_back ? JUDGE_CARDS_MAX : JUDGE_CARDS_PLAIN))
		return;
	if (j->n_cards == j->cap_cards) {
		uint32_t cap = j->cap_cards ? 2 * j->cap_cards : 4;
		struct card *v = realloc(j->cards, cap * sizeof(*v));
		if (!v)
			return; /* counted, not kept, like those past the limit */
		j->cards = v;
		j->cap_cards = cap;
	}
	j->cards[j->n_cards++] = (struct card){
		.rule = d->rule,
		.channel = slot->number,
		.layers = d->path,
		.action = j->set->rules[d->rule].info.action,
		.text_off = d->secret.from,
		.text_len = (uint32_t)(d->secret.to - d->secret.from),
		.body_off = d->body,
		.raw_off = track_raw(&slot->work, d->secret.from),
		.raw_end = track_raw_end(&slot->work, d->secret.to - 1),
		.body_raw = d->raw,
		.text_hash = hash,
	};
}

static uint64_t window_limit(const struct judge *j, const struct channel *c, const struct track *t,
			     uint64_t until)
{
	uint64_t from = until > j->window ? until - j->window : 0;
	from = max_u64(from, max_u64(c->given_up, t->base));
	return j->window && !c->parent && from < until ? track_raw(t, from) : UINT64_MAX;
}

/* What one slot still held at that moment. */
static uint64_t slot_limit_at(const struct judge *j, const struct judge_scratch *s,
			      const struct slot *slot, struct moment when)
{
	struct secret unused;
	bool all = slot->ended && moment_compare(slot->end, when) <= 0;
	uint64_t until = all ? track_end(&slot->work)
			     : max_u64(track_until(&slot->work, when.raw), slot->old_end);
	uint64_t limit = all ? UINT64_MAX : window_limit(j, slot->channel, &slot->work, until);
	if (!all)
		limit = min_u64(limit, judge_gone_limit(j, s, slot, until));
	for (uint32_t i = 0; i < slot->list.n; i++) {
		const struct candidate *c = &slot->list.v[i];
		const struct rule *r = judge_rule(j, c);
		/* In derived text a hold may begin before the first byte behind it is known. */
		bool begun = slot->channel->parent ? c->point <= until && c->raw < when.raw
						   : c->point < until;
		if (!judge_holds(j, r) || r->info.hold != HOLD_LEAD_IN || !begun)
			continue;
		if (candidate_state(c, r, &s->tools, &slot->work, until, all, &unused) ==
		    CANDIDATE_ALIVE)
			limit = min_u64(limit, candidate_raw(c, &slot->work));
	}
	return limit;
}

/* What the candidates and windows of a channel hold between calls. */
static uint64_t channel_limit(const struct judge *j, const struct channel *c)
{
	uint64_t limit = window_limit(j, c, &c->kept, track_end(&c->kept));
	if (!c->kept.n)
		limit = UINT64_MAX;
	for (uint32_t i = 0; i < c->open.n; i++)
		if (judge_holds(j, judge_rule(j, &c->open.v[i])) &&
		    judge_rule(j, &c->open.v[i])->info.hold == HOLD_LEAD_IN)
			limit = min_u64(limit, c->open.v[i].raw);
	return limit;
}

static uint64_t limit_at(const struct judge *j, const struct judge_scratch *s, struct moment when)
{
	uint64_t limit = UINT64_MAX;
	for (size_t i = 0; i < s->n_slots; i++)
		limit = min_u64(limit, slot_limit_at(j, s, &s->slots[i], when));
	for (uint32_t i = 0; i < j->n_every; i++)
		if (!j->every[i]->slot)
			limit = min_u64(limit, channel_limit(j, j->every[i]));
	return limit;
}

/* Whether it has what its rule requires, and is one to be reported. */
static bool counts(const struct judge *j, const struct judge_scratch *s, const struct decision *d)
{
	return d->bound ||
	       (!j->set->rules[d->rule].silent && companion_near(j->set, &s->slots[d->slot], d));
}

/* What was found up to the i-th decision's moment may be required there. */
static bool mark_companions(const struct judge *j, const struct judge_scratch *s, size_t i)
{
	bool ok = true;
	for (size_t k = i; ok && k < s->n_decisions && j->set->companions; k++) {
		if (moment_compare(s->decisions[k].when, s->decisions[i].when) != 0)
			break;
		ok = companion_mark(j->set, &s->slots[s->decisions[k].slot], &s->decisions[k]);
	}
	return ok;
}

/* Whether this decision does something to the stream. */
static bool acts(const struct judge *j, const struct judge_scratch *s, const struct decision *d)
{
	const struct rule_info *r = &j->set->rules[d->rule].info;
	return !j->observe && counts(j, s, d) && r->action != ACTION_FLAG &&
	       (!d->bound || r->on_bound == BOUND_CUT);
}

static bool redacts(const struct judge *j, const struct judge_scratch *s, const struct decision *d)
{
	return acts(j, s, d) && !d->bound && j->set->rules[d->rule].info.action == ACTION_REDACT &&
	       judge_can_redact(j, &s->slots[d->slot], d);
}

/* The bound of a rule that flags does nothing. */
static bool only_undecided(const struct judge *j, const struct decision *d)
{
	return d->bound && j->set->rules[d->rule].info.action == ACTION_FLAG;
}

bool judge_settle(struct judge *j, struct judge_scratch *s)
{
	judge_scratch_sort(s);
	for (size_t i = 0; i < s->n_decisions; i++) {
		const struct decision *d = &s->decisions[i];
		if (!mark_companions(j, s, i)) {
			judge_cut(j, CUT_ENGINE_ERROR, 0, j->raw_seen, j->safe_raw);
			return true;
		}
		j->counts.undecided += d->bound && j->set->rules[d->rule].syntax;
		if (!counts(j, s, d) || only_undecided(j, d))
			continue;
		if (d->bound && j->set->rules[d->rule].info.on_bound == BOUND_CUT)
			j->counts.bound_cuts++;
		else if (d->bound)
			j->counts.bound_releases++;
		else
			card_add(j, &s->slots[d->slot], d);
		if (!acts(j, s, d))
			continue;
		if (redacts(j, s, d)) {
			if (judge_redact(j, &s->slots[d->slot], d))
				continue;
			judge_cut(j, CUT_ENGINE_ERROR, 0, j->raw_seen, j->safe_raw);
			return true;
		}
		uint64_t limit = min_u64(d->raw, limit_at(j, s, d->when));
		for (size_t k = i + 1; k < s->n_decisions; k++)
			if (moment_compare(s->decisions[k].when, d->when) == 0 &&
			    acts(j, s, &s->decisions[k]))
				limit = min_u64(limit, s->decisions[k].raw);
		judge_cut(j, d->bound ? CUT_HOLD_BOUND : CUT_RULE, d->rule, d->when.raw, limit);
		return true;
	}
	return false;
}

void judge_hold(struct judge *j)
{
	uint64_t limit = UINT64_MAX, held = 0;
	j->open = 0;
	for (uint32_t i = 0; i < j->n_every; i++) {
		const struct channel *c = j->every[i];
		uint32_t most = c->parent ? 0 : j->window;
		if (!c->open.n && !most)
			continue;
		uint64_t first = track_end(&c->kept);
		for (uint32_t k = 0; k < c->open.n; k++)
			if (judge_holds(j, judge_rule(j, &c->open.v[k])))
				first = min_u64(first, c->open.v[k].point);
		uint64_t end = track_end(&c->kept), window = min_u64(most, c->kept.n);
		held += max_u64(end - first, window);
		j->open += c->open.n;
		limit = min_u64(limit, channel_limit(j, c));
	}
	j->counts.held_max = max_u64(j->counts.held_max, held);
	if (j->open > OPEN_MAX) {
		judge_cut(j, CUT_ENGINE_ERROR, 0, j->raw_seen, j->safe_raw);
		return;
	}
	bool holds = limit < j->raw_seen;
	j->safe_raw = max_u64(j->safe_raw, min_u64(limit, j->raw_seen));
	j->verdict = (struct verdict){ .kind = holds ? VERDICT_HOLD : VERDICT_PASS,
				       .release_raw = j->safe_raw };
}

void judge_expire(struct judge *j, struct verdict *out)
{
	uint64_t limit = UINT64_MAX, first = UINT64_MAX;
	uint16_t rule = 0;
	for (uint32_t i = 0; i < j->n_every && j->verdict.kind != VERDICT_CUT; i++) {
		struct channel *c = j->every[i];
		uint32_t kept = 0;
		limit = min_u64(limit, channel_limit(j, c));
		c->given_up = track_end(&c->kept);
		for (uint32_t k = 0; k < c->open.n; k++) {
			const struct candidate *one = &c->open.v[k];
			const struct rule *r = judge_rule(j, one);
			bool holds = judge_holds(j, r) && r->info.hold == HOLD_LEAD_IN &&
				     one->raw != CANDIDATE_NO_RAW;
			if (!holds) {
				c->open.v[kept++] = *one;
			} else if (r->info.on_bound == BOUND_RELEASE) {
				j->counts.bound_releases++;
			} else {
				j->counts.bound_cuts++;
				rule = one->raw < first ? one->rule : rule;
				first = min_u64(first, one->raw);
			}
		}
		c->open.n = kept;
	}
	if (first != UINT64_MAX)
		judge_cut(j, CUT_HOLD_BOUND, rule, j->raw_seen, limit);
	else if (j->verdict.kind != VERDICT_CUT)
		judge_hold(j);
	*out = j->verdict;
}
