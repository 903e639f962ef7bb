/*
 * Lead-ins: what must come before the secret part of a regular expression, found by reading the
 * expression.
 *
 * Theory of operation
 *
 *   \b((?:AKIA|ASIA)[A-Z2-7]{16})\b      lead-in  \b(?:(?:AKIA|ASIA))
 *   |<-- lead-in --->|<-- body -->|      body     ([A-Z2-7]{16})\b
 *
 * The expression is read as a concatenation (entered through groups that are neither repeated nor
 * alternatives) and split in two, so that a text matches the whole exactly when some split of the
 * text matches the halves. The split comes as late as it may: everything before the secret's group
 * belongs to the lead-in, and inside the group the literal or fixed-shape beginning (AKIA, sk-ant-,
 * gh[pousr]_); without a group the secret is the whole match.
 *
 * A lead-in is usable when at least LEAD_IN_LITERALS characters of it are literal and cannot be
 * skipped, when it does not end in an assertion (its end must be known the moment its last byte is
 * there), and when the body cannot be empty.
 *
 * Where nothing literal comes first, the lead-in may take a part of the secret along, at most a
 * quarter of its variable bytes, and no more of them than it takes to be usable:
 *
 *   [a-z0-9]{14}\.atlasv1\.[a-z0-9_=-]{60}    lead-in  [a-z0-9]{14}\.atlasv1\.
 *   \b([0-9a-f]{40})\b                        lead-in  \b(?:[0-9a-f]{8})
 */
#ifndef POLICY_LEAD_IN_H
#define POLICY_LEAD_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"

#define LEAD_IN_LITERALS 2
#define LEAD_IN_SHAPE_MAX 8 /* a class of more bytes than this is the secret's variable part */
#define LEAD_IN_UNBOUNDED UINT32_MAX
#define LEAD_IN_NARROW_MAX 22 /* hexadecimal digits in both cases, and less */
#define LEAD_IN_WORD 6 /* least length of a word that is as good as one literal before another */
#define LEAD_IN_HEAD 8 /* so many narrow bytes at a word's beginning are as good as literals */

struct lead_in {
	bool found;
	char *lead_in;       /* heap; NULL when not found */
	char *opening;       /* heap; the lead-in with all that may come before it */
	char *body;          /* heap; matches from the lead-in's end on */
	unsigned body_group; /* the secret's group in the body */
	uint32_t prefix; /* bytes of the secret that stand in the lead-in; 0 also when their number
			    varies */
	uint32_t yield;  /* variable bytes of the secret that stand in the lead-in, at most */
	uint32_t body_max;  /* bytes that the body can match; LEAD_IN_UNBOUNDED */
	const char *why;    /* not found: static text without a line end */
	const char *remedy; /* not found though the expression is understood: likewise */
	/* Of the whole expression, found or not: */
	uint32_t min, max;      /* bytes a match has; LEAD_IN_UNBOUNDED */
	bool ends_in_assertion; /* a match's end may depend on the byte after it */
	unsigned groups;
};

/* wanted: a lead-in that somebody wrote, or NULL. It is found when it equals one of the possible
 * splits, parentheses aside. -EINVAL when the expression is not understood (why says so), -ENOMEM.
 */
int lead_in_find(const char *regex, unsigned secret_group, const char *wanted,
		 struct lead_in *out) MUST_USE;
/* The same for an expression without one, whose lead-in may have a part of the secret. */
int lead_in_find_within(const char *regex, unsigned secret_group, struct lead_in *out) MUST_USE;
void lead_in_fini(struct lead_in *l);

#endif
