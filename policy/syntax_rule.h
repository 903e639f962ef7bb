/*
 * The matcher of a syntax rule: a tree-sitter query, compiled for each of the rule's languages, and
 * the lead-in that says where the query is asked.
 */
#ifndef POLICY_SYNTAX_RULE_H
#define POLICY_SYNTAX_RULE_H

#include "policy/rule.h"
#include "policy/syntax.h"

struct syntax_form {
	const struct syntax_language *language;
	struct syntax_query *query;
};

struct syntax_rule {
	size_t n;
	struct syntax_form v[];
};

/* Compiles r->query. -EINVAL: *errors has a line for each problem. */
int syntax_rule_compile(struct ruleset *set, struct rule *r, struct buf *errors) MUST_USE;
void syntax_rule_fini(struct rule *r);
void syntax_rule_describe(const struct rule *r, struct buf *out); /* for the set's hash */
bool syntax_rule_reads(const struct syntax_rule *s, const struct syntax_language *language);

#endif
