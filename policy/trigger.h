/*
 * Triggers: what the matcher of many expressions looks for in place of lead-ins. Text that is full
 * of what nearly leads in costs it most where it has to follow variable rests, one for each rule.
 * So a lead-in is parted, once for each way in which it may begin, into a row of bytes and a tail:
 *
 *   \btoken_(?i)[a-z]...          head token_, at the edge of a word
 *   (?:^|[ =])[a-z]{4}\.sec\.     head .sec., with these bytes before it
 *   (?:api|app)_?key[ \w]{0,20}=  heads apikey, api_key, appkey, app_key, and a tail, see tail.h
 *
 * The matcher, or a table (head_table.h), looks for the heads, once for all rules that share one.
 * What must stand before a head is looked at where it was found, and what comes behind it is
 * walked. Together they find what the matcher finds with the whole lead-ins: the same ends, each
 * once.
 */
#ifndef POLICY_TRIGGER_H
#define POLICY_TRIGGER_H

#include <stdbool.h>

#include "policy/head.h"
#include "policy/head_table.h"
#include "policy/multimatch.h"
#include "policy/track.h"

struct triggers; /* of a rule set, immutable once it is full */

struct walk {        /* behind a head that was found */
	uint64_t at; /* in the text */
	uint32_t trigger;
	uint16_t state; /* of its tail */
	uint16_t left;  /* bytes that its gap may have; TAIL_NO_GAP */
};

struct walks { /* of one channel; zero-initialised is none */
	struct walk *v;
	uint32_t n, cap;
	uint32_t *said; /* patterns that ended at the end of the text so far, which may be found to
			   end there again */
	uint32_t n_said, cap_said;
};

void walks_fini(struct walks *w);
size_t walks_memory(const struct walks *w);

struct triggers *triggers_new(size_t patterns); /* at most so many; NULL: no memory */
void triggers_free(struct triggers *t);         /* NULL is fine */
/* Adds an expression, or a keyword, under the caller's number for it. body: what must go on where
 * it ends, which outlives t, or NULL. -ENOMEM. */
int triggers_add(struct triggers *t, const struct multimatch_pattern *p, uint32_t pattern,
		 const struct head *body) MUST_USE;
/* After the last was added. -ENOMEM. */
int triggers_finish(struct triggers *t) MUST_USE;
/* All heads as a table, which finds what the matcher finds; NULL: there is none. */
const struct head_table *triggers_table(const struct triggers *t);
/* What the matcher is to look for, valid as long as t, and one of the patterns that want it. */
const struct multimatch_pattern *triggers_heads(const struct triggers *t, size_t *n);
uint32_t triggers_user(const struct triggers *t, size_t head);

/* Turns what the matcher found in the track's text from `fresh` on, hits by head, into hits by
 * pattern, sorted. Where the next byte is there and begins no body, there is none. The text began
 * at `base`, which hits are counted from; where it has ended, nothing comes after it. False: no
 * memory. */
bool triggers_find(const struct triggers *t, struct walks *w, const struct track *text,
		   uint64_t base, uint64_t fresh, bool ended, struct multimatch_hits *heads,
		   struct multimatch_hits *out);

#endif
