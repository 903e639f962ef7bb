/* Zhang and Shasha's program in a strip. Nodes are counted from 1 as in the paper, and a root that
 * both sides have stands over each forest. */
#include <stdlib.h>

#include "policy/distance_parts.h"

#define VIRTUAL UINT32_MAX
enum { STRIP_MAX = 60000 }; /* a distance fits in 16 bits */

struct strip {
	const struct side *a, *b;
	uint32_t n, m, k;
	int64_t low, high; /* of y - x */
	size_t width;
	uint16_t *trees, *forests;
	uint32_t *roots; /* of a leaf of b: the keyroot whose leftmost leaf it is; 0: none */
};

struct open_pair {
	uint32_t x, y;
};

static uint32_t left(const struct side *s, uint32_t x, uint32_t n)
{
	return x == n ? 1 : s->tree->left[s->from + x - 1] - s->from + 1;
}

static uint32_t above(const struct side *s, uint32_t x, uint32_t n)
{
	uint32_t parent = s->parent[s->from + x - 1];
	return parent < s->to ? parent - s->from + 1 : n;
}

static uint32_t label(const struct side *s, uint32_t x, uint32_t n)
{
	return x == n ? VIRTUAL : s->tree->label[s->from + x - 1];
}

static size_t cell(const struct strip *s, uint32_t x, uint32_t y)
{
	return x * s->width + (size_t)((int64_t)y - x - s->low);
}

static bool inside(const struct strip *s, uint32_t x, uint32_t y)
{
	int64_t offset = (int64_t)y - x;
	return offset >= s->low && offset <= s->high;
}

/* One state: what the three last steps to it cost. */
static uint32_t state(struct strip *s, uint32_t x, uint32_t y, uint32_t la, uint32_t lb)
{
	uint32_t lx = left(s->a, x, s->n), ly = left(s->b, y, s->m), best = s->k + 1, c;
	if (inside(s, x - 1, y) && (c = s->forests[cell(s, x - 1, y)] + 1U) < best)
		best = c;
	if (inside(s, x, y - 1) && (c = s->forests[cell(s, x, y - 1)] + 1U) < best)
		best = c;
	if (lx == la && ly == lb) {
		c = s->forests[cell(s, x - 1, y - 1)] +
		    (label(s->a, x, s->n) != label(s->b, y, s->m));
		best = c < best ? c : best;
		s->trees[cell(s, x, y)] = (uint16_t)best;
	} else if (inside(s, lx - 1, ly - 1)) {
		c = (uint32_t)s->forests[cell(s, lx - 1, ly - 1)] + s->trees[cell(s, x, y)];
		best = c < best ? c : best;
	}
	return best;
}

static bool pair(struct strip *s, uint32_t i, uint32_t j, uint64_t *cells)
{
	uint32_t la = left(s->a, i, s->n), lb = left(s->b, j, s->m);
	for (uint32_t x = la - 1; x <= i; x++) {
		int64_t from = (int64_t)x + s->low, to = (int64_t)x + s->high;
		uint32_t y = from > (int64_t)lb - 1 ? (uint32_t)from : lb - 1;
		if (to < (int64_t)y || y > j)
			continue;
		uint32_t end = to < (int64_t)j ? (uint32_t)to : j;
		if (*cells < end - y + 1)
			return false;
		*cells -= end - y + 1;
		for (; y <= end; y++) {
			uint32_t c = x == la - 1   ? y - (lb - 1)
				     : y == lb - 1 ? x - (la - 1)
						   : state(s, x, y, la, lb);
			s->forests[cell(s, x, y)] = (uint16_t)(c > s->k ? s->k + 1 : c);
		}
	}
	return true;
}

/* Keyroots of a in postorder; of b from the right leaf to the left one, so that what stands inside
 * comes first. */
static bool all_pairs(struct strip *s, uint64_t *cells)
{
	for (uint32_t i = 1; i <= s->n; i++) {
		uint32_t la = left(s->a, i, s->n);
		bool keyroot = i == s->n || left(s->a, above(s->a, i, s->n), s->n) != la;
		if (!keyroot)
			continue;
		int64_t from = (int64_t)la + s->low, to = (int64_t)la + s->high;
		for (int64_t lb = to < s->m ? to : s->m; lb >= (from > 1 ? from : 1); lb--)
			if (s->roots[lb] && !pair(s, i, s->roots[lb], cells))
				return false;
	}
	return true;
}

/* Back from the forests that end with x and y to the step each came from. Where that took two trees
 * as a whole they are left to be traced in turn. */
static uint32_t trace(const struct strip *s, uint32_t x, uint32_t y, int32_t *partner,
		      struct open_pair *open, uint32_t n)
{
	uint32_t la = left(s->a, x, s->n), lb = left(s->b, y, s->m);
	while (x >= la && y >= lb) {
		uint32_t here = s->forests[cell(s, x, y)];
		uint32_t lx = left(s->a, x, s->n), ly = left(s->b, y, s->m);
		bool root = lx == la && ly == lb;
		uint32_t differs = label(s->a, x, s->n) != label(s->b, y, s->m);
		if (root && here == s->forests[cell(s, x - 1, y - 1)] + differs) {
			if (x < s->n && y < s->m)
				partner[s->a->from + x - 1] = (int32_t)(s->b->from + y - 1);
			x--, y--;
		} else if (!root && inside(s, lx - 1, ly - 1) &&
			   here == (uint32_t)s->forests[cell(s, lx - 1, ly - 1)] +
					   s->trees[cell(s, x, y)]) {
			open[n++] = (struct open_pair){ x, y };
			x = lx - 1, y = ly - 1;
		} else if (inside(s, x - 1, y) && here == s->forests[cell(s, x - 1, y)] + 1U) {
			x--;
		} else {
			CHECK(inside(s, x, y - 1) && here == s->forests[cell(s, x, y - 1)] + 1U);
			y--;
		}
	}
	return n;
}

static enum distance_result trace_all(struct strip *s, const struct sides *sides, uint64_t *cells,
				      int32_t *partner)
{
	/* Those that wait stand beside each other: there are no more than nodes. */
	struct open_pair *open = malloc((s->n + 1) * sizeof(*open));
	uint32_t n = 1;
	if (!open)
		return DISTANCE_NO_MEMORY;
	open[0] = (struct open_pair){ s->n, s->m };
	while (n) {
		uint32_t x = open[--n].x, y = open[n].y;
		uint32_t i = s->a->from + x - 1, j = s->b->from + y - 1;
		if (x < s->n && y < s->m && s->a->id[i] == s->b->id[j]) {
			sides_pair(sides, i, j, partner);
		} else if (pair(s, x, y, cells)) {
			n = trace(s, x, y, partner, open, n);
		} else {
			free(open);
			return DISTANCE_EXHAUSTED;
		}
	}
	free(open);
	return DISTANCE_DECIDED;
}

enum distance_result distance_strip(const struct sides *sides, uint32_t k, uint64_t *cells,
				    uint64_t bytes, int32_t *partner, uint32_t *out)
{
	struct strip s = { .a = &sides->a, .b = &sides->b, .k = k };
	s.n = s.a->to - s.a->from + 1;
	s.m = s.b->to - s.b->from + 1;
	int64_t difference = (int64_t)s.m - s.n;
	int64_t spare = ((int64_t)k - (difference < 0 ? -difference : difference)) / 2;
	*out = k + 1;
	if ((int64_t)k < difference || (int64_t)k < -difference)
		return DISTANCE_DECIDED;
	s.low = (difference < 0 ? difference : 0) - spare;
	s.high = (difference > 0 ? difference : 0) + spare;
	s.width = (size_t)(s.high - s.low + 1);
	size_t n = (s.n + 1) * s.width;
	if (k >= STRIP_MAX || n > bytes / 4 || n > *cells)
		return DISTANCE_EXHAUSTED;
	s.trees = calloc(n, sizeof(*s.trees));
	s.forests = malloc(n * sizeof(*s.forests));
	s.roots = calloc(s.m + 1, sizeof(*s.roots));
	enum distance_result result = DISTANCE_NO_MEMORY;
	if (s.trees && s.forests && s.roots) {
		for (uint32_t y = 1; y <= s.m; y++)
			s.roots[left(s.b, y, s.m)] = y;
		result = all_pairs(&s, cells) ? DISTANCE_DECIDED : DISTANCE_EXHAUSTED;
		if (result == DISTANCE_DECIDED)
			*out = s.trees[cell(&s, s.n, s.m)];
		if (result == DISTANCE_DECIDED && partner && *out <= k)
			result = trace_all(&s, sides, cells, partner);
	}
	free(s.trees);
	free(s.forests);
	free(s.roots);
	return result;
}
