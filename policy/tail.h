/*
 * Tails: what a lead-in has behind its literal beginning, as a table of states. The matcher of many
 * expressions would follow each such rest by itself, at many times what a literal costs; here a
 * byte is a look into the table, and only where the beginning was found.
 *
 * Theory of operation
 *
 *   (?:api_key|token)[ \t\w]{0,20}(?:=|:=)["']{0,2}
 *   |<-- head ----->||<-- tail ------------------>|
 *
 * A walk begins in a start state behind each head. Each byte takes it to another state; it is over
 * in TAIL_DEAD. Where it stands in a state that accepts, the lead-in ends. What one state accepts
 * another may accept as well, and more: then a walk in the first says nothing new beside a walk in
 * the second.
 */
#ifndef POLICY_TAIL_H
#define POLICY_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"

#define TAIL_DEAD 0
#define TAIL_STATES 600 /* what needs more is left to the matcher */

struct tail {
	uint32_t n, classes;
	uint16_t start[2]; /* behind a byte that is none of a word; and one that is */
	uint8_t class[256];
	bool accepts[TAIL_STATES];
	uint16_t *next;    /* [state * classes + class] */
	uint64_t *within;  /* a bit for each pair, [a * n + b]: all that a accepts, b does */
	uint64_t tables[]; /* of the two above */
};

/* *out is the heap's, free() gives it back; NULL where the expression is no such table: it looks
 * around or ends in an assertion, has alternatives at its top, or too many states. -ENOMEM. */
int tail_read(const char *expression, struct tail **out) MUST_USE;

static inline uint32_t tail_next(const struct tail *t, uint32_t state, unsigned char byte)
{
	return t->next[state * t->classes + t->class[byte]];
}

static inline bool tail_within(const struct tail *t, uint32_t a, uint32_t b)
{
	uint32_t i = a * t->n + b;
	return t->within[i / 64] >> i % 64 & 1;
}

#endif
