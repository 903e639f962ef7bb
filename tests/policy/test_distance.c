#include "policy/distance.h"
#include "tests/policy/tree_random.h"

/* Zhang and Shasha 1989, as it stands there. */
static uint32_t td[65][65], fd[65][65];

static bool keyroot(const struct tree *t, uint32_t i)
{
	for (uint32_t k = i + 1; k < t->n; k++)
		if (t->left[k] == t->left[i])
			return false;
	return true;
}

static uint32_t least(uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t d = a < b ? a : b;
	return d < c ? d : c;
}

static void oracle_pair(const struct tree *a, const struct tree *b, uint32_t i, uint32_t j)
{
	uint32_t la = a->left[i], lb = b->left[j];
	fd[0][0] = 0;
	for (uint32_t x = la; x <= i; x++)
		fd[x - la + 1][0] = fd[x - la][0] + 1;
	for (uint32_t y = lb; y <= j; y++)
		fd[0][y - lb + 1] = fd[0][y - lb] + 1;
	for (uint32_t x = la; x <= i; x++)
		for (uint32_t y = lb; y <= j; y++) {
			uint32_t p = x - la + 1, q = y - lb + 1;
			if (a->left[x] == la && b->left[y] == lb) {
				fd[p][q] = least(fd[p - 1][q] + 1, fd[p][q - 1] + 1,
						 fd[p - 1][q - 1] + (a->label[x] != b->label[y]));
				td[x][y] = fd[p][q];
			} else {
				fd[p][q] = least(fd[p - 1][q] + 1, fd[p][q - 1] + 1,
						 fd[a->left[x] - la][b->left[y] - lb] + td[x][y]);
			}
		}
}

static uint32_t oracle(const struct tree *a, const struct tree *b)
{
	for (uint32_t i = 0; i < a->n; i++)
		for (uint32_t j = 0; j < b->n; j++)
			if (keyroot(a, i) && keyroot(b, j))
				oracle_pair(a, b, i, j);
	return td[a->n - 1][b->n - 1];
}

static uint32_t exact(const struct tree *a, const struct tree *b)
{
	struct distance d;
	cr_assert_eq(distance_find(a, b, UINT32_MAX - 1, true, &distance_default_limits, &d),
		     DISTANCE_DECIDED);
	cr_assert_eq(d.low, d.high);
	return d.low;
}

/* Every k: the answer says on which side of it the distance is, and no bound is wrong. */
static void check_limits(const struct tree *a, const struct tree *b, uint32_t d)
{
	for (uint32_t k = 0; k <= d + 2; k++) {
		struct distance got;
		struct distance_limits tight = { .cells = rnd(3000),
						 .bytes = 1 << 16,
						 .diagonal_steps = rnd(40) };
		cr_assert_eq(distance_find(a, b, k, false, &distance_default_limits, &got),
			     DISTANCE_DECIDED);
		cr_assert(got.low <= d && d <= got.high);
		cr_assert(d <= k ? got.high == d : got.low > k);
		if (distance_find(a, b, k, rnd(2), &tight, &got) == DISTANCE_DECIDED)
			cr_assert(got.low > k || got.high <= k);
		cr_assert(got.low <= d && d <= got.high);
	}
}

Test(distance, agrees_with_zhang_and_shasha)
{
	for (int round = 0; round < 12000; round++) {
		uint32_t labels = 1 + rnd(6);
		struct tree a = random_tree(1 + rnd(round % 10 ? 20 : 60), labels);
		struct tree b =
			round % 2 ? random_tree(1 + rnd(20), labels) : edited(&a, rnd(6), labels);
		uint32_t d = oracle(&a, &b);
		cr_assert_eq(exact(&a, &b), d, "round %d: %u and not %u", round, exact(&a, &b), d);
		cr_assert_eq(exact(&b, &a), d, "round %d: not symmetric", round);
		if (round % 8 == 0)
			check_limits(&a, &b, d);
		tree_fini(&a);
		tree_fini(&b);
	}
}

Test(distance, triangle_inequality)
{
	for (int round = 0; round < 2000; round++) {
		struct tree a = random_tree(1 + rnd(25), 3), b = edited(&a, rnd(9), 3);
		struct tree c = round % 2 ? edited(&b, rnd(9), 3) : random_tree(1 + rnd(25), 3);
		cr_assert_leq(exact(&a, &c), exact(&a, &b) + exact(&b, &c), "round %d", round);
		tree_fini(&a);
		tree_fini(&b);
		tree_fini(&c);
	}
}

Test(distance, the_empty_tree)
{
	struct tree a = random_tree(9, 3);
	struct distance d;
	cr_assert_eq(distance_find(&a, NULL, 0, true, &distance_default_limits, &d),
		     DISTANCE_DECIDED);
	cr_assert(d.low == 9 && d.high == 9);
	cr_assert_eq(exact(&a, &a), 0);
	tree_fini(&a);
}

Test(distance, running_out_is_said)
{
	struct distance_limits none = { .cells = 0, .bytes = 0, .diagonal_steps = 0 };
	int exhausted = 0;
	for (int round = 0; round < 200; round++) {
		struct tree a = random_tree(30, 1), b = random_tree(30, 1);
		struct distance d;
		uint32_t real = exact(&a, &b);
		if (distance_find(&a, &b, real, false, &none, &d) == DISTANCE_EXHAUSTED) {
			exhausted++;
			cr_assert(d.low <= real && real < d.high);
		}
		tree_fini(&a);
		tree_fini(&b);
	}
	cr_assert_gt(exhausted, 0);
}
