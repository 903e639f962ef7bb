/*
 * The verdict on two renders of one program. It fails closed: what could not be judged is no
 * agreement, and the reason says why.
 *
 * A small difference is not a safe one: one that is not above the threshold passes only without a
 * sharp edit.
 */
#ifndef POLICY_COMPARE_H
#define POLICY_COMPARE_H

#include "policy/score.h"
#include "policy/sharp.h"
#include "policy/tree.h"

enum compare_reason {
	COMPARE_EQUAL,           /* pass */
	COMPARE_WITHIN,          /* pass: not above the threshold, and no sharp edit */
	COMPARE_SHARP_EDITS,     /* audit: not above the threshold. From here on all are audit */
	COMPARE_ABOVE_THRESHOLD, /* audit */
	COMPARE_NOTHING_CHANGED, /* fail: both are the base. From here on all are fail */
	COMPARE_EMPTY,           /* one side */
	COMPARE_BOTH_EMPTY,
	COMPARE_SYNTAX_ERROR,
	COMPARE_TOO_LARGE,
	COMPARE_TOO_COSTLY,
	COMPARE_TOO_DEEP,
	COMPARE_MEMORY_BOUND, /* one text would take more than it may */
	COMPARE_UNSUPPORTED,
	COMPARE_UNKNOWN_LANGUAGE,
	COMPARE_LANGUAGES_DIFFER,
	COMPARE_EXHAUSTED, /* a limit was reached before it was decided */
	COMPARE_NO_MEMORY, /* there was none */
	/* Of streams: */
	COMPARE_ACTIONS_DIFFER, /* tool calls that are no files */
	COMPARE_CONTRADICTION,  /* what was streamed is said again, otherwise */
	COMPARE_TRUNCATED,
	COMPARE_STALLED,
	COMPARE_LATE,
	COMPARE_ABSENT,
	COMPARE_CUT,
	COMPARE_REASON_COUNT
};

extern const char *const compare_reason_names[COMPARE_REASON_COUNT];

enum compare_side { COMPARE_A, COMPARE_B, COMPARE_BASE, COMPARE_SIDES };

struct comparison {
	struct labels *labels;
	struct syntax_text *parsed[2]; /* of the texts that are compared; NULL: not kept */
	struct tree trees[COMPARE_SIDES];
	enum tree_result results[COMPARE_SIDES];
	bool has_base, scored;
	struct score score; /* if scored */
	bool sharp_known;
	enum sharp_result sharp_result; /* if not known, and looked for */
	struct sharp_edits sharp;       /* if known */
	enum compare_reason reason;
	enum compare_side at; /* whose fault it is, when it is one side's */
};

/* texts[COMPARE_BASE].p == NULL: without a base. An empty base is the empty tree. exact: also above
 * the threshold, as far as that is cheap; the verdict is the same. */
void compare(struct comparison *c, const struct syntax_language *language,
	     const struct span texts[COMPARE_SIDES], uint32_t threshold, bool exact);
/* Finds the sharp edits of two trees that are not known yet, as they are above the threshold. */
void compare_sharp(struct comparison *c, const struct syntax_language *language,
		   const struct span texts[COMPARE_SIDES]);
void comparison_fini(struct comparison *c);

enum score_verdict compare_verdict(enum compare_reason reason);

/* The language of a text: by its first line, else the first of ours in which it has no error and
 * defines, imports or calls something; never Bash, in which nearly all is fine. NULL: none. */
const struct syntax_language *compare_language(struct span text);

#endif
