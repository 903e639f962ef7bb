#include "policy/rule_branch.h"

#include <errno.h>
#include <string.h>

#include "policy/pattern.h"

/* Whether max bytes less those that precede the hold are more than it holds, counting the byte that
 * a last assertion looks at. */
bool rule_needs_more(const struct rule *r, const struct lead_in *whole, uint32_t max,
		     uint32_t before)
{
	return max == LEAD_IN_UNBOUNDED ||
	       (uint64_t)max + whole->ends_in_assertion > (uint64_t)before + r->info.hold_bytes;
}

static const struct head *find_head(const struct ruleset *set, const struct head *wanted)
{
	for (size_t i = 0; i < set->n; i++)
		for (size_t b = 0; b < set->rules[i].n_branches; b++) {
			const struct head *one = set->rules[i].branches[b].head;
			if (one && memcmp(one, wanted, sizeof(*one)) == 0)
				return one;
		}
	return NULL;
}

int rule_body_compile(struct ruleset *set, const struct rule *r, struct rule_branch *b,
		      const char *body, struct buf *errors)
{
	struct head head;
	if (!set->classes) {
		set->classes = ruleset_keep_array(set, 1, sizeof(*set->classes));
		if (!set->classes)
			return -ENOMEM;
		ways_classes_begin(set->classes);
	}
	if (ways_read(body, set->classes, &b->ways))
		return -ENOMEM;
	int rc = rule_compile_regex(r, body, REGEX_AT_START, &b->body, errors);
	if (rc || head_read(body, &head) || !head.n || (b->head = find_head(set, &head)))
		return rc;
	struct head *own = ruleset_keep_array(set, 1, sizeof(*own));
	if (!own)
		return -ENOMEM;
	*own = head;
	b->head = own;
	return 0;
}

/* An optional run of one class at its beginning, which the engine would try at every byte, is taken
 * off and told apart; excuse.c takes it back. */
static int compile_opening(struct ruleset *set, const struct rule *r, struct rule_branch *b,
			   const char *expression, struct buf *errors)
{
	struct pattern *p = NULL;
	const char *why = NULL;
	struct buf without = { 0 };
	b->opening_max = PATTERN_MANY;
	if (pattern_parse(expression, &p, &why))
		return rule_compile_regex(r, expression, REGEX_AT_END | REGEX_WHOLE, &b->opening,
					  errors);
	const struct pattern_branch *root = pattern_root(p);
	b->opening_max = pattern_branches_max(root);
	const struct pattern_node *n = root->next ? NULL : root->first;
	while (n && n->kind == PATTERN_FLAGS)
		n = n->next;
	bool run = n && n->next && n->kind == PATTERN_BYTES && n->exact && !n->min &&
		   n->max != PATTERN_MANY && expression[n->from] != '.';
	int class = run ? ways_class_of(set->classes, n->in) : -1;
	if (class >= 0) {
		b->opening_run = n->max;
		b->opening_in = set->classes->in[class];
		buf_add(&without, expression, n->from);
		expression += n->to;
	}
	buf_add_text(&without, expression);
	buf_add_char(&without, '\0');
	pattern_free(p);
	int rc = without.failed ? -ENOMEM
				: rule_compile_regex(r, without.p, REGEX_AT_END | REGEX_WHOLE,
						     &b->opening, errors);
	buf_fini(&without);
	return rc;
}

int rule_branch_compile(struct ruleset *set, struct rule *r, struct rule_branch *b,
			const struct lead_in *found, struct buf *errors)
{
	b->lead_in = ruleset_keep(set, span_of(found->lead_in));
	if (!b->lead_in)
		return -ENOMEM;
	b->group = found->body_group;
	b->prefix = found->prefix;
	b->reach = found->prefix;
	r->info.unbounded = r->info.unbounded || rule_needs_more(r, found, found->body_max, 0);
	int rc = rule_body_compile(set, r, b, found->body, errors);
	if (rc || !(r->sees_match || r->sees_line))
		return rc;
	return compile_opening(set, r, b, found->opening, errors);
}

/* All lead-ins as one expression, to be shown. */
static int join_lead_ins(struct ruleset *set, struct rule *r)
{
	struct buf all = { 0 };
	for (size_t i = 0; i < r->n_branches; i++)
		buf_printf(&all, "%s(?:%s)", i ? "|" : "", r->branches[i].lead_in);
	r->info.lead_in = r->branches[0].lead_in;
	if (r->n_branches > 1)
		r->info.lead_in =
			all.failed ? NULL : ruleset_keep(set, (struct span){ all.p, all.n });
	buf_fini(&all);
	return r->info.lead_in ? 0 : -ENOMEM;
}

int rule_branches_compile(struct ruleset *set, struct rule *r, const struct branches *found,
			  struct buf *errors)
{
	uint32_t yield = 0;
	int rc = 0;
	r->branches = ruleset_keep_array(set, found->n, sizeof(*r->branches));
	if (!r->branches)
		return -ENOMEM;
	r->n_branches = found->n;
	for (size_t i = 0; i < found->n && !rc; i++) {
		rc = rule_branch_compile(set, r, &r->branches[i], &found->v[i], errors);
		yield = found->v[i].yield > yield ? found->v[i].yield : yield;
	}
	if (yield)
		buf_printf(&set->notes,
			   "%s:%u: rule %s: the first %u variable bytes of its secret lead in, and "
			   "may leave before the cut\n",
			   r->info.file, r->regex_line, r->info.id, yield);
	return rc ? rc : join_lead_ins(set, r);
}
