#include "policy/rule_patterns.h"

#include <errno.h>
#include <stdlib.h>

#include "policy/keyword.h"

static bool needs_keywords(const struct rule *r)
{
	return r->n_keywords && !keyword_implied(r->info.regex, r->keywords, r->n_keywords) &&
	       !keyword_implied(r->info.lead_in, r->keywords, r->n_keywords);
}

/* What must go on where the branch's lead-in ends, if that is known. */
static const struct head *body_of(const struct rule *r, const struct rule_branch *b)
{
	bool there = !r->syntax && r->info.hold == HOLD_LEAD_IN && !b->start;
	return there && b->head && b->head->n ? b->head : NULL;
}

static struct rule_pattern pattern_of(const struct ruleset *set, size_t i, size_t branch)
{
	const struct rule *r = &set->rules[i];
	struct rule_pattern p = { .rule = (uint16_t)i, .branch = (uint8_t)branch };
	p.head = body_of(r, &r->branches[branch]);
	if (p.head)
		p.places =
			(uint8_t)(p.head->n < r->info.hold_bytes ? p.head->n : r->info.hold_bytes);
	return p;
}

static void add_rule(struct ruleset *set, size_t i, struct multimatch_pattern *v, size_t *n)
{
	struct rule *r = &set->rules[i];
	for (size_t b = 0; b < r->n_branches; b++) {
		v[*n].text = r->branches[b].lead_in;
		set->patterns[(*n)++] = pattern_of(set, i, b);
	}
	r->keyword = RULE_NO_KEYWORDS;
	if (!needs_keywords(r))
		return;
	r->keyword = set->keyword_rules++;
	for (size_t k = 0; k < r->n_keywords; k++) {
		v[*n] = (struct multimatch_pattern){ .text = r->keywords[k], .keyword = true };
		set->patterns[(*n)++] =
			(struct rule_pattern){ .rule = (uint16_t)i, .keyword = true };
	}
}

/* Runs are looked for apart, as long as something else is left. */
static int take_runs(struct ruleset *set, struct multimatch_pattern *v)
{
	size_t left = set->n_patterns;
	set->runs = ruleset_keep_array(set, 1, sizeof(*set->runs));
	for (size_t i = 0; set->runs && i < set->n_patterns && left > 1; i++)
		if (!v[i].keyword && runs_add(set->runs, v[i].text, (uint32_t)i)) {
			v[i].text = NULL;
			left--;
		}
	return set->runs ? 0 : -ENOMEM;
}

/* What the matcher has, and what stands behind it. */
static int find_heads(struct ruleset *set, const struct multimatch_pattern *v, size_t *bad,
		      struct buf *why)
{
	size_t n = 0;
	set->triggers = triggers_new(set->n_patterns);
	int rc = set->triggers ? 0 : -ENOMEM;
	for (size_t i = 0; i < set->n_patterns && !rc; i++)
		if (v[i].text)
			rc = triggers_add(set->triggers, &v[i], (uint32_t)i, set->patterns[i].head);
	if (!rc)
		rc = triggers_finish(set->triggers);
	if (rc)
		return rc;
	const struct multimatch_pattern *heads = triggers_heads(set->triggers, &n);
	rc = multimatch_new(heads, n, &set->multimatch, bad, why);
	if (rc == -EINVAL && *bad < n)
		*bad = triggers_user(set->triggers, *bad);
	return rc;
}

static int complain(const struct ruleset *set, size_t bad, const struct buf *why,
		    struct buf *errors)
{
	const struct rule *r = &set->rules[bad < set->n_patterns ? set->patterns[bad].rule : 0];
	buf_printf(errors,
		   "%s:%u: rule %s: the stream matcher refuses it: %.*s; write it without "
		   "look-around, backreferences or very large repeats\n",
		   r->info.file, r->regex_line, r->info.id, (int)why->n, why->n ? why->p : "");
	return -EINVAL;
}

int rule_patterns_compile(struct ruleset *set, struct buf *errors)
{
	size_t most = 0, bad = 0;
	for (size_t i = 0; i < set->n; i++)
		most += set->rules[i].n_keywords + set->rules[i].n_branches;
	struct multimatch_pattern *v = calloc(most + 1, sizeof(*v));
	struct buf why = { 0 };
	set->patterns = ruleset_keep_array(set, most, sizeof(*set->patterns));
	int rc = v && set->patterns ? 0 : -ENOMEM;
	for (size_t i = 0; !rc && i < set->n; i++)
		add_rule(set, i, v, &set->n_patterns);
	if (!rc)
		rc = take_runs(set, v);
	if (!rc)
		rc = find_heads(set, v, &bad, &why);
	if (rc == -EINVAL)
		rc = complain(set, bad, &why, errors);
	buf_fini(&why);
	free(v);
	return rc;
}
