/*
 * What a distance between two renders is worth: the share of the change in which they differ,
 *
 *	diff_percent = 100 * 2 * TED(A,B) / (TED(A,C) + TED(B,C) + TED(A,B))
 *
 * with the common base C, or with the empty tree: then TED(A,C) is the size of A. It is the
 *Steinhaus transform of a metric (with the empty tree: Li and Zhang's normalised tree edit
 *distance), so it is symmetric, keeps the triangle inequality and lies between 0 and 100. Compared
 *in whole numbers.
 */
#ifndef POLICY_SCORE_H
#define POLICY_SCORE_H

#include <stdbool.h>

#include "lib/buf.h"
#include "policy/distance.h"

enum { SCORE_UNITS = 1000000 }; /* a percent */

enum score_verdict { SCORE_PASS, SCORE_AUDIT, SCORE_FAIL, SCORE_VERDICT_COUNT };
extern const char *const score_verdict_names[SCORE_VERDICT_COUNT];

struct score {
	struct distance ab, ac, bc; /* ac, bc: to the base */
};

/* "3.00": 0 to 100 with at most six decimals, in units. False: it is none. */
bool score_threshold(const char *text, uint32_t *units) MUST_USE;

/* Whether the score is above the threshold, at which it is not: -1, it is open. */
int score_above(const struct score *s, uint32_t units);

/* The greatest distance that is not above the threshold, by the least that ac and bc can be. */
uint32_t score_limit(const struct score *s, uint32_t units);

double score_percent(uint32_t ab, uint32_t ac, uint32_t bc); /* for print */
/* Both ends of it; equal: exact. */
void score_bounds(const struct score *s, double *low, double *high);
/* Appends them for programs: [low,high], each as exact as a double is. */
void score_add_bounds(const struct score *s, struct buf *out);

/* How a threshold is written, in percent: exact, whatever score_threshold() has read. */
#define SCORE_THRESHOLD "%.8g"

/* In hundredths and rounded up: what is not equal is not shown as 0.00, what is above a threshold
 * not as at it. Bounds that do not fit together give 100. */
uint32_t score_hundredths(uint32_t ab, uint32_t ac, uint32_t bc);

#endif
