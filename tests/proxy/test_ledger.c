/* The ledger: what is acknowledged is there, once, in a chain; what is done to it behind its back
 * is found, at its place. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/sqlite.h"
#include "proxy/ledger.h"
#include "proxy/ledger_verify.h"

static char path[80], key[96], checkpoints[96], public[112];
static struct ledger_options options = { path, key, checkpoints, 1000, 60000 };

static void set_up(void)
{
	char folder[] = "/tmp/redcard-ledger-XXXXXX";
	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/ledger.db", folder);
	snprintf(key, sizeof(key), "%s.key", path);
	snprintf(public, sizeof(public), "%s.pub", key);
	snprintf(checkpoints, sizeof(checkpoints), "%s.checkpoints", path);
	options.checkpoint_rows = 1000;
	options.checkpoint_ms = 60000;
}

TestSuite(ledger, .init = set_up);

static struct ledger *open_ledger(void)
{
	struct ledger *l;
	struct buf why = { 0 };
	int error = ledger_open(&options, &l, &why);
	cr_assert_eq(error, 0, "%.*s", (int)why.n, why.p ? why.p : "");
	return l;
}

static int refused_to_open(const char *because)
{
	struct ledger *l;
	struct buf why = { 0 };
	int error = ledger_open(&options, &l, &why);
	cr_assert_lt(error, 0);
	cr_assert(memmem(why.p, why.n, because, strlen(because)), "%.*s", (int)why.n, why.p);
	buf_fini(&why);
	return error;
}

static struct ledger_row row_of(const char *subject, const char *body, const char *once)
{
	return (struct ledger_row){ .kind = SPAN_INIT("note"),
				    .subject = span_of(subject),
				    .body = span_of(body),
				    .key = once ? span_of(once) : (struct span){ 0 } };
}

static int add(struct ledger *l, const char *subject, const char *body, const char *once,
	       struct ledger_added *out)
{
	struct ledger_row row = row_of(subject, body, once);
	return ledger_add_wait(l, &row, out);
}

static void fill(unsigned n)
{
	struct ledger *l = open_ledger();
	struct ledger_added added;
	char body[32];
	for (unsigned i = 1; i <= n; i++) {
		snprintf(body, sizeof(body), "{\"n\":%u}", i);
		cr_assert_eq(add(l, "fill", body, NULL, &added), 0);
		cr_assert_eq(added.sequence, i);
	}
	ledger_close(l);
}

static void check(struct ledger_check *c, struct ledger_keys *keys)
{
	struct ledger_store *s;
	struct ledger_checkpoints inside = { 0 }, outside = { 0 };
	struct ledger_filter all = { .limit = 1000000 };
	struct ledger_row row;
	struct buf why = { 0 };
	size_t bad_line;
	*c = (struct ledger_check){ .keys = keys };
	cr_assert_eq(ledger_keys_read(public, keys, &why), 0);
	cr_assert_eq(ledger_store_open(path, false, &s, &why), 0);
	cr_assert_eq(ledger_store_checkpoints(s, 0, &inside), 0);
	cr_assert_eq(ledger_checkpoint_file(checkpoints, &outside, &bad_line), 0);
	if (bad_line)
		ledger_check_found(c, 0, "bad line");
	for (size_t i = 0; i < inside.n; i++)
		cr_assert_eq(ledger_checkpoints_add(&c->checkpoints, &inside.v[i]), 0);
	for (size_t i = 0; i < outside.n; i++)
		cr_assert_eq(ledger_checkpoints_add(&c->checkpoints, &outside.v[i]), 0);
	ledger_check_begin(c);
	cr_assert_eq(ledger_store_select(s, &all), 0);
	while (ledger_store_next(s, &row) == 1)
		cr_assert_eq(ledger_check_row(c, &row), 0);
	ledger_check_end(c);
	ledger_check_outside(c, &inside, &outside);
	ledger_checkpoints_fini(&inside);
	ledger_checkpoints_fini(&outside);
	ledger_check_fini(c);
	ledger_store_close(s);
	ledger_keys_fini(keys);
}

static void is_good(uint64_t rows)
{
	struct ledger_check c;
	struct ledger_keys keys = { 0 };
	check(&c, &keys);
	cr_assert_eq(c.n_findings, 0, "row %llu: %s", (unsigned long long)c.findings[0].sequence,
		     c.findings[0].what);
	cr_assert_eq(c.rows, rows);
}

static void is_bad(uint64_t first, const char *what)
{
	struct ledger_check c;
	struct ledger_keys keys = { 0 };
	bool said = false;
	check(&c, &keys);
	cr_assert_gt(c.n_findings, 0, "%s was not found", what);
	for (size_t i = 0; i < c.n_findings && i < LEDGER_FINDINGS_SHOWN; i++)
		said |= strstr(c.findings[i].what, what) != NULL;
	cr_assert(said, "%s: found instead: %s", what, c.findings[0].what);
	cr_assert_eq(c.first_bad, first, "%s: first bad row %llu, expected %llu", what,
		     (unsigned long long)c.first_bad, (unsigned long long)first);
}

static void tamper(const char *statements)
{
	struct sqlite *db;
	cr_assert_eq(sqlite_open(path, SQLITE_WRITES, 1000, &db), 0);
	cr_assert_eq(
		sqlite_run(db,
			   "DROP TRIGGER IF EXISTS row_stays; DROP TRIGGER IF EXISTS row_is_so"),
		0);
	cr_assert_eq(sqlite_run(db, statements), 0, "%s", sqlite_said(db));
	sqlite_close(db);
}

Test(ledger, rows_make_a_chain_over_restarts)
{
	struct stat st;
	fill(3);
	struct ledger *l = open_ledger();
	struct ledger_added first, second;
	cr_assert_eq(add(l, "more", "{\"b\":1.50,\"a\":[]}", NULL, &first), 0);
	cr_assert_eq(add(l, "more", "{}", NULL, &second), 0);
	cr_assert_eq(first.sequence, 4);
	cr_assert_eq(second.sequence, 5);
	cr_assert_lt(strcmp(first.id, second.id), 0);
	ledger_close(l);
	is_good(5);
	cr_assert_eq(stat(key, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
}

Test(ledger, a_key_gives_one_row)
{
	struct ledger *l = open_ledger();
	struct ledger_added a, b;
	struct ledger_counts n;
	cr_assert_eq(add(l, "s", "{\"a\":1}", "k", &a), 0);
	cr_assert_eq(add(l, "s", " { \"a\" : 1.0 } ", "k", &b), 0);
	cr_assert(b.repeated && !a.repeated);
	cr_assert_str_eq(a.id, b.id);
	cr_assert_eq(add(l, "s", "{\"a\":2}", "k", &b), -EEXIST);
	cr_assert_eq(add(l, "t", "{\"a\":1}", "k", &b), -EEXIST);
	cr_assert_eq(add(l, "s", "{\"a\":1}", NULL, &b), 0);
	cr_assert_eq(b.sequence, 2);
	ledger_counts(l, &n);
	cr_assert_eq(n.written, 2);
	cr_assert_eq(n.repeated, 1);
	cr_assert_eq(n.failed, 2);
	cr_assert_eq(n.error, 0);
	ledger_close(l);
	l = open_ledger();
	cr_assert_eq(add(l, "s", "{\"a\":1}", "k", &b), 0);
	cr_assert(b.repeated);
	ledger_close(l);
	is_good(2);
}

Test(ledger, what_is_no_row)
{
	struct ledger *l = open_ledger();
	struct ledger_added added;
	static const char *const bodies[] = { "",
					      "[]",
					      "1",
					      "null",
					      "{",
					      "{\"a\":1,\"a\":2}",
					      "{\"a\":1e999}",
					      "{\"a\":\"\\ud800\"}",
					      "\"{}\"" };
	struct buf large = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		cr_assert_eq(add(l, "s", bodies[i], NULL, &added), -EINVAL, "%s", bodies[i]);
	buf_add_text(&large, "{\"a\":\"");
	while (large.n < LEDGER_BODY_MAX)
		buf_add_char(&large, 'x');
	buf_add_text(&large, "\"}");
	buf_add_char(&large, '\0');
	cr_assert_eq(add(l, "s", large.p, NULL, &added), -EFBIG);
	buf_fini(&large);
	ledger_close(l);
	is_good(0);
	cr_assert_null(ledger_row_wrong(SPAN("a-1_b"), SPAN("\xc3\xa9 \" \\"), SPAN("k")));
	cr_assert(ledger_row_wrong(SPAN("A"), SPAN("s"), SPAN("k")));
	cr_assert(ledger_row_wrong(SPAN("a"), SPAN(""), SPAN("k")));
	cr_assert(ledger_row_wrong(SPAN("a"), SPAN("a\nb"), SPAN("k")));
	cr_assert(ledger_row_wrong(SPAN("a"), SPAN("\xff"), SPAN("k")));
	cr_assert(ledger_row_wrong(SPAN("a"), SPAN("s"), SPAN("")));
}

/* --- many at once --- */

#define WRITERS 16
#define EACH 40

struct writer {
	struct ledger *l;
	unsigned number;
	uint64_t sequences[EACH];
	pthread_t thread;
};

static void *write_some(void *arg)
{
	struct writer *w = arg;
	for (unsigned i = 0; i < EACH; i++) {
		char body[48], once[32];
		struct ledger_added added = { 0 };
		snprintf(body, sizeof(body), "{\"i\":%u,\"w\":%u}", i, w->number);
		snprintf(once, sizeof(once), "%u/%u", w->number / 2, i);
		struct ledger_row row = row_of("many", body, w->number % 2 ? NULL : once);
		if (ledger_add_wait(w->l, &row, &added) == 0)
			w->sequences[i] = added.sequence;
	}
	return NULL;
}

static void run_writers(struct ledger *a, struct ledger *b, struct writer w[WRITERS])
{
	for (unsigned i = 0; i < WRITERS; i++) {
		w[i] = (struct writer){ .l = i < WRITERS / 2 ? a : b, .number = i };
		cr_assert_eq(pthread_create(&w[i].thread, NULL, write_some, &w[i]), 0);
	}
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(w[i].thread, NULL);
}

static void each_has_its_own(const struct writer w[WRITERS])
{
	static bool seen[WRITERS * EACH + 1];
	for (unsigned i = 0; i < WRITERS; i++)
		for (unsigned k = 0; k < EACH; k++) {
			uint64_t at = w[i].sequences[k];
			cr_assert(at >= 1 && at <= WRITERS * EACH && !seen[at], "row %llu",
				  (unsigned long long)at);
			seen[at] = true;
		}
}

Test(ledger, many_writers_of_one_process)
{
	struct writer w[WRITERS];
	options.checkpoint_rows = 50;
	struct ledger *l = open_ledger();
	run_writers(l, l, w);
	ledger_close(l);
	each_has_its_own(w);
	is_good(WRITERS * EACH);
}

Test(ledger, two_writers_of_the_database)
{
	struct writer w[WRITERS];
	options.checkpoint_rows = 20;
	struct ledger *a = open_ledger(), *b = open_ledger();
	run_writers(a, b, w);
	ledger_close(a);
	ledger_close(b);
	each_has_its_own(w);
	is_good(WRITERS * EACH);
}

static void on_added(const struct ledger_added *added, void *owner)
{
	unsigned *n = owner;
	n[added->error != 0]++;
}

/* A database that somebody else holds: rows wait, then fail; the queue has its bound. */
Test(ledger, a_locked_database_acknowledges_nothing, .timeout = 60)
{
	struct ledger *l = open_ledger();
	struct ledger_added added;
	struct ledger_counts counts;
	struct sqlite *db;
	struct ledger_row row = row_of("s", "{}", NULL);
	unsigned answers[2] = { 0 };
	size_t queued = 0;
	int error;
	cr_assert_eq(add(l, "s", "{}", NULL, &added), 0);
	cr_assert_eq(sqlite_open(path, SQLITE_WRITES, 1000, &db), 0);
	cr_assert_eq(sqlite_run(db, "BEGIN EXCLUSIVE"), 0);
	cr_assert_eq(add(l, "s", "{}", NULL, &added), -EBUSY);
	ledger_counts(l, &counts);
	cr_assert_eq(counts.error, -EBUSY);
	while ((error = ledger_add(l, &row, on_added, answers)) == 0)
		queued++;
	cr_assert_eq(error, -EAGAIN);
	cr_assert_leq(queued, 4096 + 1024);
	cr_assert_eq(sqlite_run(db, "ROLLBACK"), 0);
	sqlite_close(db);
	for (int i = 0; i < 100 && counts.error; i++) {
		usleep(100000);
		ledger_counts(l, &counts);
	}
	cr_assert_eq(counts.error, 0);
	ledger_close(l);
	cr_assert_eq(answers[0] + answers[1], queued);
	is_good(1 + answers[0]);
}

/* --- behind its back --- */

Test(ledger, an_edited_byte_is_found)
{
	static const char *const edits[] = {
		"UPDATE row SET body = '{\"n\":9}' WHERE sequence = 4",
		"UPDATE row SET subject = 'filL' WHERE sequence = 4",
		"UPDATE row SET kind = 'nota' WHERE sequence = 4",
		"UPDATE row SET time_ms = time_ms + 1 WHERE sequence = 4",
		"UPDATE row SET key = 'k' WHERE sequence = 4",
		"UPDATE row SET id = substr(id, 1, 25) || 'U' WHERE sequence = 4",
		"UPDATE row SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE sequence = 4",
	};
	for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
		set_up();
		fill(8);
		tamper(edits[i]);
		is_bad(4, "was changed");
	}
	set_up();
	fill(8);
	tamper("UPDATE row SET previous = replace(previous, substr(previous, 9, 1), 'x') "
	       "WHERE sequence = 4");
	is_bad(4, "does not carry on");
}

Test(ledger, rows_taken_out_put_in_or_swapped_are_found)
{
	fill(8);
	tamper("DELETE FROM row WHERE sequence = 4");
	is_bad(4, "missing");
	set_up();
	fill(8);
	tamper("DELETE FROM row WHERE sequence BETWEEN 1 AND 3");
	is_bad(1, "from here to 3 are missing");
	set_up();
	fill(8);
	tamper("UPDATE row SET sequence = -3 WHERE sequence = 3;"
	       "UPDATE row SET sequence = 3 WHERE sequence = 5;"
	       "UPDATE row SET sequence = 5 WHERE sequence = -3");
	is_bad(3, "was changed");
	set_up();
	fill(8);
	tamper("DELETE FROM row WHERE sequence = 4;"
	       "UPDATE row SET sequence = sequence - 1 WHERE sequence > 4");
	is_bad(4, "does not carry on");
}

Test(ledger, a_tail_cut_off_is_found)
{
	fill(8);
	tamper("DELETE FROM row WHERE sequence > 5; DELETE FROM checkpoint");
	is_bad(6, "tail was cut off");
	cr_assert_eq(refused_to_open("row 8 is not what the last checkpoint"), -EUCLEAN);
	set_up();
	fill(8);
	tamper("DELETE FROM row; DELETE FROM checkpoint");
	is_bad(1, "tail was cut off");
}

/* Whoever can write the database can make a new chain, but not its checkpoints. */
Test(ledger, a_chain_made_anew_is_found)
{
	char old_public[sizeof(public)], old_checkpoints[sizeof(checkpoints)];
	fill(8);
	memcpy(old_public, public, sizeof(public));
	memcpy(old_checkpoints, checkpoints, sizeof(checkpoints));
	set_up();
	fill(8);
	struct buf text = { 0 };
	cr_assert_eq(file_read(old_checkpoints, 1 << 20, &text), 0);
	cr_assert_eq(file_replace(checkpoints, (struct span){ text.p, text.n }), 0);
	is_bad(8, "foreign key");
	memcpy(public, old_public, sizeof(public));
	is_bad(8, "not the one that its checkpoint sealed");
	buf_fini(&text);
}

Test(ledger, checkpoints_are_checked_too)
{
	fill(8);
	tamper("UPDATE checkpoint SET signature = replace(signature, substr(signature, 1, 1), "
	       "CASE WHEN signature LIKE '0%' THEN '1' ELSE '0' END)");
	is_bad(8, "signature is not the key's");
	set_up();
	fill(8);
	tamper("UPDATE checkpoint SET sequence = 7");
	is_bad(7, "signature is not the key's");
	set_up();
	fill(8);
	cr_assert_eq(truncate(checkpoints, 0), 0);
	is_bad(8, "missing in the file outside");
	set_up();
	fill(8);
	cr_assert_eq(file_replace(checkpoints, SPAN("{}\n")), 0);
	is_bad(8, "missing in the file outside");
	cr_assert_eq(refused_to_open("its last line is none"), -EUCLEAN);
}

/* What a crash leaves of a line is no finding, and the next line takes its place. */
Test(ledger, a_torn_line_is_taken_off)
{
	struct buf text = { 0 };
	fill(3);
	cr_assert_eq(file_read(checkpoints, 1 << 20, &text), 0);
	size_t whole = text.n;
	buf_add_text(&text, "{\"hash\":\"0123");
	cr_assert_eq(file_replace(checkpoints, (struct span){ text.p, text.n }), 0);
	is_good(3);
	struct ledger *l = open_ledger();
	struct ledger_added added;
	cr_assert_eq(add(l, "s", "{}", NULL, &added), 0);
	ledger_close(l);
	is_good(4);
	buf_clear(&text);
	cr_assert_eq(file_read(checkpoints, 1 << 20, &text), 0);
	cr_assert_eq(text.n, 2 * whole);
	buf_fini(&text);
}

Test(ledger, keys_are_looked_after)
{
	fill(2);
	cr_assert_eq(unlink(public), 0);
	ledger_close(open_ledger()); /* the public half is written again */
	is_good(2);
	cr_assert_eq(chmod(key, 0644), 0);
	cr_assert_eq(refused_to_open("chmod 600"), -EACCES);
	cr_assert_eq(unlink(key), 0);
	cr_assert_eq(refused_to_open("is gone, though it has signed"), -ENOENT);
	cr_assert_eq(file_replace(key, SPAN("x")), 0);
	cr_assert_eq(chmod(key, 0600), 0);
	cr_assert_eq(refused_to_open("no Ed25519 private key"), -EINVAL);
	cr_assert_eq(truncate(path, 5000), 0);
}

Test(ledger, the_hash_is_what_the_header_says)
{
	char hash[SHA256_HEX], again[SHA256_HEX];
	const struct ledger_row row = { .sequence = 12,
					.id = SPAN_INIT("01KB2Q8Y0V6ZJ4T3N5M7P9R1SX"),
					.time_ms = 1700000000000,
					.kind = SPAN_INIT("note"),
					.subject = SPAN_INIT("a,b"),
					.body = SPAN_INIT("{}"),
					.previous = SPAN_INIT(LEDGER_NO_HASH) };
	cr_assert_eq(ledger_row_hash(&row, hash), 0);
	cr_assert_eq(sha256_of(SPAN("redcard ledger row 1\n2:12,26:01KB2Q8Y0V6ZJ4T3N5M7P9R1SX,"
				    "13:1700000000000,4:note,3:a,b,0:,2:{},64:" LEDGER_NO_HASH ","),
			       again),
		     0);
	cr_assert_str_eq(hash, again);
}

static void expect_line(const char *body, const char *end)
{
	struct buf out = { 0 };
	const struct ledger_row row = { .sequence = 7,
					.id = SPAN_INIT("01KB2Q8Y0V6ZJ4T3N5M7P9R1SX"),
					.time_ms = 1700000000000,
					.kind = SPAN_INIT("rollback"),
					.subject = SPAN_INIT("a"),
					.body = span_of(body) };
	ledger_row_add_line(&out, &row);
	buf_add_char(&out, '\0');
	const char *want =
		"       7  01KB2Q8Y0V6ZJ4T3N5M7P9R1SX  2023-11-14T22:13:20.000Z  rollback  a";
	cr_assert_eq(strncmp(out.p, want, strlen(want)), 0, "%s", out.p);
	cr_assert_str_eq(out.p + strlen(want), end);
	buf_fini(&out);
}

Test(ledger, a_line_says_what_became_of_it)
{
	expect_line("{}", "\n");
	expect_line("{\"phase\":\"verified\",\"rule\":\"r-1\"}", "  verified  r-1\n");
	expect_line("{\"action\":\"cut\",\"rule\":\"r-1\",\"reason\":\"x\"}", "  cut  r-1\n");
	expect_line("{\"verdict\":\"pass\",\"reason\":\"equal\"}", "  pass  equal\n");
	expect_line("{\"result\":\"ok\",\"reason\":\"\"}", "  ok\n");
	expect_line("{\"phase\":3}", "\n");
	expect_line("{\"title\":\"a\\u001b[31m\\nb\"}", "  a^[[31m^Jb\n");
}

Test(ledger, ids_sort_like_rows_whatever_the_clock_does)
{
	char last[LEDGER_ID_LENGTH + 1], next[LEDGER_ID_LENGTH + 1];
	cr_assert_eq(ledger_next_id(NULL, 1700000000000, last), 0);
	for (int i = 0; i < 5000; i++) {
		cr_assert_eq(
			ledger_next_id(last, 1700000000000 + (uint64_t)(i % 7) - (uint64_t)i, next),
			0);
		cr_assert_lt(strcmp(last, next), 0);
		memcpy(last, next, sizeof(last));
	}
}
