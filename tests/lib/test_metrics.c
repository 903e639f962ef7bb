#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "lib/metrics.h"

static const char *const kinds[] = { "a", "quote\" slash\\ line\n" };
static const char *late[3] = { "first", NULL, NULL };
static const double bounds[] = { 0.5, 1, 10 };

enum { PLAIN, LABELLED, ALWAYS, GAUGE, LEAST, HISTOGRAM, LABELLED_HISTOGRAM, LATE, COUNT };

static const struct metric_desc table[COUNT] = {
	[PLAIN] = { .name = "plain_total",
		    .help = "One \\ thing\nover two lines.",
		    .kind = METRIC_COUNTER },
	[LABELLED] = { .name = "kinds_total",
		       .help = "Kinds.",
		       .kind = METRIC_COUNTER,
		       .label = "kind",
		       .values = kinds,
		       .n_values = 2 },
	[ALWAYS] = { .name = "always_total",
		     .help = "Zero is data.",
		     .kind = METRIC_COUNTER,
		     .zero_is_data = true },
	[GAUGE] = { .name = "level", .help = "A level.", .kind = METRIC_GAUGE },
	[LEAST] = { .name = "up", .help = "Up.", .kind = METRIC_GAUGE, .least = true },
	[HISTOGRAM] = { .name = "size_bytes",
			.help = "Sizes.",
			.kind = METRIC_HISTOGRAM,
			.bounds = bounds,
			.n_bounds = 3 },
	[LABELLED_HISTOGRAM] = { .name = "wait_seconds",
				 .help = "Waits.",
				 .kind = METRIC_HISTOGRAM,
				 .bounds = bounds,
				 .n_bounds = 1,
				 .label = "kind",
				 .values = kinds,
				 .n_values = 1 },
	[LATE] = { .name = "late",
		   .help = "Late.",
		   .kind = METRIC_GAUGE,
		   .label = "who",
		   .values = late,
		   .n_values = 3 },
};

static struct metrics *m;
static struct buf out;

static void setup(void)
{
	late[1] = NULL;
	m = metrics_new(table, COUNT, 2);
	cr_assert_not_null(m);
}

static void teardown(void)
{
	metrics_free(m);
	buf_fini(&out);
}

static const char *render(void)
{
	buf_clear(&out);
	metrics_render(m, &out);
	buf_add_char(&out, '\0');
	cr_assert_not(out.failed);
	return out.p;
}

static void expect(const char *want)
{
	const char *got = render();
	cr_assert_str_eq(got, want, "got:\n%s\nwant:\n%s", got, want);
}

#define ALWAYS_ZERO \
	"# HELP always_total Zero is data.\n# TYPE always_total counter\nalways_total 0\n"

TestSuite(metrics, .init = setup, .fini = teardown);

Test(metrics, no_data_is_absent_but_zero_may_be_data)
{
	expect(ALWAYS_ZERO);
	metric_add(metrics_shard(m, 0), PLAIN, 0, 0);
	expect(ALWAYS_ZERO);
	cr_assert(isnan(metrics_total(m, PLAIN, 0)));
	cr_assert(isnan(metrics_total(m, GAUGE, 0)));
	cr_assert_eq(metrics_total(m, ALWAYS, 0), 0);
}

Test(metrics, counters_of_all_shards_add_up_and_help_is_escaped)
{
	metric_add(metrics_shard(m, 0), PLAIN, 0, 3);
	metric_add(metrics_shard(m, 1), PLAIN, 0, 4);
	expect("# HELP plain_total One \\\\ thing\\nover two lines.\n# TYPE plain_total counter\nplain_total 7\n" ALWAYS_ZERO);
	cr_assert_eq(metrics_total(m, PLAIN, 0), 7);
}

Test(metrics, label_values_are_escaped_and_empty_series_absent)
{
	metric_add(metrics_shard(m, 0), LABELLED, 1, 1);
	expect("# HELP kinds_total Kinds.\n# TYPE kinds_total counter\n"
	       "kinds_total{kind=\"quote\\\" slash\\\\ line\\n\"} 1\n" ALWAYS_ZERO);
	metric_add(metrics_shard(m, 0), LABELLED, 0, 1);
	cr_assert_not_null(strstr(render(), "kinds_total{kind=\"a\"} 1\n"));
}

Test(metrics, a_gauge_may_be_zero_negative_or_gone)
{
	metric_set(metrics_shard(m, 0), GAUGE, 0, 0);
	cr_assert_not_null(strstr(render(), "\nlevel 0\n"));
	metric_set(metrics_shard(m, 1), GAUGE, 0, -2.5);
	cr_assert_not_null(strstr(render(), "\nlevel -2.5\n"));
	metric_set(metrics_shard(m, 0), GAUGE, 0, NAN);
	metric_set(metrics_shard(m, 1), GAUGE, 0, NAN);
	expect(ALWAYS_ZERO);
}

Test(metrics, the_least_shard_may_speak_for_all)
{
	metric_set(metrics_shard(m, 0), LEAST, 0, 1);
	cr_assert_eq(metrics_total(m, LEAST, 0), 1, "a shard without data does not count");
	metric_set(metrics_shard(m, 1), LEAST, 0, 0);
	cr_assert_eq(metrics_total(m, LEAST, 0), 0);
	metric_set(metrics_shard(m, 1), LEAST, 0, 1);
	cr_assert_eq(metrics_total(m, LEAST, 0), 1);
}

Test(metrics, histograms_are_cumulative_and_bounds_inclusive)
{
	static const double seen[] = { 0.5, 0.75, 1, 10, 10.5, 100 };
	for (size_t i = 0; i < ARRAY_LEN(seen); i++)
		metric_observe(metrics_shard(m, i % 2), HISTOGRAM, 0, seen[i]);
	expect(ALWAYS_ZERO "# HELP size_bytes Sizes.\n# TYPE size_bytes histogram\n"
			   "size_bytes_bucket{le=\"0.5\"} 1\nsize_bytes_bucket{le=\"1\"} 3\n"
			   "size_bytes_bucket{le=\"10\"} 4\nsize_bytes_bucket{le=\"+Inf\"} 6\n"
			   "size_bytes_sum 122.75\nsize_bytes_count 6\n");
}

Test(metrics, a_labelled_histogram_has_both_labels)
{
	metric_observe(metrics_shard(m, 0), LABELLED_HISTOGRAM, 0, 7);
	expect(ALWAYS_ZERO
	       "# HELP wait_seconds Waits.\n# TYPE wait_seconds histogram\n"
	       "wait_seconds_bucket{kind=\"a\",le=\"0.5\"} 0\nwait_seconds_bucket{kind=\"a\",le=\"+Inf\"} 1\n"
	       "wait_seconds_sum{kind=\"a\"} 7\nwait_seconds_count{kind=\"a\"} 1\n");
}

Test(metrics, a_label_value_may_come_later)
{
	metric_set(metrics_shard(m, 0), LATE, 0, 1);
	metric_set(metrics_shard(m, 0), LATE, 1, 0);
	cr_assert_null(strstr(render(), "second"));
	__atomic_store_n(&late[1], "second", __ATOMIC_RELEASE);
	cr_assert_not_null(strstr(render(), "late{who=\"second\"} 0\n"));
	cr_assert_null(strstr(render(), "(null)"));
}

Test(metrics, large_and_odd_numbers_read_back)
{
	metric_add(metrics_shard(m, 0), PLAIN, 0, 123456789012345ULL);
	metric_set(metrics_shard(m, 0), GAUGE, 0, 0.1);
	cr_assert_not_null(strstr(render(), "\nplain_total 123456789012345\n"));
	cr_assert_not_null(strstr(render(), "\nlevel 0.1\n"));
	metric_set(metrics_shard(m, 0), GAUGE, 0, HUGE_VAL);
	cr_assert_not_null(strstr(render(), "\nlevel +Inf\n"));
}

static void *count_up(void *shard)
{
	for (int i = 0; i < 20000; i++) {
		metric_add(shard, PLAIN, 0, 1);
		metric_observe(shard, HISTOGRAM, 0, 1);
	}
	return NULL;
}

Test(metrics, shards_lose_nothing_while_being_scraped)
{
	pthread_t threads[2];
	for (size_t i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, count_up, metrics_shard(m, i)), 0);
	for (int i = 0; i < 50; i++)
		render();
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	cr_assert_eq(metrics_total(m, PLAIN, 0), 40000);
	cr_assert_not_null(strstr(render(), "size_bytes_count 40000\n"));
}

Test(metrics, rows_of_one_name_share_one_head)
{
	static const char *const left[] = { "left" }, *const right[] = { "right" };
	const struct metric_desc twice[] = {
		{ .name = "t_total",
		  .help = "T.",
		  .kind = METRIC_COUNTER,
		  .label = "side",
		  .values = left,
		  .n_values = 1 },
		{ .name = "t_total",
		  .help = "T.",
		  .kind = METRIC_COUNTER,
		  .label = "side",
		  .values = right,
		  .n_values = 1 },
	};
	struct metrics *two = metrics_new(twice, 2, 1);
	cr_assert_not_null(two);
	metric_add(metrics_shard(two, 0), 0, 0, 1);
	metric_add(metrics_shard(two, 0), 1, 0, 2);
	metrics_render(two, &out);
	buf_add_char(&out, '\0');
	cr_assert_str_eq(out.p,
			 "# HELP t_total T.\n# TYPE t_total counter\nt_total{side=\"left\"} 1\n"
			 "t_total{side=\"right\"} 2\n");
	metrics_free(two);
}
