/* What the outbox decides without PatchCtl: limits, a bypass, and what a start finds in the ledger.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "proxy/outbox_inside.h"

static struct config_rollback limits = { .budget_ms = 120000, .objective_ms = 90000, .quota = 3 };
static struct config config = { .rollback = &limits };

static struct outbox *new_outbox(void)
{
	struct outbox *o = calloc(1, sizeof(*o));
	cr_assert_not_null(o);
	pthread_mutex_init(&o->lock, NULL);
	pthread_mutex_init(&o->reading, NULL);
	pthread_cond_init(&o->news, NULL);
	o->config = &config;
	return o;
}

static void drop_outbox(struct outbox *o)
{
	while (o->wishes)
		outbox_forget(o, o->wishes);
	ledger_store_close(o->reader);
	free(o);
}

static uint64_t now_ms(void)
{
	return clock_real_ms();
}

static bool too_many(const struct outbox *o, const char *target, const char *bad)
{
	struct wish w = { 0 };
	char why[OUTBOX_SAYS] = "";
	snprintf(w.target, sizeof(w.target), "%s", target);
	snprintf(w.bad, sizeof(w.bad), "%s", bad);
	bool many = outbox_too_many(o, &w, why);
	cr_assert_eq(many, why[0] != '\0');
	return many;
}

Test(outbox, quota_counts_bad_revisions_of_one_target_and_day)
{
	struct outbox *o = new_outbox();
	limits.cooldown_ms = 0;
	outbox_note(o, "app", "old", now_ms() - 25 * 3600 * 1000);
	outbox_note(o, "app", "one", now_ms() - 1000);
	outbox_note(o, "app", "one", now_ms() - 900);
	outbox_note(o, "app", "two", now_ms());
	cr_assert(!too_many(o, "app", "three"));
	outbox_note(o, "app", "three", now_ms());
	cr_assert(too_many(o, "app", "four"));
	cr_assert(!too_many(o, "app", "two"), "of one bad revision there is one rollback");
	cr_assert(!too_many(o, "web", "four"));
	drop_outbox(o);
}

Test(outbox, cooldown_begins_with_the_last_rollback_of_the_target)
{
	struct outbox *o = new_outbox();
	limits.cooldown_ms = 10000;
	outbox_note(o, "app", "one", now_ms() - 11000);
	cr_assert(!too_many(o, "app", "two"));
	outbox_note(o, "app", "two", now_ms() - 9000);
	cr_assert(too_many(o, "app", "three"));
	cr_assert(!too_many(o, "app", "two"));
	cr_assert(!too_many(o, "web", "three"));
	drop_outbox(o);
}

Test(outbox, more_rollbacks_than_are_kept_are_too_many)
{
	struct outbox *o = new_outbox();
	char bad[16];
	limits.cooldown_ms = 0;
	for (int i = 0; i < OUTBOX_RECENT + 10; i++) {
		snprintf(bad, sizeof(bad), "r%d", i);
		outbox_note(o, "app", bad, now_ms());
	}
	cr_assert(too_many(o, "app", "new"));
	cr_assert(!too_many(o, "app", "r4100"));
	drop_outbox(o);
}

Test(outbox, what_was_never_restored_uses_no_quota_up)
{
	struct outbox *o = new_outbox();
	char bad[16];
	limits.cooldown_ms = 60000;
	outbox_note(o, "app", "one", now_ms() - 120000);
	for (int i = 0; i < OUTBOX_RECENT + 10; i++) {
		snprintf(bad, sizeof(bad), "r%d", i);
		outbox_note(o, "app", bad, now_ms());
		cr_assert(too_many(o, "app", "new"));
		outbox_unnote(o, "app", bad);
		cr_assert(!too_many(o, "app", "new"));
	}
	cr_assert_eq(o->n_recent, 2, "places are used again");
	outbox_unnote(o, "web", "one");
	outbox_note(o, "app", "two", now_ms() - 110000);
	outbox_note(o, "app", "three", now_ms() - 100000);
	cr_assert(too_many(o, "app", "new"));
	drop_outbox(o);
}

/* --- bypass --- */

static void bypass(struct outbox *o, int error, const char *phase, const char *target,
		   uint64_t until_ms)
{
	char body[512];
	snprintf(
		body, sizeof(body),
		"{\"phase\":\"%s\",\"reason\":\"r\",\"by\":\"b\",\"target\":\"%s\",\"until_ms\":%llu}",
		phase, target, (unsigned long long)until_ms);
	const struct ledger_row row = { .body = span_of(body) };
	const struct ledger_added added = { .error = error, .row = &row };
	outbox_bypass_written(&added, o);
}

#define BEGINS "begins"
#define ENDS "ends"

Test(outbox, a_bypass_is_of_a_target_or_of_all_and_ends)
{
	struct outbox *o = new_outbox();
	bypass(o, -5, BEGINS, "app", now_ms() + 60000);
	cr_assert(!outbox_bypassed(o, "app"), "its row is not on disk");
	bypass(o, 0, BEGINS, "app", now_ms() + 60000);
	cr_assert(outbox_bypassed(o, "app"));
	cr_assert(!outbox_bypassed(o, "web"));
	bypass(o, 0, ENDS, "web", now_ms());
	cr_assert(outbox_bypassed(o, "app"));
	bypass(o, 0, BEGINS, "", now_ms() + 60000);
	cr_assert(outbox_bypassed(o, "web"));
	bypass(o, 0, ENDS, "", now_ms());
	cr_assert(!outbox_bypassed(o, "app"));
	cr_assert(!outbox_bypassed(o, "web"));
	bypass(o, 0, BEGINS, "app", now_ms() - 1);
	cr_assert(!outbox_bypassed(o, "app"));
	drop_outbox(o);
}

Test(outbox, a_bypass_is_at_most_a_day_and_its_places_are_used_again)
{
	struct outbox *o = new_outbox();
	char target[16];
	bypass(o, 0, BEGINS, "app", now_ms() + 100ull * 24 * 3600 * 1000);
	cr_assert_leq(outbox_bypass_of(o, "app")->until_ms, now_ms() + OUTBOX_BYPASS_MOST_MS);
	for (int i = 0; i < 3 * OUTBOX_BYPASSES; i++) {
		snprintf(target, sizeof(target), "t%d", i);
		bypass(o, 0, BEGINS, target, now_ms() + 60000);
		cr_assert(outbox_bypassed(o, target), "%s", target);
	}
	cr_assert(outbox_bypassed(o, "app"));
	drop_outbox(o);
}

/* --- a start --- */

static char folder[] = "/tmp/redcard-outbox-XXXXXX";

static void remove_folder(void)
{
	char command[64];
	snprintf(command, sizeof(command), "rm -r %s", folder);
	cr_assert_eq(system(command), 0);
}

static void add(struct ledger *l, const char *key, const char *body, char id[27])
{
	const struct ledger_row row = { .kind = SPAN("rollback"),
					.subject = SPAN("01M8CNDX"),
					.key = span_of(key),
					.body = span_of(body) };
	struct ledger_added added;
	cr_assert_eq(ledger_add_wait(l, &row, &added), 0);
	if (id)
		memcpy(id, added.id, sizeof(added.id));
}

static void add_wish(struct ledger *l, const char *bad, char id[27])
{
	char body[400];
	snprintf(
		body, sizeof(body),
		"{\"phase\":\"asked\",\"target\":\"app\",\"bad\":\"%s\",\"rule\":\"r\",\"attempt\":0,"
		"\"subject\":\"s\",\"source\":\"quorum\",\"seen_ms\":%llu,\"asked_ms\":1}",
		bad, (unsigned long long)now_ms());
	add(l, bad, body, id);
}

static void add_later(struct ledger *l, const char *id, const char *phase, const char *bad)
{
	char body[400], key[64];
	snprintf(body, sizeof(body),
		 "{\"phase\":\"%s\",\"target\":\"app\",\"bad\":\"%s\",\"wish\":\"%s\",\"rollback\":"
		 "\"01M8C9NG4NX8WDX89WXVAPGAGD\"}",
		 phase, bad, id);
	snprintf(key, sizeof(key), "%s:%s", strcmp(phase, "accepted") ? "end" : phase, id);
	add(l, key, body, NULL);
}

static struct ledger *open_ledger(char path[64])
{
	struct ledger *l = NULL;
	struct buf why = { 0 };
	char key[64], checkpoints[64];
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, 64, "%s/db", folder);
	snprintf(key, sizeof(key), "%s/key", folder);
	snprintf(checkpoints, sizeof(checkpoints), "%s/checkpoints", folder);
	const struct ledger_options o = { path, key, checkpoints, 100, 10000 };
	cr_assert_eq(ledger_open(&o, &l, &why), 0);
	return l;
}

static struct wish *find(struct outbox *o, const char *bad)
{
	struct wish *w = o->wishes;
	while (w && strcmp(w->bad, bad) != 0)
		w = w->next;
	return w;
}

Test(outbox, a_start_goes_on_with_what_has_no_end, .fini = remove_folder)
{
	struct outbox *o = new_outbox();
	struct buf why = { 0 };
	char path[64], id[27], id_of_none[27], phase[32], subject[LEDGER_SUBJECT_MAX + 1];
	struct ledger *l = open_ledger(path);
	limits.cooldown_ms = 0;
	add_wish(l, "open", id);
	add_wish(l, "accepted", id);
	add_later(l, id, "accepted", "accepted");
	add_wish(l, "verified", id);
	add_later(l, id, "accepted", "verified");
	add_later(l, id, "verified", "verified");
	add_wish(l, "unknown", id_of_none);
	add_later(l, id_of_none, "accepted", "unknown");
	add_later(l, id_of_none, "failed", "unknown");
	add(l, "x", "{\"phase\":\"asked\",\"bad\":7}", NULL);
	add(l, "y", "{}", NULL);
	cr_assert_eq(ledger_store_open(path, false, &o->reader, &why), 0);
	cr_assert_eq(outbox_resume(o), 0);
	cr_assert_eq(o->n_wishes, 2);
	cr_assert_eq(find(o, "open")->state, WISH_DUE);
	cr_assert_eq(find(o, "open")->source, OUTBOX_QUORUM);
	cr_assert_eq(find(o, "accepted")->state, WISH_ACCEPTED);
	cr_assert_str_eq(find(o, "accepted")->rollback, "01M8C9NG4NX8WDX89WXVAPGAGD");
	outbox_note(o, "app", "third", now_ms());
	cr_assert_eq(o->n_recent, 3, "the failed one's place is used again");
	cr_assert_eq(outbox_look_up(o, id, phase, subject), 1);
	cr_assert_str_eq(phase, "verified");
	cr_assert_eq(outbox_look_up(o, find(o, "open")->id, phase, subject), 1);
	cr_assert_str_eq(phase, "");
	cr_assert_eq(outbox_look_up(o, "absent", phase, subject), 0);
	ledger_close(l);
	drop_outbox(o);
}

Test(outbox, one_target_revision_and_rule_have_one_key_for_each_attempt)
{
	struct wish w = { .target = "app", .bad = "b", .rule = "r" }, other = w;
	char a[SHA256_HEX], b[SHA256_HEX];
	other.seen_ms = 7;
	cr_assert(outbox_key(&w, a) == 0 && outbox_key(&other, b) == 0);
	cr_assert_str_eq(a, b);
	other.attempt = 1;
	cr_assert_eq(outbox_key(&other, b), 0);
	cr_assert_str_neq(a, b);
	other = w;
	other.rule[0] = 's';
	cr_assert_eq(outbox_key(&other, b), 0);
	cr_assert_str_neq(a, b);
}
