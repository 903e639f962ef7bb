#include "policy/trigger.h"

#include <stdlib.h>

#include "policy/trigger_state.h"
#include "policy/word.h"

struct place { /* the text of a call, and what is found in it */
	const unsigned char *text;
	uint64_t from, until; /* offsets of its first byte, and after its last */
	uint64_t base;        /* the channel's text began there */
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

/* A lead-in ends at `end`. */
static void report(const struct triggers *t, const struct trigger *one, const struct place *p,
		   uint64_t end)
{
	for (const struct user *u = t->users + one->users, *last = u + one->n_users; u < last;
	     u++) {
		bool known = u->body && end < p->until;
		if (!known || u->body->may[byte_at(p, end)] & 1)
			multimatch_hits_add(p->out, end - p->base, u->pattern);
	}
}

/* Takes one walk on; whether it goes on from there. */
static bool step_on(const struct triggers *t, struct walk *w, const struct place *p, uint64_t from,
		    uint64_t to)
{
	const struct trigger *one = &t->v[w->trigger];
	const struct tail *tail = one->tail;
	uint32_t state = w->state;
	for (uint64_t at = from; at < to && state != TAIL_DEAD; at++) {
		state = tail_next(tail, state, byte_at(p, at));
		if (tail->accepts[state])
			report(t, one, p, at + 1);
	}
	w->state = (uint16_t)state;
	return state != TAIL_DEAD;
}

static void all_on(const struct triggers *t, struct walks *w, const struct place *p, uint64_t from,
		   uint64_t to)
{
	uint32_t kept = 0;
	if (!w->n || from >= to)
		return;
	for (uint32_t i = 0; i < w->n; i++)
		if (step_on(t, &w->v[i], p, from, to))
			w->v[kept++] = w->v[i];
	w->n = kept;
}

/* A walk is over when a younger one says all that it would say. */
static void drop_within(const struct triggers *t, struct walks *w, uint32_t trigger)
{
	const struct tail *tail = t->v[trigger].tail;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < w->n; i++) {
		bool said = false;
		for (uint32_t k = i + 1; k < w->n && w->v[i].trigger == trigger && !said; k++)
			said = w->v[k].trigger == trigger &&
			       tail_within(tail, w->v[i].state, w->v[k].state);
		if (!said)
			w->v[kept++] = w->v[i];
	}
	w->n = kept;
}

static bool begin(const struct triggers *t, struct walks *w, uint32_t trigger, uint16_t state)
{
	if (w->n == w->cap) {
		uint32_t cap = w->cap ? 2 * w->cap : 8;
		struct walk *v = realloc(w->v, cap * sizeof(*v));
		if (!v)
			return false;
		w->v = v;
		w->cap = cap;
	}
	w->v[w->n++] = (struct walk){ trigger, state };
	drop_within(t, w, trigger);
	return true;
}

/* A head ends at `end`. */
static bool pull(const struct triggers *t, struct walks *w, const struct place *p, uint32_t head,
		 uint64_t end)
{
	bool ok = true;
	for (uint32_t i = t->first[head]; i < t->first[head + 1] && ok; i++) {
		const struct trigger *one = &t->v[i];
		if (one->front && !is_preceded(one->front, p, end))
			continue;
		uint32_t state = one->tail ? one->tail->start[is_word(byte_at(p, end - 1))] : 0;
		if (!one->tail || one->tail->accepts[state])
			report(t, one, p, end);
		if (one->tail)
			ok = begin(t, w, i, (uint16_t)state);
	}
	return ok;
}

/* They come in order of their ends, or nearly so; of one end any order will do. */
static void sort_heads(struct multimatch_hits *heads)
{
	for (size_t i = 1; i < heads->n; i++)
		if (heads->v[i - 1].end > heads->v[i].end) {
			multimatch_hits_sort(heads);
			return;
		}
}

bool triggers_find(const struct triggers *t, struct walks *w, const struct track *text,
		   uint64_t base, uint64_t fresh, struct multimatch_hits *heads,
		   struct multimatch_hits *out)
{
	const struct place p = { (const unsigned char *)text->text, text->base, track_end(text),
				 base, out };
	uint64_t at = fresh;
	bool ok = true;
	sort_heads(heads);
	for (size_t i = 0; i < heads->n && ok; i++) {
		uint64_t end = heads->v[i].end + base;
		all_on(t, w, &p, at, end);
		at = max_u64(at, end);
		ok = pull(t, w, &p, heads->v[i].pattern, end);
	}
	all_on(t, w, &p, at, p.until);
	multimatch_hits_sort(out);
	return ok && !out->failed;
}
