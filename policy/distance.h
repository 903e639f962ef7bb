/*
 * The tree edit distance: how many nodes must be inserted, deleted or given another label, each at
 * cost one, to make one ordered tree of another. Exact, or an interval that is proven.
 *
 * How it is found, cheapest first:
 *
 * 1. Reduction. An equal tree at the same end of two forests is taken off, and two trees whose
 * roots have one label become the forests below. Both keep the distance. Proof: let M be an optimal
 *    mapping between F+T and G+T', T' a copy of T. From a node f of F follow M; whenever it leads
 *    into T', go on from the same node of T. T has no ancestor in F and stands on one side of all
 * of it, and T' likewise, so two nodes that both go on keep their order and ancestry, one that
 * stops in G lies on the other side of one that goes on, and no chain meets itself since M is
 *    injective. So the ends of the chains are a mapping between F and G; each broken chain accounts
 *    for a node of its own that M deletes or inserts, each relabelling for one in M: it costs no
 *    more. For roots: if M maps neither to the other, at most one of them is mapped at all (its
 *    partner lies below the other, which then can have none), and mapping root to root instead
 *    costs no more.
 * 2. Lower bounds: the difference of sizes; labels that the other tree does not have; the string
 *    edit distance of the labels in preorder and in postorder (Guha et al., "Approximate XML
 *    joins", SIGMOD 2002), found by furthest-reaching diagonals (Ukkonen 1985) in O(n + d^2).
 * 3. An upper bound: children are aligned from the root down, equal subtrees first. It is the cost
 *    of a mapping that exists. Where it meets the lower bound the distance is exact.
 * 4. Zhang and Shasha's dynamic program (SIAM J. Comput. 18(6), 1989) in a strip (Touzet,
 * "Comparing similar ordered trees in linear-time", J. Discrete Algorithms 5(4), 2007). In
 * postorder a mapping of cost d <= k splits both trees at each state (x, y) it passes: |x - y|
 * nodes before and |(n - x) - (m - y)| behind have no partner, so their sum is at most k, and what
 * lies outside of that strip is never needed. What the program finds is always the cost of a
 * mapping; if it is at most k, it is the distance. The strip begins narrow and doubles.
 *
 * Bounds: the strip takes at most `bytes` of memory and `cells` steps in all (above k, a sixteenth
 * of that once more); each string distance at most `diagonal_steps`; the upper bound `cells` / 64
 * steps of four bytes; the rest at most 100 bytes a node. The answer depends on the trees alone,
 * not on the machine.
 */
#ifndef POLICY_DISTANCE_H
#define POLICY_DISTANCE_H

#include "policy/tree.h"

struct distance_limits {
	uint64_t cells;
	uint64_t bytes;
	uint64_t diagonal_steps;
};

extern const struct distance_limits distance_default_limits;

enum distance_result {
	DISTANCE_DECIDED,   /* exact, or above k, or not above k: as the bounds say */
	DISTANCE_EXHAUSTED, /* a limit was reached before it could be decided */
	DISTANCE_NO_MEMORY
};

struct distance {
	uint32_t low, high; /* low == high: exact */
};

/* *out is a proven interval unless memory ran out. The distance is decided when low == high, or
 * low > k; exact below k is always sought, above k only if `exact` and affordable. A NULL tree is
 * the empty one. */
enum distance_result distance_find(const struct tree *a, const struct tree *b, uint32_t k,
				   bool exact, const struct distance_limits *limits,
				   struct distance *out) MUST_USE;

#endif
