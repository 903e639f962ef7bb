/* SARIF 2.1.0 (OASIS): one run; a result for each finding, a notification for each file that could
 * not be judged. */
#include "proxy/report.h"
#include "proxy/version.h"

static const char *level_of(enum severity severity)
{
	switch (severity) {
	case SEVERITY_LOW: return "note";
	case SEVERITY_MEDIUM: return "warning";
	case SEVERITY_HIGH:
	case SEVERITY_CRITICAL: return "error";
	case SEVERITY_COUNT: break;
	}
	CHECK(!"a severity without a level");
	return "";
}

/* What people read beside a result: why it matters, and what to do. */
static void add_help(struct buf *out, const struct rule_info *rule)
{
	bool both = rule->why[0] && rule->remedy[0];
	buf_add_text(out, "\"text\":\"");
	buf_add_json(out, span_of(rule->why[0] || rule->remedy[0] ? rule->why : rule->title));
	buf_add_text(out, both ? " " : "");
	buf_add_json(out, span_of(rule->remedy));
	buf_add_char(out, '"');
}

static void add_weakness(struct buf *out, const struct rule_info *rule)
{
	if (rule->cwe[0])
		buf_printf(out, ",\"helpUri\":\"https://cwe.mitre.org/data/definitions/%s.html\"",
			   rule->cwe + 4);
}

static void add_rule(struct buf *out, const struct rule_info *rule)
{
	buf_add_char(out, '{');
	report_member(out, "id", rule->id);
	buf_add_text(out, ",\"shortDescription\":{");
	report_member(out, "text", rule->title);
	if (rule->why[0]) {
		buf_add_text(out, "},\"fullDescription\":{");
		report_member(out, "text", rule->why);
	}
	buf_add_text(out, "},\"help\":{");
	add_help(out, rule);
	buf_add_char(out, '}');
	add_weakness(out, rule);
	buf_add_text(out, ",\"defaultConfiguration\":{");
	report_member(out, "level", level_of(rule->severity));
	buf_add_text(out, "},\"properties\":{\"tags\":[\"security\"");
	if (rule->cwe[0])
		buf_printf(out, ",\"external/cwe/cwe-%s\"", rule->cwe + 4);
	buf_add_text(out, "],");
	report_member(out, "severity", severity_names[rule->severity]);
	buf_add_char(out, ',');
	report_member(out, "action", action_names[rule->action]);
	buf_add_text(out, "}}");
}

static void sarif_begin(struct report *r)
{
	buf_add_text(
		&r->out,
		"{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\","
		"\"version\":\"2.1.0\",\"runs\":[{\"tool\":{\"driver\":{\"name\":\"redcard\",");
	report_member(&r->out, "version", redcard_version);
	buf_add_text(&r->out, ",\"rules\":[");
	for (size_t i = 0; i < ruleset_count(r->set); i++) {
		buf_add_text(&r->out, i ? ",\n" : "\n");
		add_rule(&r->out, ruleset_rule(r->set, i));
	}
	buf_add_text(&r->out, "]}},\"columnKind\":\"unicodeCodePoints\",\"results\":[");
}

/* A file's name as a URI reference (RFC 3986): what is not unreserved is percent-encoded. */
static void add_uri(struct buf *out, const char *name)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~/";
	for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
		bool keep = false;
		for (const char *q = plain; *q && !keep; q++)
			keep = *q == (char)*p;
		if (keep)
			buf_add_char(out, (char)*p);
		else
			buf_printf(out, "%%%02X", *p);
	}
}

static void add_place(struct report *r, const struct report_file *f, const struct finding *one)
{
	buf_add_text(&r->out,
		     ",\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{\"uri\":\"");
	add_uri(&r->out, f->name);
	buf_printf(&r->out, "\"},\"region\":{\"startLine\":%llu,\"startColumn\":%llu}}}]",
		   (unsigned long long)one->line, (unsigned long long)one->column);
}

static void sarif_file(struct report *r, const struct report_file *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *one = &f->v[i];
		const struct rule_info *rule = ruleset_rule(r->set, one->rule);
		struct buf print = { 0 };
		report_fingerprint(r, f, one, &print);
		buf_add_text(&r->out, r->findings - f->n + i ? ",\n{" : "\n{");
		report_member(&r->out, "ruleId", rule->id);
		buf_printf(&r->out, ",\"ruleIndex\":%u,", one->rule);
		report_member(&r->out, "level", level_of(rule->severity));
		buf_add_text(&r->out, ",\"message\":{");
		report_member(&r->out, "text", rule->title);
		buf_add_char(&r->out, '}');
		add_place(r, f, one);
		buf_add_text(&r->out, ",\"partialFingerprints\":{\"redcard/v1\":\"");
		buf_add_json(&r->out, (struct span){ print.p ? print.p : "", print.n });
		buf_add_text(&r->out, "\"}}");
		buf_fini(&print);
	}
	if (!f->fault[0])
		return;
	buf_add_text(&r->body, r->body.n ? "," : "");
	buf_add_text(&r->body, "{\"level\":\"error\",\"message\":{\"text\":\"");
	buf_add_json(&r->body, span_of(f->name));
	buf_add_text(&r->body, ": ");
	buf_add_json(&r->body, span_of(f->fault));
	buf_add_text(&r->body, "\"}}");
}

static void sarif_end(struct report *r)
{
	buf_printf(&r->out, "],\"invocations\":[{\"executionSuccessful\":%s",
		   r->faults ? "false" : "true");
	buf_printf(&r->out, ",\"toolExecutionNotifications\":[%.*s]}]}]}\n", (int)r->body.n,
		   r->body.p ? r->body.p : "");
}

const struct report_format report_sarif = { "sarif", sarif_begin, sarif_file, sarif_end };
