#include "proxy/rule_print.h"

#include <stdio.h>

#include "policy/assertion.h"
#include "policy/layer.h"
#include "proxy/report.h"
#include "proxy/units.h"

void rule_print_hold(const struct rule_info *rule)
{
	char bytes[32];
	units_print_size(rule->hold_bytes, bytes);
	switch (rule->hold) {
	case HOLD_LEAD_IN:
		printf("lead-in, bound %s then %s: %s\n", bytes, on_bound_names[rule->on_bound],
		       rule->lead_in);
		return;
	case HOLD_WINDOW: printf("no lead-in, window of %s always held\n", bytes); return;
	case HOLD_NONE:
		printf("no lead-in, nothing held: a match is found after its bytes have left\n");
		return;
	case HOLD_COUNT: break;
	}
	CHECK(rule->hold != HOLD_COUNT);
}

void rule_add_members(struct buf *out, const struct rule_info *rule)
{
	const struct {
		const char *key, *value;
	} texts[] = {
		{ "id", rule->id },
		{ "title", rule->title },
		{ "why", rule->why },
		{ "remedy", rule->remedy },
		{ "cwe", rule->cwe },
		{ "file", rule->file },
		{ "action", action_names[rule->action] },
		{ "severity", severity_names[rule->severity] },
		{ "scope", scope_names[rule->scope] },
		{ "hold", hold_names[rule->hold] },
		{ "on_bound", on_bound_names[rule->on_bound] },
		{ "lead_in", rule->lead_in },
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		report_member(out, texts[i].key, texts[i].value);
		buf_add_char(out, ',');
	}
	buf_add_text(out, "\"decode\":[");
	for (unsigned k = 0, n = 0; k < LAYER_COUNT; k++)
		if (rule->decode >> k & 1)
			buf_printf(out, "%s\"%s\"", n++ ? "," : "", layer_names[k]);
	buf_printf(out, "],\"decode_depth\":%u,", rule->decode ? rule->decode_depth : 0);
	buf_printf(out, "\"line\":%u,\"hold_bytes\":%u,\"unbounded\":%s,\"rollback\":%s",
		   rule->line, rule->hold_bytes, rule->unbounded ? "true" : "false",
		   rule->rollback ? "true" : "false");
}

void rule_print_assertions(const struct ruleset *set)
{
	size_t n;
	const struct assertion *v = ruleset_assertions(set, &n);
	for (size_t i = 0; i < n; i++) {
		const struct assertion *a = &v[i];
		printf("assert %s %s %s%s%s, else %s", a->field, assertion_operators[a->must_be],
		       a->limit, *a->unit ? " " : "", a->unit, severity_names[a->severity]);
		for (size_t s = 0; s < SEVERITY_COUNT; s++)
			if (a->past[s])
				printf(", past %s %s", a->past[s], severity_names[s]);
		printf(", no number %s%s\n", severity_names[a->missing],
		       a->rollback ? "; rollback" : "");
	}
}

static void add_assertion(struct buf *out, const struct assertion *a)
{
	const struct {
		const char *key, *value;
	} texts[] = {
		{ "field", a->field },
		{ "unit", a->unit },
		{ "operator", assertion_operators[a->must_be] },
		{ "limit", a->limit },
		{ "severity", severity_names[a->severity] },
		{ "missing", severity_names[a->missing] },
		{ "file", a->file },
	};
	size_t bands = 0;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		report_member(out, texts[i].key, texts[i].value);
		buf_add_char(out, ',');
	}
	buf_add_text(out, "\"bands\":{");
	for (size_t s = 0; s < SEVERITY_COUNT; s++)
		if (a->past[s])
			buf_printf(out, "%s\"%s\":\"%s\"", bands++ ? "," : "", severity_names[s],
				   a->past[s]);
	buf_printf(out, "},\"line\":%u,\"rollback\":%s", a->line, a->rollback ? "true" : "false");
}

void rule_add_assertions(struct buf *out, const struct ruleset *set)
{
	size_t n;
	const struct assertion *v = ruleset_assertions(set, &n);
	buf_add_char(out, '[');
	for (size_t i = 0; i < n; i++) {
		buf_add_text(out, i ? ",{" : "{");
		add_assertion(out, &v[i]);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}
