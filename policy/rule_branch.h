/*
 * The branches of a rule, compiled: what ruleset.c does with lead-ins that were found.
 */
#ifndef POLICY_RULE_BRANCH_H
#define POLICY_RULE_BRANCH_H

#include "policy/branches.h"
#include "policy/rule.h"

/* In ruleset.c. -EINVAL after one line in *errors, -ENOMEM; so do those below. */
int rule_compile_regex(const struct rule *r, const char *text, unsigned flags, struct regex **out,
		       struct buf *errors) MUST_USE;

/* Whether max bytes less those that precede the hold are more than it holds, counting the byte that
 * a last assertion looks at. */
bool rule_needs_more(const struct rule *r, const struct lead_in *whole, uint32_t max,
		     uint32_t before);
/* What goes on where a lead-in ends. */
int rule_body_compile(struct ruleset *set, const struct rule *r, struct rule_branch *b,
		      const char *body, struct buf *errors) MUST_USE;
int rule_branch_compile(struct ruleset *set, struct rule *r, struct rule_branch *b,
			const struct lead_in *found, struct buf *errors) MUST_USE;
int rule_branches_compile(struct ruleset *set, struct rule *r, const struct branches *found,
			  struct buf *errors) MUST_USE;

#endif
