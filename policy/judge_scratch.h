/*
 * The working memory of one thread's judges: the engines' own scratch space, the slots of the call
 * in progress and its decisions. Nothing in it outlives a call that a verdict could depend on.
 */
#ifndef POLICY_JUDGE_SCRATCH_H
#define POLICY_JUDGE_SCRATCH_H

#include "policy/channel.h"
#include "policy/judge.h"

struct decision {
	struct moment when; /* the order of decisions */
	uint64_t raw;       /* what must not leave begins here */
	uint64_t at;        /* text offset after the deciding byte */
	struct secret secret;
	uint64_t body; /* text offset where the secret's held part begins */
	uint32_t slot;
	uint16_t rule;
	uint8_t path; /* of derived text */
	bool bound;
};

struct judge_scratch {
	struct tools tools;
	struct multimatch_scratch *multimatch;
	struct multimatch_hits heads; /* what the matcher has found, */
	struct multimatch_hits runs;  /* and what has been found apart */
	struct multimatch_hits hits;
	struct track derived[LAYER_COUNT]; /* of one channel and call */
	struct slot *slots;
	size_t n_slots, cap_slots;
	struct decision *decisions;
	size_t n_decisions, cap_decisions;
};

struct slot *judge_scratch_slot(
	struct judge_scratch *s); /* a further slot, with its old memory; NULL: no memory */
bool judge_scratch_decision(struct judge_scratch *s,
			    const struct decision *d); /* false: no memory */
void judge_scratch_sort(struct judge_scratch *s);
void judge_scratch_reset(struct judge_scratch *s);

#endif
