/*
 * What was said of short texts lately. Text that floods the rules brings the same secrets in the
 * same places again and again; what is a property of such a text alone is worked out once.
 */
#ifndef POLICY_RECALL_H
#define POLICY_RECALL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"

#define RECALL_BYTES 232 /* longer texts are not kept */
#define RECALL_PLACES 64

struct recalled {
	uint64_t question;
	uint32_t n; /* bytes of text, plus 1; 0: nothing yet */
	uint32_t says;
	char text[RECALL_BYTES];
};

struct recall { /* zero-initialised is empty */
	struct recalled v[RECALL_PLACES];
};

/* A number that no other question of this process has; nor has the next one. */
uint64_t recall_question(void);

/* Where the answer to a question about a text is, if *known, or is to be put; NULL: nowhere. Good
 * until the next call. */
struct recalled *recall_of(struct recall *r, uint64_t question, struct span text, bool *known);

#endif
