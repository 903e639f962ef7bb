/*
 * Branches: an expression whose alternatives each have a lead-in of their own, where all of them
 * together have none.
 *
 *   \b(abc_[0-9]{9}|de-[a-z]{12})\b      \b(abc_[0-9]{9})\b   and   \b(de-[a-z]{12})\b
 *
 * An alternation that stands in the way is multiplied out; together the branches match what the
 * whole matches, and what its other alternatives would match at the same place.
 */
#ifndef POLICY_BRANCHES_H
#define POLICY_BRANCHES_H

#include "policy/lead_in.h"

#define BRANCHES_MAX 16

struct branches {
	struct lead_in v[BRANCHES_MAX];
	size_t n; /* 0: some alternative has no lead-in */
};

/* given: somebody said that the group is the secret; otherwise
 * an alternative without it has its own first group for a secret. yields: as
 * lead_in_find_within(). */
int branches_find(const char *regex, unsigned group, bool given, bool yields,
		  struct branches *out) MUST_USE; /* -ENOMEM */
void branches_fini(struct branches *b);

#endif
