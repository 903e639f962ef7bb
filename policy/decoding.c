#include "policy/decoding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/pattern.h"

#define LEAD_IN_LEAST 4 /* bytes; with fewer, every other word would be decoded */

static int refuse(struct buf *errors, const struct rule *r, const char *why)
{
	buf_printf(errors, "%s:%u: rule %s: decode %s\n", r->info.file, r->decode_line, r->info.id,
		   why);
	return -EINVAL;
}

static bool may_be_nul(const struct pattern_branch *b)
{
	for (; b; b = b->next)
		for (const struct pattern_node *n = b->first; n; n = n->next)
			if ((n->in[0] & 1) || may_be_nul(n->branches))
				return true;
	return false;
}

/* The fewest bytes of a rule's lead-in, and which it may end in. One that goes over the NUL before
 * a run may end anywhere in it. */
static int measure(const struct rule *r, uint32_t *least, uint32_t ends[8])
{
	struct pattern *p = NULL;
	const char *why;
	int rc = pattern_parse(r->info.lead_in, &p, &why);
	if (rc == -ENOMEM)
		return rc;
	*least = 1;
	memset(ends, rc ? 0xff : 0, 8 * sizeof(ends[0]));
	if (!rc) {
		pattern_branches_ends(pattern_root(p), ends);
		if (!may_be_nul(pattern_root(p)))
			*least = pattern_branches_min(pattern_root(p));
	}
	pattern_free(p);
	return 0;
}

int decoding_check(struct rule *r, struct buf *errors)
{
	bool can = r->info.hold == HOLD_LEAD_IN && r->info.scope != SCOPE_CODE && !r->syntax;
	uint32_t least = 0, ends[8];
	if (r->info.decode && !r->decode_line) { /* the policy's choice, not the rule's */
		int rc = can ? measure(r, &least, ends) : 0;
		if (rc)
			return rc;
		if (least < LEAD_IN_LEAST || r->info.severity != SEVERITY_CRITICAL)
			r->info.decode = 0;
	}
	if (!r->info.decode || can)
		return 0;
	if (r->info.hold != HOLD_LEAD_IN)
		return refuse(errors, r,
			      "and this hold exclude each other: what is decoded is held from a "
			      "lead-in on; remove one");
	if (r->syntax)
		return refuse(
			errors, r,
			"and a query exclude each other: what is encoded is no program; remove one");
	return refuse(errors, r,
		      "and scope: code exclude each other: what is encoded is no code; remove one");
}

/* What the layers may know of a rule's lead-in. */
static int hint(const struct rule *r, struct layer_hint *h)
{
	uint32_t least, ends[8];
	int rc = measure(r, &least, ends);
	for (unsigned c = 0; c < 256 && !rc; c++)
		if ((ends[c / 32] >> c % 32 & 1) && least < h->least[c])
			h->least[c] = (uint8_t)least;
	if (!rc && least < h->shortest)
		h->shortest = (uint8_t)least;
	h->deep = (uint8_t)((h->shortest * 4 + 2) / 3);
	return rc;
}

static int note_rule(struct ruleset *set, const struct rule *r)
{
	for (unsigned kinds = 1; kinds < ARRAY_LEN(set->decode_depth); kinds++)
		if (!(kinds & ~r->info.decode) && set->decode_depth[kinds] < r->info.decode_depth)
			set->decode_depth[kinds] = r->info.decode_depth;
	return hint(r, &set->decode_hint);
}

static void add(struct ruleset *set, struct multimatch_pattern *v, size_t *n, const char *text,
		struct rule_pattern about)
{
	v[*n] = (struct multimatch_pattern){ .text = text, .keyword = about.keyword };
	set->decoded_patterns[(*n)++] = about;
}

int decoding_compile(struct ruleset *set, struct buf *errors)
{
	size_t n = 0, bad = 0;
	int rc = 0;
	layer_hint_init(&set->decode_hint);
	struct multimatch_pattern *v = calloc(set->n_patterns + 1, sizeof(*v));
	set->decoded_patterns =
		ruleset_keep_array(set, set->n_patterns, sizeof(*set->decoded_patterns));
	if (!v || !set->decoded_patterns)
		rc = -ENOMEM;
	for (size_t i = 0; i < set->n && !rc; i++) {
		const struct rule *r = &set->rules[i];
		if (!r->info.decode)
			continue;
		rc = note_rule(set, r);
		for (size_t b = 0; b < r->n_branches; b++)
			add(set, v, &n, r->branches[b].lead_in,
			    (struct rule_pattern){ .rule = (uint16_t)i, .branch = (uint8_t)b });
		for (size_t k = 0; r->keyword != RULE_NO_KEYWORDS && k < r->n_keywords; k++)
			add(set, v, &n, r->keywords[k],
			    (struct rule_pattern){ .rule = (uint16_t)i, .keyword = true });
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
