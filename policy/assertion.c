#include "policy/assertion.h"

#include <string.h>

#include "lib/decimal.h"
#include "policy/rule.h"

const char *const assertion_operators[ASSERT_COUNT] = {
	[ASSERT_AT_MOST] = "<=",
	[ASSERT_AT_LEAST] = ">=",
	[ASSERT_BELOW] = "<",
	[ASSERT_ABOVE] = ">",
};

const char *const assertion_faults[FAULT_COUNT] = {
	[FAULT_NONE] = "none",         [FAULT_LIMIT] = "limit",         [FAULT_MISSING] = "missing",
	[FAULT_NULL] = "null",         [FAULT_BOOLEAN] = "boolean",     [FAULT_TEXT] = "string",
	[FAULT_LIST] = "array",        [FAULT_MAP] = "object",          [FAULT_NAN] = "nan",
	[FAULT_INFINITE] = "infinite", [FAULT_DUPLICATE] = "duplicate",
};

const struct assertion *ruleset_assertions(const struct ruleset *set, size_t *n)
{
	*n = set->n_assertions;
	return set->assertions;
}

bool assertion_metrics_take(const struct json_value *map, struct assertion_metrics *out)
{
	if (!map || json_type(map) != JSON_IS_MAP || json_count(map) > ASSERTION_METRICS_MAX)
		return false;
	out->n = json_count(map);
	json_children(map, out->keys, out->values);
	return true;
}

/* --- numbers --- */

static int compare(enum assertion_operator must_be, const struct decimal *a,
		   const struct decimal *b)
{
	bool up = must_be == ASSERT_AT_MOST || must_be == ASSERT_BELOW;
	return up ? decimal_compare(a, b) : decimal_compare(b, a);
}

static struct decimal known(const char *text)
{
	struct decimal d;
	bool good = decimal_parse(span_of(text), &d);
	CHECK(good); /* the loader has read it */
	return d;
}

static bool is_inclusive(enum assertion_operator must_be)
{
	return must_be == ASSERT_AT_MOST || must_be == ASSERT_AT_LEAST;
}

bool assertion_is_past(enum assertion_operator must_be, struct span value, struct span bound)
{
	struct decimal a, b;
	bool good = decimal_parse(value, &a) && decimal_parse(bound, &b);
	CHECK(good);
	return compare(must_be, &a, &b) > 0;
}

static enum severity worst(const struct assertion *a, const struct decimal *value)
{
	enum severity found = a->severity;
	for (size_t s = a->severity; s < SEVERITY_COUNT; s++) {
		if (!a->past[s])
			continue;
		struct decimal bound = known(a->past[s]);
		if (compare(a->must_be, value, &bound) > 0)
			found = (enum severity)s;
	}
	return found;
}

static struct assertion_result judge_number(const struct assertion *a,
					    const struct json_value *value)
{
	struct assertion_result r = { FAULT_NONE, a->missing, value };
	struct decimal number, limit = known(a->limit);
	struct span text = json_number_text(value);
	if (!decimal_parse(text, &number)) { /* "NaN", "nan", "-inf"... */
		bool nan = memchr(text.p, 'a', text.n) || memchr(text.p, 'A', text.n);
		r.fault = nan ? FAULT_NAN : FAULT_INFINITE;
		return r;
	}
	if (decimal_is_huge(&number)) {
		r.fault = FAULT_INFINITE;
		return r;
	}
	int past = compare(a->must_be, &number, &limit);
	if (past > 0 || (past == 0 && !is_inclusive(a->must_be))) {
		r.fault = FAULT_LIMIT;
		r.severity = worst(a, &number);
	}
	return r;
}

/* --- values --- */

static enum assertion_fault fault_of(enum json_type type)
{
	switch (type) {
	case JSON_IS_NULL: return FAULT_NULL;
	case JSON_IS_BOOL: return FAULT_BOOLEAN;
	case JSON_IS_TEXT: return FAULT_TEXT;
	case JSON_IS_LIST: return FAULT_LIST;
	case JSON_IS_MAP: return FAULT_MAP;
	case JSON_IS_NUMBER: break;
	}
	return FAULT_NONE;
}

struct assertion_result assertion_judge(const struct assertion *a,
					const struct assertion_metrics *metrics)
{
	struct assertion_result r = { FAULT_MISSING, a->missing, NULL };
	for (size_t i = 0; i < metrics->n; i++) {
		if (!span_eq(metrics->keys[i], span_of(a->field)))
			continue;
		if (r.value) {
			r.fault = FAULT_DUPLICATE;
			return r;
		}
		r.value = metrics->values[i];
	}
	if (!r.value)
		return r;
	r.fault = fault_of(json_type(r.value));
	return r.fault == FAULT_NONE ? judge_number(a, r.value) : r;
}

size_t assertion_unknown(const struct ruleset *set, const struct assertion_metrics *metrics)
{
	size_t unknown = 0;
	for (size_t i = 0; i < metrics->n; i++) {
		size_t k = 0;
		while (k < set->n_assertions &&
		       !span_eq(metrics->keys[i], span_of(set->assertions[k].field)))
			k++;
		unknown += k == set->n_assertions;
	}
	return unknown;
}

void assertion_describe(const struct assertion *a, struct buf *out)
{
	buf_printf(out, "assert %s %s %s %d %d %d", a->field, assertion_operators[a->must_be],
		   a->limit, a->severity, a->missing, a->rollback);
	for (size_t s = 0; s < SEVERITY_COUNT; s++)
		buf_printf(out, " %s", a->past[s] ? a->past[s] : "-");
	buf_add_char(out, '\n');
}
