/* The kubernetes driver with a kubectl that renumbers its history as the controllers do. */
#include "lib/clock.h"
#include "tests/proxy/stub_tool.h"

static void use(const char *kind)
{
	static char what[64];
	snprintf(what, sizeof(what), "%s/shop", kind);
	use_stub("kubectl", &driver_kubernetes, what);
	stub("new", kind, NULL);
	stub("deploy", "shop:1", NULL);
	stub("deploy", "shop:2", NULL);
}

static void setup(void)
{
	use("deployment");
}

TestSuite(driver_kubernetes, .init = setup, .fini = put_away);
TestSuite(driver_kubernetes_kinds, .fini = put_away);

Test(driver_kubernetes, restores_and_verifies)
{
	cr_assert_eq(plans(), DRIVER_DONE, "%s", said());
	cr_assert_not_null(strstr(said(), "kubectl rollout undo deployment/shop --to-revision=1"));
	cr_assert_not_null(strstr(said(), "Pod Template:"), "%s", said());
	cr_assert_str_eq(stub("image", NULL, NULL), "shop:2");
	cr_assert_eq(acts(), DRIVER_DONE, "%s", said());
	cr_assert_str_eq(revision, "3");
	cr_assert_str_eq(stub("image", NULL, NULL), "shop:1");
	cr_assert_eq(verifies(), DRIVER_DONE, "%s", said());
	cr_assert_str_eq(stub("numbers", NULL, NULL), "2 3");
	cr_assert_eq(plans(), DRIVER_DONE, "%s", said());
	cr_assert_not_null(strstr(said(), "nothing:"), "%s", said());
}

/* The bare verb would toggle. */
Test(driver_kubernetes, is_undone_once_however_often_it_is_asked)
{
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(acts(), DRIVER_DONE, "%s", said());
		cr_assert_str_eq(revision, "3");
		cr_assert_str_eq(stub("image", NULL, NULL), "shop:1");
	}
	cr_assert_str_eq(stub("undos", NULL, NULL), "1");
}

Test(driver_kubernetes, waits_for_the_controller)
{
	stub("set", "lag", "2");
	cr_assert_eq(acts(), DRIVER_DONE, "%s", said());
	cr_assert_str_eq(revision, "3");
	cr_assert_str_eq(stub("undos", NULL, NULL), "1");
}

/* Interrupted after the change, before the controller saw it. */
Test(driver_kubernetes, goes_on_after_an_interruption)
{
	stub("set", "lag", "1000");
	job.deadline_ms = clock_ms() + 3000;
	cr_assert_eq(acts(), DRIVER_AGAIN, "%s", said());
	stub("set", "lag", "0");
	job.deadline_ms = clock_ms() + 60000;
	cr_assert_eq(acts(), DRIVER_DONE, "%s", said());
	cr_assert_str_eq(stub("undos", NULL, NULL), "1");
}

Test(driver_kubernetes, an_anchor_that_was_renumbered_is_found)
{
	cr_assert_eq(acts(), DRIVER_DONE, "%s", said()); /* 1 is 3 now */
	stub("deploy", "shop:4", NULL);
	job.bad = "4";
	cr_assert_eq(acts(), DRIVER_DONE, "%s", said());
	cr_assert_str_eq(revision, "5");
	cr_assert_str_eq(stub("image", NULL, NULL), "shop:1");
	cr_assert_eq(verifies(), DRIVER_DONE, "%s", said());
	stub("deploy", "shop:6", NULL);
	job.anchor = "3";
	job.bad = "6";
	cr_assert_eq(acts(), DRIVER_DONE, "%s", said());
	cr_assert_str_eq(stub("image", NULL, NULL), "shop:1");
}

Test(driver_kubernetes, nothing_newer_is_taken_back)
{
	stub("deploy", "shop:3", NULL);
	cr_assert_eq(plans(), DRIVER_FAILED);
	cr_assert_eq(acts(), DRIVER_FAILED);
	cr_assert_not_null(strstr(said(), "is 3 and not the bad one, 2: somebody"), "%s", said());
	cr_assert_str_eq(stub("image", NULL, NULL), "shop:3");
	cr_assert_str_eq(stub("undos", NULL, NULL), "0");
	cr_assert_eq(atomic_load(&gate), DRIVER_MAY_BEGIN);
}

Test(driver_kubernetes, what_changes_after_act_is_not_verified)
{
	cr_assert_eq(acts(), DRIVER_DONE);
	stub("deploy", "shop:9", NULL);
	cr_assert_eq(verifies(), DRIVER_FAILED);
	stub("deploy", "shop:2", NULL); /* the bad one comes back */
	cr_assert_eq(verifies(), DRIVER_FAILED);
	cr_assert_not_null(strstr(said(), "bad revision again"), "%s", said());
}

Test(driver_kubernetes, a_rollout_that_is_not_over_is_not_verified)
{
	cr_assert_eq(acts(), DRIVER_DONE);
	stub("set", "updated", "2");
	cr_assert_eq(verifies(), DRIVER_AGAIN);
	cr_assert_not_null(strstr(said(), "of 3 replicas 2 are updated and 3 available"), "%s",
			   said());
	stub("set", "updated", "3");
	stub("set", "available", "0");
	cr_assert_eq(verifies(), DRIVER_AGAIN);
	stub("set", "available", "3");
	cr_assert_eq(verifies(), DRIVER_DONE);
}

Test(driver_kubernetes, failures_are_for_good_or_pass)
{
	static const struct {
		const char *fail, *says;
		enum driver_outcome outcome;
	} rows[] = {
		{ "[\"get\", \"Error from server (Forbidden): no\"]", "Forbidden", DRIVER_FAILED },
		{ "[\"get\", \"Unable to connect to the server: EOF\"]", "EOF", DRIVER_AGAIN },
		{ "[\"undo\", \"Error from server (Conflict): x\"]", "Conflict", DRIVER_AGAIN },
		{ "[\"undo\", \"error: context \\\"x\\\" does not exist\"]", "exist",
		  DRIVER_FAILED },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		stub("set", "fail", rows[i].fail);
		cr_assert_eq(acts(), rows[i].outcome, "%s: %s", rows[i].fail, said());
		cr_assert_not_null(strstr(said(), rows[i].says), "%s", said());
		cr_assert_str_eq(revision, "");
	}
	stub("set", "fail", "null");
	stub("set", "paused", "true");
	cr_assert_eq(acts(), DRIVER_FAILED);
	cr_assert_not_null(strstr(said(), "paused"), "%s", said());
	target.cluster.what = "deployment/other";
	cr_assert_eq(acts(), DRIVER_FAILED);
	cr_assert_not_null(strstr(said(), "NotFound"), "%s", said());
}

Test(driver_kubernetes, an_anchor_that_is_gone_cannot_be_restored)
{
	stub("set", "keep", "2");
	stub("deploy", "shop:3", NULL);
	job.bad = "3";
	cr_assert_eq(acts(), DRIVER_FAILED);
	cr_assert_not_null(strstr(said(), "revision 1 is not in the history"), "%s", said());
	job.anchor = "99";
	cr_assert_eq(plans(), DRIVER_FAILED);
}

Test(driver_kubernetes, what_stood_before)
{
	stub("deploy", "shop:3", NULL);
	cr_assert_eq(precedes("1", "2"), DRIVER_DONE, "%s", said());
	cr_assert_eq(precedes("2", "3"), DRIVER_DONE);
	cr_assert_eq(precedes("3", "2"), DRIVER_FAILED);
	cr_assert_eq(precedes("2", "2"), DRIVER_FAILED);
	cr_assert_eq(precedes("7", "9"), DRIVER_FAILED);
}

Test(driver_kubernetes, an_aborted_one_does_not_begin)
{
	atomic_store(&gate, DRIVER_MAY_NOT);
	cr_assert_eq(acts(), DRIVER_AGAIN);
	cr_assert_str_eq(stub("undos", NULL, NULL), "0");
}

Test(driver_kubernetes, revisions_are_numbers)
{
	cr_assert(driver_kubernetes.is_revision("1") && driver_kubernetes.is_revision("120"));
	static const char *const bad[] = { "", "0", "01", "-1", "1a", "1.0", "12345678901" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		cr_assert_not(driver_kubernetes.is_revision(bad[i]), "%s", bad[i]);
}

/* Their history does not say which numbers it had; what was seen does. */
static void restores_twice(const char *kind)
{
	use(kind);
	cr_assert_eq(acts(), DRIVER_DONE, "%s", said());
	cr_assert_str_eq(revision, "3");
	cr_assert_eq(verifies(), DRIVER_DONE, "%s", said());
	stub("set", "updated", "1");
	cr_assert_eq(verifies(), DRIVER_AGAIN, "%s", said());
	stub("set", "updated", "3");
	stub("deploy", "shop:4", NULL);
	job.bad = "4";
	cr_assert_eq(acts(), DRIVER_DONE, "%s", said());
	cr_assert_str_eq(revision, "5");
	cr_assert_str_eq(stub("image", NULL, NULL), "shop:1");
	cr_assert_eq(verifies(), DRIVER_DONE, "%s", said());
	char seen[128];
	snprintf(seen, sizeof(seen), "%s/shop.revisions", root);
	cr_assert_eq(unlink(seen), 0);
	stub("deploy", "shop:6", NULL);
	job.bad = "6";
	cr_assert_eq(acts(), DRIVER_FAILED);
	cr_assert_not_null(strstr(said(), "not in the history"), "%s", said());
}

Test(driver_kubernetes_kinds, stateful_set)
{
	restores_twice("statefulset");
}

Test(driver_kubernetes_kinds, daemon_set)
{
	restores_twice("daemonset");
}
