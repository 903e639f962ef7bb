/* What builders cost in a day: charging, days, and the file. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proxy/spending.h"
#include "proxy/spending_file.h"

static char folder[64];
static struct spending *all;
static uint32_t today;

static void begin(void)
{
	struct buf error = { 0 };
	today = spending_today();
	strcpy(folder, "/tmp/redcard-spending-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(spending_open(folder, &all, &error), 0, "%s", error.p);
	cr_assert_eq(error.n, 0);
}

static void remove_in_folder(const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
}

static void end(void)
{
	spending_close(all);
	remove_in_folder(SPENDING_FILE);
	remove_in_folder(SPENDING_FILE ".new");
	rmdir(folder);
}

TestSuite(spending, .init = begin, .fini = end);

static void await_state(const struct spent *row, enum spent_state wanted)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	for (int i = 0; i < 500 && spent_state(row, today) != wanted; i++)
		nanosleep(&pause, NULL);
	cr_assert_eq(spent_state(row, today), wanted);
}

Test(spending, a_later_figure_replaces_the_earlier_one)
{
	struct spent *row = spending_of(all, "a", 1000);
	struct spent_meter m, other;
	spent_begin(&m, row);
	spent_begin(&other, row);
	spent_charge(&other, today, 100);
	spent_charge(&m, today, 500);
	cr_expect_eq(spent_today(row, today), 600);
	spent_charge(&m, today, 300);
	cr_expect_eq(spent_today(row, today), 400);
	cr_expect_eq(spent_allowed(&m, today, false), 900);
	cr_expect_eq(spent_allowed(&other, today, false), 700);
	cr_expect_eq(spent_state(row, today), SPENT_FREE);
	spent_charge(&m, today, 900);
	cr_expect_eq(spent_state(row, today), SPENT_UP);
	cr_expect_eq(spent_allowed(&other, today, false), 100);
	spent_charge(&m, today, 2000);
	cr_expect_eq(spent_allowed(&other, today, false), 0);
	spent_end(&m);
	spent_end(&m);
	spent_end(&other);
	cr_expect_eq(spent_today(row, today), 2100);
	cr_expect_eq(spending_of(all, "a", 5000), row);
	cr_expect_eq(spent_state(row, today), SPENT_FREE, "the limit was raised");
}

Test(spending, a_day_begins_at_nothing_and_keeps_what_was_charged_to_it)
{
	struct spent *row = spending_of(all, "a", 1000);
	struct spent_meter m;
	spent_begin(&m, row);
	spent_charge(&m, today, 900);
	cr_expect_eq(spent_today(row, today + 1), 0);
	cr_expect_eq(spent_allowed(&m, today + 1, false), 1900);
	spent_charge(&m, today + 1, 950);
	cr_expect_eq(spent_today(row, today + 1), 50);
	spent_charge(&m, today + 1, 100); /* an estimate of the day before was too high */
	cr_expect_eq(spent_today(row, today + 1), 0, "no credit for another day");
	spent_charge(&m, today + 1, 960);
	cr_expect_eq(spent_today(row, today + 1), 60);
	spent_end(&m);
}

Test(spending, a_clock_that_goes_back_brings_no_day_back)
{
	struct spent *row = spending_of(all, "a", 1000);
	struct spent_meter m;
	spent_begin(&m, row);
	spent_charge(&m, today + 1, 900);
	cr_expect_eq(spent_today(row, today), 900);
	spent_charge(&m, today, 990);
	cr_expect_eq(spent_today(row, today), 990);
	cr_expect_eq(spent_today(row, today + 1), 990);
	spent_end(&m);
}

static void *spend(void *arg)
{
	for (int i = 0; i < 200; i++) {
		struct spent_meter m;
		spent_begin(&m, arg);
		for (unsigned k = 1; k <= 50; k++)
			spent_charge(&m, today, k % 7 ? k * 3 : 1);
		spent_charge(&m, today, 10);
		spent_end(&m);
	}
	return NULL;
}

Test(spending, threads_lose_nothing)
{
	struct spent *row = spending_of(all, "a", 1000);
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, spend, row), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(spent_today(row, today), 4 * 200 * 10);
}

/* Ends the server and begins another. */
static void again(void)
{
	struct buf error = { 0 };
	spending_close(all);
	all = NULL;
	cr_assert_eq(spending_open(folder, &all, &error), 0, "%s", error.p);
}

Test(spending, outlives_an_orderly_end_exactly)
{
	struct spent_meter m;
	spent_begin(&m, spending_of(all, "a", 1000000));
	spent_charge(&m, today, 123456);
	spent_end(&m);
	again();
	cr_expect_eq(spent_today(spending_of(all, "a", 1), today), 123456);
	cr_expect_eq(spent_today(spending_of(all, "b", 1), today), 0);
	again();
	cr_expect_eq(spent_today(spending_of(all, "a", 1), today), 123456,
		     "also of one that nobody asked for");
}

/* What a restart would find now. */
static uint64_t in_file(const char *name)
{
	struct spending_file f = { 0 };
	struct buf error = { 0 };
	uint64_t nano = 0;
	cr_assert_eq(spending_file_read(folder, today + 1, &f, &error), 0, "%s", error.p);
	for (size_t i = 0; i < f.n; i++)
		if (strcmp(f.v[i].name, name) == 0)
			nano = f.v[i].nano;
	spending_file_fini(&f);
	return nano;
}

Test(spending, the_file_leads_while_there_are_streams_and_is_exact_without)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	struct spent_meter m;
	spent_begin(&m, spending_of(all, "a", 64000));
	for (int i = 0; i < 500 && in_file("a") != 1000; i++)
		nanosleep(&pause, NULL);
	cr_assert_eq(in_file("a"), 1000, "a lead before anything is spent");
	spent_charge(&m, today, 400);
	cr_expect_eq(in_file("a"), 1000);
	spent_charge(&m, today, 700);
	for (int i = 0; i < 500 && in_file("a") != 1700; i++)
		nanosleep(&pause, NULL);
	cr_assert_eq(in_file("a"), 1700);
	spent_end(&m);
	for (int i = 0; i < 500 && in_file("a") != 700; i++)
		nanosleep(&pause, NULL);
	cr_assert_eq(in_file("a"), 700);
}

Test(spending, what_cannot_be_written_is_not_spent)
{
	char gone[80];
	snprintf(gone, sizeof(gone), "%s-gone", folder);
	struct spent *row = spending_of(all, "a", 64000);
	struct spent_meter m;
	cr_assert_eq(rename(folder, gone), 0);
	spent_begin(&m, row);
	await_state(row, SPENT_UNKEPT);
	spent_charge(&m, today, 100);
	cr_expect_eq(spent_allowed(&m, today, true), 0);
	cr_expect_eq(spent_allowed(&m, today, false), 64000);
	cr_assert_eq(rename(gone, folder), 0);
	await_state(row, SPENT_FREE);
	cr_expect_eq(spent_allowed(&m, today, true), 1100);
	spent_end(&m);
}

Test(spending, a_folder_has_one_redcard)
{
	struct spending *second = NULL;
	struct buf error = { 0 };
	cr_assert_lt(spending_open(folder, &second, &error), 0);
	cr_assert_null(second);
	cr_expect_not_null(strstr(error.p, ":1: another redcard keeps what is spent here; "));
	buf_clear(&error);
	cr_assert_eq(spending_open("/nonexistent/folder", &second, &error), -ENOENT);
	cr_expect_not_null(strstr(error.p, "/nonexistent/folder:1: cannot be opened: "));
	buf_fini(&error);
}

/* --- the file --- */

static void put_file(const char *text, size_t n)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, SPENDING_FILE);
	FILE *f = fopen(path, "w");
	cr_assert_not_null(f);
	cr_assert_eq(fwrite(text, 1, n, f), n);
	fclose(f);
}

static bool reads(uint32_t last, struct spending_file *out)
{
	struct buf error = { 0 };
	int e = spending_file_read(folder, last, out, &error);
	cr_assert_eq(e == 0, error.n == 0);
	cr_assert(e == 0 || (memchr(error.p, '\n', error.n) == error.p + error.n - 1));
	buf_fini(&error);
	return e == 0;
}

Test(spending, a_file_with_any_byte_changed_or_missing_is_refused)
{
	struct spending_file f = { 0 }, back = { 0 };
	char text[512], path[128];
	cr_assert(spending_file_add(&f, "openai", 20783, 123456789));
	cr_assert(spending_file_add(&f, "nothing", 20783, 0));
	cr_assert(spending_file_add(&f, "b.c-d_e", 20782, 1));
	cr_assert_eq(spending_file_write(folder, &f), 0);
	snprintf(path, sizeof(path), "%s/%s", folder, SPENDING_FILE);
	FILE *file = fopen(path, "r");
	size_t n = fread(text, 1, sizeof(text), file);
	fclose(file);
	cr_assert(
		memcmp(text,
		       "redcard spending 1\n2026-11-26 openai 123456789\n2026-11-25 b.c-d_e 1\nsha256 ",
		       75) == 0);
	cr_assert(reads(20783, &back));
	cr_assert_eq(back.n, 2);
	cr_assert_eq(back.v[0].nano, 123456789);
	cr_assert_eq(back.v[1].day, 20782);
	spending_file_fini(&back);
	cr_assert_not(reads(20782, &back), "a day to come");
	spending_file_fini(&back);
	for (size_t i = 0; i < n; i++) {
		text[i] ^= 1;
		put_file(text, n);
		cr_expect_not(reads(20783, &back), "byte %zu changed", i);
		spending_file_fini(&back);
		text[i] ^= 1;
		put_file(text, i);
		cr_expect_not(reads(20783, &back), "cut off at %zu", i);
		spending_file_fini(&back);
	}
	spending_file_fini(&f);
}

Test(spending, no_file_is_no_spending_and_a_folder_in_its_place_is_refused)
{
	struct spending_file f = { 0 };
	char path[128];
	remove_in_folder(SPENDING_FILE);
	cr_assert(reads(today, &f));
	cr_assert_eq(f.n, 0);
	snprintf(path, sizeof(path), "%s/%s", folder, SPENDING_FILE);
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_not(reads(today, &f));
	cr_assert_eq(spending_file_write(folder, &f), -EISDIR);
	cr_assert_eq(rmdir(path), 0);
}
