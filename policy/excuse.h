/*
 * What takes a match back: its secret is too regular to be one, or it is known to be harmless. The
 * bytes around it decide and nothing else does, so a verdict stays a property of the text.
 *
 * An allowance may ask for the match, from the lead-in's first byte on, and for the line that it
 * stands in. What comes before is looked at within EXCUSE_REACH bytes; the rest of the line is
 * waited for (candidate.h).
 */
#ifndef POLICY_EXCUSE_H
#define POLICY_EXCUSE_H

#include "policy/candidate.h"

#define EXCUSE_REACH 512 /* bytes before the end of the lead-in that count */

/* Compiles the rule's allowances. -EINVAL after one line in *errors, -ENOMEM. */
int excuse_compile(struct ruleset *set, struct rule *r, struct buf *errors) MUST_USE;
void excuse_fini(struct rule *r);
void excuse_describe(const struct rule *r, struct buf *out); /* for the set's hash */

/* Shannon's entropy of the bytes, in bits per byte: -sum p log2 p. */
double excuse_entropy(struct span secret);

/* Whether the match is excused, as known at `decided`: its secret has at most the rule's entropy,
 * or an allowance holds. An engine's failure excuses nothing. */
bool excuse_holds(const struct rule *r, struct regex_scratch *s, const struct candidate *c,
		  const struct track *t, const struct secret *secret, uint64_t decided);

#endif
