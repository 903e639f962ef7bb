#include "policy/score.h"

#include <criterion/criterion.h>

static struct score score(uint32_t ab, uint32_t ac, uint32_t bc)
{
	return (struct score){ { ab, ab }, { ac, ac }, { bc, bc } };
}

Test(score, exactly_the_threshold_passes_and_the_next_does_not)
{
	uint32_t units;
	cr_assert(score_threshold("3.00", &units));
	for (uint32_t k = 1; k < 200; k++) {
		struct score e = score(3 * k, 98 * k, 99 * k), n = score(3 * k, 98 * k, 99 * k - 1);
		cr_assert_eq(score_above(&e, units), 0, "%u", k);
		cr_assert_eq(score_above(&n, units), 1, "%u", k);
		cr_assert_eq(score_hundredths(3 * k, 98 * k, 99 * k), 300);
		cr_assert_gt(score_hundredths(3 * k, 98 * k, 99 * k - 1), 300);
		cr_assert_eq(score_limit(&e, units), 3 * k);
		cr_assert_eq(score_limit(&n, units), 3 * k - 1);
	}
}

Test(score, thresholds)
{
	static const char *const bad[] = { "",    ".",          "3.",        ".5", "-1",
					   "3,0", "100.000001", "1.0000000", "3 ", "x" };
	uint32_t units = 7;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		cr_assert(!score_threshold(bad[i], &units), "%s", bad[i]);
	cr_assert_eq(units, 7);
	cr_assert(score_threshold("0", &units) && units == 0);
	cr_assert(score_threshold("100", &units) && units == 100000000);
	cr_assert(score_threshold("2.5", &units) && units == 2500000);
}

Test(score, an_interval_around_the_threshold_is_open)
{
	struct score s = score(0, 98, 99);
	s.ab = (struct distance){ 2, 4 };
	cr_assert_eq(score_above(&s, 3000000), -1);
	s.ab.high = 3;
	cr_assert_eq(score_above(&s, 3000000), 0);
	s.ab = (struct distance){ 4, 90 };
	cr_assert_eq(score_above(&s, 3000000), 1);
	struct score equal = score(0, 5, 5), nothing = score(10, 5, 5);
	cr_assert_eq(score_hundredths(0, 5, 5), 0);
	cr_assert_eq(score_hundredths(1, 50000, 50000), 1);
	cr_assert_eq(score_above(&equal, 0), 0);
	cr_assert_eq(score_hundredths(nothing.ab.low, 5, 5), 10000);
}
