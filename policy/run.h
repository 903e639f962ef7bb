/*
 * Runs: lead-ins that are nothing but so many bytes of one class where a word begins, such as
 * \b[0-9a-f]{8}. The matcher of many expressions has no literal to look for in them and follows
 * each at every byte of the text; here every N-th byte is looked at, because one that is in no
 * class rules out N places at once.
 */
#ifndef POLICY_RUN_H
#define POLICY_RUN_H

#include <stdbool.h>

#include "policy/multimatch.h"
#include "policy/track.h"

#define RUN_LEAST 4 /* shorter runs are not worth it */
#define RUN_MOST 48 /* what is kept before the newest text holds one and the byte before it */

#define RUNS_MAX 16

struct run {
	uint32_t n; /* so many bytes of the class */
	uint32_t pattern;
	bool in[256];
};

struct runs {
	struct run v[RUNS_MAX];
	uint32_t n;
	uint32_t least, most; /* lengths */
	bool in[256];         /* of any class */
};

/* Whether the expression is a run; then it is added as that pattern, if there is room. */
bool runs_add(struct runs *r, const char *expression, uint32_t pattern);

/* Adds where runs end in the track's text from `fresh` on. The text began at `base`, which hits are
 * counted from, and of what is older the track has as much as a run needs. */
void runs_find(const struct runs *r, const struct track *t, uint64_t base, uint64_t fresh,
	       struct multimatch_hits *h);

#endif
