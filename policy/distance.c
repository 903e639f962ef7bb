#include "policy/distance.h"

#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"
#include "policy/distance_parts.h"
#include "policy/number_pairs.h"

const struct distance_limits distance_default_limits = { .cells = 400000000,
							 .bytes = 48U << 20,
							 .diagonal_steps = 4000000 };

/* A subtree's number: its label, then its children from the last to the first. */
static void number_all(struct side *s, struct number_pairs *p)
{
	const struct tree *t = s->tree;
	for (uint32_t i = 0; i < t->n; i++) {
		uint32_t id = number_of_pair(p, 0, t->label[i]);
		for (uint32_t c = i; c > t->left[i]; c = t->left[c - 1]) {
			id = number_of_pair(p, id, s->id[c - 1]);
			s->parent[c - 1] = i;
		}
		s->id[i] = id;
		s->parent[i] = t->n;
	}
}

static bool side_init(struct side *s, const struct tree *t)
{
	*s = (struct side){ .tree = t, .to = t->n };
	s->id = memory_take(((size_t)t->n + 1) * (sizeof(*s->id) + sizeof(*s->parent)));
	s->parent = s->id ? s->id + t->n + 1 : NULL;
	return s->id != NULL;
}

bool sides_init(struct sides *s, const struct tree *a, const struct tree *b)
{
	struct number_pairs p = { 0 };
	*s = (struct sides){ 0 };
	bool fine = side_init(&s->a, a) && side_init(&s->b, b) &&
		    number_pairs_init(&p, (size_t)a->n + b->n);
	if (fine) {
		number_all(&s->a, &p);
		number_all(&s->b, &p);
	}
	number_pairs_fini(&p);
	return fine;
}

void sides_fini(struct sides *s)
{
	free(s->a.id);
	free(s->b.id);
}

/* The root of the forest's first tree. */
static uint32_t first_root(const struct side *s)
{
	uint32_t i = s->from;
	while (s->parent[i] < s->to && s->tree->left[s->parent[i]] == s->from)
		i = s->parent[i];
	return i;
}

void sides_pair(const struct sides *s, uint32_t i, uint32_t j, int32_t *partner)
{
	uint32_t left = s->a.tree->left[i], below = i - left;
	for (uint32_t k = 0; partner && k <= below; k++)
		partner[left + k] = (int32_t)(j - below + k);
}

void sides_reduce(struct sides *s, int32_t *partner)
{
	struct side *a = &s->a, *b = &s->b;
	for (;;) {
		while (a->from < a->to && b->from < b->to && a->id[a->to - 1] == b->id[b->to - 1]) {
			sides_pair(s, a->to - 1, b->to - 1, partner);
			a->to = a->tree->left[a->to - 1];
			b->to = b->tree->left[b->to - 1];
		}
		while (a->from < a->to && b->from < b->to) {
			uint32_t i = first_root(a), j = first_root(b);
			if (a->id[i] != b->id[j])
				break;
			sides_pair(s, i, j, partner);
			a->from = i + 1;
			b->from = j + 1;
		}
		if (a->from >= a->to || b->from >= b->to)
			return;
		uint32_t i = a->to - 1, j = b->to - 1;
		if (a->tree->left[i] != a->from || b->tree->left[j] != b->from ||
		    a->tree->label[i] != b->tree->label[j])
			return;
		if (partner)
			partner[i] = (int32_t)j;
		a->to--;
		b->to--;
	}
}

/* Narrow strips first: a strip of twice the width costs four times as much. */
static enum distance_result search(const struct sides *s, uint32_t target, uint64_t cells,
				   uint64_t bytes, struct distance *out)
{
	while (out->low < out->high && out->low <= target) {
		uint32_t d, wide = out->low + out->low / 2 + 4, k = wide < target ? wide : target;
		enum distance_result r = distance_strip(s, k, &cells, bytes, NULL, &d);
		if (r != DISTANCE_DECIDED)
			return r;
		out->low = d;
		if (d <= k)
			out->high = d;
	}
	return DISTANCE_DECIDED;
}

static enum distance_result find(const struct sides *s, uint32_t k, bool exact,
				 const struct distance_limits *limits, struct distance *out)
{
	bool failed = false;
	uint32_t sum = s->a.to - s->a.from + s->b.to - s->b.from;
	*out = (struct distance){ 0, sum };
	if (s->a.from == s->a.to || s->b.from == s->b.to) {
		out->low = sum;
		return DISTANCE_DECIDED;
	}
	out->high = distance_upper(s, limits->cells / 64, NULL);
	out->low = distance_lower(s, exact || out->high <= k ? out->high : k + 1,
				  limits->diagonal_steps, &failed);
	if (failed) {
		out->low = 0;
		return DISTANCE_NO_MEMORY;
	}
	out->low = out->low < out->high ? out->low : out->high;
	uint32_t below = out->high ? out->high - 1 : 0;
	enum distance_result r =
		search(s, k < below ? k : below, limits->cells, limits->bytes, out);
	if (r != DISTANCE_DECIDED)
		return out->low > k || out->high <= k ? DISTANCE_DECIDED : r;
	if (exact && out->low < out->high) /* above k: only as far as it is cheap */
		r = search(s, below, limits->cells / 16, limits->bytes, out);
	return r == DISTANCE_NO_MEMORY ? r : DISTANCE_DECIDED;
}

enum distance_result distance_find(const struct tree *a, const struct tree *b, uint32_t k,
				   bool exact, const struct distance_limits *limits,
				   struct distance *out)
{
	struct sides s;
	if (!a || !b) {
		uint32_t n = a ? a->n : b ? b->n : 0;
		*out = (struct distance){ n, n };
		return DISTANCE_DECIDED;
	}
	enum distance_result result = DISTANCE_NO_MEMORY;
	*out = (struct distance){ 0, a->n + b->n };
	if (sides_init(&s, a, b)) {
		sides_reduce(&s, NULL);
		result = find(&s, k, exact, limits, out);
	}
	sides_fini(&s);
	return result;
}
