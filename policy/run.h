/*
 * Runs: lead-ins that are nothing but so many bytes of one class where a word begins, such as
 * \b[0-9a-f]{8}. The matcher of many expressions has no literal to look for in them and follows
 * each at every byte of the text; here every N-th byte is looked at, because none of the class
 * there rules out N runs at once.
 */
#ifndef POLICY_RUN_H
#define POLICY_RUN_H

#include <stdbool.h>

#include "policy/multimatch.h"
#include "policy/track.h"

#define RUN_LEAST 4 /* shorter runs are not worth it */
#define RUN_MOST 48 /* what is kept before the newest text holds one and the byte before it */

struct run {
	uint32_t n; /* so many bytes of the class */
	uint32_t pattern;
	bool in[256];
};

/* Whether the expression is a run. */
bool run_read(const char *expression, struct run *out);

/* Adds where runs end in the track's text from `fresh` on. The text began at `base`, which hits are
 * counted from, and of what is older the track has as much as a run needs. */
void run_find(const struct run *r, const struct track *t, uint64_t base, uint64_t fresh,
	      struct multimatch_hits *h);

#endif
