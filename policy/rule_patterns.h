/*
 * What of all rules is looked for in one pass over a text: lead-ins, whole expressions, and the
 * keywords that the expressions do not imply. The compiler's own; see ruleset.c.
 */
#ifndef POLICY_RULE_PATTERNS_H
#define POLICY_RULE_PATTERNS_H

#include "policy/rule.h"

int rule_patterns_compile(struct ruleset *set, struct buf *errors) MUST_USE;

#endif
