/*
 * Rules that decode: what must be so for a rule to be judged in decoded text, and the set's
 * database of their patterns. Text that is decoded runs through this one only, so that it costs no
 * more than the rules that ask for it.
 */
#ifndef POLICY_DECODING_H
#define POLICY_DECODING_H

#include "policy/rule.h"

/* Of a rule that is compiled otherwise. -EINVAL: says in *errors why it cannot decode; -ENOMEM.
 * What the policy asks for its rules, those that are not critical or cannot decode do without. */
int decoding_check(struct rule *r, struct buf *errors) MUST_USE;

/* Of a set whose patterns are compiled. -ENOMEM; -EINVAL: says why in *errors. */
int decoding_compile(struct ruleset *set, struct buf *errors) MUST_USE;

#endif
