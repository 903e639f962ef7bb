/* What PatchCtl keeps: phases and what may follow them, one rollback for one bad revision, limits,
 * nonces. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/patchctl_store.h"

static char folder[] = "/tmp/redcard-patchctl-XXXXXX";
static struct patchctl_store *s;
static struct config_patchctl limits;
static struct buf why;

static void reopen(void)
{
	patchctl_store_close(s);
	s = NULL;
	cr_assert_eq(patchctl_store_open(folder, &s, &why), 0, "%.*s", (int)why.n, why.p);
}

static void setup(void)
{
	cr_assert_not_null(mkdtemp(folder));
	limits = (struct config_patchctl){ .quota = 50 };
	reopen();
}

static void teardown(void)
{
	static const char *const files[] = { "patchctl.db", "patchctl.db-wal", "patchctl.db-shm",
					     "patchctl.lock" };
	char path[128];
	patchctl_store_close(s);
	buf_fini(&why);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		unlink(path);
	}
	cr_assert_eq(rmdir(folder), 0);
}

TestSuite(patchctl_store, .init = setup, .fini = teardown);

static struct rollback rollback(const char *id, const char *target, const char *bad)
{
	struct rollback r = { .accepted_ms = 1000000, .deadline_ms = 1120000 };
	snprintf(r.id, sizeof(r.id), "%s", id);
	snprintf(r.target, sizeof(r.target), "%s", target);
	snprintf(r.bad, sizeof(r.bad), "%s", bad);
	snprintf(r.anchor, sizeof(r.anchor), "a");
	snprintf(r.reason, sizeof(r.reason), "why");
	snprintf(r.by, sizeof(r.by), "me");
	return r;
}

static enum acceptance accept_it(struct rollback *r, const char *key)
{
	enum acceptance how;
	cr_assert_eq(patchctl_store_accept(s, &limits, span_of(key), r, &how), 0);
	return how;
}

static void move(struct rollback *r, enum rollback_phase to)
{
	enum rollback_phase from = r->phase;
	r->phase = to;
	cr_assert_eq(patchctl_store_move(s, r, from), 0);
}

/* Every pair of phases. */
Test(patchctl_store, phases_go_one_way)
{
	static const char *const allowed[ROLLBACK_PHASES] = {
		[ROLLBACK_ACCEPTED] = "yy..yyy", [ROLLBACK_ACTING] = ".yy.yyy",
		[ROLLBACK_ACTED] = "..yyyy.",    [ROLLBACK_VERIFIED] = ".......",
		[ROLLBACK_FAILED] = ".......",   [ROLLBACK_EXPIRED] = ".......",
		[ROLLBACK_ABORTED] = ".......",
	};
	for (int from = 0; from < ROLLBACK_PHASES; from++)
		for (int to = 0; to < ROLLBACK_PHASES; to++)
			cr_assert_eq(rollback_may_become((enum rollback_phase)from,
							 (enum rollback_phase)to),
				     allowed[from][to] == 'y', "%s to %s",
				     rollback_phase_names[from], rollback_phase_names[to]);
	for (int p = 0; p < ROLLBACK_PHASES; p++)
		cr_assert_eq(rollback_ended((enum rollback_phase)p), p >= ROLLBACK_VERIFIED);
}

Test(patchctl_store, a_rollback_is_kept_as_it_is)
{
	struct rollback r = rollback("A", "app", "bad"), found;
	cr_assert_eq(accept_it(&r, "k"), ACCEPTED);
	r.acting_ms = 1000001;
	move(&r, ROLLBACK_ACTING);
	snprintf(r.revision, sizeof(r.revision), "made");
	snprintf(r.says, sizeof(r.says), "said\n");
	r.acted_ms = 1000002;
	r.tries = 3;
	move(&r, ROLLBACK_ACTED);
	reopen();
	cr_assert_eq(patchctl_store_find(s, SPAN("A"), &found), 1);
	cr_assert_eq(found.phase, ROLLBACK_ACTED);
	cr_assert_str_eq(found.revision, "made");
	cr_assert_str_eq(found.says, "said\n");
	cr_assert_str_eq(found.by, "me");
	cr_assert(found.tries == 3 && found.acting_ms == 1000001 && found.acted_ms == 1000002 &&
		  found.ended_ms == 0 && found.deadline_ms == 1120000);
	r.ended_ms = 1000003;
	move(&r, ROLLBACK_VERIFIED);
	cr_assert_eq(patchctl_store_find(s, SPAN("A"), &found), 1);
	cr_assert(found.phase == ROLLBACK_VERIFIED && found.ended_ms == 1000003);
	cr_assert_eq(patchctl_store_find(s, SPAN("B"), &found), 0);
}

/* Who moves it must know where it is. */
Test(patchctl_store, nobody_moves_it_twice)
{
	struct rollback r = rollback("A", "app", "bad");
	cr_assert_eq(accept_it(&r, "k"), ACCEPTED);
	struct rollback twin = r;
	move(&r, ROLLBACK_ACTING);
	twin.phase = ROLLBACK_FAILED;
	cr_assert_eq(patchctl_store_move(s, &twin, ROLLBACK_ACCEPTED), -ENOENT);
	cr_assert_eq(patchctl_store_find(s, SPAN("A"), &twin), 1);
	cr_assert_eq(twin.phase, ROLLBACK_ACTING);
}

Test(patchctl_store, one_bad_revision_is_one_rollback)
{
	struct rollback first = rollback("A", "app", "bad");
	cr_assert_eq(accept_it(&first, "k1"), ACCEPTED);
	struct rollback r = rollback("B", "app", "bad");
	cr_assert_eq(accept_it(&r, "k1"), ACCEPT_KNOWN);
	cr_assert_str_eq(r.id, "A");
	r = rollback("C", "app", "bad");
	cr_assert_eq(accept_it(&r, "k2"), ACCEPT_KNOWN);
	cr_assert_str_eq(r.id, "A");
	r = rollback("D", "app", "other");
	cr_assert_eq(accept_it(&r, "k2"), ACCEPT_KEY_TAKEN);
	r = rollback("E", "app2", "bad");
	cr_assert_eq(accept_it(&r, "k1"), ACCEPT_KEY_TAKEN);
	cr_assert_eq(accept_it(&r, "k3"), ACCEPTED);
	move(&first, ROLLBACK_ACTING);
	move(&first, ROLLBACK_ACTED);
	move(&first, ROLLBACK_VERIFIED);
	r = rollback("F", "app", "bad");
	cr_assert_eq(accept_it(&r, "k4"), ACCEPT_KNOWN, "what is restored is restored");
}

/* What was not restored may be asked for anew, but not by an old key, nor by one that joined it. */
Test(patchctl_store, a_failure_may_be_tried_anew)
{
	static const enum rollback_phase ends[] = { ROLLBACK_FAILED, ROLLBACK_EXPIRED };
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		char id[24], bad[24], keys[3][48];
		snprintf(id, sizeof(id), "A%zu", i);
		snprintf(bad, sizeof(bad), "bad%zu", i);
		for (int k = 0; k < 3; k++)
			snprintf(keys[k], sizeof(keys[k]), "%zu-%d", i, k);
		struct rollback first = rollback(id, "app", bad), r = first;
		cr_assert_eq(accept_it(&first, keys[0]), ACCEPTED);
		cr_assert_eq(accept_it(&r, keys[1]), ACCEPT_KNOWN);
		move(&first, ends[i]);
		for (int k = 0; k < 2; k++) {
			r = rollback("Z", "app", bad);
			cr_assert_eq(accept_it(&r, keys[k]), ACCEPT_KNOWN);
			cr_assert_eq(r.phase, ends[i]);
		}
		snprintf(id, sizeof(id), "B%zu", i);
		r = rollback(id, "app", bad);
		cr_assert_eq(accept_it(&r, keys[2]), ACCEPTED);
	}
}

Test(patchctl_store, limits_have_boundaries)
{
	struct rollback r = rollback("A", "app", "1");
	limits.quota = 2;
	limits.cooldown_ms = 5000;
	cr_assert_eq(accept_it(&r, "1"), ACCEPTED);
	r = rollback("B", "app", "2");
	r.accepted_ms += 4999;
	cr_assert_eq(accept_it(&r, "2"), ACCEPT_COOLDOWN);
	struct rollback other = rollback("C", "other", "2");
	cr_assert_eq(accept_it(&other, "3"), ACCEPTED, "each target has its own");
	r.accepted_ms++;
	cr_assert_eq(accept_it(&r, "2"), ACCEPTED);
	r = rollback("D", "app", "3");
	r.accepted_ms += 24u * 3600 * 1000 - 1;
	cr_assert_eq(accept_it(&r, "4"), ACCEPT_QUOTA);
	r.accepted_ms++;
	cr_assert_eq(accept_it(&r, "4"), ACCEPTED);
	r = rollback("E", "app", "1");
	cr_assert_eq(accept_it(&r, "5"), ACCEPT_KNOWN, "what is known is no new one");
}

/* Nobody uses the limits up by naming what cannot be taken back. */
Test(patchctl_store, what_restored_nothing_is_within_the_limits)
{
	limits.quota = 1;
	limits.cooldown_ms = 5000;
	struct rollback r = rollback("A", "app", "1"), next = rollback("B", "app", "2");
	cr_assert_eq(accept_it(&r, "1"), ACCEPTED);
	cr_assert_eq(accept_it(&next, "2"), ACCEPT_QUOTA, "it may still restore");
	move(&r, ROLLBACK_FAILED);
	r = next;
	cr_assert_eq(accept_it(&r, "2"), ACCEPTED);
	move(&r, ROLLBACK_ACTING);
	r.acted_ms = r.accepted_ms + 1;
	move(&r, ROLLBACK_ACTED);
	move(&r, ROLLBACK_FAILED);
	next = rollback("C", "app", "3");
	cr_assert_eq(accept_it(&next, "3"), ACCEPT_QUOTA, "it has changed something");
}

static bool note(const struct anchor *a, void *owner)
{
	char *seen = owner;
	strcat(seen, a->revision);
	return strlen(seen) < 3;
}

Test(patchctl_store, anchors_are_listed_newest_first)
{
	struct rollback r = rollback("A", "app", "bad");
	struct anchor a = { .target = "app", .by = "me", .time_ms = 7 };
	char seen[8] = "";
	bool known;
	r.anchor[0] = '\0';
	cr_assert_eq(accept_it(&r, "k"), ACCEPT_NO_ANCHOR);
	for (const char *c = "xyzw"; *c; c++) {
		a.revision[0] = *c;
		cr_assert_eq(patchctl_store_register(s, &a, &known), 0);
		cr_assert_not(known);
	}
	a.revision[0] = 'y';
	snprintf(a.by, sizeof(a.by), "you");
	cr_assert_eq(patchctl_store_register(s, &a, &known), 0);
	cr_assert(known);
	cr_assert_str_eq(a.by, "me", "who registered it first");
	cr_assert_eq(patchctl_store_anchors(s, SPAN("app"), 50, note, seen), 0);
	cr_assert_str_eq(seen, "wzy");
	seen[0] = '\0';
	cr_assert_eq(patchctl_store_anchors(s, SPAN("other"), 50, note, seen), 0);
	cr_assert_str_empty(seen);
	cr_assert_eq(patchctl_store_anchors(s, (struct span){ 0 }, 2, note, seen), 0);
	cr_assert_str_eq(seen, "wz");
	cr_assert_eq(accept_it(&r, "k"), ACCEPTED);
}

static bool count(const struct rollback *r, void *owner)
{
	strcat(owner, r->id);
	return true;
}

Test(patchctl_store, open_ones_are_found_again)
{
	struct rollback a = rollback("A", "app", "1"), b = rollback("B", "app", "2"),
			c = rollback("C", "app", "3");
	char open[8] = "", all[8] = "";
	cr_assert_eq(accept_it(&a, "1"), ACCEPTED);
	cr_assert_eq(accept_it(&b, "2"), ACCEPTED);
	cr_assert_eq(accept_it(&c, "3"), ACCEPTED);
	move(&b, ROLLBACK_EXPIRED);
	move(&c, ROLLBACK_ACTING);
	reopen();
	cr_assert_eq(patchctl_store_rollbacks(s, true, 10, count, open), 0);
	cr_assert_str_eq(open, "AC");
	cr_assert_eq(patchctl_store_rollbacks(s, false, 10, count, all), 0);
	cr_assert_str_eq(all, "CBA");
}

Test(patchctl_store, nonces_are_kept_as_long_as_they_matter)
{
	const uint64_t now = 10000000;
	cr_assert_eq(patchctl_store_nonce(s, SPAN("me"), SPAN("n"), now), 0);
	cr_assert_eq(patchctl_store_nonce(s, SPAN("you"), SPAN("n"), now), 0);
	cr_assert_eq(patchctl_store_nonce(s, SPAN("me"), SPAN("n"), now + 1), -EEXIST);
	reopen();
	cr_assert_eq(patchctl_store_nonce(s, SPAN("me"), SPAN("n"), now + 121000), -EEXIST);
	cr_assert_eq(patchctl_store_nonce(s, SPAN("me"), SPAN("n"), now + 180001), 0);
	cr_assert_eq(patchctl_store_probe(s), 0);
}

Test(patchctl_store, a_folder_has_one_user)
{
	struct patchctl_store *second = NULL;
	cr_assert_eq(patchctl_store_open(folder, &second, &why), -EWOULDBLOCK);
	cr_assert_null(second);
	cr_assert_not_null(memmem(why.p, why.n, "another PatchCtl", 16));
	buf_clear(&why);
	cr_assert_lt(patchctl_store_open("/nonexistent", &second, &why), 0);
}

static enum statement_verdict worst;

static bool count_said(const struct statement *st, void *owner)
{
	(void)st;
	++*(int *)owner;
	return true;
}

static void say(const char *change, enum statement_verdict verdict, const char *reason,
		uint64_t time_ms)
{
	struct statement st = {
		.verdict = verdict, .votes = -1, .needed = -1, .diff_e6 = -1, .time_ms = time_ms
	};
	bool known;
	snprintf(st.change, sizeof(st.change), "%s", change);
	snprintf(st.reason, sizeof(st.reason), "%s", reason);
	cr_assert_eq(patchctl_store_say(s, &st, &known), 0);
	cr_assert_not(known);
	cr_assert_eq(patchctl_store_say(s, &st, &known), 0);
	cr_assert(known, "the same once more is nothing new");
}

static int said(const char *change)
{
	int n = 0;
	int any = patchctl_store_said(s, span_of(change), &worst, count_said, &n);
	cr_assert_eq(any, n > 0);
	return n;
}

Test(patchctl_store, the_worst_that_was_said_stays)
{
	static const enum statement_verdict order[] = { STATEMENT_PASS, STATEMENT_AUDIT,
							STATEMENT_FAIL, STATEMENT_AUDIT,
							STATEMENT_PASS };
	static const enum statement_verdict expected[] = { STATEMENT_PASS, STATEMENT_AUDIT,
							   STATEMENT_FAIL, STATEMENT_FAIL,
							   STATEMENT_FAIL };
	cr_assert_eq(said("c"), 0);
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		char reason[8];
		snprintf(reason, sizeof(reason), "%zu", i);
		say("c", order[i], reason, 1000 + i);
		cr_assert_eq(said("c"), (int)i + 1);
		cr_assert_eq(worst, expected[i]);
	}
	reopen();
	cr_assert_eq(said("c"), 5);
	cr_assert_eq(worst, STATEMENT_FAIL);
	cr_assert_eq(said("d"), 0);
}

/* What has ended before goes; what is open, or was spoken of since, stays whole. */
Test(patchctl_store, what_ended_long_ago_is_forgotten)
{
	struct rollback old = rollback("A", "app", "bad1"), open = rollback("B", "app", "bad2");
	struct rollback late = rollback("C", "app", "bad3"), found;
	cr_assert_eq(accept_it(&old, "k1"), ACCEPTED);
	cr_assert_eq(accept_it(&open, "k2"), ACCEPTED);
	cr_assert_eq(accept_it(&late, "k3"), ACCEPTED);
	old.ended_ms = 2000000;
	move(&old, ROLLBACK_EXPIRED);
	late.ended_ms = 3000000;
	move(&late, ROLLBACK_FAILED);
	say("gone", STATEMENT_FAIL, "1", 1000000);
	say("gone", STATEMENT_PASS, "2", 2999999);
	say("kept", STATEMENT_FAIL, "1", 1000000);
	say("kept", STATEMENT_PASS, "2", 3000000);
	cr_assert_eq(patchctl_store_forget(s, 2000000), 0);
	cr_assert_eq(patchctl_store_forget(s, 3000000), 3, "a rollback and two statements");
	cr_assert_eq(patchctl_store_find(s, SPAN("A"), &found), 0);
	cr_assert_eq(patchctl_store_find(s, SPAN("B"), &found), 1);
	cr_assert_eq(patchctl_store_find(s, SPAN("C"), &found), 1);
	cr_assert_eq(said("gone"), 0);
	cr_assert_eq(said("kept"), 2);
	cr_assert_eq(worst, STATEMENT_FAIL);
	struct rollback anew = rollback("D", "app", "bad9");
	cr_assert_eq(accept_it(&anew, "k1"), ACCEPTED, "its key is free again");
}
