/*
 * Where a program can see how its names are spelled, so that renaming one changes what it does:
 * f"{x=}", locals(), eval, macros that show their text, names in strings that mean names.
 */
#ifndef POLICY_TREE_OBSERVED_H
#define POLICY_TREE_OBSERVED_H

#include "lib/buf.h"
#include "policy/tree_types.h"

/* Appends to *seen a syntax_range for each name that is seen by its spelling, and to *eyes a
 * uint32_t, the node, for each call that sees all of them. True: all keep their spelling. */
bool tree_observed(const struct tree_types *types, const struct syntax_nodes *nodes,
		   struct span text, struct buf *seen, struct buf *eyes);

#endif
