/* policy/edits.c: what is left of a list of ranges does not depend on their order. */
#include <criterion/criterion.h>
#include <string.h>

#include "lib/base.h"
#include "policy/edits.h"

static bool same(const struct edits *a, const struct edits *b)
{
	bool all = a->n == b->n;
	for (size_t i = 0; all && i < a->n; i++)
		all = a->v[i].from == b->v[i].from && a->v[i].to == b->v[i].to &&
		      a->v[i].rule == b->v[i].rule && a->v[i].masked == b->v[i].masked &&
		      a->v[i].envelope == b->v[i].envelope;
	return all;
}

static unsigned next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*seed >> 33);
}

Test(edits, overlaps_are_one_and_neighbours_two)
{
	struct edits e = { 0 };
	cr_assert(edits_add(&e, (struct edit){ 10, 20, 1, true, false }));
	cr_assert(edits_add(&e, (struct edit){ 20, 30, 2, true, false }));
	cr_assert(edits_add(&e, (struct edit){ 40, 40, 2, true, false }));
	cr_assert_eq(e.n, 2);
	cr_assert(edits_add(&e, (struct edit){ 15, 22, 3, true, true }));
	cr_assert_eq(e.n, 1);
	cr_assert(e.v[0].from == 10 && e.v[0].to == 30 && e.v[0].rule == 1 && e.v[0].masked &&
		  e.v[0].envelope);
	edits_drop(&e, 29);
	cr_assert_eq(e.n, 1);
	edits_drop(&e, 30);
	cr_assert_eq(e.n, 0);
	edits_fini(&e);
}

Test(edits, order_does_not_matter)
{
	uint64_t seed = 7;
	for (int round = 0; round < 5000; round++) {
		struct edit v[8];
		struct edits a = { 0 }, b = { 0 };
		for (size_t i = 0; i < ARRAY_LEN(v); i++) {
			v[i] = (struct edit){ .from = next_random(&seed) % 40,
					      .rule = (uint16_t)(next_random(&seed) % 3),
					      .masked = next_random(&seed) % 2 };
			v[i].to = v[i].from + 1 + next_random(&seed) % 8;
			cr_assert(edits_add(&a, v[i]));
		}
		for (size_t i = ARRAY_LEN(v); i-- > 0;) {
			size_t k = next_random(&seed) % (i + 1);
			struct edit last = v[i];
			cr_assert(edits_add(&b, v[k]));
			v[k] = last;
		}
		for (size_t i = 1; i < a.n; i++)
			cr_assert_leq(a.v[i - 1].to, a.v[i].from);
		cr_assert(same(&a, &b), "round %d", round);
		edits_fini(&a);
		edits_fini(&b);
	}
}
