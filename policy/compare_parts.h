/*
 * The steps of a comparison, for those who judge several files as one.
 */
#ifndef POLICY_COMPARE_PARTS_H
#define POLICY_COMPARE_PARTS_H

#include "policy/compare.h"

/* False, here and below: c->reason says why. alone: what was parsed is kept for the sharp edits;
 * else there are other files, a side may be the empty tree, and nothing is kept. */
bool comparison_build(struct comparison *c, const struct syntax_language *language,
		      const struct span texts[COMPARE_SIDES], bool alone);
bool comparison_to_base(struct comparison *c);
bool comparison_measure(struct comparison *c, uint32_t k, bool exact);

/* What `why` is worth when the sharp edits are known, which it finds where it would pass. */
enum compare_reason comparison_sharp(struct comparison *c, const struct syntax_language *language,
				     const struct span texts[COMPARE_SIDES],
				     enum compare_reason why) MUST_USE;

enum compare_reason compare_tree(enum tree_result result);
enum compare_reason compare_score(const struct score *s, uint32_t threshold);

#endif
