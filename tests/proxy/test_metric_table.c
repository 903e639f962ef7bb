#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "proxy/metric_table.h"
#include "proxy/shadow_metrics.h"

#define MANUAL "deploy/man/redcard.1"

static bool is_name(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
	return n > 0 && text[n] == '\0' && text[0] >= 'a';
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && strcmp(text + n - m, end) == 0;
}

/* Rows of one name stand together and differ in their second label's value. */
static bool follows(const struct metric_desc *d)
{
	const struct metric_desc *before = d - 1;
	if (d == metric_table || strcmp(before->name, d->name) != 0)
		return false;
	return d->also && before->also && strcmp(d->also, before->also) == 0 &&
	       strcmp(d->also_value, before->also_value) != 0 && d->values == before->values;
}

Test(metric_table, names_follow_the_rules)
{
	for (size_t i = 0; i < METRIC_COUNT; i++) {
		const struct metric_desc *d = &metric_table[i];
		cr_assert_not_null(d->name, "metric %zu has no row", i);
		cr_assert(is_name(d->name), "%s", d->name);
		bool ours = strncmp(d->name, "redcard_", 8) == 0;
		cr_assert(ours || strcmp(d->name, "builder_status_up") == 0 ||
				  strcmp(d->name, "gemini_rollback_triggered_total") == 0 ||
				  strcmp(d->name, "quorum_ast_diff_percent") == 0,
			  "%s", d->name);
		cr_assert_eq(d->kind == METRIC_COUNTER, ends_with(d->name, "_total"), "%s",
			     d->name);
		cr_assert_not_null(d->help);
		cr_assert_not_null(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ", d->help[0]), "%s", d->help);
		cr_assert(ends_with(d->help, "."), "%s", d->help);
		if (d->kind == METRIC_HISTOGRAM)
			cr_assert(ends_with(d->name, "_bytes") || ends_with(d->name, "_seconds") ||
					  ends_with(d->name, "_ratio"),
				  "%s has no unit", d->name);
		for (size_t k = 1; k < d->n_bounds; k++)
			cr_assert_lt(d->bounds[k - 1], d->bounds[k], "%s", d->name);
		for (size_t k = 0; k < i; k++)
			cr_assert(strcmp(metric_table[k].name, d->name) != 0 ||
					  follows(&metric_table[i]),
				  "%s is there twice", d->name);
	}
}

Test(metric_table, labels_are_named_and_bounded)
{
	for (size_t i = 0; i < METRIC_COUNT; i++) {
		const struct metric_desc *d = &metric_table[i];
		if (!d->label)
			continue;
		cr_assert(is_name(d->label), "%s", d->label);
		cr_assert_gt(d->n_values, 0);
		cr_assert_leq(d->n_values, METRIC_BUILDERS_MAX);
		bool filled = d->values == metric_table[METRIC_BUILDER_UP].values ||
			      d->values == metric_table[METRIC_QUORUM_DIFF].values ||
			      d->values == metric_table[METRIC_ASSERTIONS].values ||
			      d->values == metric_table[METRIC_AUDITS].values ||
			      d->values == metric_table[METRIC_SINK_UP].values;
		for (size_t k = 0; k < d->n_values && !filled; k++)
			cr_assert(d->values[k] && d->values[k][0], "%s: value %zu has no name",
				  d->name, k);
	}
}

/* Reads the manual's rows `.It Li NAME`, optionally followed by the label in braces. */
static size_t manual_names(const char *section, char names[][64], size_t max)
{
	FILE *f = fopen(MANUAL, "r");
	char line[256];
	size_t n = 0;
	bool inside = false;
	cr_assert_not_null(f, "%s", MANUAL);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, ".Sh ", 4) == 0)
			inside = strcmp(line, section) == 0;
		if (!inside || strncmp(line, ".It Li ", 7) != 0)
			continue;
		cr_assert_lt(n, max);
		snprintf(names[n], sizeof(names[n]), "%.*s", (int)strcspn(line + 7, " {\n"),
			 line + 7);
		n++;
	}
	fclose(f);
	return n;
}

Test(metric_table, equals_the_list_in_the_manual)
{
	static char names[128][64];
	size_t n = manual_names(".Sh METRICS\n", names, ARRAY_LEN(names));
	size_t named = 0;
	for (size_t i = 0; i < METRIC_COUNT; i++) {
		size_t k = 0;
		named += follows(&metric_table[i]) ? 0 : 1;
		while (k < n && strcmp(names[k], metric_table[i].name) != 0)
			k++;
		cr_assert_lt(k, n, "%s is not in %s", metric_table[i].name, MANUAL);
	}
	cr_assert_eq(n, named, "%s has %zu metrics, the table %zu", MANUAL, n, named);
}

Test(metric_table, the_replayers_equal_their_list_in_the_manual)
{
	static char names[64][64];
	size_t n = manual_names(".Sh SHADOW METRICS\n", names, ARRAY_LEN(names));
	cr_assert_eq(n, SHADOW_METRICS);
	for (size_t i = 0; i < SHADOW_METRICS; i++) {
		const struct metric_desc *d = &shadow_metrics[i];
		cr_assert(is_name(d->name));
		cr_assert_eq(d->kind == METRIC_COUNTER, ends_with(d->name, "_total"), "%s",
			     d->name);
		cr_assert_str_eq(d->name, names[i], "as they stand in %s", MANUAL);
		for (size_t k = 0; k < d->n_values; k++)
			cr_assert(d->values[k] && d->values[k][0], "%s", d->name);
	}
}

Test(metric_table, status_classes)
{
	cr_assert_eq(metric_status_class(100), STATUS_1XX);
	cr_assert_eq(metric_status_class(299), STATUS_2XX);
	cr_assert_eq(metric_status_class(403), STATUS_4XX);
	cr_assert_eq(metric_status_class(599), STATUS_5XX);
	cr_assert_eq(metric_status_class(0), STATUS_NONE);
	cr_assert_eq(metric_status_class(99), STATUS_NONE);
	cr_assert_eq(metric_status_class(600), STATUS_NONE);
}

Test(metric_table, builders_keep_their_place_and_the_rest_share_one)
{
	char name[32];
	size_t first = metric_builder("first");
	cr_assert_eq(metric_builder("second"), first + 1);
	cr_assert_eq(metric_builder("first"), first);
	for (int i = 0; i < 2 * METRIC_BUILDERS_MAX; i++) {
		snprintf(name, sizeof(name), "builder-%d", i);
		cr_assert_lt(metric_builder(name), METRIC_BUILDERS_MAX);
	}
	cr_assert_eq(metric_builder("one more"), METRIC_BUILDERS_MAX - 1);
	cr_assert_str_eq(metric_table[METRIC_BUILDER_UP].values[METRIC_BUILDERS_MAX - 1], "other");
	cr_assert_eq(metric_builder("first"), first);
	cr_assert_str_eq(metric_table[METRIC_BUILDER_UP].values[first], "first");
}
