/*
 * Tails: what a lead-in has behind its literal beginning, as a table of states. The matcher of many
 * expressions would follow each such rest by itself, at many times what a literal costs; here a
 * byte is a look into the table, and only where the beginning was found.
 *
 * Theory of operation
 *
 *   (?:api_key|token)[ \t]{0,4}(?:=|:=)["']{0,2}
 *   |<-- head ----->||<-- tail -------------->|
 *
 * A walk begins in a start state behind each head. Each byte takes it to another state; it is over
 * in TAIL_DEAD. Where it comes into a state that accepts, the lead-in ends. A state may also wait
 * for the edge of a word: if one is before the next byte, or where the text ends, the lead-in may
 * end there.
 *
 *   curl[ \t][^\n]{1,200}(?:@|`)
 *            |<- gap -->|
 *
 * To count the bytes of a long gap would take as many states for each way that what follows may
 * have begun. So the table does not count: its gap has no end, and whoever walks it counts. Where a
 * walk comes to a gap, another walk begins in the gap's own start, which may stay in it for so many
 * bytes. After that `cut` takes it to where it is without the gap: what has begun behind the gap
 * goes on, and nothing begins any more. So each walk has one counter, whatever gaps there are.
 *
 * What one state will say another may say as well, and more: then a walk in the first says nothing
 * new beside a walk in the second, if its gap ends first, or it is in none. For then each step
 * takes both to states of which that is true, the end of the first one's gap and that of both as
 * well.
 */
#ifndef POLICY_TAIL_H
#define POLICY_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"

#define TAIL_DEAD 0
#define TAIL_STATES 600         /* what needs more is left to the matcher */
#define TAIL_GAPS 24            /* likewise */
#define TAIL_NO_GAP UINT16_MAX  /* it is in none that must be counted */
#define TAIL_ACCEPTS (1u << 31) /* the lead-in ends; the other bits: walks begin in these gaps */

/* A state goes by where its row begins in `next`. A step is the state that it leads to, with notes
 * above it of what is to be done on the way. */
#define TAIL_STATE 0xffffu      /* of a step; no state is larger */
#define TAIL_OVER (1u << 16)    /* the state that it leads to is over */
#define TAIL_ENDS (1u << 17)    /* that state says that the lead-in ends, and nothing else */
#define TAIL_GOES_ON (1u << 18) /* it says that walks begin in gaps, and perhaps that too */
#define TAIL_AT_EDGE (1u << 19) /* the state before says something at this edge of a word */

struct tail_gap {
	uint16_t start, least, most; /* bytes */
};

struct tail_state {
	uint32_t says; /* when it is come to: TAIL_ACCEPTS, gaps */
	uint32_t edge; /* more of that, if the next byte is one of a word and `word` is not */
	uint32_t in;   /* the gaps of which any byte may be the last */
	uint16_t cut;  /* the state where its gap may not go on; itself where it is in none */
	bool word;     /* behind a byte of a word; false if there is no `edge` */
	bool over;     /* it has said all */
};

struct tail {
	uint32_t n, classes, n_gaps;
	bool begins;       /* a walk may begin others */
	uint16_t start[2]; /* behind a byte that is none of a word; and one that is */
	uint8_t class[256];
	struct tail_gap gaps[TAIL_GAPS];
	struct tail_state *states;
	uint64_t *within;  /* a bit for each pair, by number, [a * n + b]: all that a will
			      say, b will */
	uint32_t *next;    /* [state + class]: a step; [state + classes]: its number */
	uint64_t tables[]; /* of the three above */
};

/* *out is the heap's, free() gives it back; NULL where the expression is no such table: it looks
 * around, has alternatives at its top, or too many states. -ENOMEM. */
int tail_read(const char *expression, struct tail **out) MUST_USE;

static inline uint32_t tail_step(const struct tail *t, uint32_t state, unsigned char byte)
{
	return t->next[state + t->class[byte]];
}

static inline const struct tail_state *tail_state(const struct tail *t, uint32_t state)
{
	return &t->states[t->next[state + t->classes]];
}

/* Whether a walk in state a, which may stay in its gap for so many bytes more, says nothing beside
 * one in state b. */
static inline bool tail_within(const struct tail *t, uint32_t a, uint32_t a_left, uint32_t b,
			       uint32_t b_left)
{
	uint32_t i = t->next[a + t->classes] * t->n + t->next[b + t->classes];
	return t->within[i / 64] >> i % 64 & 1 && (a_left <= b_left || tail_state(t, a)->cut == a);
}

#endif
