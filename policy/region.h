/*
 * Regions: programs inside a channel's text, and the questions that syntax rules ask about them.
 *
 * Theory of operation
 *
 *   Run this:\n```python\nimport os\nos.system(|cmd)\n```\n
 *                        |<----- region ------->|          ^ decided at the end of this line
 *                                    lead-in -->|point
 *
 * A region is the inside of a code fence, a string in a tool's arguments, or a plain body as a
 * whole. Its language is the one that is stated (the fence's word, the extension of the path beside
 * the string), or none; then a rule tries its own languages, and what is no program in any of them
 * does not break the rule.
 *
 * A candidate of a syntax rule opens where the rule's lead-in ends. It is decided at a checkpoint:
 * the end of the first line for which the tree of the region's text says that the code around the
 * lead-in is complete (syntax_ask()), or the region's end. Checkpoints, and with them the sequence
 * of parses, depend on the text alone.
 *
 * Bounds: a region keeps at most REGION_TEXT bytes, of which the oldest go first, at a line that
 * begins in its first column; a line longer than REGION_LINE starts it afresh. Parses, their steps
 * and questions are counted, and what is spent may be so much and so much for every byte. Of the
 * former a stream's second channel with programs has a half, its third a third and so on, so that
 * sixty-four have less than five times what one has; and no channel's answers depend on how its
 * text and another's came mixed. A checkpoint that would spend more is passed over. What is not
 * decided for one of these meets the bound of its hold: it is undecided.
 */
#ifndef POLICY_REGION_H
#define POLICY_REGION_H

#include "lib/buf.h"
#include "policy/arguments.h"
#include "policy/candidate.h"

#define REGION_TEXT 16384u
#define REGION_KEPT 8192u /* the least that is kept of it */
#define REGION_HOLD 8000u /* the most that a syntax rule may hold */
#define REGION_LINE 65536u
#define REGION_CLOSERS 4 /* of a language, at most */

struct region {
	bool open;
	bool stated;                            /* its language is said */
	const struct syntax_language *language; /* NULL, and stated: none of ours */
	uint64_t start;                         /* text offset of the first byte kept */
	/* Of all the channel's regions: bytes, and what they have cost. */
	uint64_t taken, parses, steps, questions;
	uint32_t share; /* the channel is the stream's so many-th that may hold programs */
	int64_t held;   /* bytes of its trees */
	bool blank;     /* the line being read has had white space only */
	struct buf text;
	struct syntax_tree **trees; /* by language; NULL until one is asked */
	struct syntax_tree
		*closed[REGION_CLOSERS]; /* of the text up to closed_at with the n-th closer */
	const struct syntax_language *closed_language;
	size_t closed_at;
	struct arguments arguments; /* where the channel is one of tool arguments */
};

void region_begin(struct region *g, uint64_t at, bool stated,
		  const struct syntax_language *language);
void region_end(struct region *g); /* gives its memory back; arguments stay */
size_t region_memory(const struct region *g);

struct region_asker { /* what checkpoints decide: the candidates of one channel */
	struct candidates *list;
	const struct ruleset *set;
	struct regex_scratch *regex;
};

/* Takes n bytes of the region's text, with the checkpoints among them. False: no memory. */
bool region_take(struct region *g, const struct region_asker *who, const char *p,
		 size_t n) MUST_USE;

/* The region ends at `at`; `fence` says that a line which it has a part of is the fence that closes
 * it, and no part of the program. Everything open in it is decided; by_end says that the end of the
 * channel's text did it. */
void region_close(struct region *g, const struct region_asker *who, uint64_t at, bool fence,
		  bool by_end);

#endif
