#include "policy/judge_scratch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRACK_KEPT_MAX (1u << 20) /* a slot's memory past this is given back after the call */
#define HITS_KEPT_MAX (1u << 16)  /* likewise */
#define SORT_NEAR 16              /* places that a decision is moved by, one by one */

int judge_scratch_new(const struct ruleset *set, struct judge_scratch **out)
{
	struct judge_scratch *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->tools.regex = regex_scratch_new();
	s->tools.ways = calloc(1, sizeof(*s->tools.ways));
	if (!s->tools.regex || !s->tools.ways || judge_scratch_grow(s, set))
		goto fail;
	*out = s;
	return 0;
fail:
	judge_scratch_free(s);
	return -ENOMEM;
}

int judge_scratch_grow(struct judge_scratch *s, const struct ruleset *set)
{
	if (!set)
		return 0;
	int rc = multimatch_scratch_fit(&s->multimatch, set->multimatch);
	return rc || !set->decoded ? rc : multimatch_scratch_fit(&s->multimatch, set->decoded);
}

void judge_scratch_free(struct judge_scratch *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->cap_slots; i++)
		slot_fini(&s->slots[i]);
	for (size_t k = 0; k < LAYER_COUNT; k++)
		track_fini(&s->derived[k]);
	free(s->slots);
	free(s->decisions);
	multimatch_hits_fini(&s->heads);
	multimatch_hits_fini(&s->runs);
	multimatch_hits_fini(&s->hits);
	multimatch_scratch_free(s->multimatch);
	regex_scratch_free(s->tools.regex);
	free(s->tools.ways);
	free(s);
}

struct slot *judge_scratch_slot(struct judge_scratch *s)
{
	if (s->n_slots == s->cap_slots) {
		size_t cap = s->cap_slots ? 2 * s->cap_slots : 4;
		struct slot *v = realloc(s->slots, cap * sizeof(*v));
		if (!v)
			return NULL;
		memset(v + s->cap_slots, 0, (cap - s->cap_slots) * sizeof(*v));
		s->slots = v;
		s->cap_slots = cap;
	}
	return &s->slots[s->n_slots++];
}

bool judge_scratch_decision(struct judge_scratch *s, const struct decision *d)
{
	if (s->n_decisions == s->cap_decisions) {
		size_t cap = s->cap_decisions ? 2 * s->cap_decisions : 16;
		struct decision *v = realloc(s->decisions, cap * sizeof(*v));
		if (!v)
			return false;
		s->decisions = v;
		s->cap_decisions = cap;
	}
	s->decisions[s->n_decisions++] = *d;
	return true;
}

static int by_moment(const void *a, const void *b)
{
	const struct decision *x = a, *y = b;
	int order = moment_compare(x->when, y->when);
	if (order)
		return order;
	if (x->raw != y->raw)
		return x->raw < y->raw ? -1 : 1;
	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	if (x->path != y->path)
		return x->path < y->path ? -1 : 1;
	return (x->secret.from > y->secret.from) - (x->secret.from < y->secret.from);
}

/* They are found in the order of where they begin, which is nearly that of when they are decided.
 */
void judge_scratch_sort(struct judge_scratch *s)
{
	struct decision *v = s->decisions;
	for (size_t i = 1; i < s->n_decisions; i++) {
		size_t to = i;
		while (to > 0 && i - to < SORT_NEAR && by_moment(&v[to - 1], &v[i]) > 0)
			to--;
		if (i - to == SORT_NEAR) {
			qsort(v, s->n_decisions, sizeof(*v), by_moment);
			return;
		}
		if (to == i)
			continue;
		struct decision one = v[i];
		memmove(&v[to + 1], &v[to], (i - to) * sizeof(one));
		v[to] = one;
	}
}

static void give_hits_back(struct multimatch_hits *h)
{
	if (h->cap > HITS_KEPT_MAX)
		multimatch_hits_fini(h);
}

void judge_scratch_reset(struct judge_scratch *s)
{
	for (size_t i = 0; i < s->n_slots; i++) {
		if (s->slots[i].work.cap > TRACK_KEPT_MAX)
			track_fini(&s->slots[i].work);
		give_hits_back(&s->slots[i].gone);
	}
	give_hits_back(&s->heads);
	give_hits_back(&s->runs);
	give_hits_back(&s->hits);
	for (size_t k = 0; k < LAYER_COUNT; k++) {
		if (s->derived[k].cap > TRACK_KEPT_MAX)
			track_fini(&s->derived[k]);
		track_clear(&s->derived[k], 0); /* a call that failed may leave something */
	}
	s->n_slots = 0;
	s->n_decisions = 0;
	ways_forget(s->tools.ways);
}
