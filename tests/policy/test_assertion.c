/* policy/assertion.c: each boundary with its neighbours, and everything that is no number. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "policy/assertion.h"
#include "policy/rule.h"

#define HEAD \
	"version: 1\nrules:\n  - {id: r, title: t, severity: low, action: flag, regex: 'abc[0-9]+'}\n"

static struct ruleset *set_of(const char *more)
{
	struct ruleset *set = NULL;
	struct buf text = { 0 }, errors = { 0 };
	buf_printf(&text, HEAD "%s", more);
	int rc = ruleset_parse("p.yaml", (struct span){ text.p, text.n }, &set, &errors);
	cr_assert_eq(rc, 0, "%.*s", (int)errors.n, errors.p);
	buf_fini(&text);
	return set;
}

static const struct assertion *find(const struct ruleset *set, const char *field)
{
	size_t n;
	const struct assertion *v = ruleset_assertions(set, &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].field, field) == 0)
			return &v[i];
	cr_assert_fail("no assertion of %s", field);
	return NULL;
}

static struct assertion_result judge(const struct assertion *a, const char *metrics)
{
	static struct assertion_metrics m;
	struct json *doc = NULL;
	cr_assert_eq(json_parse_exact(span_of(metrics), &doc), 0, "%s", metrics);
	cr_assert(assertion_metrics_take(json_root(doc), &m));
	struct assertion_result r = assertion_judge(a, &m);
	r.value = NULL;
	json_free(doc);
	return r;
}

static void expect(const struct assertion *a, const char *value, int severity)
{
	char metrics[256];
	snprintf(metrics, sizeof(metrics), "{\"other\":1,\"%s\":%s}", a->field, value);
	struct assertion_result r = judge(a, metrics);
	cr_assert_eq(r.fault, severity < 0 ? FAULT_NONE : FAULT_LIMIT, "%s: %s", metrics,
		     assertion_faults[r.fault]);
	if (severity >= 0)
		cr_assert_eq((int)r.severity, severity, "%s: %s", metrics,
			     severity_names[r.severity]);
}

#define PASS (-1)

/* The three of the pack: at each bound, and at the doubles just below and above it. */
Test(assertion, every_bound_is_exact)
{
	static const struct {
		const char *field;
		double bound;
		int below, at, above;
	} rows[] = {
		{ "unit_coverage", 95.0, SEVERITY_MEDIUM, PASS, PASS },
		{ "unit_coverage", 80.0, SEVERITY_HIGH, SEVERITY_MEDIUM, SEVERITY_MEDIUM },
		{ "unit_coverage", 50.0, SEVERITY_CRITICAL, SEVERITY_HIGH, SEVERITY_HIGH },
		{ "unit_coverage", 0.0, SEVERITY_CRITICAL, SEVERITY_CRITICAL, SEVERITY_CRITICAL },
		{ "latency_regression", 1.0, PASS, PASS, SEVERITY_MEDIUM },
		{ "latency_regression", 2.0, SEVERITY_MEDIUM, SEVERITY_MEDIUM, SEVERITY_HIGH },
		{ "latency_regression", 5.0, SEVERITY_HIGH, SEVERITY_HIGH, SEVERITY_CRITICAL },
		{ "latency_regression", -3.0, PASS, PASS, PASS },
		{ "cost_delta", 0.01, PASS, PASS, SEVERITY_MEDIUM },
		{ "cost_delta", 0.05, SEVERITY_MEDIUM, SEVERITY_MEDIUM, SEVERITY_HIGH },
		{ "cost_delta", 0.10, SEVERITY_HIGH, SEVERITY_HIGH, SEVERITY_CRITICAL },
		{ "cost_delta", -50.0, PASS, PASS, PASS },
		{ "cost_delta", 0.0, PASS, PASS, PASS },
	};
	struct ruleset *set = set_of("");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct assertion *a = find(set, rows[i].field);
		char text[64];
		snprintf(text, sizeof(text), "%.17g", nextafter(rows[i].bound, -HUGE_VAL));
		expect(a, text, rows[i].below);
		snprintf(text, sizeof(text), "%g", rows[i].bound);
		expect(a, text, rows[i].at);
		snprintf(text, sizeof(text), "%.17g", nextafter(rows[i].bound, HUGE_VAL));
		expect(a, text, rows[i].above);
	}
	ruleset_unref(set);
}

/* What a double would round to the limit is on its own side of it. */
Test(assertion, digits_beyond_a_double_count)
{
	struct ruleset *set = set_of("");
	expect(find(set, "cost_delta"), "0.010000000000000000001", SEVERITY_MEDIUM);
	expect(find(set, "cost_delta"), "0.009999999999999999999", PASS);
	expect(find(set, "cost_delta"), "0.0100000000000000000000", PASS);
	expect(find(set, "cost_delta"), "1e-2", PASS);
	expect(find(set, "unit_coverage"), "94.99999999999999999999", SEVERITY_MEDIUM);
	expect(find(set, "unit_coverage"), "9.5E+1", PASS);
	expect(find(set, "latency_regression"), "1.00000000000000000001", SEVERITY_MEDIUM);
	expect(find(set, "latency_regression"), "-0", PASS);
	expect(find(set, "latency_regression"), "1e-400", PASS);
	ruleset_unref(set);
}

static const struct {
	const char *metrics;
	enum assertion_fault fault;
} bad[] = {
	{ "{}", FAULT_MISSING },
	{ "{\"UNIT_COVERAGE\":99}", FAULT_MISSING },
	{ "{\"unit_coverage \":99}", FAULT_MISSING },
	{ "{\"unit_coverage\":null}", FAULT_NULL },
	{ "{\"unit_coverage\":true}", FAULT_BOOLEAN },
	{ "{\"unit_coverage\":false}", FAULT_BOOLEAN },
	{ "{\"unit_coverage\":\"99.0\"}", FAULT_TEXT },
	{ "{\"unit_coverage\":\"\"}", FAULT_TEXT },
	{ "{\"unit_coverage\":[99]}", FAULT_LIST },
	{ "{\"unit_coverage\":[]}", FAULT_LIST },
	{ "{\"unit_coverage\":{\"value\":99}}", FAULT_MAP },
	{ "{\"unit_coverage\":NaN}", FAULT_NAN },
	{ "{\"unit_coverage\":-nan}", FAULT_NAN },
	{ "{\"unit_coverage\":Infinity}", FAULT_INFINITE },
	{ "{\"unit_coverage\":-Infinity}", FAULT_INFINITE },
	{ "{\"unit_coverage\":inf}", FAULT_INFINITE },
	{ "{\"unit_coverage\":1e309}", FAULT_INFINITE },
	{ "{\"unit_coverage\":1e99999999999999999999999}", FAULT_INFINITE },
	{ "{\"unit_coverage\":99,\"unit_coverage\":99}", FAULT_DUPLICATE },
	{ "{\"unit_coverage\":99,\"x\":1,\"unit_coverage\":10}", FAULT_DUPLICATE },
	{ "{\"unit_coverage\":null,\"unit_coverage\":99}", FAULT_DUPLICATE },
	{ "{\"unit_coverage\":99,\"unit\\u005fcoverage\":99}", FAULT_DUPLICATE },
};

Test(assertion, what_is_no_number_breaks_it)
{
	struct ruleset *set = set_of("");
	const struct assertion *a = find(set, "unit_coverage");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct assertion_result r = judge(a, bad[i].metrics);
		cr_assert_eq(r.fault, bad[i].fault, "%s: %s", bad[i].metrics,
			     assertion_faults[r.fault]);
		cr_assert_eq(r.severity, SEVERITY_CRITICAL); /* as far away as can be */
	}
	ruleset_unref(set);
}

Test(assertion, each_operator_has_its_side)
{
	static const struct {
		const char *operator;
		int below, at, above;
	} rows[] = {
		{ "<=", PASS, PASS, SEVERITY_LOW },
		{ "<", PASS, SEVERITY_LOW, SEVERITY_LOW },
		{ ">=", SEVERITY_LOW, PASS, PASS },
		{ ">", SEVERITY_LOW, SEVERITY_LOW, PASS },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char more[256];
		snprintf(more, sizeof(more),
			 "assertions: [{field: f, operator: '%s', limit: -1.5, severity: low, "
			 "missing: high, rollback: false}]\n",
			 rows[i].operator);
		struct ruleset *set = set_of(more);
		const struct assertion *a = find(set, "f");
		size_t n;
		(void)ruleset_assertions(set, &n);
		cr_assert_eq(n, 1, "its own are in the place of the pack's");
		expect(a, "-1.5000000000000002", rows[i].below);
		expect(a, "-1.5", rows[i].at);
		expect(a, "-1.4999999999999998", rows[i].above);
		cr_assert_eq(judge(a, "{}").severity, SEVERITY_HIGH);
		cr_assert_not(a->rollback);
		ruleset_unref(set);
	}
}

Test(assertion, other_fields_are_counted)
{
	static struct assertion_metrics m;
	struct ruleset *set = set_of("");
	struct json *doc = NULL;
	cr_assert_eq(json_parse_exact(SPAN("{\"a\":1,\"unit_coverage\":2,\"a\":3}"), &doc), 0);
	cr_assert(assertion_metrics_take(json_root(doc), &m));
	cr_assert_eq(assertion_unknown(set, &m), 2);
	json_free(doc);
	ruleset_unref(set);
}

Test(assertion, a_crowd_of_metrics_is_refused)
{
	static struct assertion_metrics m;
	for (size_t n = ASSERTION_METRICS_MAX; n <= ASSERTION_METRICS_MAX + 1; n++) {
		struct buf text = { 0 };
		struct json *doc = NULL;
		for (size_t i = 0; i < n; i++)
			buf_printf(&text, "%c\"m%zu\":1", i ? ',' : '{', i);
		buf_add_char(&text, '}');
		cr_assert_eq(json_parse_exact((struct span){ text.p, text.n }, &doc), 0);
		cr_assert_eq(assertion_metrics_take(json_root(doc), &m),
			     n == ASSERTION_METRICS_MAX);
		json_free(doc);
		buf_fini(&text);
	}
	cr_assert_not(assertion_metrics_take(NULL, &m));
}

Test(assertion, the_hash_sees_them)
{
	struct ruleset *a = set_of(""),
		       *b = set_of("assertions: [{field: f, operator: <, limit: 1, "
				   "severity: low, rollback: false}]\n"),
		       *c = set_of("assertions: [{field: f, operator: <, limit: 1, severity: low, "
				   "rollback: true}]\n");
	cr_assert_str_neq(ruleset_hash(a), ruleset_hash(b));
	cr_assert_str_neq(ruleset_hash(b), ruleset_hash(c));
	ruleset_unref(a);
	ruleset_unref(b);
	ruleset_unref(c);
}

#define ONE "operator: <=, limit: 1, severity: low, rollback: false"

static const struct {
	const char *more, *error;
} refused[] = {
	{ "assertions: []", "p.yaml:4: assertions must be a list of 1 to 32; " },
	{ "assertions: {}", "p.yaml:4: assertions must be a list" },
	{ "assertions: [7]", "p.yaml:4: an assertion must be a map" },
	{ "assertions: [{" ONE "}]", "p.yaml:4: the assertion has no field; add it" },
	{ "assertions: [{field: 'a b', " ONE "}]", "p.yaml:4: field \"a b\" cannot be" },
	{ "assertions: [{field: f, " ONE "}, {field: f, " ONE "}]",
	  "p.yaml:4: field f has two assertions" },
	{ "assertions: [{field: f, " ONE ", require: false}]",
	  "p.yaml:4: key \"require\" is not known in an assertion; its keys are: field, unit, "
	  "operator, limit, severity, bands, missing, rollback" },
	{ "assertions: [{field: f, operator: ==, limit: 1, severity: low, rollback: false}]",
	  "p.yaml:4: operator \"==\" is not known; use one of: <=, >=, <, >" },
	{ "assertions: [{field: f, operator: <, limit: 1%, severity: low, rollback: false}]",
	  "p.yaml:4: limit \"1%\" is not a plain number" },
	{ "assertions: [{field: f, operator: <, limit: .inf, severity: low, rollback: false}]",
	  "p.yaml:4: limit \".inf\" is not a plain number" },
	{ "assertions: [{field: f, operator: <, limit: 1e999, severity: low, rollback: false}]",
	  "p.yaml:4: limit \"1e999\" is not a plain number" },
	{ "assertions: [{field: f, " ONE ", bands: {grave: 3}}]",
	  "p.yaml:4: key \"grave\" is not known in bands" },
	{ "assertions: [{field: f, " ONE ", bands: {low: 3}}]",
	  "p.yaml:4: bands: low is no graver than severity low" },
	{ "assertions: [{field: f, " ONE ", bands: {high: 1}}]",
	  "p.yaml:4: bands: high begins at 1, which is not past 1" },
	{ "assertions: [{field: f, " ONE ", bands: {high: 3, critical: 2}}]",
	  "p.yaml:4: bands: critical begins at 2, which is not past 3" },
	{ "assertions: [{field: f, operator: '>=', limit: 95, severity: low, rollback: false, bands: "
	  "{high: 97}}]",
	  "p.yaml:4: bands: high begins at 97, which is not past 95" },
	{ "assertions: [{field: f, " ONE ", missing: pass}]",
	  "p.yaml:4: missing \"pass\" is not known; use one of: low, medium, high, critical" },
	{ "assertions: [{field: f, " ONE ", rollback: maybe}]", "" },
};

Test(assertion, what_cannot_be_is_said_in_one_line)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct ruleset *set = NULL;
		struct buf text = { 0 }, errors = { 0 };
		buf_printf(&text, HEAD "%s\n", refused[i].more);
		int rc = ruleset_parse("p.yaml", (struct span){ text.p, text.n }, &set, &errors);
		cr_assert_neq(rc, 0, "%s", refused[i].more);
		cr_assert_geq(errors.n, strlen(refused[i].error));
		cr_assert_eq(memcmp(errors.p, refused[i].error, strlen(refused[i].error)), 0,
			     "%s\n%.*s", refused[i].more, (int)errors.n, errors.p);
		buf_fini(&text);
		buf_fini(&errors);
	}
}

Test(assertion, the_pack_brings_them_too)
{
	struct ruleset *set = NULL;
	struct buf errors = { 0 };
	cr_assert_eq(
		ruleset_parse("p.yaml",
			      SPAN("version: 1\ninclude: [builtin/code_go, builtin/assertions]\n"),
			      &set, &errors),
		0, "%.*s", (int)errors.n, errors.p);
	size_t n;
	(void)ruleset_assertions(set, &n);
	cr_assert_eq(n, 3);
	cr_assert_str_eq(find(set, "cost_delta")->unit, "USD");
	cr_assert(find(set, "cost_delta")->rollback);
	ruleset_unref(set);
}
