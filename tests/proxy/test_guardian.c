#include <criterion/criterion.h>

#include "proxy/guardian.h"

static struct config_guardian limits;
static struct guardian g;

static void setup(void)
{
	limits = (struct config_guardian){ .error_hundredths = GUARDIAN_NONE,
					   .p95_ms = GUARDIAN_NONE,
					   .p95_ratio_hundredths = GUARDIAN_NONE,
					   .restarts = GUARDIAN_NONE,
					   .window_ms = 1000,
					   .samples = 20 };
	guardian_init(&g, &limits);
}

static void add(uint64_t at_ms, uint32_t shadow_ms, uint32_t primary_ms, bool error)
{
	guardian_add(&g, &(struct guardian_sample){ at_ms, shadow_ms, primary_ms, error });
}

static void errors(uint64_t at_ms, unsigned bad, unsigned all)
{
	for (unsigned i = 0; i < all; i++)
		add(at_ms, 10, 10, i < bad);
}

static enum guardian_state state(uint64_t now_ms)
{
	return guardian_judge(&g, now_ms).state;
}

TestSuite(guardian, .init = setup);

Test(guardian, no_data_is_unknown)
{
	cr_assert_eq(state(0), GUARDIAN_UNKNOWN);
	limits.error_hundredths = 0;
	errors(0, 19, 19);
	cr_assert_eq(state(0), GUARDIAN_UNKNOWN, "one sample too few, all of them bad");
	errors(0, 0, 1);
	cr_assert_eq(state(0), GUARDIAN_BREACHED);
	cr_assert_eq(state(1000), GUARDIAN_BREACHED);
	cr_assert_eq(state(1001), GUARDIAN_UNKNOWN, "it is too long ago");
}

Test(guardian, at_the_limit_is_none_and_above_it_is_one)
{
	limits.error_hundredths = 1000;
	errors(0, 2, 20);
	cr_assert_eq(state(0), GUARDIAN_HEALTHY, "10 %% of 20");
	errors(0, 1, 1);
	struct guardian_finding f = guardian_judge(&g, 0);
	cr_assert_eq(f.state, GUARDIAN_BREACHED, "3 of 21");
	cr_assert_eq(f.limit, LIMIT_ERRORS);
	cr_assert_eq(f.samples, 21);
}

Test(guardian, p95)
{
	limits.p95_ms = 100;
	for (int i = 0; i < 19; i++)
		add(0, 100, UINT32_MAX, false);
	add(0, 5000, UINT32_MAX, false);
	cr_assert_eq(state(0), GUARDIAN_HEALTHY, "one of twenty may be slow");
	add(0, 5000, UINT32_MAX, false);
	cr_assert_eq(state(0), GUARDIAN_BREACHED, "two of twenty-one may not");
}

Test(guardian, p95_at_its_limit)
{
	limits.p95_ms = 100;
	for (int i = 0; i < 20; i++)
		add(0, 100, UINT32_MAX, false);
	cr_assert_eq(state(0), GUARDIAN_HEALTHY);
	limits.p95_ms = 99;
	cr_assert_eq(state(0), GUARDIAN_BREACHED);
}

Test(guardian, the_ratio_needs_pairs)
{
	limits.p95_ratio_hundredths = 250;
	for (int i = 0; i < 30; i++)
		add(0, 9000, UINT32_MAX, false);
	cr_assert_eq(state(0), GUARDIAN_UNKNOWN);
	guardian_forget(&g);
	for (int i = 0; i < 20; i++)
		add(0, 250, 100, false);
	cr_assert_eq(state(0), GUARDIAN_HEALTHY);
	for (int i = 0; i < 20; i++)
		add(0, 251, 100, false);
	struct guardian_finding f = guardian_judge(&g, 0);
	cr_assert_eq(f.state, GUARDIAN_BREACHED);
	cr_assert_eq(f.limit, LIMIT_P95_RATIO);
}

Test(guardian, memory)
{
	limits.memory_bytes = 1000;
	errors(0, 0, 20);
	cr_assert_eq(state(0), GUARDIAN_UNKNOWN, "nobody has read it");
	guardian_memory(&g, true, 1000);
	cr_assert_eq(state(0), GUARDIAN_HEALTHY);
	guardian_memory(&g, true, 1001);
	cr_assert_eq(state(0), GUARDIAN_BREACHED);
	guardian_memory(&g, false, 0);
	cr_assert_eq(state(0), GUARDIAN_UNKNOWN);
}

Test(guardian, restarts_outlive_the_process)
{
	limits.restarts = 2;
	guardian_died(&g, 0);
	guardian_died(&g, 10);
	guardian_forget(&g);
	errors(10, 0, 20);
	cr_assert_eq(state(10), GUARDIAN_HEALTHY);
	guardian_died(&g, 20);
	cr_assert_eq(state(1000), GUARDIAN_BREACHED);
	cr_assert_neq(state(1001), GUARDIAN_BREACHED, "the first one is too long ago");
}

Test(guardian, every_number_of_restarts_that_can_be_allowed_can_be_passed)
{
	limits.restarts = GUARDIAN_RESTARTS;
	for (unsigned i = 0; i < GUARDIAN_RESTARTS; i++)
		guardian_died(&g, 0);
	cr_assert_neq(state(0), GUARDIAN_BREACHED);
	guardian_died(&g, 0);
	cr_assert_eq(state(0), GUARDIAN_BREACHED);
	guardian_begin_anew(&g);
	cr_assert_eq(state(0), GUARDIAN_UNKNOWN, "somebody wants another try");
}

Test(guardian, one_limit_without_data_is_not_healthy_and_hides_no_breach)
{
	limits.error_hundredths = 1000;
	limits.memory_bytes = 1000;
	errors(0, 0, 20);
	cr_assert_eq(state(0), GUARDIAN_UNKNOWN);
	errors(0, 20, 20);
	cr_assert_eq(state(0), GUARDIAN_BREACHED);
}

Test(guardian, keeps_a_bounded_number)
{
	limits.error_hundredths = 0;
	errors(0, 1, GUARDIAN_SAMPLES);
	cr_assert_eq(state(0), GUARDIAN_BREACHED);
	errors(0, 0, 1);
	cr_assert_eq(guardian_judge(&g, 0).samples, GUARDIAN_SAMPLES);
	cr_assert_eq(state(0), GUARDIAN_HEALTHY, "the oldest one was the bad one");
}
