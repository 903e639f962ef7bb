/*
 * Companions: rules that a composite rule requires (gitleaks' `required`). It counts when each of
 * them was found in the same channel before it is decided: anywhere, or within so many lines; then
 * as many lines are waited for.
 */
#ifndef POLICY_COMPANION_H
#define POLICY_COMPANION_H

#include "policy/judge_scratch.h"

/* Numbers the rules that others require, when all rules are there. -EINVAL after a line in
 * *errors. */
int companion_resolve(struct ruleset *set, struct buf *errors) MUST_USE;

/* Notes that this was found, when some rule requires its rule. False: no memory. */
bool companion_mark(const struct ruleset *set, const struct slot *slot, const struct decision *d);
/* Whether what the decision's rule requires was found. */
bool companion_near(const struct ruleset *set, const struct slot *slot, const struct decision *d);

#endif
