/* JUnit's XML: a test case for each file, which fails by its findings, or is in error where it
 * could not be judged. */
#include "proxy/report.h"

/* Text of an attribute or an element. XML 1.0 has no form at all for most control characters, and
 * bytes that are no UTF-8 would break the document: both become U+FFFD. buf_add_json() finds the
 * latter. */
static void add_text(struct buf *out, const char *text)
{
	struct buf valid = { 0 };
	buf_add_json(&valid, span_of(text));
	for (size_t i = 0; i < valid.n; i++) {
		char c = valid.p[i];
		bool escape = c == '\\' && i + 1 < valid.n;
		if (escape &&
		    (valid.p[i + 1] == '"' || valid.p[i + 1] == '\\' || valid.p[i + 1] == '/'))
			c = valid.p[++i];
		else if (escape) {
			i += valid.p[i + 1] == 'u' ? 5 : 1;
			buf_add_text(out, "\xef\xbf\xbd");
			continue;
		}
		switch (c) {
		case '&': buf_add_text(out, "&amp;"); break;
		case '<': buf_add_text(out, "&lt;"); break;
		case '>': buf_add_text(out, "&gt;"); break;
		case '"': buf_add_text(out, "&quot;"); break;
		default: buf_add_char(out, c);
		}
	}
	buf_fini(&valid);
}

static void junit_begin(struct report *r)
{
	(void)r; /* the totals stand in front, so everything waits for the end */
}

static void add_advice(struct buf *out, const char *text)
{
	if (!*text)
		return;
	buf_add_text(out, "  ");
	add_text(out, text);
	buf_add_char(out, '\n');
}

static void add_failure(struct report *r, const struct report_file *f)
{
	buf_printf(&r->body, "    <failure message=\"%llu findings\">\n",
		   (unsigned long long)(f->n + f->more));
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *one = &f->v[i];
		const struct rule_info *rule = ruleset_rule(r->set, one->rule);
		buf_printf(&r->body, "line %llu, column %llu: %s: ", (unsigned long long)one->line,
			   (unsigned long long)one->column, rule->id);
		add_text(&r->body, rule->title);
		buf_printf(&r->body, " (%s, %s%s%s)\n", severity_names[rule->severity],
			   action_names[rule->action], rule->cwe[0] ? ", " : "", rule->cwe);
		add_advice(&r->body, rule->why);
		add_advice(&r->body, rule->remedy);
	}
	buf_add_text(&r->body, "    </failure>\n");
}

static void junit_file(struct report *r, const struct report_file *f)
{
	buf_add_text(&r->body, "  <testcase classname=\"redcard\" name=\"");
	add_text(&r->body, f->name);
	buf_add_text(&r->body, "\">\n");
	if (f->n)
		add_failure(r, f);
	if (f->fault[0]) {
		buf_add_text(&r->body, "    <error message=\"");
		add_text(&r->body, f->fault);
		buf_add_text(&r->body, "\"/>\n");
	}
	buf_add_text(&r->body, "  </testcase>\n");
}

static void junit_end(struct report *r)
{
	buf_printf(
		&r->out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<testsuite name=\"redcard scan\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n",
		r->files, r->files_found, r->faults);
	buf_add(&r->out, r->body.p, r->body.n);
	buf_add_text(&r->out, "</testsuite>\n");
}

const struct report_format report_junit = { "junit", junit_begin, junit_file, junit_end };
