#include "policy/changes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policy/distance_parts.h"

const char *const change_kind_names[] = { "relabelled", "deleted", "inserted" };
static_assert(ARRAY_LEN(change_kind_names) == CHANGE_KIND_COUNT, "a name for each kind");

/* --- the mapping --- */

/* Whether b is the first of the two. Equal trees have no order and need none. */
static bool swapped(const struct tree *a, const struct tree *b, const struct labels *labels)
{
	if (a->n != b->n)
		return b->n < a->n;
	for (uint32_t i = 0; i < a->n; i++) {
		if (a->left[i] != b->left[i])
			return b->left[i] < a->left[i];
		if (a->label[i] == b->label[i])
			continue;
		struct span x = labels_text(labels, a->label[i]),
			    y = labels_text(labels, b->label[i]);
		int order = memcmp(x.p, y.p, min_size(x.n, y.n));
		return order ? order > 0 : y.n < x.n;
	}
	return false;
}

static uint32_t cost_of(const struct sides *s, const int32_t *partner)
{
	const struct tree *a = s->a.tree, *b = s->b.tree;
	uint32_t pairs = 0, relabelled = 0;
	for (uint32_t i = 0; i < a->n; i++)
		if (partner[i] != CHANGES_NONE) {
			pairs++;
			relabelled += a->label[i] != b->label[partner[i]];
		}
	return a->n + b->n - 2 * pairs + relabelled;
}

static void unpair_all(int32_t *partner, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		partner[i] = CHANGES_NONE;
}

/* partner: of each node of the first tree. */
static bool map(struct sides *s, const struct distance *d, const struct distance_limits *limits,
		int32_t *partner)
{
	const struct tree *a = s->a.tree;
	uint64_t cells = limits->cells;
	sides_reduce(s, partner);
	(void)distance_upper(s, limits->cells / 64, partner);
	if (d->low != d->high || cost_of(s, partner) == d->low)
		return true;
	int32_t *traced = malloc((a->n + 1) * sizeof(*traced));
	if (!traced)
		return false;
	memcpy(traced, partner, a->n * sizeof(*traced));
	for (uint32_t i = s->a.from; i < s->a.to; i++)
		traced[i] = CHANGES_NONE;
	uint32_t found;
	enum distance_result r = distance_strip(s, d->low, &cells, limits->bytes, traced, &found);
	if (r == DISTANCE_DECIDED && cost_of(s, traced) < cost_of(s, partner))
		memcpy(partner, traced, a->n * sizeof(*partner));
	free(traced);
	return r != DISTANCE_NO_MEMORY;
}

static bool find_mapping(const struct tree *a, const struct tree *b, const struct labels *labels,
			 const struct distance *d, const struct distance_limits *limits,
			 struct changes *out)
{
	struct sides s;
	bool swap = swapped(a, b, labels);
	int32_t *to = swap ? out->b : out->a, *from = swap ? out->a : out->b;
	unpair_all(out->a, a->n);
	unpair_all(out->b, b->n);
	bool ok = sides_init(&s, swap ? b : a, swap ? a : b) && map(&s, d, limits, to);
	for (uint32_t i = 0; ok && i < s.a.tree->n; i++)
		if (to[i] != CHANGES_NONE)
			from[to[i]] = (int32_t)i;
	if (ok)
		out->cost = cost_of(&s, to);
	sides_fini(&s);
	out->exact = d->low == d->high && out->cost == d->low;
	return ok;
}

/* --- the list --- */

/* A tree in preorder, which a mapping keeps as well as postorder. */
struct walk {
	const struct tree *t;
	const int32_t *partner;
	uint32_t *parent; /* of the root: n */
	uint32_t *pre;    /* of a node: its place in preorder */
	uint32_t *node;   /* the node at a place */
	uint32_t *top;    /* of one without a partner: the highest such above it, or itself */
	uint32_t *nodes;  /* of a top: how many have it as theirs */
};

static bool walk_init(struct walk *w, const struct tree *t, const int32_t *partner)
{
	size_t n = t->n;
	uint32_t *room = calloc(5 * (n + 1), sizeof(*room));
	*w = (struct walk){ .t = t, .partner = partner, .parent = room };
	if (!room)
		return false;
	w->pre = room + n + 1;
	w->node = w->pre + n + 1;
	w->top = w->node + n + 1;
	w->nodes = w->top + n + 1;
	w->parent[n - 1] = t->n;
	for (uint32_t i = t->n; i-- > 0;) {
		uint32_t up = w->parent[i];
		w->pre[i] = up == t->n ? 0 : w->pre[up] + 1 + t->left[i] - t->left[up];
		w->node[w->pre[i]] = i;
		w->top[i] = up < t->n && partner[up] == CHANGES_NONE ? w->top[up] : i;
		w->nodes[w->top[i]] += partner[i] == CHANGES_NONE;
		for (uint32_t c = i; c > t->left[i]; c = t->left[c - 1])
			w->parent[c - 1] = i;
	}
	return true;
}

static bool add(struct changes *c, size_t *room, struct change one)
{
	if (c->n == *room) {
		size_t more = *room ? *room * 2 : 64;
		struct change *v = realloc(c->v, more * sizeof(*v));
		if (!v)
			return false;
		c->v = v;
		*room = more;
	}
	c->v[c->n++] = one;
	return true;
}

static bool add_top(struct changes *c, size_t *room, const struct walk *w, uint32_t i,
		    struct change one)
{
	struct change *last = c->n ? &c->v[c->n - 1] : NULL;
	uint32_t left = w->t->left[i];
	one.first = i;
	one.nodes = w->nodes[i];
	one.whole = one.nodes == i - left + 1;
	*(one.kind == CHANGE_DELETED ? &one.a : &one.b) = (int32_t)i;
	int32_t before = !last ? CHANGES_NONE : one.kind == CHANGE_DELETED ? last->a : last->b;
	if (last && last->kind == one.kind && last->whole && one.whole && left &&
	    before == (int32_t)left - 1 && w->parent[before] == w->parent[i]) {
		last->nodes += one.nodes;
		*(one.kind == CHANGE_DELETED ? &last->a : &last->b) = (int32_t)i;
		return true;
	}
	return add(c, room, one);
}

static int by_order(const void *x, const void *y)
{
	const struct change *a = x, *b = y;
	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	return a->b < b->b ? -1 : a->b > b->b;
}

static bool make_list(struct changes *c, const struct walk *a, const struct walk *b)
{
	size_t room = 0;
	uint32_t order = 0;
	for (uint32_t k = 0; k < c->n_a; k++) {
		uint32_t i = a->node[k];
		int32_t j = c->a[i];
		struct change one = { .a = (int32_t)i, .b = j, .first = i, .order = 2 * k };
		bool relabelled = j != CHANGES_NONE && a->t->label[i] != b->t->label[j];
		if (relabelled)
			one.nodes = one.whole = 1;
		if (relabelled && !add(c, &room, one))
			return false;
		one.kind = CHANGE_DELETED;
		if (j == CHANGES_NONE && a->top[i] == i && !add_top(c, &room, a, i, one))
			return false;
	}
	for (uint32_t k = 0; k < c->n_b; k++) {
		uint32_t i = b->node[k];
		if (c->b[i] != CHANGES_NONE)
			order = 2 * a->pre[c->b[i]] + 1;
		else if (b->top[i] == i && !add_top(c, &room, b, i,
						    (struct change){ .kind = CHANGE_INSERTED,
								     .a = CHANGES_NONE,
								     .order = order }))
			return false;
	}
	if (c->n)
		qsort(c->v, c->n, sizeof(*c->v), by_order);
	return true;
}

bool changes_find(const struct tree *a, const struct tree *b, const struct labels *labels,
		  const struct distance *d, const struct distance_limits *limits,
		  struct changes *out)
{
	struct walk x = { 0 }, y = { 0 };
	*out = (struct changes){ .n_a = a->n, .n_b = b->n };
	out->a = malloc((a->n + 1) * sizeof(*out->a));
	out->b = malloc((b->n + 1) * sizeof(*out->b));
	CHECK(a->n && b->n);
	bool ok = out->a && out->b && find_mapping(a, b, labels, d, limits, out) &&
		  walk_init(&x, a, out->a) && walk_init(&y, b, out->b) && make_list(out, &x, &y);
	free(x.parent);
	free(y.parent);
	return ok;
}

void changes_fini(struct changes *c)
{
	free(c->a);
	free(c->b);
	free(c->v);
	*c = (struct changes){ 0 };
}
