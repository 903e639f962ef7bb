/*
 * All that a query captures in a text: for those who mark the nodes of a whole tree.
 */
#ifndef POLICY_SYNTAX_CAPTURES_H
#define POLICY_SYNTAX_CAPTURES_H

#include <stdbool.h>

#include "policy/syntax.h"

struct syntax_text;

struct syntax_capture {
	uint32_t from, to; /* bytes of the text */
	uint16_t type;     /* of the node */
	uint16_t capture;  /* below syntax_query_captures() */
};

struct syntax_captures {
	struct syntax_capture *v; /* by where they begin; inner ones behind outer ones */
	uint32_t n;
	bool whole; /* they are of all of the text */
};

uint32_t syntax_query_captures(const struct syntax_query *q);
struct span syntax_query_capture(const struct syntax_query *q, uint32_t capture); /* its name */

/* Of the matches that touch a part of a text, which is the one that was parsed. spreads is of
 * captures: where one of those touches the part, all of the text is looked at. SYNTAX_TOO_LARGE:
 * more captures than `most`; SYNTAX_TOO_COSTLY, SYNTAX_NO_MEMORY. *out is set on SYNTAX_OK alone,
 * and then its array is the caller's. */
enum syntax_result syntax_capture_all(const struct syntax_text *t, const struct syntax_query *q,
				      struct span text, struct syntax_range part,
				      const bool *spreads, uint32_t most,
				      struct syntax_captures *out) MUST_USE;

#endif
