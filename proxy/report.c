#include "proxy/report.h"

#include <string.h>

#include "proxy/baseline.h"

static const struct report_format *const formats[] = { &report_text, &report_json, &report_jsonl,
						       &report_sarif, &report_junit };

const struct report_format *report_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	return NULL;
}

void report_fingerprint(const struct report *r, const struct report_file *f,
			const struct finding *one, struct buf *out)
{
	baseline_add_name(out, f->name);
	buf_printf(out, ":%s:%u", ruleset_rule(r->set, one->rule)->id, one->number);
}

void report_member(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, "\"%s\":\"", key);
	buf_add_json(out, span_of(value));
	buf_add_char(out, '"');
}

void report_optional(struct buf *out, const char *key, const char *value)
{
	if (!*value)
		return;
	report_member(out, key, value);
	buf_add_char(out, ',');
}

/* --- text: a line for each finding, as compilers write them --- */

static void nothing(struct report *r)
{
	(void)r;
}

static void text_file(struct report *r, const struct report_file *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *one = &f->v[i];
		const struct rule_info *rule = ruleset_rule(r->set, one->rule);
		buf_printf(&r->out, "%s:%llu:%llu: %s: %s, %s, %s (byte %llu, %s)\n", f->name,
			   (unsigned long long)one->line, (unsigned long long)one->column, rule->id,
			   severity_names[rule->severity], action_names[rule->action], rule->title,
			   (unsigned long long)one->raw_off, one->channel);
	}
	if (f->more)
		buf_printf(&r->out, "%s: and %llu more\n", f->name, (unsigned long long)f->more);
}

const struct report_format report_text = { "text", nothing, text_file, nothing };
