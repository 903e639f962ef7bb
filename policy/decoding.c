#include "policy/decoding.h"

#include <errno.h>
#include <stdlib.h>

#include "policy/pattern.h"

static int refuse(struct buf *errors, const struct rule *r, const char *why)
{
	buf_printf(errors, "%s:%u: rule %s: decode %s\n", r->info.file, r->decode_line, r->info.id,
		   why);
	return -EINVAL;
}

int decoding_check(const struct rule *r, struct buf *errors)
{
	if (!r->decode)
		return 0;
	if (r->info.hold != HOLD_LEAD_IN)
		return refuse(errors, r,
			      "and this hold exclude each other: what is decoded is held from a "
			      "lead-in on; remove one");
	if (r->info.scope == SCOPE_CODE)
		return refuse(errors, r,
			      "and scope: code exclude each other: what is encoded is no code; "
			      "remove one");
	return 0;
}

/* Bytes that a rule's lead-in has at least. */
static int measure(const struct rule *r, uint32_t *least)
{
	struct pattern *p = NULL;
	const char *why;
	int rc = pattern_parse(r->info.lead_in, &p, &why);
	*least = rc ? 1 : pattern_branches_min(pattern_root(p));
	pattern_free(p);
	return rc == -ENOMEM ? rc : 0;
}

static int note_rule(struct ruleset *set, const struct rule *r)
{
	uint32_t least;
	int rc = measure(r, &least);
	for (unsigned kinds = 1; kinds < ARRAY_LEN(set->decode_depth); kinds++)
		if (!(kinds & ~r->decode) && set->decode_depth[kinds] < r->decode_depth)
			set->decode_depth[kinds] = r->decode_depth;
	if (!set->decode_least || least < set->decode_least)
		set->decode_least = least ? least : 1;
	if (set->decode_least > LAYER_LEAST_MAX)
		set->decode_least = LAYER_LEAST_MAX;
	return rc;
}

static void add(struct ruleset *set, struct multimatch_pattern *v, size_t *n, size_t rule,
		const char *text, bool keyword)
{
	v[*n] = (struct multimatch_pattern){ .text = text, .keyword = keyword };
	set->decoded_patterns[*n] =
		(struct rule_pattern){ .rule = (uint16_t)rule, .keyword = keyword };
	(*n)++;
}

int decoding_compile(struct ruleset *set, struct buf *errors)
{
	size_t n = 0, bad = 0;
	int rc = 0;
	struct multimatch_pattern *v = calloc(set->n_patterns + 1, sizeof(*v));
	set->decoded_patterns =
		ruleset_keep_array(set, set->n_patterns, sizeof(*set->decoded_patterns));
	if (!v || !set->decoded_patterns)
		rc = -ENOMEM;
	for (size_t i = 0; i < set->n && !rc; i++) {
		const struct rule *r = &set->rules[i];
		if (!r->decode)
			continue;
		rc = note_rule(set, r);
		add(set, v, &n, i, r->info.lead_in, false);
		for (size_t k = 0; r->keyword != RULE_NO_KEYWORDS && k < r->n_keywords; k++)
			add(set, v, &n, i, r->keywords[k], true);
	}
	struct buf why = { 0 };
	if (!rc && n)
		rc = multimatch_new(v, n, &set->decoded, &bad, &why);
	if (rc == -EINVAL) /* the set's own database took the same patterns */
		buf_printf(errors, "%s:1: the rules that decode do not compile: %.*s; use fewer\n",
			   set->rules[0].info.file, (int)why.n, why.n ? why.p : "");
	buf_fini(&why);
	free(v);
	return rc;
}
