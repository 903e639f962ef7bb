/* The body of an event: read strictly, judged, and written down so that it can be read again. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/canonical.h"
#include "proxy/meta_event.h"

#define RULES \
	"version: 1\nrules:\n  - {id: r, title: t, severity: low, action: flag, regex: 'abc[0-9]+'}\n"
#define CLEAN "\"unit_coverage\":99,\"latency_regression\":0,\"cost_delta\":0"

static struct ruleset *rules(const char *more)
{
	struct ruleset *set = NULL;
	struct buf text = { 0 }, errors = { 0 };
	buf_printf(&text, RULES "%s", more);
	int rc = ruleset_parse("p.yaml", (struct span){ text.p, text.n }, &set, &errors);
	cr_assert_eq(rc, 0, "%.*s", (int)errors.n, errors.p);
	buf_fini(&text);
	return set;
}

static void expect_wrong(const char *body, const char *says)
{
	struct meta_event *e = calloc(1, sizeof(*e));
	const char *wrong = meta_event_read(span_of(body), e);
	cr_assert_not_null(wrong, "%s", body);
	cr_assert_not_null(strstr(wrong, says), "%s: %s", body, wrong);
	meta_event_fini(e);
	free(e);
}

Test(meta_event, what_is_no_event)
{
	static const struct {
		const char *body, *says;
	} rows[] = {
		{ "", "no JSON" },
		{ "{\"change\":\"c\",\"metrics\":{}", "no JSON" },
		{ "{\"change\":\"c\",\"metrics\":{}} 1", "no JSON" },
		{ "{\"change\":\"\xff\",\"metrics\":{}}", "no JSON" },
		{ "[]", "one JSON object" },
		{ "\"change\"", "one JSON object" },
		{ "Infinity", "one JSON object" },
		{ "{\"change\":\"c\",\"metrics\":{},\"x\":1}", "one JSON object" },
		{ "{\"change\":\"c\",\"change\":\"c\",\"metrics\":{}}", "one JSON object" },
		{ "{\"change\":\"c\",\"metrics\":{},\"metrics\":{}}", "one JSON object" },
		{ "{\"metrics\":{}}", "`change`" },
		{ "{\"change\":\"c\"}", "`metrics`" },
		{ "{\"change\":\"c\",\"metrics\":7}", "`metrics`" },
		{ "{\"change\":\"c\\u0000\",\"metrics\":{}}", "one line" },
		{ "{\"change\":\"c\\u007f\",\"metrics\":{}}", "one line" },
		{ "{\"change\":\"\",\"metrics\":{}}", "one line" },
		{ "{\"change\":NaN,\"metrics\":{}}", "one line" },
		{ "{\"change\":\"c\",\"spec\":null,\"metrics\":{}}", "one line" },
		{ "{\"change\":\"c\",\"target\":\"t\",\"metrics\":{}}", "together" },
		{ "{\"change\":\"c\",\"metrics\":{\"x\":[[[[[[[[1]]]]]]]]}}", "deeper" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		expect_wrong(rows[i].body, rows[i].says);
}

static void expect_wide(size_t n, bool good)
{
	struct meta_event *e = calloc(1, sizeof(*e));
	struct buf body = { 0 };
	buf_add_text(&body, "{\"change\":\"c\",\"metrics\":{\"x\":{");
	for (size_t i = 0; i < n; i++)
		buf_add_text(&body, i ? ",\"\":1" : "\"\":1");
	buf_add_text(&body, "}}}");
	const char *wrong = meta_event_read((struct span){ body.p, body.n }, e);
	cr_assert_eq(wrong == NULL, good, "%zu: %s", n, wrong ? wrong : "taken");
	meta_event_fini(e);
	buf_fini(&body);
	free(e);
}

Test(meta_event, nothing_in_a_metric_is_wide)
{
	expect_wide(256, true);
	expect_wide(257, false);
	expect_wide(12000, false);
}

/* The row of an event. */
static void row_of(const struct ruleset *set, const char *body, struct buf *out)
{
	struct meta_event *e = calloc(1, sizeof(*e));
	struct json *doc = NULL;
	const char *wrong = meta_event_read(span_of(body), e);
	cr_assert_null(wrong, "%s: %s", body, wrong);
	meta_event_judge(e, set);
	out->n = 0;
	meta_event_add_row(out, e, "ci");
	cr_assert(!out->failed);
	cr_assert_eq(json_parse((struct span){ out->p, out->n }, &doc), 0, "%.*s", (int)out->n,
		     out->p);
	buf_add(out, "", 1);
	json_free(doc);
	meta_event_fini(e);
	free(e);
}

Test(meta_event, a_row_says_what_was_said)
{
	static const struct {
		const char *metrics, *written;
	} rows[] = {
		{ CLEAN, "\"metrics\":{" CLEAN "}" },
		{ CLEAN ",\"x\":NaN", "\"x\":\"NaN\"" },
		{ CLEAN ",\"x\":-Infinity", "\"x\":\"-Infinity\"" },
		{ CLEAN ",\"x\":1e999", "\"x\":\"1e999\"" },
		{ CLEAN ",\"x\":1.50", "\"x\":1.5" },
		{ CLEAN ",\"x\":0.1000000000000000000001", "\"x\":\"0.1000000000000000000001\"" },
		{ CLEAN ",\"x\":9007199254740993", "\"x\":\"9007199254740993\"" },
		{ CLEAN ",\"x\":[1,{\"a\":null,\"a\":2},[]]", "\"x\":[1,{\"a\":null},[]]" },
		{ CLEAN ",\"\\\"\\n\":\"\\u0000\"", "\"\\\"\\n\":\"\\u0000\"" },
		{ "\"unit_coverage\":99,\"unit_coverage\":99", "\"reason\":\"duplicate\"" },
		{ "\"unit_coverage\":94.9", "\"reason\":\"limit\",\"severity\":\"medium\","
					    "\"unit\":\"percent\",\"value\":94.9" },
	};
	struct ruleset *set = rules("");
	struct buf out = { 0 };
	char body[512];
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(body, sizeof(body), "{\"change\":\"c\",\"metrics\":{%s}}",
			 rows[i].metrics);
		row_of(set, body, &out);
		cr_assert_not_null(strstr(out.p, rows[i].written), "%s: %s", body, out.p);
	}
	buf_fini(&out);
	ruleset_unref(set);
}

/* The worst of the violations, and whether one of them asks for a rollback. */
static void expect_verdict(const struct ruleset *set, const char *metrics, int severity,
			   size_t violations, bool wants)
{
	struct meta_event *e = calloc(1, sizeof(*e));
	char body[512];
	snprintf(body, sizeof(body), "{\"change\":\"c\",\"metrics\":{%s}}", metrics);
	cr_assert_null(meta_event_read(span_of(body), e));
	meta_event_judge(e, set);
	cr_assert_eq(e->n_violations, violations, "%s: %zu", metrics, e->n_violations);
	if (violations)
		cr_assert_eq((int)e->severity, severity, "%s: %s", metrics,
			     severity_names[e->severity]);
	cr_assert_eq(e->wants_rollback, wants, "%s", metrics);
	meta_event_fini(e);
	free(e);
}

Test(meta_event, the_worst_counts)
{
	struct ruleset *set =
		rules("assertions:\n"
		      "  - {field: a, operator: '<=', limit: 1, severity: low, rollback: false}\n"
		      "  - {field: b, operator: '>', limit: 0, severity: high, "
		      "rollback: true}\n");
	expect_verdict(set, "\"a\":1,\"b\":1", 0, 0, false);
	expect_verdict(set, "\"a\":2,\"b\":1", SEVERITY_LOW, 1, false);
	expect_verdict(set, "\"a\":2,\"b\":0", SEVERITY_HIGH, 2, true);
	expect_verdict(set, "\"a\":1,\"b\":0", SEVERITY_HIGH, 1, true);
	ruleset_unref(set);
	set = rules("mode: monitor\n");
	expect_verdict(set, CLEAN, 0, 0, false);
	expect_verdict(set, "\"unit_coverage\":1,\"latency_regression\":0,\"cost_delta\":0",
		       SEVERITY_CRITICAL, 1, false);
	ruleset_unref(set);
}
