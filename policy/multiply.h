/*
 * Multiplying out: an expression with one alternative in place of all of them.
 */
#ifndef POLICY_MULTIPLY_H
#define POLICY_MULTIPLY_H

#include <stdint.h>

#include "policy/pattern.h"

/* Alternatives that all of a match goes through: at the top, or in a group that is neither
 * repeated nor left out. */
struct alternation {
	const struct pattern_node *group; /* NULL: at the top */
	const struct pattern_branch *first;
};

/* The expression with that one of its alternatives; the heap's, NULL: no memory, here and below. */
char *multiply_out(const char *expression, const struct alternation *a,
		   const struct pattern_branch *one);
/* The expression with the item repeated so many times. */
char *multiply_repeat(const char *expression, const struct pattern_node *n, uint32_t times);

#endif
