/*
 * What takes a match back: its secret is too regular to be one, or is known to be harmless. The
 * secret's bytes alone decide, so a verdict stays a property of the text.
 */
#ifndef POLICY_EXCUSE_H
#define POLICY_EXCUSE_H

#include "policy/rule.h"

/* Compiles the rule's `allow`. -EINVAL after one line in *errors, -ENOMEM. */
int excuse_compile(struct ruleset *set, struct rule *r, struct buf *errors) MUST_USE;
void excuse_fini(struct rule *r);
void excuse_describe(const struct rule *r, struct buf *out); /* for the set's hash */

/* Shannon's entropy of the bytes, in bits per byte: -sum p log2 p. */
double excuse_entropy(struct span secret);

/* Whether the secret is excused: at most the rule's entropy, a stopword in it (ASCII case aside),
 * or an `allow` expression that matches somewhere in it. An engine's failure excuses nothing. */
bool excuse_holds(const struct rule *r, struct regex_scratch *s, struct span secret);

#endif
