#include "policy/edits.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base.h"

void edits_fini(struct edits *e)
{
	free(e->v);
	*e = (struct edits){ 0 };
}

static struct edit merge(struct edit a, struct edit b)
{
	struct edit first = a.from <= b.from ? a : b;
	if (a.from == b.from) {
		bool both = a.masked == b.masked;
		first.masked = a.masked || b.masked;
		first.rule = both       ? (a.rule < b.rule ? a.rule : b.rule)
			     : a.masked ? a.rule
					: b.rule;
	}
	first.to = max_u64(a.to, b.to);
	first.envelope = a.envelope || b.envelope;
	return first;
}

bool edits_add(struct edits *e, struct edit one)
{
	if (one.from >= one.to)
		return true;
	size_t from = e->n;
	while (from && e->v[from - 1].to > one.from)
		from--;
	size_t to = from;
	while (to < e->n && e->v[to].from < one.to)
		one = merge(e->v[to++], one);
	if (from == to && e->n == e->cap) {
		size_t cap = e->cap ? 2 * e->cap : 4;
		struct edit *v = realloc(e->v, cap * sizeof(*v));
		if (!v)
			return false;
		e->v = v;
		e->cap = cap;
	}
	memmove(e->v + from + 1, e->v + to, (e->n - to) * sizeof(*e->v));
	e->v[from] = one;
	e->n = e->n - (to - from) + 1;
	return true;
}

void edits_drop(struct edits *e, uint64_t raw)
{
	size_t n = 0;
	while (n < e->n && e->v[n].to <= raw)
		n++;
	e->n -= n;
	if (n && e->n)
		memmove(e->v, e->v + n, e->n * sizeof(*e->v));
	if (!e->n)
		edits_fini(e);
}
