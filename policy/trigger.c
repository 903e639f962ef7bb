#include "policy/trigger.h"

#include <stdlib.h>

#include "policy/trigger_state.h"
#include "policy/word.h"

#define STRIDE 4     /* bytes; the walks begun in them may begin others at each, which multiplies */
#define KEPT_MOST 64 /* walks there is room for between two texts */

void walks_fini(struct walks *w)
{
	free(w->v);
	free(w->said);
	*w = (struct walks){ 0 };
}

size_t walks_memory(const struct walks *w)
{
	return w->cap * sizeof(*w->v) + w->cap_said * sizeof(*w->said);
}

struct place { /* the text of a call, and what is found in it */
	const unsigned char *text;
	uint64_t from, until; /* offsets of its first byte, and after its last */
	uint64_t base;        /* the channel's text began there */
	uint64_t fresh;       /* and what is new of it */
	struct multimatch_hits *out;
};

static unsigned char byte_at(const struct place *p, uint64_t at)
{
	return p->text[at - p->from];
}

/* Whether one word ends, or begins, at `at`, where there is a byte. */
static bool is_edge(const struct place *p, uint64_t at)
{
	return is_word(byte_at(p, at)) != (at > p->base && is_word(byte_at(p, at - 1)));
}

/* Whether what must stand before a head's bytes does. */
static bool is_preceded(const struct trigger_front_part *f, const struct place *p, uint64_t end)
{
	if (end - p->base < f->row)
		return false;
	uint64_t from = end - f->row;
	for (uint32_t i = 0; i < f->before; i++) {
		unsigned char c = byte_at(p, from + i);
		if (!(f->in[i][c / 32] >> c % 32 & 1))
			return false;
	}
	switch (f->front) {
	case FRONT_EDGE: return is_edge(p, from);
	case FRONT_BEGIN: return from == p->base;
	case FRONT_ANY: break;
	}
	return true;
}

static bool was_said(const struct walks *w, uint32_t pattern)
{
	bool was = false;
	for (uint32_t i = 0; i < w->n_said && !was; i++)
		was = w->said[i] == pattern;
	return was;
}

static void say(const struct walks *w, const struct place *p, uint64_t end, uint32_t pattern)
{
	if (end > p->fresh || !was_said(w, pattern))
		multimatch_hits_add(p->out, end - p->base, pattern);
}

static bool is_in(const uint32_t set[8], unsigned char byte)
{
	return set[byte / 32] >> byte % 32 & 1;
}

static NOINLINE void report_all(const struct triggers *t, const struct walks *w,
				const struct place *p, const struct trigger *one, uint64_t end)
{
	const struct user *u = t->users + one->users, *last = u + one->n_users;
	bool known = end < p->until;
	unsigned char next = known ? byte_at(p, end) : 0;
	for (; u < last; u++)
		if (!known || !u->body || u->body->may[next] & 1)
			say(w, p, end, u->pattern);
}

/* A lead-in ends at `end`. Mostly the next byte is there, and begins no body. */
static inline void report(const struct triggers *t, const struct walks *w, const struct place *p,
			  const struct trigger *one, uint64_t end)
{
	if (end >= p->until || is_in(one->begins, byte_at(p, end)))
		report_all(t, w, p, one, end);
}

static void begin(struct walks *w, const struct place *p, struct walk walk)
{
	if (w->n == w->cap) {
		uint32_t cap = w->cap ? 2 * w->cap : 8;
		struct walk *v = realloc(w->v, cap * sizeof(*v));
		p->out->failed = p->out->failed || !v;
		if (!v)
			return;
		w->v = v;
		w->cap = cap;
	}
	w->v[w->n++] = walk;
}

/* What a tail says at `at`: the lead-in ends there, walks begin there. */
static void heed(const struct triggers *t, struct walks *w, const struct place *p, uint32_t trigger,
		 uint32_t says, uint64_t at)
{
	const struct trigger *one = &t->v[trigger];
	if (says & TAIL_ACCEPTS)
		report(t, w, p, one, at);
	for (uint32_t gaps = says & ~TAIL_ACCEPTS; gaps; gaps &= gaps - 1) {
		const struct tail_gap *gap = &one->tail->gaps[__builtin_ctz(gaps)];
		begin(w, p,
		      (struct walk){ .at = at,
				     .trigger = trigger,
				     .state = gap->start,
				     .left = gap->most });
	}
}

static const unsigned char *byte_of(const struct place *p, uint64_t at)
{
	return p->text + (at - p->from);
}

/* From one place to another without gaps. The state there; TAIL_DEAD where it is over. */
static uint32_t steps_on(const struct triggers *t, const struct walks *w, const struct place *p,
			 const struct trigger *one, uint32_t state, uint64_t from, uint64_t to)
{
	const unsigned char *byte = byte_of(p, from), *end = byte_of(p, to);
	for (; byte < end; byte++) {
		uint32_t step = tail_step(one->tail, state, *byte);
		state = step & TAIL_STATE;
		if (step == state)
			continue;
		uint64_t at = p->from + (uint64_t)(byte - p->text);
		if (step & TAIL_AT_EDGE)
			report(t, w, p, one, at);
		if (step & TAIL_ENDS)
			report(t, w, p, one, at + 1);
		if (step & TAIL_OVER)
			return TAIL_DEAD;
	}
	return state;
}

/* Takes a walk on whose tail has no gaps. Over, a walk is in TAIL_DEAD. */
static struct walk walk_plain(const struct triggers *t, const struct walks *w,
			      const struct place *p, struct walk walk, uint64_t to)
{
	const struct trigger *one = &t->v[walk.trigger];
	walk.state = (uint16_t)steps_on(t, w, p, one, walk.state, walk.at, to);
	walk.at = to;
	return walk;
}

/* One step of a walk, which may begin others. */
static uint32_t heed_step(const struct triggers *t, struct walks *w, const struct place *p,
			  uint32_t trigger, uint32_t state, uint64_t at)
{
	const struct tail *tail = t->v[trigger].tail;
	uint32_t step = tail_step(tail, state, *byte_of(p, at));
	if (step & TAIL_AT_EDGE)
		heed(t, w, p, trigger, tail_state(tail, state)->edge, at);
	if (step & (TAIL_GOES_ON | TAIL_ENDS))
		heed(t, w, p, trigger, tail_state(tail, step & TAIL_STATE)->says, at + 1);
	return step & TAIL_OVER ? TAIL_DEAD : step & TAIL_STATE;
}

/* Where there is something to do at a step; or `to`. */
static uint64_t step_on(const struct tail *tail, uint32_t *state, const struct place *p,
			uint64_t at, uint64_t to)
{
	const unsigned char *byte = byte_of(p, at), *end = byte_of(p, to);
	uint32_t now = *state, step;
	for (; byte < end; byte++, now = step) {
		step = tail_step(tail, now, *byte);
		if (step > TAIL_STATE)
			break;
	}
	*state = now;
	return p->from + (uint64_t)(byte - p->text);
}

/* Takes any walk on, which may begin others. */
static struct walk walk_on(const struct triggers *t, struct walks *w, const struct place *p,
			   struct walk walk, uint64_t to)
{
	const struct tail *tail = t->v[walk.trigger].tail;
	uint32_t state = walk.state, left = walk.left;
	if (!tail->n_gaps)
		return walk_plain(t, w, p, walk, to);
	for (uint64_t at = walk.at, begun = at; at < to && state != TAIL_DEAD; begun = at) {
		uint64_t stop = left == TAIL_NO_GAP ? to : min_u64(to, at + left);
		at = step_on(tail, &state, p, at, stop);
		if (at < stop)
			state = heed_step(t, w, p, walk.trigger, state, at++);
		if (left != TAIL_NO_GAP)
			left -= (uint32_t)(at - begun);
		if (!left) {
			left = TAIL_NO_GAP;
			state = tail_state(tail, state)->cut;
		}
	}
	if (tail_state(tail, state)->over)
		state = TAIL_DEAD;
	return (struct walk){ to, walk.trigger, (uint16_t)state, (uint16_t)left };
}

/* Takes the i-th on. Whether it is not over. */
static bool walk_one(const struct triggers *t, struct walks *w, const struct place *p, uint32_t i,
		     uint64_t to)
{
	struct walk walk = walk_on(t, w, p, w->v[i], to);
	w->v[i] = walk;
	return walk.state != TAIL_DEAD;
}

/* The first walk of a trigger from the i-th on, or w->n. */
static uint32_t find_walk(const struct walks *w, uint32_t trigger, uint32_t i)
{
	while (i < w->n && w->v[i].trigger != trigger)
		i++;
	return i;
}

/* Of walks of one trigger at one place: one is over when a younger one says all that it would say;
 * the youngest tend to. */
static void drop_within(const struct triggers *t, struct walks *w, uint32_t trigger)
{
	const struct tail *tail = t->v[trigger].tail;
	uint32_t i = find_walk(w, trigger, 0), kept = i;
	for (; i < w->n; i++) {
		const struct walk *one = &w->v[i];
		bool said = false;
		for (uint32_t k = w->n; one->trigger == trigger && --k > i && !said;)
			said = w->v[k].trigger == trigger &&
			       tail_within(tail, one->state, one->left, w->v[k].state,
					   w->v[k].left);
		if (!said)
			w->v[kept++] = *one;
	}
	w->n = kept;
}

/* Takes the walks of a trigger on to one place, and those that begin on the way. Where each byte
 * may begin one, they are compared before they are many. */
static void walk_all(const struct triggers *t, struct walks *w, const struct place *p,
		     uint32_t trigger, uint64_t from, uint64_t to)
{
	bool begins = t->v[trigger].tail->begins;
	for (uint64_t until; from < to; from = until) {
		uint32_t i = find_walk(w, trigger, 0), kept = i, old = w->n;
		until = begins ? min_u64(to, from + STRIDE) : to;
		for (; i < w->n; i++)
			if (w->v[i].trigger != trigger || walk_one(t, w, p, i, until))
				w->v[kept++] = w->v[i];
		bool more = w->n > old;
		w->n = kept;
		if (more)
			drop_within(t, w, trigger);
	}
}

/* Triggers do not know of each other, so that each one's walks may wait for the next head of
 * theirs, or for the end. Those that begin no others go first, all at once. */
static void all_on(const struct triggers *t, struct walks *w, const struct place *p)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < w->n; i++)
		if (t->v[w->v[i].trigger].tail->n_gaps || walk_one(t, w, p, i, p->until))
			w->v[kept++] = w->v[i];
	w->n = kept;
	for (uint32_t i = 0; i < w->n;) {
		uint32_t trigger = w->v[i].trigger;
		if (w->v[i].at < p->until)
			walk_all(t, w, p, trigger, w->v[i].at, p->until);
		else
			i++;
	}
}

/* Where another walk is in the gap already and may end it as early, two are one of which the gap
 * ends as late as that of the second. */
static bool go_on_in_gap(const struct tail *tail, struct walks *w, uint32_t trigger, uint32_t gap)
{
	for (uint32_t i = 0; i < w->n; i++) {
		struct walk *one = &w->v[i];
		if (one->trigger == trigger && one->left >= tail->gaps[gap].least &&
		    tail_state(tail, one->state)->in >> gap & 1) {
			one->left = tail->gaps[gap].most;
			return true;
		}
	}
	return false;
}

/* Begins a walk behind a head, but where one of two says all that the other would. */
static void begin_beside(const struct tail *tail, struct walks *w, const struct place *p,
			 struct walk walk)
{
	for (uint32_t i = 0; i < w->n; i++) {
		struct walk *one = &w->v[i];
		if (one->trigger != walk.trigger)
			continue;
		if (tail_within(tail, walk.state, walk.left, one->state, one->left))
			return;
		if (tail_within(tail, one->state, one->left, walk.state, walk.left)) {
			*one = walk;
			return;
		}
	}
	begin(w, p, walk);
}

/* Walks in the gaps that a tail begins with. */
static void begin_gaps(const struct tail *tail, struct walks *w, const struct place *p,
		       const struct walk *fresh, uint32_t gaps)
{
	for (; gaps; gaps &= gaps - 1) {
		uint32_t gap = (uint32_t)__builtin_ctz(gaps);
		struct walk walk = *fresh;
		walk.state = tail->gaps[gap].start;
		walk.left = tail->gaps[gap].most;
		if (!go_on_in_gap(tail, w, walk.trigger, gap))
			begin_beside(tail, w, p, walk);
	}
}

/* A walk of a tail without gaps begins beside others, which are all at one place. They are compared
 * where it begins, or a byte further on if the tail may ask for the edge of a word there: mostly
 * the others are over then, or say nothing beside it. */
static NOINLINE void meet(const struct triggers *t, struct walks *w, const struct place *p,
			  uint32_t i, struct walk walk)
{
	const struct tail *tail = t->v[walk.trigger].tail;
	uint64_t from = w->v[i].at, at = walk.at + (tail->start[0] != tail->start[1]);
	bool only = find_walk(w, walk.trigger, i + 1) == w->n;
	at = min_u64(at, p->until);
	CHECK(from <= walk.at);
	walk = walk_plain(t, w, p, walk, at);
	if (only)
		walk_one(t, w, p, i, at);
	else
		walk_all(t, w, p, walk.trigger, from, at);
	if (only && tail_within(tail, w->v[i].state, TAIL_NO_GAP, walk.state, TAIL_NO_GAP)) {
		w->v[i] = walk;
		return;
	}
	uint32_t n = w->n;
	if (walk.state != TAIL_DEAD)
		begin_beside(tail, w, p, walk);
	if (w->n > n)
		drop_within(t, w, walk.trigger);
}

static void follow_plain(const struct triggers *t, struct walks *w, const struct place *p,
			 struct walk walk)
{
	uint32_t i = find_walk(w, walk.trigger, 0);
	if (i < w->n)
		meet(t, w, p, i, walk);
	else
		begin(w, p, walk);
}

/* Where the tail has gaps, some of which may begin at once. */
static NOINLINE void follow_gaps(const struct triggers *t, struct walks *w, const struct place *p,
				 struct walk fresh)
{
	const struct tail *tail = t->v[fresh.trigger].tail;
	const struct tail_state *start = tail_state(tail, fresh.state);
	uint32_t i = find_walk(w, fresh.trigger, 0), n;
	if (i < w->n)
		walk_all(t, w, p, fresh.trigger, w->v[i].at, fresh.at);
	bool some = find_walk(w, fresh.trigger, i) < w->n;
	n = w->n;
	begin_gaps(tail, w, p, &fresh, start->says & ~TAIL_ACCEPTS);
	if (!start->over)
		begin_beside(tail, w, p, fresh);
	if (some && w->n > n)
		drop_within(t, w, fresh.trigger);
}

/* A head ends at `end`, and its tail begins. */
static void follow(const struct triggers *t, struct walks *w, const struct place *p,
		   uint32_t trigger, uint64_t end)
{
	const struct trigger *one = &t->v[trigger];
	const struct tail *tail = one->tail;
	struct walk fresh = { .at = end,
			      .trigger = trigger,
			      .state = tail->start[is_word(byte_at(p, end - 1))],
			      .left = TAIL_NO_GAP };
	const struct tail_state *start = tail_state(tail, fresh.state);
	if (start->says & TAIL_ACCEPTS)
		report(t, w, p, one, end);
	if (tail->n_gaps)
		follow_gaps(t, w, p, fresh);
	else if (!start->over)
		follow_plain(t, w, p, fresh);
}

/* Where the text ends a word does. */
static void all_end(const struct triggers *t, struct walks *w, const struct place *p)
{
	for (uint32_t i = 0; i < w->n; i++) {
		const struct trigger *one = &t->v[w->v[i].trigger];
		const struct tail_state *state = tail_state(one->tail, w->v[i].state);
		if (state->word && state->edge & TAIL_ACCEPTS)
			report(t, w, p, one, p->until);
	}
	w->n = 0;
	w->n_said = 0;
	if (w->cap > KEPT_MOST)
		walks_fini(w);
}

/* What has ended where the text does may end there once more, by the edge of a word that the next
 * byte shows. */
static void keep_said(const struct triggers *t, struct walks *w, const struct place *p)
{
	bool waits = t->whole;
	w->n_said = 0;
	for (uint32_t i = 0; i < w->n && !waits; i++)
		waits = tail_state(t->v[w->v[i].trigger].tail, w->v[i].state)->edge & TAIL_ACCEPTS;
	for (size_t i = p->out->n; waits && i-- > 0; w->n_said++) {
		if (p->out->v[i].end < p->until - p->base)
			break;
		if (w->n_said == w->cap_said) {
			uint32_t cap = w->cap_said ? 2 * w->cap_said : 4;
			uint32_t *said = realloc(w->said, cap * sizeof(*said));
			if (!said) {
				p->out->failed = true;
				break;
			}
			w->said = said;
			w->cap_said = cap;
		}
		w->said[w->n_said] = p->out->v[i].pattern;
	}
}

/* A head of it ends at `end`, and something may come of it. */
static void set_off(const struct triggers *t, struct walks *w, const struct place *p,
		    uint32_t trigger, uint64_t end)
{
	const struct trigger *one = &t->v[trigger];
	if (one->front && !is_preceded(one->front, p, end))
		return;
	if (one->tail)
		follow(t, w, p, trigger, end);
	else
		report(t, w, p, one, end);
}

/* A head ends at `end`. Mostly the byte behind it is there, and nothing comes of it. */
static void pull(const struct triggers *t, struct walks *w, const struct place *p, uint32_t head,
		 uint64_t end)
{
	bool known = end < p->until;
	unsigned char next = known ? byte_at(p, end) : 0;
	for (uint32_t i = t->first[head], last = t->first[head + 1]; i < last; i++)
		if (!known || is_in(t->v[i].goes_on, next))
			set_off(t, w, p, i, end);
}

bool triggers_find(const struct triggers *t, struct walks *w, const struct track *text,
		   uint64_t base, uint64_t fresh, bool ended, struct multimatch_hits *heads,
		   struct multimatch_hits *out)
{
	const struct place p = {
		(const unsigned char *)text->text, text->base, track_end(text), base, fresh, out
	};
	multimatch_hits_sort(heads);
	for (const struct multimatch_hit *h = heads->v, *stop = h + heads->n; h < stop; h++)
		pull(t, w, &p, h->pattern, h->end + base);
	all_on(t, w, &p);
	if (ended)
		all_end(t, w, &p);
	multimatch_hits_sort(out);
	keep_said(t, w, &p);
	return !out->failed;
}
