/*
 * A beginning of a program: the nodes that any continuation of it without errors has.
 */
#ifndef POLICY_ONLINE_TEXT_H
#define POLICY_ONLINE_TEXT_H

#include "policy/syntax_tree.h"
#include "policy/tree.h"

/* *known is how many of out's nodes, the first ones, are those of every continuation. False:
 * nothing is known. *steps goes down by what the parser took. */
bool online_read(const struct syntax_language *language, struct span text, uint64_t *steps,
		 struct labels *labels, struct tree *out, uint32_t *known) MUST_USE;

#endif
