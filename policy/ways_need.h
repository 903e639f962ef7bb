/*
 * What a match cannot do without: a byte of a set, and how far away it may be.
 */
#ifndef POLICY_WAYS_NEED_H
#define POLICY_WAYS_NEED_H

#include "policy/pattern.h"

struct ways_need {
	uint32_t set[8];
	uint32_t far; /* so many other bytes come before it at most; PATTERN_MANY */
};

/* Whether a match of the items from n on has such a byte, whichever way it matches: adds the one
 * with the fewest bytes to *out. */
bool ways_needs(const char *source, const struct pattern_node *n, struct ways_need *out);

/* An item that has no width and opaque contents. */
bool ways_is_look(const char *source, const struct pattern_node *n);

#endif
