#include <stdlib.h>
#include <string.h>

#include "policy/distance_parts.h"

enum { DEPTH_MAX = 1000 };

static uint32_t size_of(const struct side *s)
{
	return s->to - s->from;
}

/* --- from below --- */

/* The string edit distance, if it is below `high`: else high, or what was reached within steps. */
static uint32_t string_distance(const uint32_t *a, uint32_t n, const uint32_t *b, uint32_t m,
				uint32_t high, uint64_t steps, bool *failed)
{
	uint32_t most = high;
	while ((uint64_t)most * most > steps)
		most = most > 4096 ? most / 2 : most - 1;
	size_t room = (size_t)most * 2 + 5;
	int64_t *f = malloc(2 * room * sizeof(*f)), *g = f + room, middle = (int64_t)most + 2;
	if (!f) {
		*failed = true;
		return 0;
	}
	for (size_t i = 0; i < 2 * room; i++)
		f[i] = INT64_MIN / 2;
	uint32_t e = 0;
	for (; e < most; e++) {
		for (int64_t d = -(int64_t)e; d <= (int64_t)e; d++) {
			int64_t x = e ? g[middle + d] + 1 : 0;
			if (e && g[middle + d - 1] > x)
				x = g[middle + d - 1];
			if (e && g[middle + d + 1] + 1 > x)
				x = g[middle + d + 1] + 1;
			x = x > n ? n : x;
			x = x + d > m ? (int64_t)m - d : x;
			while (x >= 0 && x + d >= 0 && x < n && x + d < m && a[x] == b[x + d])
				x++;
			f[middle + d] = x;
		}
		if ((int64_t)m - n >= -(int64_t)e && (int64_t)m - n <= (int64_t)e &&
		    f[middle + (int64_t)m - n] >= n)
			break;
		int64_t *swap = f;
		f = g;
		g = swap;
	}
	free(f < g ? f : g);
	return e;
}

/* Nodes with a label that the other side has too rarely must be touched. */
static uint32_t label_difference(const struct sides *s, bool *failed)
{
	uint32_t most = 0, common = 0, n = size_of(&s->a), m = size_of(&s->b);
	for (uint32_t i = s->a.from; i < s->a.to; i++)
		most = s->a.tree->label[i] > most ? s->a.tree->label[i] : most;
	uint32_t *count = calloc((size_t)most + 1, sizeof(*count));
	if (!count) {
		*failed = true;
		return 0;
	}
	for (uint32_t i = s->a.from; i < s->a.to; i++)
		count[s->a.tree->label[i]]++;
	for (uint32_t i = s->b.from; i < s->b.to; i++) {
		uint32_t label = s->b.tree->label[i];
		if (label <= most && count[label]) {
			count[label]--;
			common++;
		}
	}
	free(count);
	return (n > m ? n : m) - common;
}

static uint32_t *preorder(const struct side *s)
{
	uint32_t n = size_of(s), *out = malloc(((size_t)n * 2 + 1) * sizeof(*out));
	uint32_t *stack = out + n, depth = 0, k = 0;
	if (!out)
		return NULL;
	for (uint32_t c = s->to; c > s->from; c = s->tree->left[c - 1])
		stack[depth++] = c - 1;
	while (depth) {
		uint32_t i = stack[--depth];
		out[k++] = s->tree->label[i];
		for (uint32_t c = i; c > s->tree->left[i]; c = s->tree->left[c - 1])
			stack[depth++] = c - 1;
	}
	return out;
}

uint32_t distance_lower(const struct sides *s, uint32_t high, uint64_t steps, bool *failed)
{
	uint32_t n = size_of(&s->a), m = size_of(&s->b), low = label_difference(s, failed), d;
	if (low >= high || *failed)
		return low;
	d = string_distance(s->a.tree->label + s->a.from, n, s->b.tree->label + s->b.from, m, high,
			    steps, failed);
	low = d > low ? d : low;
	if (low >= high || *failed)
		return low;
	uint32_t *a = preorder(&s->a), *b = preorder(&s->b);
	if (a && b)
		d = string_distance(a, n, b, m, high, steps, failed);
	else
		*failed = true;
	free(a);
	free(b);
	return d > low ? d : low;
}

/* --- from above --- */

struct aligner {
	const struct sides *s;
	uint64_t steps;
	int32_t *partner; /* of the nodes of a; NULL: only the cost is asked for */
};

static void unpair(struct aligner *al, uint32_t from, uint32_t to)
{
	for (; al->partner && from < to; from++)
		al->partner[from] = -1;
}

static uint32_t tree_size(const struct side *s, uint32_t i)
{
	return i - s->tree->left[i] + 1;
}

/* The roots of the forest [from, to), in order. */
static uint32_t *roots_of(const struct side *s, uint32_t from, uint32_t to, uint32_t *n)
{
	*n = 0;
	for (uint32_t c = to; c > from; c = s->tree->left[c - 1])
		++*n;
	uint32_t *out = malloc((*n + 1) * sizeof(*out)), k = *n;
	for (uint32_t c = to; out && c > from; c = s->tree->left[c - 1])
		out[--k] = c - 1;
	return out;
}

static uint32_t align(struct aligner *al, uint32_t a_from, uint32_t a_to, uint32_t b_from,
		      uint32_t b_to, unsigned depth);

/* A tree that stands unchanged inside of the other one, at *at: all else is inserted around it. */
static uint32_t wrapped(struct aligner *al, const struct side *in, uint32_t i,
			const struct side *out, uint32_t j, uint32_t cost, uint32_t *at)
{
	uint32_t n = tree_size(in, i), m = tree_size(out, j);
	if (m <= n || m - n >= cost || m > al->steps)
		return cost;
	al->steps -= m;
	for (uint32_t c = out->tree->left[j]; c < j; c++)
		if (out->id[c] == in->id[i]) {
			*at = c;
			return m - n;
		}
	return cost;
}

static uint32_t align_trees(struct aligner *al, uint32_t i, uint32_t j, unsigned depth)
{
	const struct side *a = &al->s->a, *b = &al->s->b;
	if (a->id[i] == b->id[j]) {
		sides_pair(al->s, i, j, al->partner);
		return 0;
	}
	uint32_t all = tree_size(a, i) + tree_size(b, j), left = a->tree->left[i];
	uint32_t in_a = i, in_b = j, before;
	uint32_t cost = (a->tree->label[i] != b->tree->label[j]) +
			align(al, left, i, b->tree->left[j], j, depth + 1);
	if (cost > all)
		unpair(al, left, i);
	else if (al->partner)
		al->partner[i] = (int32_t)j;
	before = cost < all ? cost : all;
	cost = wrapped(al, a, i, b, j, before, &in_b);
	uint32_t less = wrapped(al, b, j, a, i, cost, &in_a);
	if (less < before) {
		unpair(al, left, i + 1);
		sides_pair(al->s, in_a, less < cost ? j : in_b, al->partner);
	}
	return less;
}

/* What a pair of trees seems to cost, for choosing pairs. */
static uint32_t guess(const struct aligner *al, uint32_t i, uint32_t j)
{
	const struct side *a = &al->s->a, *b = &al->s->b;
	if (a->id[i] == b->id[j])
		return 0;
	uint32_t n = tree_size(a, i), m = tree_size(b, j), less = n < m ? n : m;
	uint32_t differ = n > m ? n - m : m - n;
	return a->tree->label[i] == b->tree->label[j] ? differ + 1 + less / 4 : differ + less;
}

/* Pairs of a table, traced back from its end; what has no pair is deleted or inserted. */
static uint32_t align_pairs(struct aligner *al, const uint32_t *x, uint32_t p, const uint32_t *y,
			    uint32_t q, unsigned depth, const uint32_t *t)
{
	const struct side *a = &al->s->a, *b = &al->s->b;
	uint32_t cost = 0, i = p, j = q, w = q + 1;
	while (i || j) {
		uint32_t here = t[i * w + j];
		if (i && here == t[(i - 1) * w + j] + tree_size(a, x[i - 1]))
			cost += tree_size(a, x[--i]);
		else if (j && here == t[i * w + j - 1] + tree_size(b, y[j - 1]))
			cost += tree_size(b, y[--j]);
		else
			i--, j--, cost += align_trees(al, x[i], y[j], depth);
	}
	return cost;
}

/* Too many for a table: pairs as they stand. */
static uint32_t align_in_order(struct aligner *al, const uint32_t *x, uint32_t p, const uint32_t *y,
			       uint32_t q, unsigned depth)
{
	uint32_t cost = 0;
	for (uint32_t i = 0; i < p || i < q; i++) {
		if (i < p && i < q)
			cost += align_trees(al, x[i], y[i], depth);
		else
			cost += i < p ? tree_size(&al->s->a, x[i]) : tree_size(&al->s->b, y[i]);
	}
	return cost;
}

static uint32_t align_roots(struct aligner *al, const uint32_t *x, uint32_t p, const uint32_t *y,
			    uint32_t q, unsigned depth)
{
	const struct side *a = &al->s->a, *b = &al->s->b;
	uint32_t w = q + 1, all = 0;
	for (uint32_t i = 0; i < p; i++)
		all += tree_size(a, x[i]);
	for (uint32_t j = 0; j < q; j++)
		all += tree_size(b, y[j]);
	uint64_t cells = (uint64_t)(p + 1) * (q + 1);
	if (!p || !q)
		return all;
	if (cells > al->steps || cells > 1U << 20)
		return align_in_order(al, x, p, y, q, depth);
	uint32_t *t = malloc(cells * sizeof(*t));
	if (!t)
		return all;
	al->steps -= cells;
	t[0] = 0;
	for (uint32_t i = 0; i <= p; i++)
		for (uint32_t j = 0; j <= q; j++) {
			uint32_t best = i || j ? UINT32_MAX : 0, c;
			if (i && (c = t[(i - 1) * w + j] + tree_size(a, x[i - 1])) < best)
				best = c;
			if (j && (c = t[i * w + j - 1] + tree_size(b, y[j - 1])) < best)
				best = c;
			if (i && j &&
			    (c = t[(i - 1) * w + j - 1] + guess(al, x[i - 1], y[j - 1])) < best)
				best = c;
			t[i * w + j] = best;
		}
	uint32_t cost = align_pairs(al, x, p, y, q, depth, t);
	free(t);
	if (cost > all)
		unpair(al, a->tree->left[x[0]], x[p - 1] + 1);
	return cost < all ? cost : all;
}

static uint32_t align(struct aligner *al, uint32_t a_from, uint32_t a_to, uint32_t b_from,
		      uint32_t b_to, unsigned depth)
{
	const struct side *a = &al->s->a, *b = &al->s->b;
	uint32_t p, q, cost = a_to - a_from + b_to - b_from, skip = 0;
	if (a_from == a_to || b_from == b_to || depth > DEPTH_MAX)
		return cost;
	uint32_t *x = roots_of(a, a_from, a_to, &p), *y = roots_of(b, b_from, b_to, &q);
	if (x && y) {
		while (p && q && a->id[x[p - 1]] == b->id[y[q - 1]])
			p--, q--, sides_pair(al->s, x[p], y[q], al->partner);
		for (; skip < p && skip < q && a->id[x[skip]] == b->id[y[skip]]; skip++)
			sides_pair(al->s, x[skip], y[skip], al->partner);
		if (p - skip == 1 && q - skip == 1)
			cost = align_trees(al, x[skip], y[skip], depth);
		else
			cost = align_roots(al, x + skip, p - skip, y + skip, q - skip, depth);
	}
	free(x);
	free(y);
	return cost;
}

uint32_t distance_upper(const struct sides *s, uint64_t steps, int32_t *partner)
{
	struct aligner al = { .s = s, .steps = steps, .partner = partner };
	return align(&al, s->a.from, s->a.to, s->b.from, s->b.to, 0);
}
