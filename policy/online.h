/*
 * What is known of a program's tree while its text still arrives: the first nodes, in postorder, of
 * the normalised tree that the whole text will have; and the distance that this alone makes sure
 * of.
 *
 * Theory of operation
 *
 *   def f(a):          |
 *       b = g(a)       |  known: these statements' nodes, but not `def` and its block
 *       return b       |
 *   x = <- the last statement that began: what stands before it is closed
 *
 * A parser of this kind makes its nodes in postorder, each when a token behind it was seen. So the
 * nodes before the last statement that began, if no error stands before it, are those of every
 * longer text without errors. For that the text is cut at a line end, what is open there is closed
 * with brackets, and since the line may be inside a comment or string that goes over lines, only
 * what is the same if it ended there counts (the language's closers). Names are known when the file
 * is complete: a later binding can give each another number. Until then a name is any name, and
 * matches whatever stands in its place.
 *
 * Of Bash nothing is known before the end: its grammar reads a line in several ways, between which
 * lines further down decide.
 *
 * That a parser with several readings at once decides between them inside a statement is tested on
 * real programs, and not proven. Where it did not, a pair would be audited that could have passed.
 *
 * Be a and b such beginnings of the postorder sequences of A and B. The string edit distance of
 * these sequences is a lower bound of the tree edit distance (distance.h), and its cheapest way
 * leaves the rectangle a x b over an edge; so what it costs to get to an edge is one, too. Of a
 * file that is complete the way must reach b's.
 *
 * A text is looked at when it has grown by a sixth, and by ONLINE_STEP bytes: at a line end that
 * depends on the text alone. A look is at most two parses for the text and two for each closer that
 * may matter, of at most four. The parser's steps are limited to ONLINE_STEPS and one for every
 * ONLINE_STEP_BYTES bytes of the text; past that the file is not looked at any more.
 */
#ifndef POLICY_ONLINE_H
#define POLICY_ONLINE_H

#include "policy/tree.h"

enum {
	ONLINE_STEP = 128,
	ONLINE_STEPS = 4000,
	ONLINE_STEP_BYTES = 2,
	ONLINE_EDITS = 2048,
};

#define ONLINE_ANY UINT32_MAX /* a label that is not known */

struct online {
	uint32_t *label; /* in postorder */
	uint32_t n;
	bool whole;              /* the file is complete: the labels are all, */
	enum tree_result result; /* or there are none because of this */
	bool given_up;
	size_t next; /* bytes of text at which it is looked at again */
	uint64_t steps;
	unsigned looks;
};

void online_fini(struct online *o);

/* text is all there is, complete or not. True: something new is known. */
bool online_grow(struct online *o, const struct syntax_language *language, struct span text,
		 bool complete, struct labels *labels);

/* The least that the distance of the whole files can be; not looked for above `most`, which is at
 * most ONLINE_EDITS. Takes time and memory for the nodes and the square of what it finds. */
uint32_t online_distance(const struct online *a, const struct online *b, uint32_t most);

#endif
