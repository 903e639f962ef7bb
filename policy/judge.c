#include "policy/judge.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/channel.h"
#include "policy/judge_scratch.h"
#include "policy/rule.h"

/* A call's text is worked on in portions, so that the working memory of a thread stays bounded. Portions are splits,
 * and splits change nothing. */
#define PORTION_BYTES (256u << 10)
/* Open candidates of one stream. More than that is an attack on the matcher's time; the stream is cut. */
#define OPEN_MAX 4096

const char *const cut_cause_names[] = { "none", "rule", "hold_bound", "engine_error" };
static_assert(ARRAY_LEN(cut_cause_names) == CUT_CAUSE_COUNT, "one name each");

struct judge {
	struct ruleset *set;
	const struct wire *wire;
	struct channel **channels;
	uint32_t n_channels;
	struct card *cards;
	uint32_t n_cards, cap_cards;
	struct judge_counts counts;
	struct verdict verdict;
	uint64_t raw_seen;  /* end of the raw bytes of every piece so far, in order */
	uint64_t safe_raw;  /* what the last verdict let go */
	uint32_t open;      /* open candidates, all channels */
};

struct judge *judge_new(struct ruleset *set, const struct wire *wire)
{
	struct judge *j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	j->set = ruleset_ref(set);
	j->wire = wire;
	return j;
}

void judge_free(struct judge *j)
{
	if (!j)
		return;
	for (uint32_t i = 0; i < j->n_channels; i++)
		channel_free(j->channels[i]);
	free(j->channels);
	free(j->cards);
	ruleset_unref(j->set);
	free(j);
}

size_t judge_memory(const struct judge *j)
{
	size_t sum = sizeof(*j) + j->n_channels * sizeof(struct channel *) + j->cap_cards * sizeof(struct card);
	for (uint32_t i = 0; i < j->n_channels; i++)
		sum += j->channels[i] ? channel_memory(j->channels[i], j->set) : 0;
	return sum;
}

const struct card *judge_cards(const struct judge *j, size_t *n)
{
	*n = j->n_cards;
	return j->cards;
}

const struct judge_counts *judge_counts(const struct judge *j)
{
	return &j->counts;
}

struct ruleset *judge_ruleset(const struct judge *j)
{
	return j->set;
}

static const struct rule *rule_of(const struct judge *j, const struct candidate *c)
{
	return &j->set->rules[c->rule];
}

/* Channels */

static void classify(const struct judge *j, struct channel *c, uint16_t number)
{
	enum channel_kind kind = CHANNEL_RAW;
	if (j->wire)
		kind = (enum channel_kind)wire_channel(j->wire, number).kind;
	switch (kind) {
	case CHANNEL_RAW:
	case CHANNEL_ARGUMENTS:
	case CHANNEL_TOOL_TEXT:
		c->code = true;
		break;
	case CHANNEL_CONTENT:
		c->prose = true;
		fence_init(&c->fence);
		break;
	case CHANNEL_ENVELOPE:
	case CHANNEL_REFUSAL:
	case CHANNEL_REASONING:
	case CHANNEL_KIND_COUNT:
		break;
	}
}

static struct channel *channel_make(struct judge *j, uint16_t number)
{
	if (number >= j->n_channels) {
		uint32_t n = (uint32_t)number + 1;
		struct channel **v = realloc(j->channels, n * sizeof(struct channel *));
		if (!v)
			return NULL;
		memset(v + j->n_channels, 0, (n - j->n_channels) * sizeof(struct channel *));
		j->channels = v;
		j->n_channels = n;
	}
	struct channel *c = calloc(1, sizeof(*c));
	if (c)
		classify(j, c, number);
	j->channels[number] = c;
	return c;
}

static struct slot *slot_of(struct judge *j, struct judge_scratch *s, uint16_t number)
{
	struct channel *c = number < j->n_channels ? j->channels[number] : NULL;
	if (c && c->slot)
		return &s->slots[c->slot - 1];
	if (!c && !(c = channel_make(j, number)))
		return NULL;
	struct slot *slot = judge_scratch_slot(s);
	if (!slot || !slot_begin(slot, c, number))
		return NULL;
	c->slot = (uint32_t)s->n_slots;
	return slot;
}

/* Gathers pieces into slots until a portion is full or a channel goes on after its end. Returns how many it took; fewer
 * than one only when memory ran out. */
static size_t gather(struct judge *j, struct judge_scratch *s, const struct piece *v, size_t n)
{
	uint64_t bytes = 0;
	size_t i = 0;
	for (; i < n && bytes < PORTION_BYTES; i++) {
		const struct piece *p = &v[i];
		if (p->kind == PIECE_FRAME)
			continue;
		struct slot *slot = slot_of(j, s, p->channel);
		if (!slot)
			return 0;
		if (slot->ended && p->kind == PIECE_TEXT)
			break;
		j->raw_seen = max_u64(j->raw_seen, p->raw_off + p->raw_len);
		if (p->kind == PIECE_CHANNEL_END) {
			slot->ended = true;
			slot->end_key = j->raw_seen;
			continue;
		}
		if (!track_add(&slot->work, piece_text(p), p->text_len, p->raw_off, p->raw_len))
			return 0;
		bytes += p->text_len;
	}
	j->counts.text_bytes += bytes;
	return i;
}

/* Every channel's last chance: its text ends here. */
static bool gather_ends(struct judge *j, struct judge_scratch *s)
{
	for (uint32_t i = 0; i < j->n_channels; i++) {
		if (!j->channels[i])
			continue;
		struct slot *slot = slot_of(j, s, (uint16_t)i);
		if (!slot)
			return false;
		if (!slot->ended) {
			slot->ended = true;
			slot->end_key = UINT64_MAX;
		}
	}
	return true;
}

/* Matching */

static bool take_hit(struct judge *j, struct judge_scratch *s, struct slot *slot, const struct multimatch_hit *hit)
{
	const struct rule_pattern *p = &j->set->patterns[hit->pattern];
	const struct rule *r = &j->set->rules[p->rule];
	struct candidate c = { .point = hit->end + slot->channel->stream_base, .rule = p->rule };
	if (p->keyword)
		return slot_saw(slot, r->keyword, c.point);
	/* The last byte of the lead-in, or of the whole match, says where the rule applies. */
	if (r->info.scope == SCOPE_CODE && !(c.point && slot_is_code(slot, c.point - 1)))
		return true;
	return candidate_open(&c, r, s->regex, &slot->work) && candidates_add(&slot->list, &c);
}

static bool scan(struct judge *j, struct judge_scratch *s, struct slot *slot)
{
	struct channel *c = slot->channel;
	struct span fresh = { slot->work.text + (slot->old_end - slot->work.base), track_end(&slot->work) - slot->old_end };
	if (!j->set->n_patterns || (!fresh.n && !slot->ended))
		return true;
	if (!c->stream && !fresh.n)
		return true;
	if (!c->stream && !(c->stream = multimatch_open(j->set->multimatch)))
		return false;
	s->hits.n = 0;
	if (j->set->code_scope && c->prose && !slot_find_code(slot))
		return false;
	if (fresh.n && multimatch_feed(c->stream, s->multimatch, fresh, &s->hits))
		return false;
	if (slot->ended && multimatch_finish(c->stream, s->multimatch, &s->hits))
		return false;
	for (size_t i = 0; i < s->hits.n; i++)
		if (!take_hit(j, s, slot, &s->hits.v[i]))
			return false;
	slot_sort(slot);
	j->counts.candidates += slot->list.n - slot->new_from;
	return true;
}

/* What refines a match into a finding. Each step sees the text up to the deciding byte and nothing after it. */
struct finding {
	const struct judge *judge;
	const struct slot *slot;
	const struct rule *rule;
	struct secret secret;
	uint64_t decided_at;
};

static bool keywords_seen(const struct finding *f)
{
	return f->rule->keyword == RULE_NO_KEYWORDS || slot_has(f->slot, f->rule->keyword, f->decided_at);
}

static const struct {
	const char *name;
	bool (*keeps)(const struct finding *f);
} refinements[] = {
	{ "keywords", keywords_seen },
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
	case HOLD_LEAD_IN:
		return track_raw(&slot->work, c->point);
	case HOLD_WINDOW: { /* never before what a window of this size has let go already */
		uint64_t window = (uint64_t)r->info.hold_bytes + r->delay;
		uint64_t least = d->at > window ? d->at - window : 0;
		return track_raw(&slot->work, max_u64(d->secret.from, least));
	}
	case HOLD_NONE:
	case HOLD_COUNT:
		break;
	}
	return d->at ? track_raw(&slot->work, d->at - 1) : 0;
}

static bool decide(struct judge *j, struct judge_scratch *s, uint32_t slot_index, struct candidate *c,
		   const struct secret *secret)
{
	struct slot *slot = &s->slots[slot_index];
	const struct rule *r = rule_of(j, c);
	struct view view = slot_view(slot);
	struct decided when = candidate_decide(c, r, s->regex, &view, slot->old_end);
	struct decision d = { .key = when.key, .at = when.at, .secret = *secret, .slot = slot_index, .rule = c->rule };
	d.bound = c->state == CANDIDATE_BOUND;
	d.raw = hold_from(slot, r, c, &d);
	struct finding f = { j, slot, r, *secret, when.at };
	if (d.bound ? r->info.action != ACTION_FLAG : refined(&f))
		return judge_scratch_decision(s, &d);
	return true;
}

static bool evaluate(struct judge *j, struct judge_scratch *s, uint32_t slot_index)
{
	struct slot *slot = &s->slots[slot_index];
	for (uint32_t i = 0; i < slot->list.n; i++) {
		struct candidate *c = &slot->list.v[i];
		struct secret secret = { 0 };
		c->state = (uint8_t)candidate_state(c, rule_of(j, c), s->regex, &slot->work, track_end(&slot->work),
						    slot->ended, &secret);
		if (c->state == CANDIDATE_FAILED)
			return false;
		if ((c->state == CANDIDATE_FOUND || c->state == CANDIDATE_BOUND) && !decide(j, s, slot_index, c, &secret))
			return false;
	}
	return true;
}

/* Verdicts */

static void cut(struct judge *j, enum cut_cause cause, uint16_t rule, uint64_t key, uint64_t release)
{
	j->verdict = (struct verdict){
		.kind = VERDICT_CUT,
		.cause = cause,
		.rule = rule,
		.decided_raw = min_u64(key, j->raw_seen),
		.release_raw = max_u64(release, j->safe_raw),
	};
}

/* One card for overlapping findings of one rule: the first that was decided. False: it was known, or no memory. */
static void card_add(struct judge *j, const struct slot *slot, const struct decision *d)
{
	for (uint32_t i = j->n_cards; i-- > 0;) {
		const struct card *old = &j->cards[i];
		if (old->rule == d->rule && old->channel == slot->number && d->secret.from < old->text_off + old->text_len &&
		    old->text_off < d->secret.to)
			return;
	}
	j->counts.cards++;
	if (j->n_cards == JUDGE_CARDS_MAX)
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
		.action = j->set->rules[d->rule].info.action,
		.text_off = d->secret.from,
		.text_len = (uint32_t)(d->secret.to - d->secret.from),
		.raw_off = track_raw(&slot->work, d->secret.from),
	};
}

static uint64_t window_limit(const struct judge *j, const struct channel *c, const struct track *t, uint64_t until)
{
	uint64_t from = until > j->set->window ? until - j->set->window : 0;
	from = max_u64(from, c->given_up);
	return j->set->window && from < until ? track_raw(t, from) : UINT64_MAX;
}

/* What one slot still held when the byte before `key` had just arrived. */
static uint64_t slot_limit_at(const struct judge *j, const struct judge_scratch *s, const struct slot *slot,
			      uint64_t key)
{
	struct secret unused;
	bool all = slot->ended && slot->end_key <= key;
	uint64_t until = all ? track_end(&slot->work) : max_u64(track_until(&slot->work, key), slot->old_end);
	uint64_t limit = all ? UINT64_MAX : window_limit(j, slot->channel, &slot->work, until);
	for (uint32_t i = 0; i < slot->list.n; i++) {
		const struct candidate *c = &slot->list.v[i];
		const struct rule *r = rule_of(j, c);
		if (!rule_holds(j->set, r) || r->info.hold != HOLD_LEAD_IN || c->point >= until)
			continue;
		if (candidate_state(c, r, s->regex, &slot->work, until, all, &unused) == CANDIDATE_ALIVE)
			limit = min_u64(limit, track_raw(&slot->work, c->point));
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
		if (rule_holds(j->set, rule_of(j, &c->open.v[i])) && rule_of(j, &c->open.v[i])->info.hold == HOLD_LEAD_IN)
			limit = min_u64(limit, c->open.v[i].raw);
	return limit;
}

static uint64_t limit_at(const struct judge *j, const struct judge_scratch *s, uint64_t key)
{
	uint64_t limit = UINT64_MAX;
	for (size_t i = 0; i < s->n_slots; i++)
		limit = min_u64(limit, slot_limit_at(j, s, &s->slots[i], key));
	for (uint32_t i = 0; i < j->n_channels; i++)
		if (j->channels[i] && !j->channels[i]->slot)
			limit = min_u64(limit, channel_limit(j, j->channels[i]));
	return limit;
}

/* Whether this decision ends the stream. */
static bool cuts(const struct judge *j, const struct decision *d)
{
	const struct rule_info *r = &j->set->rules[d->rule].info;
	return !j->set->monitor && r->action != ACTION_FLAG && (!d->bound || r->on_bound == BOUND_CUT);
}

/* Decisions in the order of their deciding bytes, up to the first that cuts. */
static bool settle_decisions(struct judge *j, struct judge_scratch *s)
{
	judge_scratch_sort(s);
	for (size_t i = 0; i < s->n_decisions; i++) {
		const struct decision *d = &s->decisions[i];
		if (d->bound && j->set->rules[d->rule].info.on_bound == BOUND_CUT)
			j->counts.bound_cuts++;
		else if (d->bound)
			j->counts.bound_releases++;
		else
			card_add(j, &s->slots[d->slot], d);
		if (!cuts(j, d))
			continue;
		uint64_t limit = min_u64(d->raw, limit_at(j, s, d->key));
		for (size_t k = i + 1; k < s->n_decisions && s->decisions[k].key == d->key; k++)
			if (cuts(j, &s->decisions[k]))
				limit = min_u64(limit, s->decisions[k].raw);
		cut(j, d->bound ? CUT_HOLD_BOUND : CUT_RULE, d->rule, d->key, limit);
		return true;
	}
	return false;
}

static void forget_slots(struct judge_scratch *s)
{
	for (size_t i = 0; i < s->n_slots; i++)
		s->slots[i].channel->slot = 0;
	judge_scratch_reset(s);
}

/* One portion. False: it was cut. */
static bool judge_portion(struct judge *j, struct judge_scratch *s)
{
	bool ok = true, over = false;
	for (size_t i = 0; ok && i < s->n_slots; i++)
		ok = scan(j, s, &s->slots[i]);
	for (size_t i = 0; ok && i < s->n_slots; i++)
		ok = evaluate(j, s, (uint32_t)i);
	if (ok && s->n_decisions)
		over = settle_decisions(j, s);
	for (size_t i = 0; ok && !over && i < s->n_slots; i++)
		ok = slot_save(&s->slots[i], j->set);
	forget_slots(s);
	if (!ok)
		cut(j, CUT_ENGINE_ERROR, 0, j->raw_seen, j->safe_raw);
	return ok && !over;
}

/* After a portion without a cut: what is held now. */
static void settle_holds(struct judge *j)
{
	uint64_t limit = UINT64_MAX, held = 0;
	j->open = 0;
	for (uint32_t i = 0; i < j->n_channels; i++) {
		const struct channel *c = j->channels[i];
		if (!c || (!c->open.n && !j->set->window))
			continue;
		uint64_t first = track_end(&c->kept);
		for (uint32_t k = 0; k < c->open.n; k++)
			if (rule_holds(j->set, rule_of(j, &c->open.v[k])))
				first = min_u64(first, c->open.v[k].point);
		uint64_t end = track_end(&c->kept), window = min_u64(j->set->window, c->kept.n);
		held += max_u64(end - first, window);
		j->open += c->open.n;
		limit = min_u64(limit, channel_limit(j, c));
	}
	j->counts.held_max = max_u64(j->counts.held_max, held);
	if (j->open > OPEN_MAX) {
		cut(j, CUT_ENGINE_ERROR, 0, j->raw_seen, j->safe_raw);
		return;
	}
	bool holds = limit < j->raw_seen;
	j->safe_raw = max_u64(j->safe_raw, min_u64(limit, j->raw_seen));
	j->verdict = (struct verdict){ .kind = holds ? VERDICT_HOLD : VERDICT_PASS, .release_raw = j->safe_raw };
}

void judge_feed(struct judge *j, struct judge_scratch *s, const struct piece *v, size_t n, bool final,
		struct verdict *out)
{
	size_t at = 0;
	do {
		if (j->verdict.kind == VERDICT_CUT)
			break;
		size_t took = gather(j, s, v + at, n - at);
		if (took == 0 && at < n) {
			forget_slots(s);
			cut(j, CUT_ENGINE_ERROR, 0, j->raw_seen, j->safe_raw);
			break;
		}
		at += took;
		if (final && at == n && !gather_ends(j, s)) {
			forget_slots(s);
			cut(j, CUT_ENGINE_ERROR, 0, j->raw_seen, j->safe_raw);
			break;
		}
		if (judge_portion(j, s))
			settle_holds(j);
	} while (at < n);
	*out = j->verdict;
}

void judge_expire(struct judge *j, struct verdict *out)
{
	uint64_t limit = UINT64_MAX, first = UINT64_MAX;
	uint16_t rule = 0;
	for (uint32_t i = 0; i < j->n_channels && j->verdict.kind != VERDICT_CUT; i++) {
		struct channel *c = j->channels[i];
		uint32_t kept = 0;
		if (!c)
			continue;
		limit = min_u64(limit, channel_limit(j, c));
		c->given_up = track_end(&c->kept);
		for (uint32_t k = 0; k < c->open.n; k++) {
			const struct candidate *one = &c->open.v[k];
			const struct rule *r = rule_of(j, one);
			bool holds = rule_holds(j->set, r) && r->info.hold == HOLD_LEAD_IN && one->raw != CANDIDATE_NO_RAW;
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
		cut(j, CUT_HOLD_BOUND, rule, j->raw_seen, limit);
	else if (j->verdict.kind != VERDICT_CUT)
		settle_holds(j);
	*out = j->verdict;
}
