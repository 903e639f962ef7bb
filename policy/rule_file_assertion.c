/* `assertions` of a policy: what the metrics of a change must be. */
#include <errno.h>
#include <string.h>

#include "lib/decimal.h"
#include "policy/assertion.h"
#include "policy/rule_file.h"

#define NUMBER_MAX 40
#define UNIT_MAX 32

static bool is_field(const char *text)
{
	for (const char *p = text; *p; p++) {
		char c = *p;
		bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
		if (!plain && !(p > text && strchr("_.-", c)))
			return false;
	}
	return *text != '\0';
}

static const char *take_number(struct rule_file *f, const struct yaml_node *n)
{
	struct decimal d;
	if (!rule_file_is_text(f, n, NUMBER_MAX))
		return NULL;
	if (decimal_parse((struct span){ n->text, n->len }, &d) && !decimal_is_huge(&d))
		return rule_file_text(f, n, NUMBER_MAX);
	rule_file_complain(f, n->line,
			   "%s \"%.40s\" is not a plain number; write one such as 95.0 or -0.5, "
			   "without a unit",
			   n->key, n->text);
	return NULL;
}

static void take_field(struct rule_file *f, struct assertion *a, const struct yaml_node *n)
{
	a->field = rule_file_text(f, n, ASSERTION_FIELD_MAX);
	if (a->field[0] && !is_field(a->field))
		rule_file_complain(f, n->line,
				   "field \"%.64s\" cannot be; write letters, digits, dots, dashes "
				   "and underscores, such as unit_coverage",
				   a->field);
	for (size_t i = 0; i < f->set->n_assertions; i++)
		if (strcmp(f->set->assertions[i].field, a->field) == 0)
			rule_file_complain(f, n->line,
					   "field %s has two assertions; remove one of them",
					   a->field);
}

static void take_unit(struct rule_file *f, struct assertion *a, const struct yaml_node *n)
{
	a->unit = rule_file_text(f, n, UNIT_MAX);
}

static void take_operator(struct rule_file *f, struct assertion *a, const struct yaml_node *n)
{
	a->must_be =
		(enum assertion_operator)rule_file_name(f, n, assertion_operators, ASSERT_COUNT);
}

static void take_limit(struct rule_file *f, struct assertion *a, const struct yaml_node *n)
{
	a->limit = take_number(f, n);
}

static void take_severity(struct rule_file *f, struct assertion *a, const struct yaml_node *n)
{
	a->severity = (enum severity)rule_file_name(f, n, severity_names, SEVERITY_COUNT);
}

static void take_bands(struct rule_file *f, struct assertion *a, const struct yaml_node *n)
{
	if (n->kind != YAML_MAP) {
		rule_file_complain(f, n->line,
				   "bands must be a map; write {high: 80, critical: 50}");
		return;
	}
	for (const struct yaml_node *k = n->first; k; k = k->next) {
		size_t s = 0;
		while (s < SEVERITY_COUNT && strcmp(severity_names[s], k->key) != 0)
			s++;
		if (s < SEVERITY_COUNT)
			a->past[s] = take_number(f, k);
		else
			rule_file_complain(f, k->line,
					   "key \"%.60s\" is not known in bands; its keys are "
					   "severities: low, medium, high, critical",
					   k->key);
	}
}

static void take_missing(struct rule_file *f, struct assertion *a, const struct yaml_node *n)
{
	a->missing = (enum severity)rule_file_name(f, n, severity_names, SEVERITY_COUNT);
}

static void take_rollback(struct rule_file *f, struct assertion *a, const struct yaml_node *n)
{
	a->rollback = rule_file_flag(f, n);
}

static const struct assertion_key {
	const char *name;
	void (*take)(struct rule_file *f, struct assertion *a, const struct yaml_node *n);
	bool needed;
} keys[] = {
	{ "field", take_field, true },       { "unit", take_unit, false },
	{ "operator", take_operator, true }, { "limit", take_limit, true },
	{ "severity", take_severity, true }, { "bands", take_bands, false },
	{ "missing", take_missing, false },  { "rollback", take_rollback, true },
};

const char *rule_file_assertion_key(size_t i)
{
	return i < ARRAY_LEN(keys) ? keys[i].name : NULL;
}

static void complain_key(struct rule_file *f, const struct yaml_node *n)
{
	struct buf list = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		buf_printf(&list, "%s%s", i ? ", " : "", keys[i].name);
	rule_file_complain(f, n->line,
			   "key \"%.60s\" is not known in an assertion; its keys are: %.*s", n->key,
			   (int)list.n, list.n ? list.p : "");
	buf_fini(&list);
}

/* Each graver severity begins farther from the limit than the one before it. */
static void check_bands(struct rule_file *f, const struct assertion *a, unsigned line)
{
	const char *last = a->limit;
	for (size_t s = 0; s < SEVERITY_COUNT; s++) {
		if (!a->past[s])
			continue;
		if (s <= a->severity)
			rule_file_complain(f, line,
					   "bands: %s is no graver than severity %s; name graver "
					   "ones only",
					   severity_names[s], severity_names[a->severity]);
		else if (!assertion_is_past(a->must_be, span_of(a->past[s]), span_of(last)))
			rule_file_complain(f, line,
					   "bands: %s begins at %s, which is not past %s; write a "
					   "number farther from the limit",
					   severity_names[s], a->past[s], last);
		last = a->past[s];
	}
}

/* What is no number may be as far away as can be. */
static enum severity gravest(const struct assertion *a)
{
	enum severity found = a->severity;
	for (size_t s = 0; s < SEVERITY_COUNT; s++)
		if (a->past[s] && s > found)
			found = (enum severity)s;
	return found;
}

static void take_one(struct rule_file *f, const struct yaml_node *n, struct assertion *a)
{
	int before = f->rc;
	*a = (struct assertion){ .field = "", .unit = "", .file = f->name, .line = n->line };
	if (n->kind != YAML_MAP) {
		rule_file_complain(f, n->line,
				   "an assertion must be a map; write {field: ..., operator: ..., "
				   "limit: ..., severity: ..., rollback: ...}");
		return;
	}
	for (const struct yaml_node *k = n->first; k; k = k->next) {
		size_t i = 0;
		while (i < ARRAY_LEN(keys) && strcmp(keys[i].name, k->key) != 0)
			i++;
		if (i < ARRAY_LEN(keys))
			keys[i].take(f, a, k);
		else
			complain_key(f, k);
	}
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].needed && !yaml_get(n, keys[i].name))
			rule_file_complain(f, n->line, "the assertion has no %s; add it",
					   keys[i].name);
	if (f->rc == before && a->limit)
		check_bands(f, a, n->line);
	if (!yaml_get(n, "missing"))
		a->missing = gravest(a);
}

void rule_file_assertions(struct rule_file *f, const struct yaml_node *list)
{
	size_t n = 0;
	for (const struct yaml_node *k = list->first; k; k = k->next)
		n++;
	if (list->kind != YAML_LIST || n == 0 || n > ASSERTIONS_MAX) {
		rule_file_complain(
			f, list->line,
			"assertions must be a list of 1 to %d; leave the key out for those "
			"of the pack",
			ASSERTIONS_MAX);
		return;
	}
	f->set->assertions = ruleset_keep_array(f->set, n, sizeof(*f->set->assertions));
	f->set->n_assertions = 0;
	if (!f->set->assertions) {
		f->rc = -ENOMEM;
		return;
	}
	for (const struct yaml_node *k = list->first; k; k = k->next) {
		take_one(f, k, &f->set->assertions[f->set->n_assertions]);
		f->set->n_assertions++;
	}
}
