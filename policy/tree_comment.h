/*
 * Comments that are code to whoever builds or runs the program, and so stay in its tree.
 */
#ifndef POLICY_TREE_COMMENT_H
#define POLICY_TREE_COMMENT_H

#include "policy/tree_types.h"

/* Whether comment i, whose type has TYPE_COMMENT, is one. */
bool tree_comment_kept(const struct tree_types *types, const struct syntax_node *v,
		       struct span text, uint32_t i);

#endif
