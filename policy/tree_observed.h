/*
 * Where a program can see how its names are spelled, so that renaming one changes what it does:
 * f"{x=}", locals(), eval, macros that show their text, names in strings that mean names.
 */
#ifndef POLICY_TREE_OBSERVED_H
#define POLICY_TREE_OBSERVED_H

#include "lib/buf.h"
#include "policy/tree_types.h"

/* Appends a syntax_range for each name that is seen by its spelling. The first node that may see
 * all of them, or 0. */
uint32_t tree_observed(const struct tree_types *types, const struct syntax_nodes *nodes,
		       struct span text, struct buf *out);

#endif
