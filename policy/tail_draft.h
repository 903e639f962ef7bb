/*
 * Inside tail.c: the expression as a machine, and the sets of its items that become states.
 */
#ifndef POLICY_TAIL_DRAFT_H
#define POLICY_TAIL_DRAFT_H

#include "policy/pattern.h"
#include "policy/tail.h"

#define ITEMS_MOST 1024
#define WORDS (ITEMS_MOST / 64)
#define SLOTS 2048 /* a power of two, well above TAIL_STATES */

enum item_kind { ITEM_DONE, ITEM_BYTE, ITEM_FORK, ITEM_EDGE, ITEM_GAP };

/* The expression as a machine of items, each of which goes on with another one; forks with two. A
 * gap goes on with what is behind it only where it may be empty. */
struct item {
	enum item_kind kind;
	bool stops;
	uint16_t next, other;
	uint32_t in[8];
};

struct set { /* of items: where the machine may be */
	uint64_t has[WORDS];
	uint64_t word; /* 1: the byte before is one of a word; 0 where nothing asks */
};

struct gap {
	uint16_t item;        /* it begins */
	uint16_t loop, first; /* any byte that more may follow; up to its first byte */
	uint16_t start;       /* the state of its first byte */
	uint32_t least, most; /* bytes */
};

struct tail_draft {
	const char *source;
	struct item items[ITEMS_MOST];
	uint32_t n_items;
	struct gap gaps[TAIL_GAPS];
	uint32_t n_gaps;
	uint32_t gap_least;
	uint32_t again;   /* within repeats without end: no gaps, which would begin themselves */
	struct set edges; /* the items that ask for the edge of a word */
	bool asks;        /* there are some */
	bool failed;      /* it is no table */
	uint8_t class[256], sample[256];
	uint32_t classes;
	struct set sets[TAIL_STATES];
	uint16_t slots[SLOTS]; /* states by what is in their sets, plus 1 */
	uint16_t start[2], cut[TAIL_STATES];
	uint16_t *next; /* [state * classes + class] */
	uint32_t n;
};

static inline bool has(const struct set *s, uint32_t i)
{
	return s->has[i / 64] >> i % 64 & 1;
}

static inline void put(struct set *s, uint32_t i)
{
	s->has[i / 64] |= UINT64_C(1) << i % 64;
}

static inline bool meet(const struct set *a, const struct set *b)
{
	uint64_t both = 0;
	for (uint32_t w = 0; w < WORDS; w++)
		both |= a->has[w] & b->has[w];
	return both;
}

/* Reads the machine, from its end to its beginning; `done` is the item of the end. Its first item.
 * d->failed: it is none that is understood, or too large. */
uint16_t tail_items(struct tail_draft *d, const struct pattern_branch *root, uint16_t *done);

#endif
