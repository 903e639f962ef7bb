#include "policy/syntax_rule.h"

#include <errno.h>
#include <string.h>

#include "policy/decoding.h"
#include "policy/lead_in.h"
#include "policy/region.h"

static int complain(struct buf *errors, const struct rule *r, unsigned line, const char *what)
{
	buf_printf(errors, "%s:%u: rule %s: %s\n", r->info.file, line, r->info.id, what);
	return -EINVAL;
}

static int check_keys(const struct rule *r, struct buf *errors)
{
	if (r->info.regex[0])
		return complain(errors, r, r->query_line,
				"regex and query exclude each other; remove one");
	if (!r->n_languages)
		return complain(errors, r, r->query_line,
				"a query needs its languages; write languages: [python]");
	if (!r->wanted)
		return complain(
			errors, r, r->query_line,
			"a query needs the text that it is asked at; write lead_in, such as 'eval\\('");
	if (r->info.action == ACTION_REDACT)
		return complain(errors, r, r->query_line,
				"a query cannot redact; write action: flag or cut, or a regex");
	if (r->info.hold != HOLD_LEAD_IN || (r->hold_given && r->info.hold_bytes > REGION_HOLD))
		return complain(errors, r, r->hold_line,
				"a query holds at most 8000 bytes; write hold: {bytes: 4096}");
	if (r->secret_group >= 0 || r->entropy > 0 || r->n_allowances)
		return complain(errors, r, r->query_line,
				"secret_group, entropy and allow are for a regex; remove them");
	return 0;
}

static int check_lead_in(const struct rule *r, struct buf *errors)
{
	struct lead_in own;
	int rc = lead_in_find(r->wanted, 0, NULL, &own);
	lead_in_fini(&own);
	if (rc == -ENOMEM)
		return rc;
	if (rc)
		return complain(errors, r, r->lead_in_line,
				"lead_in is not understood; write it without that");
	if (!own.min || own.ends_in_assertion)
		return complain(
			errors, r, r->lead_in_line,
			"lead_in may be empty or ends in an assertion; end it in something literal");
	return 0;
}

static int compile_form(const struct rule *r, struct syntax_form *form, struct buf *errors)
{
	unsigned line = 0;
	struct buf why = { 0 };
	int rc =
		syntax_query_new(form->language, span_of(r->info.query), &form->query, &line, &why);
	if (rc == -EINVAL)
		buf_printf(errors,
			   "%s:%u: rule %s: line %u of the query, as %s: %.*s; correct it there\n",
			   r->info.file, r->query_line, r->info.id, line + 1, form->language->name,
			   (int)why.n, why.n ? why.p : "");
	buf_fini(&why);
	return rc;
}

int syntax_rule_compile(struct ruleset *set, struct rule *r, struct buf *errors)
{
	int rc = check_keys(r, errors);
	rc = rc ? rc : check_lead_in(r, errors);
	if (rc)
		return rc;
	struct syntax_rule *s = ruleset_keep_array(
		set, 1, sizeof(*s) + r->n_languages * sizeof(struct syntax_form));
	r->branches = ruleset_keep_array(set, 1, sizeof(*r->branches));
	if (!s || !r->branches)
		return -ENOMEM;
	r->syntax = s;
	r->info.lead_in = r->wanted;
	r->info.unbounded = true;
	r->info.hold_bytes = (uint32_t)min_u64(r->info.hold_bytes, REGION_HOLD);
	r->branches->lead_in = r->wanted;
	r->branches->reach = RULE_REACH_MAX;
	r->n_branches = 1;
	rc = decoding_check(r, errors);
	if (rc)
		return rc;
	for (size_t i = 0; i < r->n_languages; i++) {
		const struct syntax_language *l = syntax_find(span_of(r->languages[i]));
		if (!l) {
			buf_printf(
				errors,
				"%s:%u: rule %s: languages: \"%s\" is not known; write bash, c, go, java, "
				"javascript, python, rust, tsx or typescript\n",
				r->info.file, r->languages_line, r->info.id, r->languages[i]);
			return -EINVAL;
		}
		if (syntax_rule_reads(s, l))
			continue;
		s->v[s->n].language = l;
		rc = compile_form(r, &s->v[s->n++], errors);
		if (rc)
			return rc;
	}
	return 0;
}

void syntax_rule_fini(struct rule *r)
{
	for (size_t i = 0; r->syntax && i < r->syntax->n; i++)
		syntax_query_free(r->syntax->v[i].query);
}

void syntax_rule_describe(const struct rule *r, struct buf *out)
{
	for (size_t i = 0; r->syntax && i < r->syntax->n; i++)
		buf_printf(out, "%s %zu:%s\n", r->syntax->v[i].language->name,
			   strlen(r->info.query), r->info.query);
}

bool syntax_rule_reads(const struct syntax_rule *s, const struct syntax_language *language)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].language == language)
			return true;
	return false;
}
