/* One JSON array with an object for each file, or a line of JSON for each finding. */
#include "proxy/report.h"

static void add_finding(struct report *r, const struct report_file *f, const struct finding *one)
{
	const struct rule_info *rule = ruleset_rule(r->set, one->rule);
	struct buf print = { 0 };
	report_fingerprint(r, f, one, &print);
	report_member(&r->out, "rule", rule->id);
	buf_add_char(&r->out, ',');
	report_member(&r->out, "title", rule->title);
	buf_add_char(&r->out, ',');
	report_optional(&r->out, "why", rule->why);
	report_optional(&r->out, "remedy", rule->remedy);
	report_optional(&r->out, "cwe", rule->cwe);
	report_member(&r->out, "severity", severity_names[rule->severity]);
	buf_add_char(&r->out, ',');
	report_member(&r->out, "action", action_names[rule->action]);
	buf_add_char(&r->out, ',');
	report_member(&r->out, "channel", one->channel);
	buf_printf(&r->out,
		   ",\"line\":%llu,\"column\":%llu,\"text_offset\":%llu,\"text_length\":%u,"
		   "\"raw_offset\":%llu,\"fingerprint\":\"",
		   (unsigned long long)one->line, (unsigned long long)one->column,
		   (unsigned long long)one->text_off, one->text_len,
		   (unsigned long long)one->raw_off);
	buf_add_json(&r->out, (struct span){ print.p ? print.p : "", print.n });
	buf_add_text(&r->out, "\"}");
	buf_fini(&print);
}

static void json_begin(struct report *r)
{
	buf_add_char(&r->out, '[');
}

static void json_file(struct report *r, const struct report_file *f)
{
	buf_add_text(&r->out, r->files > 1 ? ",\n {" : "{");
	report_member(&r->out, "file", f->name);
	buf_add_char(&r->out, ',');
	report_member(&r->out, "framing", framing_names[f->framing]);
	buf_add_char(&r->out, ',');
	report_member(&r->out, "dialect", dialect_names[f->dialect]);
	if (f->fault[0]) {
		buf_add_char(&r->out, ',');
		report_member(&r->out, "error", f->fault);
	}
	buf_printf(&r->out,
		   ",\"received_bytes\":%llu,\"judged_bytes\":%llu,\"more\":%llu,\"findings\":[",
		   (unsigned long long)f->received, (unsigned long long)f->judged,
		   (unsigned long long)f->more);
	for (size_t i = 0; i < f->n; i++) {
		buf_add_text(&r->out, i ? ",{" : "{");
		add_finding(r, f, &f->v[i]);
	}
	buf_add_text(&r->out, "]}");
}

static void json_end(struct report *r)
{
	buf_add_text(&r->out, "]\n");
}

const struct report_format report_json = { "json", json_begin, json_file, json_end };

static void lines_file(struct report *r, const struct report_file *f)
{
	for (size_t i = 0; i < f->n; i++) {
		buf_add_char(&r->out, '{');
		report_member(&r->out, "file", f->name);
		buf_add_char(&r->out, ',');
		add_finding(r, f, &f->v[i]);
		buf_add_char(&r->out, '\n');
	}
}

static void nothing(struct report *r)
{
	(void)r;
}

const struct report_format report_jsonl = { "jsonl", nothing, lines_file, nothing };
