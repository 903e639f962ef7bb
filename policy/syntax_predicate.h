/*
 * Predicates of tree-sitter queries: conditions on the text of what a pattern captured. The core
 * parses them and leaves their meaning to its user; here they mean what the field's tools have
 * agreed on.
 *
 *   (#eq? @a "text")  (#eq? @a @b)  (#not-eq? ...)
 *   (#any-of? @a "x" "y")           (#not-any-of? ...)
 *   (#match? @a "regex")            (#not-match? ...)      searched for, unless it has anchors
 */
#ifndef POLICY_SYNTAX_PREDICATE_H
#define POLICY_SYNTAX_PREDICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/regex.h"

#define PREDICATE_ARGUMENTS 64

struct predicate_argument {
	bool capture;
	uint32_t number;  /* of the capture */
	struct span text; /* otherwise; lives as long as the query */
};

struct predicate; /* one, compiled, immutable */

/* -EINVAL: what is wrong (no line end) is appended to *why. name without its '#'. */
int predicate_new(struct span name, const struct predicate_argument *v, size_t n,
		  struct predicate **out, struct buf *why) MUST_USE;
void predicate_free(struct predicate *p); /* NULL is fine */

/* A match, as far as predicates see it. */
struct predicate_match {
	/* the text that a capture has; false: it took no part */
	bool (*text)(const struct predicate_match *m, uint32_t capture, struct span *out);
};

/* Whether it holds. A capture that took no part fulfils everything. *failed: the engine gave up. */
bool predicate_holds(const struct predicate *p, struct regex_scratch *s,
		     const struct predicate_match *m, bool *failed);

#endif
