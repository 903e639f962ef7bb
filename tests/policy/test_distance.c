#include "policy/distance.h"

#include <stdio.h>

#include "lib/file.h"
#include "lib/json.h"
#include "tests/policy/tree_random.h"

/* Zhang and Shasha 1989, as it stands there. */
enum { ORACLE_MAX = 300 };
static uint32_t td[ORACLE_MAX + 1][ORACLE_MAX + 1], fd[ORACLE_MAX + 1][ORACLE_MAX + 1];

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

/* Programs that the oracle can do, each with the one before and the one before that. */
Test(distance, of_programs_that_models_wrote, .timeout = 300)
{
	enum { TRIANGLE = 3 };
	const char *corpora = getenv("CORPORA");
	char path[512];
	struct buf text = { 0 };
	snprintf(path, sizeof(path), "%s/code_pairs/livecodebench_o1mini_vs_o1preview.jsonl",
		 corpora ? corpora : "../shared/corpora");
	if (file_read(path, 8 << 20, &text) != 0) {
		cr_log_warn("skipped: no corpora");
		return;
	}
	struct labels *labels = labels_new();
	struct tree last[TRIANGLE] = { { 0 } };
	int pairs = 0, triangles = 0, line = 0;
	for (size_t at = 0, end; at < text.n; at = end + 1) {
		static const char *const keys[] = { "code_a", "code_b" };
		struct json *j = NULL;
		const char *stop = memchr(text.p + at, '\n', text.n - at);
		end = stop ? (size_t)(stop - text.p) : text.n;
		if (line++ % 4)
			continue;
		cr_assert_eq(json_parse((struct span){ text.p + at, end - at }, &j), 0);
		for (int side = 0; side < 2; side++) {
			struct tree t;
			if (tree_build(syntax_find(SPAN("python")),
				       json_string(json_get(json_root(j), keys[side])), labels,
				       &t) != TREE_OK ||
			    t.n > ORACLE_MAX) {
				tree_fini(&t);
				continue;
			}
			tree_fini(&last[0]);
			memmove(last, last + 1, sizeof(last) - sizeof(*last));
			last[TRIANGLE - 1] = t;
			if (!last[1].n)
				continue;
			uint32_t ab = exact(&last[1], &last[2]);
			cr_assert_eq(ab, oracle(&last[1], &last[2]));
			cr_assert_eq(exact(&last[2], &last[1]), ab);
			pairs++;
			if (!last[0].n)
				continue;
			uint32_t ac = exact(&last[0], &last[2]), bc = exact(&last[0], &last[1]);
			cr_assert(ac <= ab + bc && ab <= ac + bc && bc <= ab + ac);
			triangles++;
		}
		json_free(j);
	}
	for (int i = 0; i < TRIANGLE; i++)
		tree_fini(&last[i]);
	labels_free(labels);
	buf_fini(&text);
	cr_assert(pairs > 100 && triangles > 100, "%d pairs, %d triangles", pairs, triangles);
	cr_log_info("%d pairs, %d triangles", pairs, triangles);
}
