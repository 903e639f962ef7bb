#include "policy/candidate.h"

#include <stdlib.h>
#include <string.h>

bool candidates_add(struct candidates *c, const struct candidate *one)
{
	if (c->n == c->cap) {
		uint32_t cap = c->cap ? 2 * c->cap : 4;
		struct candidate *v = realloc(c->v, cap * sizeof(*v));
		if (!v)
			return false;
		c->v = v;
		c->cap = cap;
	}
	c->v[c->n++] = *one;
	return true;
}

static size_t rel(const struct track *t, uint64_t at)
{
	return at <= t->base ? 0 : (size_t)min_u64(at - t->base, t->n);
}

static unsigned inside(const struct track *t)
{
	return t->base ? REGEX_INSIDE : 0;
}

static uint64_t bound_of(const struct candidate *c, const struct rule *r)
{
	return c->point + r->info.hold_bytes;
}

static uint64_t rest_most(const struct rule *r)
{
	return min_u64((uint64_t)r->rest_lines * CANDIDATE_LINE_REST, CANDIDATE_REST_MAX);
}

bool candidate_lines_end(const struct track *t, uint64_t at, uint32_t lines, uint64_t until,
			 uint64_t *end)
{
	uint64_t most = at + min_u64((uint64_t)lines * CANDIDATE_LINE_REST, CANDIDATE_REST_MAX);
	uint64_t stop = min_u64(min_u64(until, most), track_end(t));
	for (uint64_t i = max_u64(at, t->base); i < stop && lines; lines--, i = *end + 1) {
		const char *from = t->text + (i - t->base);
		const char *feed = memchr(from, '\n', (size_t)(stop - i));
		if (!feed)
			break;
		*end = i + (uint64_t)(feed - from);
		if (lines == 1)
			return true;
	}
	*end = stop;
	return stop == most;
}

/* The rest of the line is waited for where an allowance asks for it, and some lines more where a
 * companion may come, within the rule's bound. */
static enum candidate_state found(const struct rule *r, const struct track *t, uint64_t until,
				  bool more, uint64_t bound, const struct secret *secret)
{
	uint64_t end;
	bool waits = r->rest_lines && more && until < bound &&
		     !candidate_lines_end(t, secret->to, r->rest_lines, until, &end);
	return waits ? CANDIDATE_ALIVE : CANDIDATE_FOUND;
}

/* A whole match was reported to end at the point; where it starts is found by looking back. When
 * the look-back is too short for it, the earliest byte in reach stands for its start. */
static enum candidate_state whole_state(const struct candidate *c, const struct rule *r,
					struct regex_scratch *s, const struct track *t,
					uint64_t until, bool ended, struct secret *out)
{
	if (until < c->point + r->delay && !ended)
		return CANDIDATE_ALIVE;
	const struct rule_branch *b = &r->branches[c->branch];
	uint64_t back = c->point > b->reach ? c->point - b->reach : 0;
	size_t start = 0, end = 0;
	struct span text = { t->text, rel(t, c->point) };
	enum regex_result result =
		regex_find(b->body, s, text, rel(t, back), inside(t), b->group, &start, &end);
	if (result == REGEX_FAILED)
		return CANDIDATE_FAILED;
	out->from = out->begin = max_u64(back, t->base);
	out->to = out->end = c->point;
	if (result == REGEX_YES) {
		out->from = t->base + start;
		out->to = t->base + end;
		regex_last(s, &start, &end);
		out->begin = t->base + start;
	}
	bool more = !ended && r->info.hold == HOLD_NONE;
	return found(r, t, until, more, UINT64_MAX, out);
}

/* A region has decided, or has not: what counts is which came first, that or the bound. */
static enum candidate_state syntax_state(const struct candidate *c, const struct rule *r,
					 uint64_t until, bool ended, struct secret *out)
{
	uint64_t bound = bound_of(c, r);
	bool known = c->decided && c->decided <= until && (!c->by_end || ended);
	if (!known || c->decided > bound)
		return until >= bound ? CANDIDATE_BOUND : CANDIDATE_ALIVE;
	*out = c->secret;
	return (enum candidate_state)c->answer;
}

static enum ways_answer body_ways(const struct candidate *c, const struct rule_branch *b,
				  const struct tools *s, const struct track *t, size_t n, bool more,
				  struct ways_wait *wait)
{
	struct ways_text text = { t->text, t->base, t->base + n, more };
	uint64_t from = max_u64(c->from, t->base);
	if (!b->ways || from >= text.until)
		return WAYS_ASK;
	ways_memo_of(s->ways, t);
	return ways_ask(b->ways, s->classes, s->ways, &text, from, wait);
}

/* What the head and the ways know; otherwise the engine must be asked. */
static enum candidate_state body_known(const struct candidate *c, const struct rule *r,
				       const struct tools *s, const struct track *t, uint64_t until,
				       bool ended, struct ways_wait *wait)
{
	const struct rule_branch *b = &r->branches[c->branch];
	uint64_t bound = bound_of(c, r);
	bool more = !ended || until >= bound;
	size_t from = rel(t, c->from), n = rel(t, min_u64(until, bound));
	if (more && until <= c->point)
		return CANDIDATE_ALIVE;
	if (b->head && from < n && head_rules_out(b->head, t->text + from, n - from))
		return CANDIDATE_DEAD;
	switch (body_ways(c, b, s, t, n, more, wait)) {
	case WAYS_NONE: return CANDIDATE_DEAD;
	case WAYS_MORE: return until >= bound ? CANDIDATE_BOUND : CANDIDATE_ALIVE;
	case WAYS_ASK: break;
	}
	return CANDIDATE_UNASKED;
}

static enum candidate_state body_asked(const struct candidate *c, const struct rule *r,
				       const struct tools *s, const struct track *t, uint64_t until,
				       bool ended, struct secret *out)
{
	const struct rule_branch *b = &r->branches[c->branch];
	uint64_t bound = bound_of(c, r);
	bool more = !ended || until >= bound;
	struct span text = { t->text, rel(t, min_u64(until, bound)) };
	size_t start = 0, end = 0;
	switch (regex_find(b->body, s->regex, text, rel(t, c->from),
			   inside(t) | (more ? REGEX_MORE : 0), b->group, &start, &end)) {
	case REGEX_NO: return CANDIDATE_DEAD;
	case REGEX_PARTIAL: return until >= bound ? CANDIDATE_BOUND : CANDIDATE_ALIVE;
	case REGEX_FAILED: return CANDIDATE_FAILED;
	case REGEX_YES: break;
	}
	out->from = t->base + start;
	out->to = t->base + end;
	regex_last(s->regex, &start, &end);
	out->end = t->base + end;
	if (out->from == c->point)
		out->from -= b->prefix;
	return CANDIDATE_FOUND;
}

static enum candidate_state body_state(const struct candidate *c, const struct rule *r,
				       const struct tools *s, const struct track *t, uint64_t until,
				       bool ended, struct secret *out, struct ways_wait *wait)
{
	enum candidate_state known = body_known(c, r, s, t, until, ended, wait);
	return known == CANDIDATE_UNASKED ? body_asked(c, r, s, t, until, ended, out) : known;
}

static void wait_for(struct candidate *c, uint64_t until, struct ways_wait wait)
{
	c->waits_in = wait.class;
	c->waits_at = (uint32_t)(until - c->from);
	c->waits_end = (uint32_t)min_u64(max_u64(wait.end, c->from) - c->from, UINT32_MAX);
}

static bool find_start(struct candidate *c, const struct rule_branch *b, struct regex_scratch *s,
		       const struct track *t)
{
	uint64_t back = c->point > b->reach ? c->point - b->reach : 0;
	size_t start = 0, end = 0;
	struct span text = { t->text, rel(t, c->point) };
	if (regex_find(b->start, s, text, rel(t, back), inside(t), 0, &start, &end) != REGEX_YES)
		return false;
	c->from = t->base + start;
	return true;
}

bool candidate_open(struct candidate *c, const struct rule *r, const struct tools *s,
		    const struct view *v)
{
	const struct rule_branch *b = &r->branches[c->branch];
	const struct track *t = v->track;
	struct ways_wait wait = { 0, 0 };
	c->from = c->point;
	c->raw = CANDIDATE_NO_RAW;
	c->state = CANDIDATE_UNASKED;
	if (b->start && !find_start(c, b, s->regex, t))
		return false;
	if (r->syntax || r->info.hold != HOLD_LEAD_IN)
		return true;
	c->state = (uint8_t)body_known(c, r, s, t, track_end(t), v->ended, &wait);
	if (c->state == CANDIDATE_ALIVE)
		wait_for(c, track_end(t), wait);
	return true;
}

enum candidate_state candidate_state(const struct candidate *c, const struct rule *r,
				     const struct tools *s, const struct track *t, uint64_t until,
				     bool ended, struct secret *out)
{
	struct ways_wait unused;
	if (r->syntax)
		return syntax_state(c, r, until, ended, out);
	if (r->info.hold != HOLD_LEAD_IN)
		return whole_state(c, r, s->regex, t, until, ended, out);
	enum candidate_state state = body_state(c, r, s, t, until, ended, out, &unused);
	uint64_t bound = bound_of(c, r);
	return state == CANDIDATE_FOUND ? found(r, t, until, !ended, bound, out) : state;
}

/* All that came since it was asked last is what it waits in, and there may be more of it. */
static bool still_waits(struct candidate *c, const struct rule *r, const struct tools *s,
			const struct track *t)
{
	uint64_t until = track_end(t), bound = bound_of(c, r);
	if (c->waits_end <= until - c->from || until >= bound)
		return false;
	struct ways_text text = { t->text, t->base, until, true };
	ways_memo_of(s->ways, t);
	uint64_t end =
		ways_run(s->classes, s->ways, &text, c->waits_in, c->from + c->waits_at, until);
	c->waits_at = (uint32_t)(end - c->from);
	return end == until;
}

enum candidate_state candidate_ask(struct candidate *c, const struct rule *r, const struct tools *s,
				   const struct view *v, struct secret *out)
{
	const struct track *t = v->track;
	uint64_t until = track_end(t), bound = bound_of(c, r);
	struct ways_wait wait = { 0, 0 };
	if (r->syntax || r->info.hold != HOLD_LEAD_IN)
		return candidate_state(c, r, s, t, until, v->ended, out);
	if (c->waits_end && !v->ended && still_waits(c, r, s, t))
		return CANDIDATE_ALIVE;
	enum candidate_state state = c->state == CANDIDATE_UNASKED
					     ? body_asked(c, r, s, t, until, v->ended, out)
					     : body_state(c, r, s, t, until, v->ended, out, &wait);
	if (state == CANDIDATE_FOUND) {
		state = found(r, t, until, !v->ended, bound, out);
		wait = (struct ways_wait){ out->to + rest_most(r), WAYS_LINE };
	}
	if (state == CANDIDATE_ALIVE)
		wait_for(c, until, wait);
	return state;
}

/* The longest text of which is known beforehand that it does not decide: a match is not there
 * before its end is, nor is a bound. */
static uint64_t least_known(const struct candidate *c, const struct rule *r,
			    const struct secret *found)
{
	if (r->syntax)
		return c->point;
	uint64_t at = c->state == CANDIDATE_BOUND ? bound_of(c, r) : found->end;
	return max_u64(c->point, at ? at - 1 : 0);
}

/* Whether the text before `until` leaves open what is there, the rest of the line aside. */
static bool leaves_open(const struct candidate *c, const struct rule *r, const struct tools *s,
			const struct track *t, uint64_t until)
{
	struct secret unused;
	struct ways_wait wait;
	if (r->syntax)
		return syntax_state(c, r, until, false, &unused) == CANDIDATE_ALIVE;
	if (c->state == CANDIDATE_FOUND) /* only the engine knows where */
		return body_asked(c, r, s, t, until, false, &unused) == CANDIDATE_ALIVE;
	return body_state(c, r, s, t, until, false, &unused, &wait) == CANDIDATE_ALIVE;
}

/* The shortest text for which the match does not wait for the rest of its lines, which are there.
 */
static uint64_t rest_known(const struct candidate *c, const struct rule *r, const struct track *t,
			   const struct secret *found)
{
	uint64_t end = 0;
	bool lead_in = r->info.hold == HOLD_LEAD_IN;
	if (!r->rest_lines || !(lead_in || r->info.hold == HOLD_NONE))
		return 0;
	bool there = candidate_lines_end(t, found->to, r->rest_lines, track_end(t), &end);
	bool feed = end < found->to + rest_most(r); /* it ends at one, which must be there */
	uint64_t least = there ? end + feed : UINT64_MAX;
	return lead_in ? min_u64(least, bound_of(c, r)) : least;
}

struct decided candidate_decide(const struct candidate *c, const struct rule *r,
				const struct tools *s, const struct view *v, uint64_t known,
				const struct secret *found)
{
	struct secret unused;
	uint64_t high = track_end(v->track), step = 1;
	int tries = 0;
	bool waits = c->state == CANDIDATE_FOUND && !r->syntax && r->rest_lines;
	uint64_t rest = waits ? rest_known(c, r, v->track, found) : 0;
	if (r->info.hold != HOLD_LEAD_IN) {
		uint64_t at = max_u64(c->point + r->delay, rest);
		if (at > high)
			return (struct decided){ high, v->end };
		return (struct decided){ at, { track_raw_end(v->track, at - 1), 0 } };
	}
	if (v->ended && candidate_state(c, r, s, v->track, high, false, &unused) == CANDIDATE_ALIVE)
		return (struct decided){ high, v->end }; /* only the end decided it */
	uint64_t low = min_u64(least_known(c, r, found), high - 1);
	low = waits ? low : max_u64(known, low);
	while (high - low > 1) { /* mostly it is the byte behind, so the steps grow from there on */
		uint64_t mid = low + min_u64(step, (high - low) / 2);
		if (leaves_open(c, r, s, v->track, mid)) {
			low = mid;
			step *= 1 + (tries++ > 0);
		} else {
			high = mid;
		}
	}
	high = max_u64(high, rest);
	return (struct decided){ high, { track_raw_end(v->track, high - 1), 0 } };
}
