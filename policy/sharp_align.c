/* The longest common subsequence of two sequences that are near each other. */
#include <stdlib.h>
#include <string.h>

#include "policy/sharp_parts.h"

enum { APART_MAX = 512 }; /* elements to insert or delete: 1 MB of memory */

/* The furthest places on the diagonals -d to d, for each d one after the other. */
struct fronts {
	uint32_t *v;
	uint32_t d, most; /* the last one; of those there is room for */
};

static uint32_t *front(const struct fronts *f, uint32_t d)
{
	return f->v + (size_t)d * d;
}

/* How far in a one gets with d edits on diagonal k - d (a's place less b's). k has d's parity or
 * the value is of no use. */
static uint32_t reach(const struct fronts *f, uint32_t d, uint32_t k)
{
	if (d == 0)
		return 0;
	const uint32_t *last = front(f, d - 1); /* its diagonal k is ours less one */
	bool down = k == 0 || (k < 2 * d && last[k - 2] < last[k]);
	return down ? last[k] : last[k - 2] + 1;
}

static bool find(const uint32_t *a, uint32_t n, const uint32_t *b, uint32_t m, struct fronts *f)
{
	for (f->d = 0; f->d <= f->most; f->d++) {
		uint32_t *now = front(f, f->d);
		for (uint32_t k = 0; k <= 2 * f->d; k += 2) {
			uint32_t x = reach(f, f->d, k), y = x + f->d - k;
			while (x < n && y < m && a[x] == b[y]) {
				x++;
				y++;
			}
			now[k] = x;
			if (x >= n && y >= m)
				return true;
		}
	}
	return false;
}

static void trace(const struct fronts *f, uint32_t n, uint32_t m, uint32_t *to)
{
	uint32_t x = n, y = m;
	for (uint32_t d = f->d;; d--) {
		uint32_t k = x + d - y, begin = reach(f, d, k);
		for (; x > begin; x--, y--)
			to[x - 1] = y;
		if (d == 0)
			return;
		const uint32_t *last = front(f, d - 1);
		if (k == 0 || (k < 2 * d && last[k - 2] < last[k]))
			y--;
		else
			x--;
	}
}

bool sharp_align(const uint32_t *a, uint32_t n, const uint32_t *b, uint32_t m, uint32_t *to)
{
	uint32_t skip = 0, tail = 0;
	memset(to, 0, n * sizeof(*to));
	for (; skip < n && skip < m && a[skip] == b[skip]; skip++)
		to[skip] = skip + 1;
	while (tail < n - skip && tail < m - skip && a[n - 1 - tail] == b[m - 1 - tail]) {
		to[n - 1 - tail] = m - tail;
		tail++;
	}
	n -= skip + tail;
	m -= skip + tail;
	if (!n || !m)
		return true;
	struct fronts f = { .most = n + m < APART_MAX ? n + m : APART_MAX };
	f.v = malloc((size_t)(f.most + 1) * (f.most + 1) * sizeof(*f.v));
	if (!f.v)
		return false;
	if (find(a + skip, n, b + skip, m, &f)) {
		trace(&f, n, m, to + skip);
		for (uint32_t i = skip; skip && i < skip + n; i++)
			to[i] += to[i] ? skip : 0;
	}
	free(f.v);
	return true;
}
