/*
 * Rules that redact: what must be so for a redaction to reach all of a secret, wherever the builder
 * repeats it, and the mask that stands for it.
 */
#ifndef POLICY_REDACTION_H
#define POLICY_REDACTION_H

#include "policy/rule.h"

/* Of a rule that is compiled otherwise. -EINVAL: says in *errors why it cannot redact; -ENOMEM. */
int redaction_compile(struct ruleset *set, struct rule *r, struct buf *errors) MUST_USE;

#endif
