/*
 * Pairs of numbers that get a number each, so that equal numbers mean equal pairs, without a doubt:
 * what a subtree is, is told by its label and then by each of its children.
 */
#ifndef POLICY_NUMBER_PAIRS_H
#define POLICY_NUMBER_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"

struct number_pairs {
	struct number_pair {
		uint32_t left, right;
	} * v;           /* of a number; 0 is none */
	uint32_t *slots; /* numbers; 0: free */
	size_t mask, room;
	uint32_t n;
};

/* Zero: none. For trees of so many nodes in all: each makes a pair of its label and one for each
 * child. False: no memory; number_pairs_fini() is fine after any. */
bool number_pairs_init(struct number_pairs *p, size_t nodes) MUST_USE;
void number_pairs_fini(struct number_pairs *p);
/* Its number, from 1. */
uint32_t number_of_pair(struct number_pairs *p, uint32_t left, uint32_t right);

#endif
