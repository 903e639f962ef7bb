/* The helm driver with a helm that keeps its history as the real one does. */
#include "lib/clock.h"
#include "tests/proxy/stub_tool.h"

static void setup(void)
{
	use_stub("helm", &driver_helm, "shop");
	stub("deploy", "shop:1", NULL);
	stub("deploy", "shop:2", NULL);
}

TestSuite(driver_helm, .init = setup, .fini = put_away);

Test(driver_helm, restores_and_verifies_once)
{
	cr_assert_eq(plans(), DRIVER_DONE, "%s", said());
	cr_assert_not_null(strstr(said(), "helm rollback shop 1, over its revision 2"));
	cr_assert_str_eq(stub("image", NULL, NULL), "shop:2");
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(acts(), DRIVER_DONE, "%s", said());
		cr_assert_str_eq(revision, "3");
		cr_assert_eq(verifies(), DRIVER_DONE, "%s", said());
	}
	cr_assert_str_eq(stub("image", NULL, NULL), "shop:1");
	cr_assert_str_eq(stub("rollbacks", NULL, NULL), "1");
	cr_assert_eq(plans(), DRIVER_DONE);
	cr_assert_not_null(strstr(said(), "nothing:"), "%s", said());
}

Test(driver_helm, nothing_newer_is_taken_back)
{
	stub("deploy", "shop:3", NULL);
	cr_assert_eq(acts(), DRIVER_FAILED);
	cr_assert_not_null(strstr(said(), "is 3 and not the bad one, 2: somebody"), "%s", said());
	cr_assert_str_eq(stub("rollbacks", NULL, NULL), "0");
}

/* Killed in the middle, helm leaves the release pending. */
Test(driver_helm, goes_on_after_an_interruption)
{
	stub("set", "dies", "true");
	cr_assert_eq(acts(), DRIVER_AGAIN, "%s", said());
	cr_assert_str_eq(revision, "");
	snprintf(revision, sizeof(revision), "3");
	cr_assert_eq(verifies(), DRIVER_AGAIN, "%s", said());
	cr_assert_eq(acts(), DRIVER_DONE, "%s", said());
	cr_assert_str_eq(revision, "4");
	cr_assert_eq(verifies(), DRIVER_DONE, "%s", said());
}

Test(driver_helm, what_is_not_deployed_is_not_verified)
{
	cr_assert_eq(acts(), DRIVER_DONE);
	stub("state", "failed", NULL);
	cr_assert_eq(verifies(), DRIVER_FAILED);
	cr_assert_not_null(strstr(said(), "revision 3 is failed"), "%s", said());
	stub("deploy", "shop:9", NULL);
	cr_assert_eq(verifies(), DRIVER_FAILED);
}

Test(driver_helm, failures_are_for_good_or_pass)
{
	stub("set", "fail", "[\"status\", \"Error: Kubernetes cluster unreachable: EOF\"]");
	cr_assert_eq(acts(), DRIVER_AGAIN, "%s", said());
	cr_assert_not_null(strstr(said(), "unreachable"), "%s", said());
	stub("set", "fail", "[\"rollback\", \"Error: roles is forbidden\"]");
	cr_assert_eq(acts(), DRIVER_FAILED, "%s", said());
	stub("set", "fail", "null");
	target.cluster.what = "other";
	cr_assert_eq(acts(), DRIVER_FAILED);
	cr_assert_not_null(strstr(said(), "not found"), "%s", said());
	target.cluster.what = "shop";
	job.anchor = "7";
	cr_assert_eq(acts(), DRIVER_FAILED);
	cr_assert_not_null(strstr(said(), "revision 7 is not in the history"), "%s", said());
	job.anchor = "1";
	job.deadline_ms = clock_ms() + 3000;
	cr_assert_eq(acts(), DRIVER_AGAIN);
	cr_assert_not_null(strstr(said(), "too little time"), "%s", said());
	cr_assert_str_eq(stub("rollbacks", NULL, NULL), "1", "only the forbidden one");
}

Test(driver_helm, what_stood_before)
{
	stub("deploy", "shop:1", NULL);
	cr_assert_eq(precedes("1", "2"), DRIVER_DONE, "%s", said());
	cr_assert_eq(precedes("1", "3"), DRIVER_FAILED, "one manifest");
	cr_assert_eq(precedes("3", "2"), DRIVER_FAILED);
	cr_assert_eq(precedes("9", "10"), DRIVER_FAILED);
}

Test(driver_helm, an_aborted_one_does_not_begin)
{
	atomic_store(&gate, DRIVER_MAY_NOT);
	cr_assert_eq(acts(), DRIVER_AGAIN);
	cr_assert_str_eq(stub("rollbacks", NULL, NULL), "0");
}
